//! What stands between the network and the data: handshakes, credentials, limits; and what holds
//! once somebody is in: controllers apart, writes whole, policy at once, and all of it after a restart.
#![allow(clippy::unwrap_used)]

mod activation;
mod admission;
mod age;
mod agreement;
mod bad_input;
mod client;
mod consent;
mod credentials;
mod ending;
mod handshake;
mod limits;
mod provenance;
mod records;
mod scarce;
mod sealed;
mod shares;
