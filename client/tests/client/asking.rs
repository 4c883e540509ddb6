//! How requests go out: what is sent again and what is not, whom the client trusts, what it reads
//! from its configuration.

use std::time::Duration;

use crate::liar::{Liar, Lie};
use coffer_client::wire::problem::Code;
use coffer_client::{Error, Invalid, SetupError, Vault, ask};

fn item() -> coffer_client::wire::api::ReadItem {
    ask::masked("bank", "tenant-17", "main", &["sort_code"]).unwrap()
}

fn count(liar: &Liar, path: &str) -> usize {
    liar.requests().iter().filter(|request| *request == path).count()
}

#[tokio::test]
async fn reads_and_writes_are_sent_again_when_the_vault_is_busy() {
    let liar = Liar::start().await;
    let payments = liar.vault().on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    liar.tell(Lie::Answers(Code::Busy, 3));
    payments.read(item()).await.unwrap();
    assert_eq!(count(&liar, "/v1/records/read"), 4);

    liar.tell(Lie::Answers(Code::Busy, 9));
    let refused = payments.read(item()).await.err().unwrap();
    assert_eq!(refused.code(), "busy");
    assert_eq!(count(&liar, "/v1/records/read"), 8);

    liar.tell(Lie::Answers(Code::Busy, 9));
    let write = ask::write("bank", "tenant-17", "main").unwrap().set("sort_code", "00-00-00").unwrap();
    let refused = payments.write(write).await.err().unwrap();
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some(Code::Busy));
    assert_eq!(count(&liar, "/v1/records/write"), 4);

    liar.tell(Lie::Answers(Code::Sealed, 9));
    assert_eq!(payments.read(item()).await.err().unwrap().code(), "sealed");
    assert_eq!(count(&liar, "/v1/records/read"), 9, "a sealed vault waits for a person");
}

#[tokio::test]
async fn who_is_over_its_limit_asks_again_also_a_write_and_is_told_when_it_may() {
    let liar = Liar::start().await;
    let payments = liar.vault().on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    liar.tell(Lie::Answers(Code::TooManyRequests, 2));
    payments.read(item()).await.unwrap();
    assert_eq!(count(&liar, "/v1/records/read"), 3);

    liar.tell(Lie::Answers(Code::TooManyRequests, 9));
    let write = ask::write("bank", "tenant-17", "main").unwrap().set("sort_code", "00-00-00").unwrap();
    let refused = payments.write(write).await.err().unwrap();
    assert_eq!(count(&liar, "/v1/records/write"), 4, "nothing was done, so that it is safe to ask again");
    assert_eq!((refused.code(), refused.retry_after()), ("too_many_requests", Some(Duration::ZERO)));
    assert!(refused.to_string().ends_with("ask again in 0 s"), "{refused}");
}

#[tokio::test]
async fn a_write_without_an_answer_is_sent_again_by_the_same_name_and_then_has_an_unknown_outcome() {
    let liar = Liar::start().await;
    let payments = liar.vault().on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    liar.tell(Lie::HangsUp);
    let write = ask::write("bank", "tenant-17", "main").unwrap().set("sort_code", "00-00-00").unwrap();
    assert!(matches!(payments.write(write).await, Err(Error::OutcomeUnknown(_))));
    let erase = ask::record("bank", "tenant-17", "main").unwrap();
    assert!(matches!(payments.erase(erase).await, Err(Error::OutcomeUnknown(_))));
    let person = ask::person("tenant-17", &[]).unwrap();
    assert!(matches!(payments.erase_person(person).await, Err(Error::OutcomeUnknown(_))));
    for path in ["/v1/records/write", "/v1/records/erase", "/v1/subjects/erase"] {
        assert_eq!(count(&liar, path), 4, "{path}");
    }
    let names = liar.names();
    assert_eq!(names.len(), 12);
    for name in names.chunks(4).map(<[String]>::to_vec) {
        assert!(name.iter().all(|again| *again == name[0]), "{name:?}");
        assert_eq!(name[0].len(), 32);
        assert!(name[0].bytes().all(|byte| byte.is_ascii_lowercase()), "{name:?}");
    }
    assert_ne!(names[0], names[4]);
    assert!(matches!(payments.read(item()).await, Err(Error::Interrupted(_))));
    assert_eq!(liar.names().len(), 12, "a read has no name");
}

