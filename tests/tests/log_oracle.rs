//! The log of a running vault in the hands of programs that others wrote: ct-merkle recomputes its
//! roots and checks its proofs, signed_note its notes.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::acts::{Act, Ask, Place};
use coffer_tests::near::{Near, Site};
use coffer_vault::ledger::history::History;
use coffer_vault::store::Engine;
use coffer_vault::store::memory::Memory;
use coffer_wire::api::{ProveAnswer, ProveRequest};
use coffer_wire::note::{self, Checkpoint, VerifierKey};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use sha2::digest::Output;
use signed_note::{Note, StandardVerifier, VerifierList};

/// Leaves of the log, past two full tiles.
const LEAVES: u64 = 600;
/// Sizes between which every proof is tried, beside the last.
const STEP: usize = 37;

struct Grown {
    vault: Near,
    key: VerifierKey,
    memory: Arc<Memory>,
    /// Every checkpoint that was handed out.
    checkpoints: Vec<(String, Checkpoint)>,
}

async fn grown() -> Grown {
    let site = Site::new();
    let memory = Arc::new(Memory::new());
    let engine: Arc<dyn Engine> = Arc::<Memory>::clone(&memory);
    let key = site.init(&engine).unwrap();
    let vault = site.open(&engine).unwrap();
    let mut checkpoints = Vec::new();
    while vault.house().ledger().shared().size() < LEAVES {
        let person = format!("person-{}", checkpoints.len() % 20);
        let place = Place::new(checkpoints.len() % 2, &person, "main");
        let act = match checkpoints.len() % 5 {
            0 | 1 => Act::Write(place, "value".into(), None),
            2 => Act::Read(place),
            3 => Act::List { kind: place.kind, person },
            _ => Act::Erase(place),
        };
        act.on(&vault).await;
        let note = vault.house().ledger().shared().newest().to_string();
        let checkpoint = note::verify(&note, &key).unwrap();
        checkpoints.push((note, checkpoint));
    }
    Grown { vault, key, memory, checkpoints }
}

impl Grown {
    /// The tree of the first leaves, by ct-merkle over the leaves' bytes.
    fn tree(&self, size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
        let history = History::new(&*self.memory);
        let mut tree = MemoryBackedTree::new();
        (0..size).for_each(|index| tree.push(history.leaf(index).unwrap()));
        tree
    }

    async fn prove(&self, asked: ProveRequest) -> ProveAnswer {
        let body = serde_json::to_string(&asked).unwrap();
        let (status, body) = self.vault.post("rents", "/v1/log/prove", body).await.unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

fn oracle_root(checkpoint: &Checkpoint) -> RootHash<Sha256> {
    RootHash::new(Output::<Sha256>::try_from(&checkpoint.root.as_bytes()[..]).unwrap(), checkpoint.size)
}

fn path(hashes: Option<Vec<coffer_wire::Hash>>) -> Vec<u8> {
    hashes.unwrap().iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roots_and_proofs_of_a_running_log_are_those_of_ct_merkle() {
    let log = grown().await;
    let newest = &log.checkpoints.last().unwrap().1;
    let whole = log.tree(newest.size);
    let root = oracle_root(newest);
    assert!(whole.root() == root);

    let history = History::new(&*log.memory);
    let (mut inclusions, mut consistencies) = (0, 0);
    for (_, checkpoint) in log.checkpoints.iter().step_by(STEP) {
        let old = log.tree(checkpoint.size);
        assert!(old.root() == oracle_root(checkpoint), "root of {}", checkpoint.size);
        for index in (0..checkpoint.size).step_by(STEP).chain([checkpoint.size - 1]) {
            let asked = ProveRequest { index: Some(index), size: Some(checkpoint.size), from: None, log: None };
            let proof = InclusionProof::<Sha256>::try_from_bytes(path(log.prove(asked).await.inclusion)).unwrap();
            let oracle = old.prove_inclusion(index as usize);
            assert_eq!(proof.as_bytes(), oracle.as_bytes(), "{index} in {}", checkpoint.size);
            oracle_root(checkpoint).verify_inclusion(&history.leaf(index).unwrap(), index, &proof).unwrap();
            inclusions += 1;
        }
        let asked = ProveRequest { from: Some(checkpoint.size), size: Some(newest.size), index: None, log: None };
        let proof = path(log.prove(asked).await.consistency);
        if checkpoint.size < newest.size {
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(proof).unwrap();
            root.verify_consistency(&oracle_root(checkpoint), &proof).unwrap();
            consistencies += 1;
        } else {
            assert!(proof.is_empty());
        }
    }
    println!("{} leaves: {inclusions} inclusion and {consistencies} consistency proofs agree", newest.size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_of_a_running_log_are_accepted_by_signed_note() {
    let log = grown().await;
    let verifier = StandardVerifier::new(&log.key.to_string()).unwrap();
    for (text, checkpoint) in &log.checkpoints {
        let note = Note::from_bytes(text.as_bytes()).unwrap();
        let verifiers = VerifierList::new(vec![Box::new(verifier.clone())]);
        let (signed, unknown) = note.verify(&verifiers).unwrap();
        assert_eq!((signed.len(), unknown.len()), (1, 0));
        assert_eq!(note.text(), checkpoint.body().as_bytes());
    }
}
