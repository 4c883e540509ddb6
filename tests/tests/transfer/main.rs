//! Moving data in and out by the real `coffer` command line, over real TLS: `record import` and `record export`.
#![allow(clippy::unwrap_used)]

mod clerk;
mod cut;
mod export;
mod guide;
mod import;
mod round_trip;
mod setup;
