//! The guard against the corpus of `tests/data/cards`: what it misses, and what it takes for a card that is none.

use std::path::{Path, PathBuf};

use coffer_vault::cards;

/// Of a class of cards at least so many must be found, of any other class at most so many: in a thousand.
const FOUND_MIN: f64 = 999.0;
const FALSE_MAX: f64 = 1.0;
/// Classes of each kind in each half.
const CARD_CLASSES: usize = 6;
const OTHER_CLASSES: usize = 7;
/// Texts of a class, at least: fewer would measure nothing at one in a thousand.
const TEXTS_MIN: usize = 1_000;
/// What a class of cards is called.
const CARDS: &str = "cards_";

/// One class, as a guard saw it.
struct Measured {
    class: String,
    texts: usize,
    found: usize,
}

impl Measured {
    fn is_of_cards(&self) -> bool {
        self.class.starts_with(CARDS)
    }

    fn in_a_thousand(&self) -> f64 {
        self.found as f64 * 1_000.0 / self.texts as f64
    }

    fn is_good(&self) -> bool {
        if self.is_of_cards() { self.in_a_thousand() >= FOUND_MIN } else { self.in_a_thousand() <= FALSE_MAX }
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// Every class of a half, through a guard.
fn measure(half: &str, guard: impl Fn(&str) -> bool) -> Vec<Measured> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(data().join("cards").join(half)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let class = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let class = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let found = text.lines().filter(|line| guard(line)).count();
        Measured { class, texts: text.lines().count(), found }
    };
    let all: Vec<Measured> = files.iter().map(class).collect();
    let of_cards = all.iter().filter(|class| class.is_of_cards()).count();
    assert_eq!((of_cards, all.len() - of_cards), (CARD_CLASSES, OTHER_CLASSES), "classes of {half}");
    assert!(all.iter().all(|class| class.texts >= TEXTS_MIN), "{half} is too small to be measured on");
    all
}

fn holds(half: &str) {
    let all = measure(half, cards::found_in);
    for Measured { class, texts, found } in &all {
        println!("{half:9} {class:26} {found:5} of {texts:5} found");
    }
    let bad: Vec<_> = all.iter().filter(|class| !class.is_good()).map(|class| &class.class).collect();
    assert!(bad.is_empty(), "{half}: {bad:?}");
}

#[test]
fn the_guard_finds_cards_and_nothing_else_in_texts_it_was_tuned_on() {
    holds("tuning");
}

#[test]
fn the_guard_finds_cards_and_nothing_else_in_texts_it_was_not_tuned_on() {
    holds("held_out");
}

/// The test of the test: on this corpus it does not do to strip a text to its digits and ask for the check digit
/// alone, nor to look for nothing but sixteen digits in a row.
#[test]
fn a_simpler_guard_fails_on_this_corpus() {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect::<Vec<_>>();
    let stripped = |text: &str| {
        let digits = digits(text);
        (13..=19).any(|length| digits.windows(length).any(has_check_digit))
    };
    let unbroken = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() == 16);
    let bad =
        |all: &[Measured]| all.iter().filter(|class| !class.is_good()).map(|c| c.class.clone()).collect::<Vec<_>>();
    let stripped = bad(&measure("held_out", stripped));
    let unbroken = bad(&measure("held_out", unbroken));
    assert!(stripped.iter().filter(|class| !class.starts_with(CARDS)).count() >= 5, "{stripped:?}");
    assert!(unbroken.iter().filter(|class| class.starts_with(CARDS)).count() >= 5, "{unbroken:?}");
}

fn has_check_digit(digits: &[u8]) -> bool {
    let double = |digit: u8| u32::from(digit * 2 / 10 + digit * 2 % 10);
    let share = |(at, digit): (usize, &u8)| if at % 2 == 0 { u32::from(*digit) } else { double(*digit) };
    digits.iter().rev().enumerate().map(share).sum::<u32>() % 10 == 0
}

#[test]
fn nothing_in_the_sample_data_is_taken_for_a_card() {
    let mut cells = 0;
    let files = std::fs::read_dir(data()).unwrap().map(|file| file.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "csv")) {
        let file = path.display();
        let mut records = csv::Reader::from_path(&path).unwrap();
        for record in records.records() {
            for cell in &record.unwrap() {
                assert!(!cards::found_in(cell), "{file}: {cell}");
                cells += 1;
            }
        }
    }
    assert!(cells > 40_000, "{cells} cells");
}
