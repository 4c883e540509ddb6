//! What the client believes and what it does not, against a server that lies.

use crate::liar::{Liar, Lie};
use coffer_client::wire::note::NoteError;
use coffer_client::wire::problem::Code;
use coffer_client::wire::receipt::ReceiptError;
use coffer_client::{Error, LogFault, Record, Records, Standing, Vault, ask};

fn payments(vault: &Vault) -> Records {
    vault.on_behalf_of(Liar::token()).for_purpose("payments").unwrap().with_reason("refund")
}

pub(crate) async fn read(vault: &Vault) -> Result<Record, Error> {
    payments(vault).read(ask::clear("bank", "tenant-17", "main", &["sort_code"]).unwrap()).await
}

pub(crate) fn fault<T>(result: Result<T, Error>) -> LogFault {
    match result {
        Err(Error::LogInconsistent(fault)) => fault,
        Err(other) => panic!("not log_inconsistent but {}", other.code()),
        Ok(_) => panic!("it was believed"),
    }
}

#[tokio::test]
async fn an_honest_answer_is_believed_and_later_proved() {
    let liar = Liar::start().await;
    let vault = liar.vault();
    for index in 1..=5 {
        let record = read(&vault).await.unwrap();
        assert_eq!(record.field("sort_code").unwrap().expose(), "secret-value");
        assert_eq!((record.version, record.logged.index), (3, index));
    }
    let summary = vault.receipts().settle().await.unwrap();
    assert_eq!((summary.received, summary.proved, summary.waiting, summary.passed_over), (5, 5, 0, 0));
    let kept = vault.receipts().recent();
    assert!(kept.len() == 5 && kept.iter().all(|kept| kept.proved));
    assert_eq!(vault.receipts().newest(), Some(liar.note()));
}

