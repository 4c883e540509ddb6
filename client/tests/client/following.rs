//! How the client goes on where the log gets a new key or is followed by another, and where it does not.

use coffer_client::wire::note::NoteError;
use coffer_client::wire::succession::{NotFollowed, Why};
use coffer_client::{LogFault, Vault};

use crate::believing::{fault, read};
use crate::liar::{Liar, Lie};

/// A client that has read so often.
async fn after(liar: &Liar, reads: usize) -> Vault {
    let vault = liar.vault();
    for _ in 0..reads {
        read(&vault).await.unwrap();
    }
    vault
}

#[tokio::test]
async fn a_new_key_is_followed_when_the_old_one_signs_no_more() {
    let liar = Liar::start().await;
    let vault = after(&liar, 3).await;
    liar.rekey(21);
    read(&vault).await.unwrap();
    assert!(vault.receipts().handovers().is_empty(), "the old key signs too: there is nothing to ask for");
    liar.end_overlap();
    for _ in 0..3 {
        read(&vault).await.unwrap();
    }
    assert_eq!(vault.receipts().handovers(), liar.handovers());
    let summary = vault.receipts().settle().await.unwrap();
    assert_eq!((summary.received, summary.proved), (7, 7));
    // A client that comes later, with the first key or with what an earlier run knew.
    read(&liar.vault()).await.unwrap();
    let receipts = vault.receipts();
    let again = liar.builder().known_handovers(receipts.handovers()).known_checkpoint(receipts.newest().unwrap());
    read(&again.build().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_key_that_nobody_signed_for_is_refused() {
    let liar = Liar::start().await;
    let vault = after(&liar, 3).await;
    liar.rekey(21);
    liar.end_overlap();
    let sound = liar.handovers();
    liar.show_handovers(Vec::new());
    assert_eq!(fault(read(&vault).await), LogFault::Note(NoteError::NotSigned));
    // One altered letter: the time of its making.
    let vault = liar.vault();
    liar.show_handovers(vec![sound[0].replacen("made: 5", "made: 6", 1)]);
    assert_eq!(fault(read(&vault).await), LogFault::Note(NoteError::NotSigned));
}

#[tokio::test]
async fn a_successor_is_followed_and_what_was_promised_before_is_proved_as_far_as_it_was_kept() {
    let liar = Liar::start().await;
    let vault = after(&liar, 6).await;
    // Leaf 0 and six receipts; the last two are lost.
    liar.succeed(0, 5, Why::Restore);
    let record = read(&vault).await.unwrap();
    assert_eq!(record.logged.index, 1);
    let summary = vault.receipts().settle().await.unwrap();
    assert_eq!((summary.received, summary.proved, summary.passed_over, summary.waiting), (7, 5, 2, 0));
    assert_eq!(vault.receipts().recent().len(), 7);
    assert!(vault.receipts().newest().unwrap().contains("/2\n"));
    // And the one behind it, both of them at once for who was away.
    liar.succeed(0, 2, Why::HeadLost);
    read(&vault).await.unwrap();
    read(&liar.vault()).await.unwrap();
    vault.receipts().settle().await.unwrap();
    assert_eq!(vault.receipts().handovers(), liar.handovers());
}

#[tokio::test]
async fn a_checkpoint_of_a_log_that_ended_meanwhile_is_held_against_what_was_kept() {
    let liar = Liar::start().await;
    let seen = after(&liar, 3).await.receipts().newest().unwrap();
    liar.succeed(0, 4, Why::HeadLost);
    let vault = liar.builder().known_checkpoint(seen.clone()).build().unwrap();
    read(&vault).await.unwrap();
    vault.receipts().settle().await.unwrap();
    // Somebody else's log of the same size was kept.
    let other = Liar::start().await;
    after(&other, 2).await;
    other.replace_last();
    after(&other, 1).await;
    other.succeed(0, 4, Why::HeadLost);
    let vault = other.builder().known_checkpoint(seen).build().unwrap();
    assert_eq!(fault(read(&vault).await), LogFault::Passed { seen: 4 });
}

#[tokio::test]
async fn an_end_before_what_was_seen_is_refused_and_the_evidence_kept() {
    let liar = Liar::start().await;
    let vault = after(&liar, 5).await;
    let seen = vault.receipts().newest().unwrap();
    liar.succeed(-2, 3, Why::Restore);
    assert_eq!(fault(read(&vault).await), LogFault::Passed { seen: 6 });
    let evidence = vault.receipts().evidence();
    assert_eq!(evidence, [liar.handovers(), vec![seen]].concat());
    assert_eq!(fault(read(&vault).await), LogFault::Passed { seen: 6 }, "and so it stays");
}

#[tokio::test]
async fn two_successors_of_one_log_are_a_lie_and_the_evidence_is_kept() {
    let liar = Liar::start().await;
    let vault = after(&liar, 3).await;
    liar.succeed(0, 4, Why::Damaged);
    read(&vault).await.unwrap();
    let followed = vault.receipts().handovers();
    let twin = Liar::start().await;
    after(&twin, 3).await;
    twin.succeed(0, 3, Why::Damaged);
    // The client hears of it when it meets a key that it does not know.
    liar.rekey(22);
    liar.end_overlap();
    liar.show_handovers(twin.handovers());
    assert_eq!(fault(read(&vault).await), LogFault::NotFollowed(NotFollowed::Twice));
    assert_eq!(vault.receipts().evidence(), [followed, twin.handovers()].concat());
}

#[tokio::test]
async fn a_log_that_goes_on_behind_its_end_is_not_believed() {
    let liar = Liar::start().await;
    let (vault, old) = (after(&liar, 2).await, liar.note());
    liar.succeed(0, 3, Why::Damaged);
    read(&vault).await.unwrap();
    let trust = vault.follow().await.unwrap();
    assert!(trust.verify(&old).is_ok());
    liar.return_to_the_first();
    assert_eq!(fault(read(&vault).await), LogFault::Note(NoteError::Closed));
}

#[tokio::test]
async fn a_receipt_of_the_log_that_ended_is_none_for_what_is_done_now() {
    let liar = Liar::start().await;
    let vault = after(&liar, 2).await;
    liar.succeed(0, 3, Why::HeadLost);
    read(&vault).await.unwrap();
    // The first receipt again, of the very same request.
    liar.tell(Lie::SameLeaf);
    assert_eq!(fault(read(&vault).await), LogFault::Note(NoteError::Closed));
}

#[tokio::test]
async fn a_compromised_key_leads_nowhere() {
    let liar = Liar::start().await;
    let vault = after(&liar, 2).await;
    liar.succeed(0, 3, Why::Compromised);
    assert_eq!(fault(read(&vault).await), LogFault::NotFollowed(NotFollowed::Compromised));
}
