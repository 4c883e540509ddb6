//! What crosses the line between Coffer and its callers, and all that an outsider needs to check
//! Coffer's access log: names, requests and answers, leaves, the RFC 6962 tree, signed notes.
//!
//! Nothing here does I/O and nothing here holds a key.

pub mod api;
pub mod approval;
pub mod approvals;
mod bounded;
pub mod certificate;
#[cfg(feature = "schema")]
mod described;
pub mod erasures;
pub mod escape;
mod form;
pub mod holds;
pub mod kind;
pub mod known;
pub mod leaf;
pub mod name;
pub mod note;
pub mod object;
pub mod private;
pub mod problem;
pub mod provenance;
pub mod receipt;
pub mod recipient;
pub mod schema;
pub mod succession;
pub mod trace;
pub mod tree;
pub mod value;

pub use form::Form;
pub use known::{Confidence, Day, Known};
pub use name::{ExternalId, Name, NameError};
pub use provenance::Provenance;
pub use recipient::Recipient;
pub use tree::Hash;
pub use value::Value;
