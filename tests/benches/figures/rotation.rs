//! What a rotation costs: how fast keys are moved, against the bare work of it, and what those who read meanwhile notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coffer_keys::{CategoryKey, KeyId, KeyKind, Place, RootKey, Wrapped};
use coffer_tests::harness::{Home, Raw, Serving};
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::api::{JobInfo, JobsAnswer, REWRAP_RATE_MAX};
use serde_json::json;

use crate::child::Child;
use crate::people::{CONTROLLER, PEOPLE};

/// The application of a security admin.
const CONSOLE: &str = "console";
/// How often is looked whether a job has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Keys of one step at the greatest rate.
const STEP_KEYS: usize = 256;

/// A security admin of the vault.
pub(crate) struct Admin {
    raw: Raw,
    token: String,
}

impl Admin {
    pub(crate) fn of(vault: &Child<Home>) -> Admin {
        Admin { raw: vault.raw(CONSOLE), token: vault.token("security-admin", &[CONTROLLER]) }
    }

    /// Rotates the key of bank details, and waits until all is moved.
    pub(crate) fn rotate(&self, rate: Option<u32>) -> JobInfo {
        let body = json!({ "controller": CONTROLLER, "category": "bank", "rate": rate, "reason": "to measure it" });
        let told = self.ask("/v1/keys/rotate", &body);
        let job = told["rotated"][0]["job"].as_u64().unwrap();
        loop {
            std::thread::sleep(LOOK_EVERY);
            let listed = self.ask("/v1/keys/jobs", &json!({}));
            let listed: JobsAnswer = serde_json::from_value(listed).unwrap();
            let mine = listed.jobs.into_iter().find(|one| one.job == job).unwrap();
            if mine.state != "running" {
                assert_eq!((mine.state.as_str(), mine.left), ("done", 0));
                return mine;
            }
        }
    }

    /// One rotation after the other at the default rate, while something else is measured.
    pub(crate) fn rotating<T>(&self, measure: impl FnOnce() -> T) -> T {
        let end = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let rotating = scope.spawn(|| {
                while !end.load(Ordering::SeqCst) {
                    self.rotate(None);
                }
            });
            let measured = measure();
            end.store(true, Ordering::SeqCst);
            rotating.join().unwrap();
            measured
        })
    }

    fn ask(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.raw.post(path, Some(&self.token), body)).granted().json()
    }
}

/// Keys moved in a second at the greatest rate, the scans before and after among it.
pub(crate) fn keys_per_second(vault: &Child<Home>) -> f64 {
    let job = Admin::of(vault).rotate(Some(REWRAP_RATE_MAX));
    assert_eq!(job.done, PEOPLE, "everybody's key is moved");
    let took_ms = job.ended_ms.unwrap() - job.started_ms;
    job.done as f64 * 1e3 / took_ms.max(1) as f64
}

/// The bare work: each key opened, sealed and written in synced batches of the same size, with nothing around it.
pub(crate) fn bare_keys_per_second(home: &Home) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let tuning = Tuning { memory_bytes: 64 << 20, durability: Durability::Synced };
    let store = Arc::new(Rocks::create(&folder.path().join("bare"), &tuning).unwrap());
    let bare = Bare::new(&home.root_key());
    let began = Instant::now();
    for keys in bare.wrapped.chunks(STEP_KEYS) {
        let mut batch = Batch::new();
        for (id, wrapped) in keys {
            let moved = bare.old.rewrap_subject(&bare.place(*id, 1), wrapped, &bare.new, &bare.place(*id, 2)).unwrap();
            // As long as a row is.
            batch.put(Family::Keys, id.as_bytes().to_vec(), [&[0; 50][..], moved.as_bytes()].concat());
        }
        store.commit(&batch).unwrap();
    }
    bare.wrapped.len() as f64 / began.elapsed().as_secs_f64()
}

struct Bare {
    ids: [KeyId; 2],
    old: CategoryKey,
    new: CategoryKey,
    wrapped: Vec<(KeyId, Wrapped)>,
}

impl Bare {
    fn new(root: &RootKey) -> Bare {
        let ids = [1, 2].map(|byte| KeyId::from_bytes([byte; 16]));
        let category = |at: usize| {
            let place = place(KeyKind::Category, ids[at], at as u32 + 1, root.id());
            root.make_category(&place).unwrap().0
        };
        let (old, new) = (category(0), category(1));
        let wrapped = (0..PEOPLE).map(|_| {
            let id = KeyId::random().unwrap();
            (id, old.make_subject(&place(KeyKind::Subject, id, 1, ids[0])).unwrap().1)
        });
        let wrapped = wrapped.collect();
        Bare { ids, old, new, wrapped }
    }

    fn place(&self, id: KeyId, version: u32) -> Place<'static> {
        place(KeyKind::Subject, id, version, self.ids[version as usize - 1])
    }
}

fn place(kind: KeyKind, id: KeyId, version: u32, wrapped_by: KeyId) -> Place<'static> {
    Place { kind, controller: CONTROLLER, category: "bank", version, id, wrapped_by }
}
