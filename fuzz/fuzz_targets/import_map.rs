//! Any text is the map of an import or a mistake that names its file, and a map reads the same again.
#![no_main]

use coffer_cli::Map;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Map::read("map.toml", text) {
        Ok(map) => assert!(Map::read("map.toml", text) == Ok(map)),
        Err(mistake) => assert!(mistake.to_string().starts_with("map.toml")),
    }
});
