//! What several targets need: keys that are drawn once, and files as they are shipped.

use std::path::Path;
use std::sync::LazyLock;

use coffer_keys::{KeyId, KeyKind, Place, SubjectKey, keyfile};
use coffer_vault::config::Config;
use coffer_vault::schema::Schema;

/// A person's key, of a root key in a temporary folder.
pub static SUBJECT: LazyLock<SubjectKey> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let root = keyfile::create(&folder.path().join("root.key")).unwrap();
    let [category, subject] = [(); 2].map(|()| KeyId::random().unwrap());
    let place =
        |kind, id, wrapped_by| Place { kind, controller: "oakvale", category: "bank", version: 1, id, wrapped_by };
    let (key, _) = root.make_category(&place(KeyKind::Category, category, root.id())).unwrap();
    key.make_subject(&place(KeyKind::Subject, subject, category)).unwrap().0
});

/// A configuration with two controllers and two applications.
pub const CONFIGURATION: &str = r#"name = "fuzz"
[listen]
address = "127.0.0.1:0"
certificate = "tls/server.pem"
key = "tls/server.key"
client_ca = "tls/clients-ca.pem"
[log]
origin = "coffer.example/fuzz"
head = "head"
[seal]
kind = "key-file"
key_file = "root.key"
[store]
data = "data"
memory_mib = 16
reserve_mib = 1
[[controller]]
name = "oakvale"
title = "Oakvale Homes"
[[controller]]
name = "brookside"
title = "Brookside Housing"
[[application]]
name = "rents-desk"
certificate = "rents-desk.apps"
client_id = "rents-desk"
[[application]]
name = "console"
certificate = "console.apps"
client_id = "console"
"#;

/// The same, read.
pub fn configuration() -> Config {
    Config::read(Path::new("/home/vault"), "coffer.toml", CONFIGURATION).unwrap()
}

/// The shipped schema of bank details.
pub fn schema() -> Schema {
    let bank = include_str!("../../vault/templates/schema/bank.toml");
    Schema::read(&[("schema/bank.toml".to_owned(), bank.to_owned())]).unwrap()
}
