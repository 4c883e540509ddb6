//! What Coffer promises (docs/PROMISES.md): that the page is true to the tests that it names, and those of its rows that
//! no other suite shows.
#![allow(clippy::unwrap_used)]

mod kept;
mod page;
