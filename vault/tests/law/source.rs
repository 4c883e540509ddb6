//! Rust source as the law sees it: words and marks, without comments and without what stands in
//! quotes.

use std::path::Path;

/// One file of a crate.
pub(crate) struct File {
    /// From the crate's `src`.
    pub(crate) path: String,
    /// The path of its module, from the crate's root.
    pub(crate) module: Vec<String>,
    /// Words, `::`, `->`, and single marks.
    pub(crate) tokens: Vec<String>,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> File {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        let module = if stem == "lib" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() };
        File { path: path.to_owned(), module, tokens: tokens(text) }
    }
}

/// Every `.rs` file under a folder.
pub(crate) fn read(folder: &Path, within: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder.join(within)).unwrap() {
        let entry = entry.unwrap();
        let path = within.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            read(folder, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(folder.join(&path)).unwrap();
            files.push(File::new(path.to_str().unwrap(), &text));
        }
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut out = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest),
            '\'' => character(rest),
            _ if is_word(first) => {
                let word = word(rest);
                match raw_string(rest, word) {
                    Some(taken) => taken,
                    None => {
                        out.push(word.to_owned());
                        word.len()
                    }
                }
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let pair = ["::", "->"].into_iter().find(|pair| rest.starts_with(pair));
                let mark = pair.unwrap_or(&rest[..first.len_utf8()]);
                out.push(mark.to_owned());
                mark.len()
            }
        };
        rest = &rest[taken..];
    }
    out
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

/// Comments of this kind nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let here = &text[at..];
        match () {
            () if here.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            () if here.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
            () => at += here.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Text in double quotes, from quote to quote.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character in single quotes, or the quote and name of a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => {
            let start = 2 + escaped.len_utf8();
            start + text[start..].find('\'').map_or(0, |at| at + 1)
        }
        (Some(one), Some('\'')) => 2 + one.len_utf8(),
        _ => 1 + word(&text[1..]).len(),
    }
}

/// The length of `r"…"`, `r#"…"#` and their like, if one begins with this word.
fn raw_string(text: &str, word: &str) -> Option<usize> {
    if !["r", "br", "cr"].contains(&word) {
        return None;
    }
    let behind = &text[word.len()..];
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let body = behind[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(word.len() + hashes + 1 + length)
}
