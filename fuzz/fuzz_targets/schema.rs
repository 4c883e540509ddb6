//! Any text is a schema or a mistake with a place; a schema may follow itself, and its fields judge any value.
#![no_main]

use coffer_vault::schema::Schema;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let files = [("schema/bank.toml".to_owned(), text.to_owned())];
    let Ok(schema) = Schema::read(&files) else { return };
    schema.may_follow(&schema).unwrap();
    for field in schema.iter().flat_map(|category| &category.fields) {
        if field.validate(text).is_ok() {
            let _ = field.mask(text);
        }
    }
});
