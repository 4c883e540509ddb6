//! Shares that are typed at this machine, for work on a stopped home; never arguments, which everybody on the machine can see.

use std::io::{BufRead, IsTerminal, Write};

use coffer_keys::seal::{Seal, Share};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::exit::Failure;

/// As many shares as a seal needs, one a line from standard input; none where it needs none. A slip is told, and the share asked for again.
pub fn typed(seal: &dyn Seal) -> Result<Vec<Share>, Failure> {
    let Some(needed) = seal.shares_needed().map(usize::from) else { return Ok(Vec::new()) };
    let _silent = Silent::begin();
    let mut shares: Vec<Share> = Vec::new();
    while shares.len() < needed {
        eprint!("share {} of {needed}: ", shares.len() + 1);
        let _ = std::io::stderr().flush();
        let share = match Share::parse(&line()?) {
            Ok(share) => share,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        match seal.admit(&share, &shares) {
            Ok(()) => shares.push(share),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(shares)
}

fn line() -> Result<Zeroizing<String>, Failure> {
    // Room for what a share is, so that growing leaves no copy behind.
    let mut line = Zeroizing::new(String::with_capacity(1_024));
    let read = std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::io("standard input", error))?;
    eprintln!();
    if read == 0 {
        return Err(Failure::config("this vault opens by shares, and standard input ended before enough of them came"));
    }
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silent(Option<rustix::termios::Termios>);

impl Silent {
    fn begin() -> Silent {
        let input = std::io::stdin();
        let before = input.is_terminal().then(|| tcgetattr(&input).ok()).flatten();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(&input, OptionalActions::Flush, &silent);
        }
        Silent(before)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}
