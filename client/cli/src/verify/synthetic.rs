//! A log made for tests: real leaves of three controllers, really signed.

#![allow(clippy::unwrap_used)]

use coffer_wire::leaf::{Action, Alias, Decision, Tail, encode_head};
use coffer_wire::name::VAULT;
use coffer_wire::note::{Checkpoint, VerifierKey, assemble};
use coffer_wire::problem::Code;
use coffer_wire::tree::{Edge, leaf_hash};
use coffer_wire::{Hash, Name};
use ring::signature::{Ed25519KeyPair, KeyPair};

pub const ORIGIN: &str = "coffer.example/synthetic";
const START_MS: u64 = 1_780_000_000_000;

pub struct Log {
    pub leaves: Vec<Vec<u8>>,
}

impl Log {
    pub fn of(size: u64) -> Log {
        let controllers = [VAULT, Name::new("oakvale").unwrap(), Name::new("brookside").unwrap()];
        let mut numbers = [0; 3];
        let leaf = |index: u64| {
            let at = (index * index % 7 % 3) as usize;
            numbers[at] += 1;
            leaf(index, &controllers[at], numbers[at])
        };
        Log { leaves: (0..size).map(leaf).collect() }
    }

    /// The log as it was when it was smaller.
    pub fn at(&self, size: usize) -> Log {
        Log { leaves: self.leaves[..size].to_vec() }
    }

    pub fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    pub fn checkpoint(&self) -> Checkpoint {
        let mut edge = Edge::new();
        self.hashes().into_iter().for_each(|hash| edge.push(hash));
        Checkpoint { origin: ORIGIN.into(), size: edge.size(), root: edge.root() }
    }

    pub fn note(&self) -> String {
        let checkpoint = self.checkpoint();
        let signature = pair().sign(checkpoint.body().as_bytes());
        assemble(&checkpoint, &key(), signature.as_ref().try_into().unwrap())
    }
}

pub fn key() -> VerifierKey {
    VerifierKey::new(ORIGIN, pair().public_key().as_ref().try_into().unwrap()).unwrap()
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap()
}

fn leaf(index: u64, controller: &Name, number: u64) -> Vec<u8> {
    let refused = index % 5 == 3;
    let tail = Tail {
        action: if index == 0 { Action::LogOpen } else { Action::RecordsRead },
        category: Some(Name::new("bank").unwrap()),
        purpose: Some(Name::new("payments").unwrap()),
        decision: if refused { Decision::Refused(Code::NotFound) } else { Decision::Granted("rents-bank") },
        app: Some(Name::new("rents-desk").unwrap()),
        actor: Some(Alias([index as u8; 16])),
        subject: index.is_multiple_of(2).then_some(Alias([!index as u8; 16])),
        version: (!refused).then_some(index as u32 + 1),
        row: None,
        policy: 1,
        commit: Hash::sha256(&index.to_be_bytes()),
    };
    let mut bytes = Vec::new();
    encode_head(&mut bytes, START_MS + index * 250, controller, number);
    bytes.extend_from_slice(&tail.encode());
    bytes
}
