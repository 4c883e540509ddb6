//! Buffers that hold what callers send and are shown: wiped when they are dropped, as far as they are this process's alone.

use std::io;
use std::ops::Deref;

use axum::body::Bytes;
use zeroize::optimization_barrier;

/// The body of a request.
///
/// One that came in several pieces was joined in a buffer of its own, which is wiped. One that came in a single piece is a view
/// into the connection's buffer, which is the connection's.
#[derive(Default)]
pub struct Body(Bytes);

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body(bytes)
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Ok(mut own) = std::mem::take(&mut self.0).try_into_mut() {
            wipe(&mut own);
        }
    }
}

/// The body of an answer, in the making and on its way out. The buffers that it has outgrown are wiped too.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// Room for so many bytes; it grows.
    pub(super) fn with_capacity(bytes: usize) -> Answer {
        Answer(Vec::with_capacity(bytes))
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Answer {
        Answer(text.into_bytes())
    }
}

impl io::Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Vec::with_capacity(length.max(2 * self.0.capacity()));
            larger.extend_from_slice(&self.0);
            wipe(&mut std::mem::replace(&mut self.0, larger));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// All zeros, in a way that is not optimised away. At the speed of memory: it stands on the way of every read.
fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Looks at memory through a second handle, which keeps it from being wiped and shows it all the same.
    #[test]
    fn a_body_of_its_own_is_wiped_and_a_shared_one_is_left() {
        let shared = Bytes::from(b"00-54-16".to_vec());
        drop(Body::from(shared.clone()));
        assert_eq!(shared, b"00-54-16"[..], "the connection still reads there");
        let mut own = shared.try_into_mut().unwrap();
        wipe(&mut own);
        assert_eq!(own[..], [0; 8]);
    }

    #[test]
    fn an_answer_holds_what_was_written_however_it_grows() {
        let mut answer = Answer::with_capacity(4);
        let text: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        text.chunks(7).for_each(|part| answer.write_all(part).unwrap());
        assert_eq!(answer.as_ref(), text);
        wipe(&mut answer.0);
        assert!(answer.as_ref().len() == text.len() && answer.as_ref().iter().all(|byte| *byte == 0));
    }
}
