//! Reads through the client crate, as an application does them: receipts checked, proofs fetched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coffer_client::{Token, Vault, ask};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::people::{self, CONTROLLER, PEOPLE, RECORD};

/// Each run begins with this, which does not count.
const WARM_UP: Duration = Duration::from_millis(300);

/// Reads a second through some vaults, with some reads under way on each.
pub(crate) fn reads_per_second(vaults: &[Vault], token: &str, each: usize, time: Duration) -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let answers = AtomicU64::new(0);
    let from = Instant::now() + WARM_UP;
    let part = |thread: usize| {
        let mine = vaults.iter().enumerate().filter(|(number, _)| number % threads == thread);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tasks = mine.flat_map(|(number, vault)| (0..each).map(move |task| (vault, number * each + task)));
        runtime.block_on(async {
            let tasks = tasks.map(|(vault, seed)| {
                let token = Token::new(token.to_owned()).unwrap();
                tokio::spawn(reads(vault.clone(), token, seed as u64, from, from + time))
            });
            for task in tasks.collect::<Vec<_>>() {
                answers.fetch_add(task.await.unwrap(), Ordering::Relaxed);
            }
        });
    };
    std::thread::scope(|scope| {
        let part = &part;
        (0..threads).for_each(|thread| drop(scope.spawn(move || part(thread))));
    });
    answers.into_inner() as f64 / time.as_secs_f64()
}

/// Reads, one after the other, and counts those that were answered in the time that counts.
async fn reads(vault: Vault, token: Token, seed: u64, from: Instant, until: Instant) -> u64 {
    let session = vault.on_behalf_of(token).for_controller(CONTROLLER).unwrap();
    let payments = session.for_purpose("payments").unwrap();
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut answers = 0;
    loop {
        let person = draw.random_range(0..PEOPLE);
        let item = ask::clear("bank", &people::id(person), RECORD, &["account_number"]).unwrap();
        let record = payments.read(item).await.unwrap();
        let value = record.field("account_number").unwrap();
        assert_eq!(value.expose(), people::account_number(person));
        match Instant::now() {
            now if now >= until => return answers,
            now => answers += u64::from(now >= from),
        }
    }
}
