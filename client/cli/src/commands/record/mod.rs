pub mod erase;
pub mod list;
pub mod read;
pub mod write;
