//! Reads and writes of personal data through a Coffer vault, with receipts that are checked.
//!
//! ```no_run
//! use coffer_client::{Token, Vault, ask};
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let vault = Vault::from_config_file("client.toml")?;
//! let token = Token::from_file("token")?;
//! let payments = vault.on_behalf_of(token).for_purpose("payments")?.with_reason("refund of deposit");
//! let record = payments.read(ask::masked("bank", "tenant-0017", "main", &["account_number"])?).await?;
//! if let Some(number) = record.field("account_number") {
//!     println!("{}", number.expose());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! No read can be written without a purpose. Values do not print and are wiped when they are dropped.
//! Each answer is believed only once its receipt agrees with the request and with the log's key,
//! which is given and never learned; proofs that the log holds what it promised are fetched in the
//! background ([`Vault::receipts`]). Each access is an event of [`tracing`] under the target
//! `coffer_client::access`, without values and without ids of persons or records.
//!
//! A call is to be polled to its end: a write whose future is dropped may or may not have happened.

mod approve;
pub mod ask;
mod builder;
mod config;
mod error;
mod log;
mod outcome;
mod records;
mod session;
mod tls;
mod token;
mod transport;
mod vault;

/// Names, items, leaves, and what is needed to check the log oneself.
pub use coffer_wire as wire;
pub use coffer_wire::{Confidence, Day, ExternalId, Form, Known, Name, Provenance, Value};

pub use builder::{Builder, SetupError};
pub use error::{Error, Invalid, LogFault, Refusal, Standing};
pub use log::{Kept, Receipts, Summary};
pub use outcome::{
    Activated, Allowed, Decision, Drilled, Entries, Erased, Held, Listing, Logged, Record, Rekeyed, Rotated, Written,
};
pub use records::{Each, Records};
pub use session::Session;
pub use token::Token;
pub use vault::Vault;

/// The first program of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
