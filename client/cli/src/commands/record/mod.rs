pub mod erase;
pub mod export;
pub mod import;
pub mod list;
pub mod read;
pub mod write;

use std::path::Path;

use coffer_client::Session;
use coffer_wire::schema::{SchemaAnswer, SchemaRequest};

use crate::failure::Failure;
use crate::input;

/// Who may write need not be who may see the schema.
const ADVICE: &str = "give `--schema FILE`, as `coffer --json schema show` prints it for whoever may see it";

/// The schema that somebody who may see it has saved, else the one in force.
async fn schema(saved: Option<&Path>, session: &Session, asked: &SchemaRequest) -> Result<SchemaAnswer, Failure> {
    if let Some(path) = saved {
        return saved_schema(path);
    }
    session.show_schema(asked).await.map_err(|error| match error.refusal().map(|refusal| refusal.code.status()) {
        Some(403) => Failure::check(error.code(), "you may not see the schema in force", ADVICE),
        _ => error.into(),
    })
}

/// What `coffer --json schema show` printed.
fn saved_schema(path: &Path) -> Result<SchemaAnswer, Failure> {
    serde_json::from_str(&input::text(path)?).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::usage(format!("{}: not a schema, at {place}", path.display()), ADVICE)
    })
}
