//! What is typed at the terminal and must not be shown there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// Characters of what is typed, at most.
const CHARACTERS_MAX: usize = 512;

/// The terminal of this process, whatever standard input is; as it was when this is dropped.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn open() -> io::Result<Silent> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Silent { terminal, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Asks for a line that is not shown. Ctrl-C leaves the terminal as it was.
pub async fn line(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let none = |error| Failure::usage(format!("no terminal to type at: {error}"), "give `--share-file FILE`");
    let mut silent = Silent::open().map_err(none)?;
    silent.terminal.write_all(prompt.as_bytes()).map_err(none)?;
    let reader = silent.terminal.try_clone().map_err(none)?;
    let (sender, typed) = oneshot::channel();
    // A thread of its own that nobody waits for: whoever types nothing more is not waited for after Ctrl-C.
    std::thread::spawn(move || sender.send(read(reader)));
    let typed = tokio::select! {
        typed = typed => typed.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe)).flatten(),
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(Exit::Failed, "interrupted", "nothing was handed in", "")),
    };
    typed.map_err(|error| Failure::failed("terminal", error))
}

/// Byte by byte, with no buffer before it that would keep a copy.
fn read(mut terminal: File) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(CHARACTERS_MAX));
    let mut byte = Zeroizing::new([0; 1]);
    while terminal.read(&mut *byte)? == 1 && byte[0] != b'\n' {
        if !byte[0].is_ascii() || line.len() == CHARACTERS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "that is no share"));
        }
        line.push(char::from(byte[0]));
    }
    Ok(line)
}
