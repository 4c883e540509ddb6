//! The lines of a CSV file, one at a time, each with its place. However long the file, and however wrong its
//! quotes, no more than one line is held.
//!
//! Numbers are those an editor shows: line ends inside quotes count, empty lines too. The file's own reader of the
//! crate `csv` counts neither all of them nor limits what it holds, so its core is used.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroizing;

/// Bytes of one line's cells, at most: more is no line of records but a quote that was never closed.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Cells of one line, at most.
const CELLS_MAX: usize = 4_096;

/// A place in the file: where a line begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Its number, from 1.
    pub line: u64,
    /// Bytes before it.
    pub byte: u64,
}

/// Where every file begins.
pub const START: Place = Place { line: 1, byte: 0 };

/// Reads lines. What it has read is wiped when it is dropped.
pub struct Lines<R> {
    input: R,
    reader: Reader,
    next: Place,
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

/// One line's cells.
pub struct Line<'a> {
    /// Where it begins.
    pub place: Place,
    /// The number of its last line: another than its first where a cell holds line ends.
    pub last: u64,
    text: &'a [u8],
    ends: &'a [usize],
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {0} has no end within 1 MiB and 4,096 cells; is a quote missing in it?")]
    Endless(u64),
}

impl<R: BufRead> Lines<R> {
    /// Reads from the start of a file.
    pub fn new(input: R, delimiter: u8) -> Lines<R> {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Lines { input, reader, next: START, text: Zeroizing::new(vec![0; LINE_BYTES_MAX]), ends: vec![0; CELLS_MAX] }
    }

    /// Where the next line begins.
    pub fn place(&self) -> Place {
        self.next
    }

    /// The next line that is not empty.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, LinesError> {
        self.pass_empty()?;
        let place = self.next;
        let (mut text, mut ends, mut last) = (0, 0, place.line);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, written, ended) =
                self.reader.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
            let ending = input[..read].iter().rposition(|byte| *byte != b'\n' && *byte != b'\r');
            let breaks = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            // A line's own end is not a line of its own.
            last = match ending {
                Some(at) => self.next.line + breaks(&input[..at]),
                None => last,
            };
            self.next.line += breaks(&input[..read]);
            self.next.byte += read as u64;
            self.input.consume(read);
            (text, ends) = (text + written, ends + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(LinesError::Endless(place.line));
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        Ok(Some(Line { place, last, text: &self.text[..text], ends: &self.ends[..ends] }))
    }

    /// Goes past empty lines, so that the place is that of what comes.
    fn pass_empty(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let empty = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if empty == 0 {
                return Ok(());
            }
            self.next.line += input[..empty].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.next.byte += empty as u64;
            self.input.consume(empty);
        }
    }
}

impl<R: BufRead + io::Seek> Lines<R> {
    /// Goes on at a place that was given out before.
    pub fn resume(&mut self, place: Place) -> io::Result<()> {
        self.input.seek(io::SeekFrom::Start(place.byte))?;
        self.next = place;
        Ok(())
    }
}

impl<'a> Line<'a> {
    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Its cells, if they are text.
    pub fn cells(&self) -> Option<Vec<&'a str>> {
        let text = std::str::from_utf8(self.text).ok()?;
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(self.ends).map(|(start, end)| text.get(start..*end)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    type Read = Vec<(u64, u64, Vec<String>)>;

    /// First and last number of each line, and its cells; read in pieces of a few bytes.
    fn read(text: &str, piece: usize) -> Read {
        let mut lines = Lines::new(BufReader::with_capacity(piece, Cursor::new(text.as_bytes().to_vec())), b',');
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let cells = line.cells().unwrap().into_iter().map(str::to_owned).collect();
            read.push((line.place.line, line.last, cells));
        }
        read
    }

    fn line(first: u64, last: u64, cells: &[&str]) -> (u64, u64, Vec<String>) {
        (first, last, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn a_line_has_the_number_that_an_editor_shows() {
        let text = "a,b\n\n1,\"x\ny\nz\"\n2,\"\"\n\n\n3,q\"q";
        let expected = [
            line(1, 1, &["a", "b"]),
            line(3, 5, &["1", "x\ny\nz"]),
            line(6, 6, &["2", ""]),
            line(9, 9, &["3", "q\"q"]),
        ];
        for piece in [3, 4, 7, 4_096] {
            assert_eq!(read(text, piece), expected, "{piece}");
            let windows = text.replace('\n', "\r\n");
            let numbers: Vec<_> = read(&windows, piece).into_iter().map(|(first, last, _)| (first, last)).collect();
            assert_eq!(numbers, [(1, 1), (3, 5), (6, 6), (9, 9)], "{piece}");
        }
    }

    #[test]
    fn reading_goes_on_at_any_place_that_was_given_out() {
        let text = "\u{feff}a,b\r\n\r\n1,\"x\r\ny\"\r\n2,w\r\n";
        let open = || Lines::new(BufReader::with_capacity(5, Cursor::new(text.as_bytes().to_vec())), b',');
        let mut lines = open();
        assert_eq!(lines.next().unwrap().unwrap().cells().unwrap(), ["a", "b"]);
        let mut places = vec![lines.place()];
        while lines.next().unwrap().is_some() {
            places.push(lines.place());
        }
        for (at, first) in [(0, Some("1")), (1, Some("2")), (2, None)] {
            let mut lines = open();
            lines.next().unwrap();
            lines.resume(places[at]).unwrap();
            let line = lines.next().unwrap();
            assert_eq!(line.as_ref().map(|line| line.cells().unwrap()[0]), first);
            assert_eq!(line.map(|line| line.place.line), [Some(3), Some(5), None][at]);
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_reading_and_not_the_memory() {
        let text = format!("a,b\n1,\"{}", "x,y\n".repeat(LINE_BYTES_MAX / 4 + 1));
        let mut lines = Lines::new(text.as_bytes(), b',');
        lines.next().unwrap();
        assert!(matches!(lines.next(), Err(LinesError::Endless(2))));
        let wide = ",".repeat(CELLS_MAX + 1);
        assert!(matches!(Lines::new(wide.as_bytes(), b',').next(), Err(LinesError::Endless(1))));
    }

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        assert!(Lines::new(&b"a,\xff\n"[..], b',').next().unwrap().unwrap().cells().is_none());
    }
}
