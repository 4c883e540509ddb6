//! What crates pull in, directly or through others, as cargo resolves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// A crate, and what it must not reach.
const APART: &[(&str, &[&str])] = &[
    // No keys and no way out: an outsider builds it to check the log.
    ("coffer-wire", &["coffer-keys", "coffer-vault", "rocksdb", "axum", "tokio", "hyper", "reqwest"]),
    // What applications build.
    ("coffer-client", &["coffer-keys", "coffer-vault", "rocksdb", "axum"]),
    ("coffer-cli", &["coffer-keys", "coffer-vault", "rocksdb", "axum"]),
    // No serde of secrets, no HTTP, no storage.
    ("coffer-keys", &["coffer-wire", "coffer-vault", "rocksdb", "axum", "hyper", "serde", "serde_core", "tokio"]),
];

/// What cargo knows of the workspace on this platform: what others need beside it was never fetched, and there is no
/// going out for it in a test.
pub(crate) fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "host-tuple"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn breaches(metadata: &Value) -> Vec<String> {
    let graph = Graph::of(metadata);
    let mut breaches = Vec::new();
    for (name, apart) in APART {
        let reached = graph.reached(name);
        breaches.extend(apart.iter().filter(|a| reached.contains(**a)).map(|a| format!("{name} reaches {a}")));
    }
    breaches
}

/// Makes one package depend on another.
pub(crate) fn plant(metadata: &mut Value, from: &str, to: &str) {
    let (from, to) = (id_of(metadata, from), id_of(metadata, to));
    let nodes = metadata["resolve"]["nodes"].as_array_mut().unwrap();
    let node = nodes.iter_mut().find(|node| node["id"] == from.as_str()).unwrap();
    let planted = json!({ "pkg": to, "dep_kinds": [{ "kind": null, "target": null }] });
    node["deps"].as_array_mut().unwrap().push(planted);
}

struct Graph {
    names: BTreeMap<String, String>,
    depends: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn of(metadata: &Value) -> Graph {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap();
        let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
        let depends = |node: &Value| {
            let deps = node["deps"].as_array().unwrap();
            deps.iter().filter(|dep| is_shipped(dep)).map(|dep| text(&dep["pkg"])).collect()
        };
        Graph {
            names: packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect(),
            depends: nodes.iter().map(|node| (text(&node["id"]), depends(node))).collect(),
        }
    }

    fn reached(&self, name: &str) -> BTreeSet<String> {
        let start = self.names.iter().find(|(_, n)| *n == name).map(|(id, _)| id.clone()).unwrap();
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(id) = open.pop() {
            for next in &self.depends[&id] {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen.iter().map(|id| self.names[id].clone()).collect()
    }
}

/// What tests alone need is not shipped, and what runs at build time on the builder's machine is
/// neither.
fn is_shipped(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
}

fn id_of(metadata: &Value, name: &str) -> String {
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    package["id"].as_str().unwrap().to_owned()
}
