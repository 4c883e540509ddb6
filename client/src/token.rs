//! A person's token, and how it comes in: from a file or a reader, never from a command line.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::Invalid;

/// Bytes of a token, at most.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A signed, short-lived token that says who the person is. It does not print and cannot be cloned;
/// its memory is wiped when the last [`crate::Session`] that uses it is gone.
pub struct Token {
    header: HeaderValue,
    actor: String,
}

/// What the client itself looks at; that it is true is for the vault to find.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
}

impl Token {
    /// Takes a token over: a JWT that says whose it is. White space around it is dropped.
    pub fn new(text: String) -> Result<Token, Invalid> {
        let text = Zeroizing::new(text);
        let token = text.trim();
        if !(1..=TOKEN_BYTES_MAX).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::Token);
        }
        let actor = actor(token).ok_or(Invalid::Token)?;
        let header = Zeroizing::new(["Bearer ", token].concat().into_bytes());
        // The header takes these very bytes over, so that they are wiped with it.
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(header)).map_err(|_| Invalid::Token)?;
        header.set_sensitive(true);
        Ok(Token { header, actor })
    }

    /// Reads a token to the reader's end, such as standard input.
    pub fn from_reader(reader: impl Read) -> io::Result<Token> {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES_MAX + 1));
        // One byte more than fits shows that there is more.
        reader.take(TOKEN_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
        Token::new(std::mem::take(&mut text)).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Reads a token from a file.
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Token> {
        Token::from_reader(std::fs::File::open(path)?)
    }

    /// The `Authorization` header, marked so that nothing on the way prints it; and whom it names, as the log does.
    pub(crate) fn into_parts(self) -> (HeaderValue, String) {
        (self.header, self.actor)
    }
}

/// Issuer and subject of a JWT, as a leaf's private part names them.
fn actor(token: &str) -> Option<String> {
    let claims = Zeroizing::new(BASE64URL_NOPAD.decode(token.split('.').nth(1)?.as_bytes()).ok()?);
    let Claims { iss, sub } = serde_json::from_slice(&claims).ok()?;
    Some(format!("{iss} {sub}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The payload is `{"iss":"https://login.example","sub":"officer-17"}`.
    const TOKEN: &str = "head.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJzdWIiOiJvZmZpY2VyLTE3In0.sig";

    #[test]
    fn a_token_comes_from_a_reader_without_its_line_end() {
        let token = Token::from_reader(format!(" {TOKEN}\r\n").as_bytes()).unwrap();
        let (header, actor) = token.into_parts();
        assert_eq!(header.as_bytes(), format!("Bearer {TOKEN}").as_bytes());
        assert_eq!(actor, "https://login.example officer-17");
    }

    #[test]
    fn what_is_no_token_is_refused_without_repeating_it() {
        let nameless = TOKEN.replace("eyJp", "eyJx");
        for wrong in [
            "",
            "head.body.sig",
            "head",
            &nameless,
            "\n",
            "two words",
            "line\nline",
            "nul\0",
            "é",
            &"x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            let error = Token::from_reader(wrong.as_bytes()).err().unwrap().to_string();
            assert!(wrong.len() < 3 || !error.contains(wrong.trim()), "{error}");
        }
    }

    #[test]
    fn a_tokens_header_does_not_print() {
        let (header, _) = Token::new(TOKEN.into()).unwrap().into_parts();
        assert!(!format!("{header:?}").contains("eyJ"));
    }
}
