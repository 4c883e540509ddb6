//! Somebody outside who keeps what the log has shown, and holds the log against it after each start.
#![allow(clippy::unwrap_used)] // an answer that cannot be read ends the test

use coffer_wire::Hash;
use coffer_wire::api::{ENTRIES_MAX, EntryAnswer};
use coffer_wire::note::{Checkpoint, VerifierKey};
use coffer_wire::succession::Trust;
use coffer_wire::tree::{Edge, leaf_hash};
use serde_json::json;

use crate::acts::{Ask, Evidence};

/// The hashes of all leaves seen so far, and the log's public key, with what it leads to.
pub struct Outsider {
    trust: Trust,
    hashes: Vec<Hash>,
}

impl Outsider {
    /// Knows the key and nothing else.
    pub fn new(key: VerifierKey) -> Outsider {
        Outsider { trust: Trust::of(key), hashes: Vec::new() }
    }

    /// Goes on where the log was handed on. Where it ended, what was kept must be what was seen, and nothing seen may lie behind its
    /// end; then the leaves of the next log are seen from the first on.
    pub fn follow<'n>(&mut self, notes: impl IntoIterator<Item = &'n str>) -> Result<(), String> {
        let origin = self.trust.origin().to_owned();
        self.trust.follow(notes).map_err(|error| error.to_string())?;
        let Some(at) = self.trust.ended().position(|end| end.last.origin == origin) else { return Ok(()) };
        let (last, kept) = (self.trust.ended().nth(at).unwrap().last.size, self.trust.kept()[at].clone());
        if self.seen() > last {
            return Err(format!("the log ended at {last} leaves, and {} were seen", self.seen()));
        }
        if kept.size <= self.seen() {
            self.hashes.truncate(kept.size as usize);
            self.agrees(&kept)?;
        }
        self.hashes.clear();
        Ok(())
    }

    /// The keys and logs that are believed.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Leaves seen.
    pub fn seen(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Fetches the leaves that are new, as an auditor, and recomputes the root of all: the leaves seen
    /// before must still be those under it.
    pub async fn catch_up(&mut self, vault: &impl Ask) -> Result<(), String> {
        loop {
            let answer = entries(vault, self.seen()).await?;
            let fetched = answer.leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes()));
            self.hashes.extend(fetched);
            let checkpoint = self.trust.verify(&answer.checkpoint).map_err(|error| error.to_string())?;
            if self.seen() >= checkpoint.size {
                return self.agrees(&checkpoint);
            }
        }
    }

    /// Fetches every leaf again and compares it with what was seen.
    pub async fn read_again(&self, vault: &impl Ask) -> Result<(), String> {
        let mut at = 0;
        while at < self.seen() {
            let answer = entries(vault, at).await?;
            for leaf in answer.leaves {
                let changed = self.hashes.get(at as usize).is_some_and(|seen| *seen != leaf_hash(leaf.as_bytes()));
                if changed {
                    return Err(format!("leaf {at} is not the one seen before"));
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// Whether the head outside the database names the log that was seen.
    pub fn holds_head(&self, head: &str) -> Result<(), String> {
        let checkpoint = self.trust.verify(head).map_err(|error| error.to_string())?;
        self.agrees(&checkpoint)
    }

    /// Those of the promised leaves, and of the checkpoints they were promised under, that the log
    /// does not hold.
    pub fn unlogged(&self, promised: &[Evidence]) -> Vec<String> {
        let leaf = |evidence: &&Evidence| self.hashes.get(evidence.index as usize) != Some(&evidence.leaf_hash);
        let mut missing: Vec<String> =
            promised.iter().filter(leaf).map(|evidence| format!("leaf {} is not in the log", evidence.index)).collect();
        let mut checkpoints: Vec<&Checkpoint> = promised.iter().map(|evidence| &evidence.checkpoint).collect();
        checkpoints.sort_by_key(|checkpoint| checkpoint.size);
        checkpoints.dedup();
        let mut edge = Edge::new();
        for checkpoint in checkpoints {
            while edge.size() < checkpoint.size.min(self.seen()) {
                edge.push(self.hashes[edge.size() as usize]);
            }
            if edge.size() != checkpoint.size || edge.root() != checkpoint.root {
                missing.push(format!("the log does not hold the checkpoint of {} leaves", checkpoint.size));
            }
        }
        missing
    }

    fn agrees(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let mut edge = Edge::new();
        self.hashes.iter().take(checkpoint.size as usize).for_each(|hash| edge.push(*hash));
        if edge.size() != checkpoint.size {
            return Err(format!("the log has {} leaves and a checkpoint of {}", edge.size(), checkpoint.size));
        }
        (edge.root() == checkpoint.root)
            .then_some(())
            .ok_or_else(|| format!("another log at {} leaves", checkpoint.size))
    }
}

async fn entries(vault: &impl Ask, start: u64) -> Result<EntryAnswer, String> {
    let body = json!({ "start": start, "count": ENTRIES_MAX }).to_string();
    let (status, body) = vault.post("auditor", "/v1/log/entry", body).await.ok_or("no answer")?;
    let text = String::from_utf8_lossy(&body);
    if status == 200 {
        serde_json::from_slice(&body).map_err(|e| e.to_string())
    } else {
        Err(format!("HTTP {status} {text}"))
    }
}
