//! Where evidence comes into being. The fields of `Permit` and `Recorded` are private, so the
//! compiler keeps other modules out; this keeps their own modules to one place each.

use crate::source::File;

/// A kind of evidence, and the one file in which it is made.
const EVIDENCE: [(&str, &str); 3] =
    [("Permit", "admit/permit.rs"), ("Recorded", "ledger/recorded.rs"), ("Approved", "admit/approved.rs")];
/// The one file that may mint a `Recorded`: after the commit.
const MINT: &str = "ledger/sequencer.rs";
/// Traits by which a second one could come out of a first, or out of nothing.
const COPYING: [&str; 6] = ["Clone", "Copy", "Default", "Deserialize", "From", "FromStr"];

pub(crate) fn breaches(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, home) in EVIDENCE {
        let makers: Vec<&str> = files.iter().flat_map(|file| makers(file, name, home)).collect();
        if makers != [home] {
            breaches.push(format!("`{name}` is made once, in {home}; it is made in {makers:?}"));
        }
        for file in files {
            if copies(&file.tokens, name) {
                breaches.push(format!("{}: `{name}` must not be copied or conjured", file.path));
            }
        }
    }
    let mints: Vec<&str> = files.iter().flat_map(mints).collect();
    if mints != [MINT] {
        breaches.push(format!("`Recorded::mint` is called once, in {MINT}; it is called in {mints:?}"));
    }
    breaches
}

/// The file's path once for each literal of the type; at its home, `Self { … }` is one too.
fn makers<'a>(file: &'a File, name: &str, home: &str) -> Vec<&'a str> {
    let is_home = file.path == home;
    let tokens = &file.tokens;
    let literal = |at: &usize| {
        let named = tokens[*at] == name || (is_home && tokens[*at] == "Self");
        named && tokens.get(behind_generics(tokens, at + 1)).is_some_and(|next| next == "{") && is_value(tokens, *at)
    };
    (0..tokens.len()).filter(literal).map(|_| file.path.as_str()).collect()
}

/// Behind `::<…>`, where that stands here.
fn behind_generics(tokens: &[String], at: usize) -> usize {
    let opens = |at: usize| tokens.get(at).is_some_and(|t| t == "<");
    if !(tokens.get(at).is_some_and(|t| t == "::") && opens(at + 1)) {
        return at;
    }
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(at + 1) {
        match token.as_str() {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// A name before a brace is a value unless it is declared, implemented, returned or taken apart.
fn is_value(tokens: &[String], mut at: usize) -> bool {
    while at >= 2 && tokens[at - 1] == "::" {
        at -= 2;
    }
    let before = at.checked_sub(1).map_or("", |at| tokens[at].as_str());
    !["struct", "impl", "for", "->", ">", "let"].contains(&before)
}

/// `derive(Clone)` on the type, or `impl Clone for` it.
fn copies(tokens: &[String], name: &str) -> bool {
    let copying = |token: &String| COPYING.contains(&token.as_str());
    let derived = (1..tokens.len()).filter(|at| tokens[at - 1] == "struct" && tokens[*at] == name).any(|at| {
        let mut before = tokens[..at].iter().rev().take_while(|token| ![";", "}", "{"].contains(&token.as_str()));
        before.any(copying)
    });
    let implemented = (0..tokens.len()).any(|at| {
        tokens[at] == "impl"
            && tokens[at..].iter().take_while(|token| *token != "{").any(copying)
            && tokens[at..].iter().take_while(|token| *token != "{").skip_while(|t| *t != "for").any(|t| t == name)
    });
    derived || implemented
}

/// Calls of `mint`, by whatever name the type goes; its declaration is none.
fn mints(file: &File) -> Vec<&str> {
    let call = |at: &usize| file.tokens[*at] == "mint" && at.checked_sub(1).is_some_and(|at| file.tokens[at] == "::");
    (0..file.tokens.len()).filter(call).map(|_| file.path.as_str()).collect()
}
