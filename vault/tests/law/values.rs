//! What a check of a stopped home may learn of what is sealed. It has no permit and no leaf, so `seal` gives it next to
//! nothing, and gives that to `check` alone: all that comes out is listed here, and anything more is a breach until it
//! has a page in docs/decisions.

use crate::imports;
use crate::source::File;

/// The file that opens values for a check, and its module.
const OPENER: &str = "seal/verify.rs";
const MODULE: [&str; 2] = ["seal", "verify"];
/// Who may name it.
const CHECK: &str = "check/";

/// Every function that others may call: what it takes and what it answers.
const FUNCTIONS: [(&str, &str); 8] = [
    ("open", "(rows:&[(KeyId,RootRow)],root:&RootKey)->(Verifier,Survey)"),
    ("voucher", "(&self)->Option<Voucher>"),
    ("line", "(&self,controller:&Name,category:&Name)->Option<&Line>"),
    ("row", "(&self,line:&Line,view:&View<>,bytes:Vec<u8>,)->Result<Result<Option<Verified>,Altered>,Unread>"),
    ("version", "(&self)->u32"),
    ("ids", "(&self)->(&str,&str)"),
    ("fields", "(&self)->Fields"),
    ("search", "(&self)->Searched"),
];
/// Every member that others may look at.
const MEMBERS: [(&str, &str); 4] =
    [("row_key", "[u8;32]"), ("written", "Hash"), ("fields", "u64"), ("cards", "Vec<u16>")];

pub(crate) fn breaches(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    let named = imports::of(files).paths.into_iter().filter(|(_, path)| path.starts_with(&MODULE.map(str::to_owned)));
    let through = files.iter().filter(|file| names_module(&file.tokens)).map(|file| file.path.clone());
    for file in named.map(|(file, _)| file).chain(through).filter(|file| !file.starts_with(CHECK) && file != OPENER) {
        breaches.push(format!("{file}: `{}` is for {CHECK} alone", MODULE.join("::")));
    }
    match files.iter().find(|file| file.path == OPENER) {
        None => breaches.push(format!("{OPENER} was not found")),
        Some(file) => breaches.extend(given_away(&file.tokens)),
    }
    breaches
}

/// Whether a path goes through the module, from whatever it begins with; declaring the module is no such path.
fn names_module(tokens: &[String]) -> bool {
    tokens.windows(2).any(|pair| pair[0] == MODULE[1] && pair[1] == "::")
}

/// What the opener gives away beyond the lists, and what of the lists it does not.
fn given_away(tokens: &[String]) -> Vec<String> {
    let (mut functions, mut members, mut breaches) = (Vec::new(), Vec::new(), Vec::new());
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    for at in 0..tokens.len() {
        match (token(at), token(at + 1)) {
            ("pub", "fn") => functions.push((token(at + 2), until(&tokens[at + 3..], "{"))),
            ("pub", "enum") if until(&tokens[at..], "}").contains('(') => {
                breaches.push(format!("{OPENER}: a choice holds something"));
            }
            ("pub", "struct" | "enum") => {}
            ("pub", name) if token(at + 2) == ":" => members.push((name, until_member_ends(&tokens[at + 3..]))),
            ("pub", what) => breaches.push(format!("{OPENER}: `pub {what}` is no function and no member")),
            // A trait's functions are everybody's without `pub`.
            ("impl", _) if tokens[at..].iter().take_while(|t| *t != "{").any(|t| t == "for") => {
                breaches.push(format!("{OPENER}: implements a trait by hand"));
            }
            _ => {}
        }
    }
    breaches.extend(differences("function", &FUNCTIONS, &functions));
    breaches.extend(differences("member", &MEMBERS, &members));
    breaches
}

fn differences(what: &str, listed: &[(&str, &str)], found: &[(&str, String)]) -> Vec<String> {
    let is = |(name, text): &(&str, &str)| found.iter().filter(|(n, t)| n == name && t == text).count() == 1;
    let missing = listed.iter().filter(|one| !is(one)).map(|(name, text)| format!("no {what} `{name}{text}` any more"));
    let other = |(name, text): &&(&str, String)| !listed.contains(&(*name, text.as_str()));
    let more = found.iter().filter(other).map(|(name, text)| format!("{OPENER}: a {what} `{name}{text}`"));
    missing.chain(more).collect()
}

fn until(tokens: &[String], end: &str) -> String {
    tokens.iter().take_while(|token| *token != end).map(String::as_str).collect()
}

/// To the comma or brace behind a member's type; brackets inside it are whole.
fn until_member_ends(tokens: &[String]) -> String {
    let mut depth = 0;
    let inside = |token: &&String| {
        match token.as_str() {
            "<" | "[" | "(" => depth += 1,
            ">" | "]" | ")" => depth -= 1,
            _ => {}
        }
        depth > 0 || ![",", "}"].contains(&token.as_str())
    };
    tokens.iter().take_while(inside).map(String::as_str).collect()
}
