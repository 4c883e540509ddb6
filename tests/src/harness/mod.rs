//! The stage on which the end-to-end suites play: a home, a vault that serves it over real TLS, and
//! two clients of it, ours and one that knows nothing of ours.
//!
//! ```no_run
//! # use coffer_tests::harness::{Home, Serving, Store};
//! # use serde_json::json;
//! # async fn f() {
//! let vault = Home::new(Store::Rocks).serve();
//! let officer = vault.staff("bank-officer", "oakvale");
//! officer.write("bank", "tenant-1", "main", json!({"account_number": "00000001"})).await.granted();
//! let home = vault.stop().await; // nothing is open any more: the store can be tampered with
//! let vault = home.serve();
//! # }
//! ```
//!
//! * [`Home`]: a temporary folder with everything `coffer-vault init --local-issuer` makes, over
//!   RocksDB or over the engine in memory. Its issuer signs any token that a test can think of.
//! * [`Running`]: the vault in this process; its log, engine and house are at hand.
//! * [`Process`]: the real `coffer-vault` binary over the same home; it can be killed.
//! * [`Serving`]: what both can do: [`raw`](Serving::raw) is plain HTTP with an application's
//!   certificate, [`client`](Serving::client) the client crate, [`staff`](Serving::staff) a person
//!   with a token who works at the right application.
//!
//! Whatever the stage itself cannot do ends the test with a panic that says where.
#![allow(clippy::unwrap_used)] // a stage that cannot be set is no result of a test

mod home;
mod process;
mod raw;
mod running;
mod serving;
mod socket;
mod staff;

pub use home::{CONTROLLERS, Home, STAFF, Store, application_of, controllers, copy_folder, name, purpose_of};
pub use process::{Process, binary, command_line};
pub use raw::{Raw, Reply, tls};
pub use running::Running;
pub use serving::Serving;
pub use socket::{Socket, h2};
pub use staff::Staff;
