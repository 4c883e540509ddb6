//! A copy of a running vault's store, of one moment, for who has to look at all of it meanwhile.
//!
//! RocksDB's lock keeps a second process out, and only who has the store open can say which of its files belong
//! together. So the server makes the copy, of hard links, and is asked through a socket in a folder that its own user
//! alone may enter: who may read the data may ask, and nobody else (docs/decisions/0014).
//!
//! One question a connection, a line each way: `copy NAME` is answered `done` or by a sentence. NAME is a folder that
//! the asker has made beside the socket; the server puts `data`, `head` and `erasures` into it. Head and
//! erasure ledger are read before the store is copied: so they are behind the copy, as after a kill, and never ahead of it.

mod copy;
mod door;

use std::path::{Path, PathBuf};

pub use copy::Copy;
pub use door::Asked;

/// The socket.
const SOCKET: &str = "socket";
/// Begins the name of every copy's folder.
const COPY: &str = "check-";
/// What a copy's folder holds.
const DATA: &str = "data";
const HEAD: &str = "head";
const ERASURES: &str = "erasures";
/// The question, before the name.
const QUESTION: &str = "copy ";
/// The answer to a question that was done.
const DONE: &str = "done";
/// A question or an answer is no longer than this, in bytes.
const LINE_BYTES_MAX: u64 = 1_024;

/// The folder of socket and copies: beside the data, so that files can be linked and need not be copied.
fn folder(data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    data.with_file_name(format!("{name}-live"))
}

/// Whether there are copies, which hold bytes that the store has let go of.
pub fn has_copies(data: &Path) -> bool {
    Copy::sweep(data);
    let Ok(entries) = std::fs::read_dir(folder(data)) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(COPY))
}

/// The name in a question, if it can be that of a copy's folder and of nothing else.
fn asked_for(question: &str) -> Option<&str> {
    let name = question.strip_prefix(QUESTION)?;
    let plain = name.strip_prefix(COPY)?;
    (!plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_folder_of_a_copy_and_nothing_else() {
        assert_eq!(asked_for("copy check-aZ3"), Some("check-aZ3"));
        for question in
            ["", "copy ", "copy check-", "copy check-../x", "copy data", "copy check-a/b", "check-a", "copy  check-a"]
        {
            assert_eq!(asked_for(question), None, "{question}");
        }
    }
}
