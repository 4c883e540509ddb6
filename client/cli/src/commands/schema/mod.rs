pub mod apply;
pub mod article30;
mod markdown;
pub mod notice;
#[cfg(test)]
mod sample;
pub mod show;

use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::plain;

/// Prints a document, line by line, since each line is made safe by itself.
fn print(desk: &Desk, document: &str) -> Result<(), Failure> {
    document.lines().try_for_each(|line| desk.screen.line([plain(line)]))
}
