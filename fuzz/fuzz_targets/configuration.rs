//! Any text is a configuration or a mistake that names its file.
#![no_main]

use std::path::Path;

use coffer_vault::config::Config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Config::read(Path::new("/home/vault"), "coffer.toml", text) {
        Ok(config) => assert!(config.listen.key.is_absolute() && !config.controllers.is_empty()),
        Err(error) => assert_eq!(error.file, "coffer.toml"),
    }
});
