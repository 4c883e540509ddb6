//! The Coffer vault: a server that keeps each category of personal data under keys of its own and
//! releases nothing before the record of that access is safely in its log.
//!
//! Modules stand here in the order in which a request meets them. Each imports only what stands
//! after it (`main │ listen │ serve │ check │ jobs │ seal │ ledger │ admit │ keyring │ archive │ store │
//! schema, cards │ clock, config`); a test holds that law. docs/ARCHITECTURE.md shows the whole.

pub mod local;

pub mod listen;

pub mod serve;

pub mod check;

pub mod jobs;

pub mod seal;

pub mod ledger;

pub mod admit;

pub mod keyring;

pub mod archive;

pub mod store;

pub mod cards;
pub mod schema;

pub mod clock;
pub mod config;
