//! The vault runs in the organisation's own office: one program, one folder, and no network but the machine's own loopback.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use coffer_tests::harness::{binary, command_line};

/// What both programs need of their system: the C library with its loader, and the C++ library that RocksDB is written
/// against. A library beyond these would be one that an office has to install first.
const SYSTEM: [&str; 6] =
    ["linux-vdso.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6"];

/// Runs what it is given in a network of its own, in which nothing is but a loopback, and says what stands there.
const CUT_OFF: &str = r#"ip link set lo up && [ "$(grep -c : /proc/net/dev)" = 1 ] && exec "$@""#;
/// The same with the loopback down too.
const DEAF: &str = r#"[ "$(grep -c : /proc/net/dev)" = 1 ] && exec "$@""#;

/// A command in a network namespace of its own, and with nothing of this process's environment but where programs lie.
fn alone(script: &str, words: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--", "sh", "-c", script, "sh"]).args(words);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().unwrap()
}

/// Whether this machine lets a test have a network of its own. Where it does not, there is nothing to be seen here.
fn may_be_alone() -> bool {
    let may = alone(CUT_OFF, &["true"]).status.success();
    if !may {
        eprintln!("no user namespaces, or no `ip`, on this machine: the test has shown nothing");
    }
    may
}

#[test]
fn the_whole_story_is_told_without_any_network() {
    if !may_be_alone() {
        return;
    }
    let told = alone(CUT_OFF, &[binary().to_str().unwrap(), "demo"]);
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    assert!(said.trim_end().ends_with("demo: ok"), "{said}");
    // The namespace is what it seems: nothing goes out of it, and where not even the loopback is up, nothing at all.
    let outside = alone(CUT_OFF, &["sh", "-c", "ip route get 192.0.2.1"]);
    assert!(!outside.status.success(), "{}", String::from_utf8_lossy(&outside.stdout));
    assert!(!alone(DEAF, &[binary().to_str().unwrap(), "demo"]).status.success());
}

#[test]
fn the_programs_need_a_closed_list_of_libraries_of_their_system() {
    for program in [binary(), command_line()] {
        let needs = libraries(program);
        assert!(needs.contains("libc.so.6"), "{}: {needs:?}", program.display());
        let beyond: Vec<_> = needs.iter().filter(|library| !SYSTEM.contains(&library.as_str())).collect();
        assert!(beyond.is_empty(), "{} needs {beyond:?}", program.display());
    }
    // Another program of this machine needs others, and would be found out.
    let shell = libraries(Path::new("/bin/bash"));
    assert!(shell.iter().any(|library| !SYSTEM.contains(&library.as_str())), "{shell:?}");
}

/// The names of the libraries that a program is linked to.
fn libraries(program: &Path) -> BTreeSet<String> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).unwrap();
    let first = |line: &str| Some(line.split_whitespace().next()?.rsplit('/').next()?.to_owned());
    text.lines().filter_map(first).collect()
}
