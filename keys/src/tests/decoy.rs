use std::time::{Duration, Instant};

use crate::category::CategoryKey;
use crate::id::KeyId;
use crate::place::{KeyKind, Place};
use crate::wrapped::Kept;

fn place(kind: KeyKind) -> Place<'static> {
    Place {
        kind,
        controller: "oakvale",
        category: "bank",
        version: 1,
        id: KeyId::from_bytes([7; 16]),
        wrapped_by: KeyId::from_bytes([8; 16]),
    }
}

fn category() -> CategoryKey {
    CategoryKey::from_raw(&[1; 32], &place(KeyKind::Category))
}

#[test]
fn a_decoy_opens_to_the_end() {
    // `open_decoy` asserts in a debug build that the whole path was run.
    category().open_decoy();
}

#[test]
fn a_decoy_hashes_a_context_as_long_as_that_of_a_subject_key() {
    use crate::context::Label;
    let place = place(KeyKind::Subject);
    let real = place.context(Label::Wrap, KeyKind::Subject);
    let decoy = place.context(Label::Decoy, KeyKind::Subject);
    assert_eq!(real.as_bytes().len(), decoy.as_bytes().len());
    assert_ne!(real.as_bytes(), decoy.as_bytes());
}

/// A measurement, not a verdict: the machine's noise is no reason to fail. `cargo test --release -p coffer-keys -- --ignored --nocapture decoy`
#[test]
#[ignore = "a measurement"]
fn a_decoy_takes_as_long_as_a_real_key() {
    const ROUNDS: usize = 200_000;
    let category = category();
    let place = place(KeyKind::Subject);
    let (_, wrapped) = category.make_subject(&place).unwrap();
    let (mut real, mut decoy) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        real.push(timed(|| drop(category.open_subject(&place, &wrapped))));
        decoy.push(timed(|| category.open_decoy()));
    }
    println!("open_subject {:?}, open_decoy {:?} (medians)", median(&mut real), median(&mut decoy));
}

fn timed(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
