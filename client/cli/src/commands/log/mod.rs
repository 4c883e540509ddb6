pub mod export;
pub mod tail;
pub mod verify;
mod walk;
