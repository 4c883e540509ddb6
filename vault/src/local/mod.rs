//! What a newcomer needs to start at all: a home directory with its first files, and, for `dev`,
//! `demo` and `init --local-issuer` only, certificates and tokens of the vault's own making.
//!
//! Nothing here runs while a vault serves. A vault that trusts itself about who its callers are is
//! for trying out; `status` shows a local issuer in red.

pub mod ca;
pub mod files;
pub mod home;
pub mod issuer;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod shipped;
mod template;

pub use ca::{CaError, Leaf, LocalCa};
pub use home::{HomeError, HomeOptions, LaidHome, lay, local_issuer, write_client_config};
pub use issuer::{Issuer, IssuerError, MintError, TokenRequest, thumbprint};
pub use template::{AUDIENCE, schema};
