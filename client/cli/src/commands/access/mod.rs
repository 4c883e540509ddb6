pub mod apply;
pub mod who_can;
