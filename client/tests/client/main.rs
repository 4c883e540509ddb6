//! The client against a server that lies, which no vault does; the whole of client and vault is
//! tested in the package coffer-tests.

#![allow(clippy::unwrap_used)]

mod asking;
mod believing;
mod following;
mod liar;
