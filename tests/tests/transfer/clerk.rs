//! Somebody at a command line.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use coffer_tests::harness::{Running, Serving, command_line, name};
use coffer_vault::local::write_client_config;
use coffer_wire::api::{Form, ReadItem};
use serde_json::Value;

/// A role at an application, with a folder for files.
pub(crate) struct Clerk<'a> {
    pub(crate) vault: &'a Running,
    application: String,
    config: PathBuf,
    token: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

/// What a command came to.
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) said: String,
}

impl<'a> Clerk<'a> {
    pub(crate) fn new(vault: &'a Running, role: &str, application: &str) -> Clerk<'a> {
        let home = vault.home();
        let url = format!("https://localhost:{}", vault.address().port());
        let config = write_client_config(home.dir(), &name(application), &url, &home.log_key.to_string()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        let clerk = Clerk { vault, application: application.to_owned(), config, token, folder };
        clerk.take_token(&home.token_of(&format!("{role}@example"), &[role], application, &["oakvale", "brookside"]));
        clerk
    }

    /// Somebody who may write, read and list bank details.
    pub(crate) fn at_the_bank(vault: &'a Running) -> Clerk<'a> {
        Clerk::new(vault, "bank-officer", "rents-desk")
    }

    pub(crate) fn take_token(&self, token: &str) {
        std::fs::write(&self.token, token).unwrap();
    }

    /// A file in the folder, written.
    pub(crate) fn file(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// The schema in force, saved by somebody who may see it.
    pub(crate) fn save_schema(&self) {
        let dpo = Clerk::new(self.vault, "dpo", "console");
        self.file("schema.json", dpo.coffer(&["--json", "schema", "show"]).ok().out);
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(command_line());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.arg("--config").arg(&self.config).arg("--token-file").arg(&self.token).args(words);
        command
    }

    pub(crate) fn coffer(&self, words: &[&str]) -> Done {
        Done::from(self.command(words).output().unwrap())
    }

    /// A record's fields, read in clear by the client crate.
    pub(crate) async fn read(
        &self,
        purpose: &str,
        category: &str,
        place: (&str, &str),
        fields: &[&str],
    ) -> Option<Values> {
        let token = coffer_client::Token::from_file(&self.token).unwrap();
        let session = self.vault.client(&self.application).on_behalf_of(token).for_controller("oakvale").unwrap();
        let item = ReadItem {
            category: name(category),
            person: place.0.parse().unwrap(),
            record: place.1.parse().unwrap(),
            fields: fields.iter().map(|field| name(field)).collect(),
            form: Form::Clear,
        };
        let records = session.for_purpose(purpose).unwrap().with_case("case-1");
        let read = records.read(item).await.ok()?;
        let values = fields.iter().map(|field| read.field(field).map(|value| value.expose().to_owned())).collect();
        Some(Values { version: read.version, values })
    }
}

/// What was read.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Values {
    pub(crate) version: u32,
    pub(crate) values: Vec<Option<String>>,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { status: output.status.code(), out: text(output.stdout), said: text(output.stderr) }
    }
}

impl Done {
    pub(crate) fn ok(self) -> Done {
        self.ended(0)
    }

    pub(crate) fn ended(self, status: i32) -> Done {
        assert_eq!(self.status, Some(status), "{}{}", self.out, self.said);
        self
    }

    /// The last line of JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }

    pub(crate) fn says(&self, word: &str) -> &Done {
        assert!(self.said.contains(word), "`{word}` is not said in: {}", self.said);
        self
    }
}