#[tokio::test]
async fn receipts_are_proved_without_anyone_waiting_for_them() {
    let liar = Liar::start().await;
    let vault = liar.vault();
    read(&vault).await.unwrap();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while vault.receipts().summary().proved == 0 {
        assert!(std::time::Instant::now() < patience, "no proof came");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_lie_that_shows_at_once_keeps_the_value_back() {
    let cases = [
        (Lie::OtherKey, LogFault::Note(NoteError::WrongSignature)),
        (Lie::NoReceipt, LogFault::Receipt(ReceiptError::Missing)),
        (Lie::OtherPerson, LogFault::Receipt(ReceiptError::NotAsAsked("person"))),
        (Lie::OtherActor, LogFault::Receipt(ReceiptError::NotAsAsked("actor"))),
        (Lie::NoActor, LogFault::Receipt(ReceiptError::NotAsAsked("actor"))),
        (Lie::OtherApplication, LogFault::Receipt(ReceiptError::NotAsAsked("application"))),
        (Lie::OtherPurpose, LogFault::Receipt(ReceiptError::NotAsAsked("purpose"))),
        (Lie::SameLeaf, LogFault::Stale { index: 1 }),
    ];
    for (lie, expected) in cases {
        let liar = Liar::start().await;
        let vault = liar.vault();
        read(&vault).await.unwrap();
        liar.tell(lie);
        assert_eq!(fault(read(&vault).await), expected, "{lie:?}");
        // And nothing is asked of such a vault again.
        liar.tell(Lie::Nothing);
        let before = liar.requests().len();
        assert_eq!(fault(read(&vault).await), expected);
        assert_eq!(fault(vault.checkpoint().await), expected);
        assert_eq!(fault(vault.on_behalf_of(Liar::token()).status().await), expected);
        assert_eq!(vault.receipts().fault(), Some(expected));
        let asked = liar.requests().into_iter().skip(before).filter(|path| path != "/v1/log/prove").count();
        assert_eq!(asked, 0, "{lie:?}");
    }
}

#[tokio::test]
async fn a_refusal_says_whether_the_log_stands_behind_it() {
    for receipt in [true, false] {
        let liar = Liar::start().await;
        liar.tell(Lie::Refuses { receipt });
        let Err(Error::Refused(refusal)) = read(&liar.vault()).await else { panic!("it was not refused") };
        assert_eq!(refusal.code, Code::NotFound);
        match refusal.standing {
            Standing::Receipted(logged) => assert!(receipt && logged.len() == 1 && logged[0].index == 1),
            Standing::Unreceipted => assert!(!receipt),
        }
    }
    let liar = Liar::start().await;
    liar.tell(Lie::Answers(Code::Sealed, 1));
    let Err(Error::Refused(refusal)) = read(&liar.vault()).await else { panic!("it was not refused") };
    assert_eq!((&refusal.standing, refusal.logged()), (&Standing::Unreceipted, &[][..]));
}

#[tokio::test]
async fn leaves_are_shown_as_they_stand_in_the_tree_or_not_at_all() {
    let liar = Liar::start().await;
    let vault = liar.vault();
    for _ in 0..20 {
        read(&vault).await.unwrap();
    }
    let session = vault.on_behalf_of(Liar::token());
    for (start, count) in [(0, 5), (3, 9), (7, 1_000), (16, 1)] {
        let entries = session.entries(start, count).await.unwrap();
        let expected = count.min(entries.checkpoint.size - start);
        assert_eq!((entries.start, entries.leaves.len() as u64), (start, expected));
    }
    liar.tell(Lie::OneLeafLess);
    assert!(matches!(session.entries(3, 4).await, Err(Error::UnexpectedAnswer(200))));
    liar.tell(Lie::OtherLeaf);
    let shown = session.unproved_entries(3, 4).await.unwrap();
    assert!(shown.leaves[1].contains("care-desk"), "who checks the whole log sees what was shown");
    assert!(matches!(fault(session.entries(3, 4).await), LogFault::OtherLeaves { start: 3, last: 6, .. }));
    assert!(vault.receipts().fault().is_some());
}

#[tokio::test]
async fn a_lie_about_the_tree_is_found_by_the_proofs() {
    for lie in [Lie::LeftOut, Lie::BeginsAnew, Lie::ProvesNothing] {
        let liar = Liar::start().await;
        let vault = liar.vault();
        read(&vault).await.unwrap();
        vault.receipts().settle().await.unwrap();
        liar.tell(lie);
        // The value itself is given: at this moment there is nothing yet to doubt it by.
        let read_again = read(&vault).await;
        assert!(read_again.is_ok(), "{lie:?}");
        let found = fault(vault.receipts().settle().await);
        match lie {
            Lie::LeftOut => assert_eq!(found, LogFault::NotIncluded { index: 2, size: 3 }),
            Lie::BeginsAnew => assert_eq!(found, LogFault::NotConsistent { old: 2, new: 4 }),
            _ => assert_eq!(found, LogFault::NotProved { size: 3 }),
        }
        assert_eq!(fault(read(&vault).await), found);
    }
}

#[tokio::test]
async fn two_trees_of_one_size_are_found_at_once() {
    let liar = Liar::start().await;
    let vault = liar.vault();
    read(&vault).await.unwrap();
    liar.replace_last();
    assert_eq!(fault(vault.checkpoint().await), LogFault::Fork { size: 2 });
}

#[tokio::test]
async fn a_log_that_went_back_since_the_last_run_is_found() {
    let liar = Liar::start().await;
    let first = liar.vault();
    read(&first).await.unwrap();
    read(&first).await.unwrap();
    let known = first.receipts().newest().unwrap();
    liar.restore_snapshot();
    let later = liar.builder().known_checkpoint(known).build().unwrap();
    later.checkpoint().await.unwrap();
    assert_eq!(fault(later.receipts().settle().await), LogFault::NotProved { size: 3 });
}

#[tokio::test]
async fn a_field_that_was_not_asked_for_is_not_taken() {
    let liar = Liar::start().await;
    liar.tell(Lie::OtherField);
    assert!(matches!(read(&liar.vault()).await, Err(Error::UnexpectedAnswer(200))));
}

#[tokio::test]
async fn what_waits_for_a_proof_stays_waiting_while_the_vault_cannot_be_asked() {
    let liar = Liar::start().await;
    let vault = liar.vault();
    read(&vault).await.unwrap();
    vault.receipts().settle().await.unwrap();
    read(&vault).await.unwrap();
    liar.tell(Lie::HangsUp);
    let result = vault.receipts().settle().await;
    assert!(result.is_ok() || matches!(result, Err(Error::Interrupted(_))));
    liar.tell(Lie::Nothing);
    let summary = vault.receipts().settle().await.unwrap();
    assert_eq!(summary.proved, 2);
    assert_eq!(vault.receipts().fault(), None);
}
