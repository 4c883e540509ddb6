//! The commands of `coffer-vault`, one a file.

mod approvals;
pub mod backup;
pub mod check;
pub mod demo;
pub mod dev;
pub mod exit;
pub mod init;
pub mod live;
pub mod memory;
pub mod open;
pub mod openapi;
pub mod restore;
pub mod schema;
pub mod serve;
pub mod shares;
pub mod token;
pub mod upkeep;
