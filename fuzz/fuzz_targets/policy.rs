//! Any text is a policy or a mistake with a place.
#![no_main]

use std::sync::LazyLock;

use coffer_vault::admit::Policy;
use coffer_vault::config::Config;
use coffer_vault::schema::Schema;

static AROUND: LazyLock<(Config, Schema)> = LazyLock::new(|| (coffer_fuzz::configuration(), coffer_fuzz::schema()));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Policy::read(text, "access.toml", &AROUND.1, &AROUND.0);
});