#[tokio::test]
async fn nobody_there_is_said_as_such_and_nothing_was_asked() {
    let liar = Liar::start().await;
    let vault = liar.builder().url("https://localhost:1").timeout(Duration::from_secs(5)).build().unwrap();
    let payments = vault.on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    let write = ask::write("bank", "tenant-17", "main").unwrap();
    assert!(matches!(payments.write(write).await, Err(Error::Unreachable(_))));
}

#[tokio::test]
async fn a_server_with_a_certificate_from_elsewhere_is_not_talked_to() {
    let (liar, other) = (Liar::start().await, Liar::start().await);
    let vault = liar.builder_of(&other).build().unwrap();
    let payments = vault.on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    match payments.read(item()).await {
        Err(Error::Unreachable(why)) => assert!(why.contains("certificate"), "{why}"),
        _ => panic!("it was talked to"),
    }
    assert!(liar.requests().is_empty());
}

#[tokio::test]
async fn a_client_is_made_from_its_configuration_file() {
    let (liar, folder) = (Liar::start().await, tempfile::tempdir().unwrap());
    for (name, text) in liar.files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let vault = Vault::from_config_file(folder.path().join("client.toml")).unwrap();
    let payments = vault.on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    payments.read(item()).await.unwrap();
}

#[tokio::test]
async fn what_a_configuration_file_may_not_say_is_named() {
    let (liar, folder) = (Liar::start().await, tempfile::tempdir().unwrap());
    let [(_, toml), ..] = liar.files();
    let path = folder.path().join("client.toml");
    let result = |text: &str| {
        for (name, content) in liar.files() {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        std::fs::write(&path, text).unwrap();
        Vault::from_config_file(&path).err().unwrap().to_string()
    };
    let unknown = result(&format!("{toml}trust_all = true\n"));
    assert!(
        unknown.contains("client.toml") && unknown.contains("trust_all") && unknown.contains("line 7"),
        "{unknown}"
    );
    assert!(result(&toml.replace("log_key", "# log_key")).contains("log_key"));
    assert!(result(&toml.replace("liar+", "liar+0")).contains("log_key"));
    assert!(result(&toml.replace("client.key", "absent.key")).contains("absent.key"));
    assert!(result(&toml.replace("\"client.key\"", "\"client.pem\"")).contains("key"));
    assert!(result(&toml.replace("https", "http")).contains("https"));
    assert!(result(&toml.replace("oakvale", "Oak Vale")).contains("controller"));
}

#[tokio::test]
async fn an_address_that_is_not_a_bare_https_host_is_refused() {
    let liar = Liar::start().await;
    for url in ["http://localhost", "localhost:8443", "https://", "https://a/b", "https://user@a", "https://a?b", ""] {
        assert_eq!(liar.builder().url(url).build().err(), Some(SetupError::Url), "{url}");
    }
    assert!(liar.builder().known_checkpoint("not a note").build().is_err());
    assert_eq!(Vault::builder().url("https://a").build().err(), Some(SetupError::Missing("ca")));
}

#[tokio::test]
async fn without_a_controller_there_is_no_purpose_and_without_names_no_request() {
    let (liar, folder) = (Liar::start().await, tempfile::tempdir().unwrap());
    for (name, text) in liar.files() {
        std::fs::write(folder.path().join(name), text.replace("controller = \"oakvale\"\n", "")).unwrap();
    }
    let vault = Vault::from_config_file(folder.path().join("client.toml")).unwrap();
    let session = vault.on_behalf_of(Liar::token());
    assert!(matches!(session.for_purpose("payments"), Err(Error::Invalid(Invalid::NoController))));
    let session = session.for_controller("oakvale").unwrap();
    assert!(session.for_purpose("payments").is_ok());
    assert_eq!(session.for_purpose("Pay Ments").err().unwrap().code(), "invalid_request");
    assert!(ask::clear("bank", "", "main", &[]).is_err());
    assert!(liar.requests().is_empty());
}

#[test]
fn no_message_of_the_client_repeats_what_it_was_given() {
    let errors = [
        ask::clear("bank", "secret\n", "main", &[]).err().unwrap(),
        ask::clear("Secret!", "p", "main", &[]).err().unwrap(),
        ask::write("bank", "p", "secret\0").err().unwrap(),
    ];
    for error in errors {
        assert!(!format!("{error} {error:?}").to_lowercase().contains("secret"), "{error:?}");
    }
}
