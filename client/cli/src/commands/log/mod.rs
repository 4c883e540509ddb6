pub mod export;
pub mod key;
pub mod tail;
pub mod verify;
mod walk;
