//! Who names whom: every path that begins with `crate`, `super` or `self`, in `use` and inline,
//! resolved to the top-level module that it leads to.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::File;

/// A module names something of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) file: String,
}

/// What was found in some files.
#[derive(Default)]
pub(crate) struct Imports {
    pub(crate) edges: BTreeSet<Edge>,
    /// Every path that was resolved, with the file that names it.
    pub(crate) paths: BTreeSet<(String, Vec<String>)>,
    /// Paths that hide where they lead.
    pub(crate) breaches: Vec<String>,
}

/// What the files import.
pub(crate) fn of(files: &[File]) -> Imports {
    let mut found = Imports::default();
    for file in files {
        match file.module.first() {
            Some(_) => Reader { file, inline: Vec::new(), depth: 0, found: &mut found }.read(),
            // A name that the root lends on would be reached without being seen.
            None if file.tokens.iter().any(|token| token == "use") => {
                found.breaches.push(format!("{}: the root declares modules and nothing else", file.path));
            }
            None => {}
        }
    }
    found
}

/// Where files and edges break the law.
pub(crate) fn against(law: &[&[&str]], files: &[File], edges: &BTreeSet<Edge>) -> Vec<String> {
    let rank = |module: &str| law.iter().position(|cell| cell.contains(&module));
    let mut breaches = Vec::new();
    let modules: BTreeSet<&String> = files.iter().filter_map(|file| file.module.first()).collect();
    for module in modules {
        if rank(module).is_none() {
            breaches.push(format!("`{module}` has no place in the law"));
        }
    }
    for edge in edges {
        match (rank(&edge.from), rank(&edge.to)) {
            (Some(from), Some(to)) if from < to => {}
            (None, _) => {}
            _ => breaches.push(format!("{}: `{}` must not import `{}`", edge.file, edge.from, edge.to)),
        }
    }
    breaches
}

/// Modules that import each other in a ring, if any do.
pub(crate) fn cycle(edges: &BTreeSet<Edge>) -> Option<Vec<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges {
        next.entry(&edge.from).or_default().insert(&edge.to);
    }
    next.keys().find_map(|start| {
        let mut path = vec![*start];
        returns(&next, start, &mut path).then(|| path.into_iter().map(str::to_owned).collect())
    })
}

/// Whether some way on from the end of the path leads to its start.
fn returns<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &str, path: &mut Vec<&'a str>) -> bool {
    let last = path[path.len() - 1];
    for to in next.get(last).into_iter().flatten() {
        if *to == start {
            return true;
        }
        if !path.contains(to) {
            path.push(to);
            if returns(next, start, path) {
                return true;
            }
            path.pop();
        }
    }
    false
}

struct Reader<'a> {
    file: &'a File,
    /// Modules written inside the file: name, and the depth of braces around it.
    inline: Vec<(String, usize)>,
    depth: usize,
    found: &'a mut Imports,
}

impl Reader<'_> {
    fn read(&mut self) {
        for at in 0..self.file.tokens.len() {
            match self.token(at) {
                "mod" if self.token(at + 2) == "{" => {
                    self.inline.push((self.token(at + 1).to_owned(), self.depth));
                }
                "{" => self.depth += 1,
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.inline.last().is_some_and(|(_, depth)| *depth == self.depth) {
                        self.inline.pop();
                    }
                }
                // `pub(crate)` and `&self` name nothing; `super` in a group is read with its group.
                "crate" if self.token(at + 1) == "as" => self.breach("renames the root"),
                "crate" | "super" | "self" if self.token(at + 1) == "::" && !self.continues(at) => {
                    self.tree(at, self.here());
                }
                _ => {}
            }
        }
    }

    /// Whether a path or a group of one stands before this place.
    fn continues(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).map_or("", |at| self.token(at));
        before(1) == "::" || (before(1) == "{" && before(2) == "::")
    }

    /// Reads one tree of a path from `at`, relative to `base`, and answers where it ends.
    fn tree(&mut self, mut at: usize, mut base: Vec<String>) -> usize {
        loop {
            match self.token(at) {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    base.pop();
                }
                "*" => {
                    self.leads_to(&base, true);
                    return at + 1;
                }
                "{" => return self.group(at + 1, &base),
                name => base.push(name.to_owned()),
            }
            let goes_on = self.token(at + 1) == "::" && !["<", "("].contains(&self.token(at + 2));
            if !goes_on {
                self.leads_to(&base, false);
                return at + 1;
            }
            at += 2;
        }
    }

    fn group(&mut self, mut at: usize, base: &[String]) -> usize {
        while !["}", ""].contains(&self.token(at)) {
            at = self.tree(at, base.to_vec());
            while self.token(at) == "as" || self.token(at) == "," || self.token(at - 1) == "as" {
                at += 1;
            }
        }
        at + 1
    }

    fn leads_to(&mut self, path: &[String], glob: bool) {
        let own = &self.file.module[0];
        self.found.paths.insert((self.file.path.clone(), path.to_vec()));
        match path.first() {
            None if glob => self.breach("imports everything at once"),
            None => {}
            Some(to) if to == own => {}
            Some(to) => {
                let edge = Edge { from: own.clone(), to: to.clone(), file: self.file.path.clone() };
                self.found.edges.insert(edge);
            }
        }
    }

    fn here(&self) -> Vec<String> {
        let inline = self.inline.iter().map(|(name, _)| name.clone());
        self.file.module.iter().cloned().chain(inline).collect()
    }

    fn breach(&mut self, what: &str) {
        self.found.breaches.push(format!("{}: {what}", self.file.path));
    }

    fn token(&self, at: usize) -> &str {
        self.file.tokens.get(at).map_or("", String::as_str)
    }
}
