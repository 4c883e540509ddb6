//! What the vault does for a request. [`routes`] is the table of operations; each operation has a
//! file of its own; this room alone conducts the others.

mod answer;
mod apply;
mod blocking;
mod buffer;
mod crowd;
mod desk;
mod door;
mod drill;
mod entry;
mod erase;
mod erase_subject;
mod erasure;
mod fields;
mod gathering;
mod genesis;
mod guard;
mod house;
mod idempotency;
mod incoming;
mod keys;
mod list;
mod manage;
mod metrics;
pub mod openapi;
mod prove;
mod read;
mod root;
mod round;
pub mod routes;
mod seal_up;
mod show;
mod show_schema;
mod status;
mod step;
mod taking;
mod unseal;
mod whoami;
mod write;

pub use answer::MEDIA_TYPE;
pub use door::{Door, OpenStore, Shut, Why, Within};
pub use genesis::{Proposal, init};
pub use house::{House, HouseError, Mended, Opening, Upkeep};
pub use incoming::Incoming;
pub use metrics::Unready;
