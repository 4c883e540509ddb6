//! What is printed, and how: text from elsewhere is made safe in this one place, colours stand on a
//! terminal alone.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::failure::Failure;
use coffer_wire::escape::{clean, clean_json};

/// A line under the headings, and no other.
const RULED: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));

/// A piece of text, made safe when it is made.
pub struct Piece {
    text: String,
    tone: Tone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Red,
    Green,
    Faint,
}

/// Text as it is.
pub fn plain(text: impl Display) -> Piece {
    Piece::new(text, Tone::Plain)
}

/// What a person must not pass over.
pub fn red(text: impl Display) -> Piece {
    Piece::new(text, Tone::Red)
}

/// What is as it should be.
pub fn green(text: impl Display) -> Piece {
    Piece::new(text, Tone::Green)
}

/// What is there for completeness.
pub fn faint(text: impl Display) -> Piece {
    Piece::new(text, Tone::Faint)
}

/// Something that may not be there.
pub fn maybe(text: Option<impl Display>) -> Piece {
    text.map_or_else(|| faint("–"), plain)
}

/// A list of things, with commas.
pub fn list<T: Display>(things: impl IntoIterator<Item = T>) -> Piece {
    let things: Vec<_> = things.into_iter().map(|thing| thing.to_string()).collect();
    if things.is_empty() { faint("none") } else { plain(things.join(", ")) }
}

impl Piece {
    fn new(text: impl Display, tone: Tone) -> Piece {
        Piece { text: clean(&text.to_string()), tone }
    }

    /// The same, filled up with spaces to a width in characters, and at least one.
    pub fn wide(mut self, width: usize) -> Piece {
        self.text = format!("{:<width$} ", self.text);
        self
    }

    fn painted(&self) -> String {
        let code = match self.tone {
            Tone::Plain => return self.text.clone(),
            Tone::Red => "31;1",
            Tone::Green => "32",
            Tone::Faint => "2",
        };
        format!("\u{1b}[{code}m{}\u{1b}[0m", self.text)
    }

    fn cell(self) -> Cell {
        let cell = Cell::new(self.text);
        match self.tone {
            Tone::Plain => cell,
            Tone::Red => cell.fg(Color::Red).add_attribute(Attribute::Bold),
            Tone::Green => cell.fg(Color::Green),
            Tone::Faint => cell.add_attribute(Attribute::Dim),
        }
    }
}

/// Where results go.
pub struct Screen {
    json: bool,
    colours: bool,
}

impl Screen {
    /// Standard output, as JSON or for a person.
    pub fn new(json: bool) -> Screen {
        // https://no-color.org: the one thing that is asked of the environment.
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Screen { json, colours }
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A result as JSON over several lines.
    pub fn json(&self, result: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(result).map_err(|error| Failure::failed("JSON", error))?;
        print(&clean_json(&json))
    }

    /// One of many results, as JSON on one line.
    pub fn json_line(&self, result: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(result).map_err(|error| Failure::failed("JSON", error))?;
        print(&clean_json(&json))
    }

    /// A line of pieces.
    pub fn line(&self, pieces: impl IntoIterator<Item = Piece>) -> Result<(), Failure> {
        let pieces = pieces.into_iter().map(|piece| if self.colours { piece.painted() } else { piece.text });
        print(pieces.collect::<String>().trim_end())
    }

    /// A table with a heading for each column.
    pub fn table<const N: usize>(&self, headings: [&str; N], rows: Vec<[Piece; N]>) -> Result<(), Failure> {
        let mut table = self.empty(RULED);
        table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row.map(Piece::cell));
        }
        print_table(&table)
    }

    /// What something is called, and what it is, a line each.
    pub fn pairs(&self, pairs: Vec<(&str, Piece)>) -> Result<(), Failure> {
        let mut table = self.empty(NOTHING);
        for (name, piece) in pairs {
            table.add_row([faint(name).cell(), piece.cell()]);
        }
        print_table(&table)
    }

    /// A table as wide as the terminal, where there is one.
    fn empty(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic);
        if let (false, Some(width)) = (self.colours, table.width()) {
            table.force_no_tty().set_width(width);
        }
        table
    }
}

/// On standard error, so that results can be read by a program.
pub fn note(text: impl Display) {
    eprintln!("coffer: {}", clean(&text.to_string()));
}

/// "1 record", "2 records".
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number with a comma after each thousand.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn print_table(table: &Table) -> Result<(), Failure> {
    for line in table.lines() {
        print(line.trim_end())?;
    }
    Ok(())
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{line}").map_err(|error| Failure::printing(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_safe_however_it_is_shown() {
        let hostile = "\u{1b}]0;title\u{7}";
        for piece in [plain(hostile), red(hostile), maybe(Some(hostile)), list([hostile])] {
            assert!(!piece.text.contains(char::is_control));
            assert!(!piece.painted().contains("\u{1b}]"));
            assert!(!piece.cell().content().contains(char::is_control));
        }
    }

    #[test]
    fn only_what_has_a_tone_is_painted() {
        assert_eq!(plain("x").painted(), "x");
        assert_eq!(red("x").painted(), "\u{1b}[31;1mx\u{1b}[0m");
    }

    #[test]
    fn what_is_not_there_shows_as_such() {
        assert_eq!(maybe(None::<&str>).text, "–");
        assert_eq!(list::<&str>([]).text, "none");
        assert_eq!(list(["a", "b"]).text, "a, b");
    }

    #[test]
    fn large_numbers_are_grouped() {
        let grouped: Vec<_> = [0, 999, 1_000, 1_234_567].map(grouped).into();
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            (count(1, "leaf", "leaves"), count(2_000, "leaf", "leaves")),
            ("1 leaf".into(), "2,000 leaves".into())
        );
    }
}
