#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Numbers that the issuers publish for tests, of every issuer and length that has one.
const PUBLISHED: [&str; 14] = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "30569309025904",
    "38520000023237",
    "3530111333300000",
    "6212345678901265",
    "6759649826438453",
];

/// Every character that separates groups, of each kind at least one of each width.
const SEPARATORS: [char; 16] = [
    ' ', '\t', '\u{a0}', '\u{2009}', '\u{202f}', '\u{3000}', '-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2212}',
    '\u{ff0d}', '.', '\u{b7}', '\u{ff0e}', '_',
];

/// Bytes of the longest value that a field takes.
const LONG_BYTES: usize = 64 * 1024;

#[track_caller]
fn found(text: &str) {
    assert!(found_in(text), "{text:?} holds a card number");
}

#[track_caller]
fn not_found(text: &str) {
    assert!(!found_in(text), "{text:?} holds no card number");
}

/// The last digit of a number.
fn check_digit(body: &str) -> u32 {
    (0..10).find(|last| issuers::has_check_digit(&digits_of(&format!("{body}{last}")))).unwrap()
}

fn digits_of(text: &str) -> Vec<u8> {
    text.bytes().map(|digit| digit - b'0').collect()
}

/// A card number of any issuer and length: at least so many digits.
fn card(digits_min: usize) -> impl Strategy<Value = String> {
    let beginnings = prop::sample::select(vec![
        "4", "51", "55", "2221", "2720", "34", "37", "6011", "644", "65", "300", "3095", "36", "39", "3528", "3589",
        "62", "5018", "5893", "6304", "6763",
    ]);
    (beginnings, "[0-9]{19}", any::<prop::sample::Index>()).prop_filter_map(
        "too short",
        move |(begins, rest, length)| {
            let body = format!("{begins}{rest}");
            let lengths: Vec<usize> =
                issuers::lengths(&digits_of(&body)).iter().copied().filter(|length| *length >= digits_min).collect();
            let length = *lengths.get(length.index(lengths.len().max(1)))?;
            let body = &body[..length - 1];
            Some(format!("{body}{}", check_digit(body)))
        },
    )
}

/// The number with a separator, or none, behind each digit but the last.
fn separated(number: &str, gaps: &[Option<char>]) -> String {
    let last = number.len() - 1;
    number.chars().enumerate().flat_map(|(at, digit)| [Some(digit), gaps[at].filter(|_| at < last)]).flatten().collect()
}

fn gap() -> impl Strategy<Value = Option<char>> {
    prop::option::of(prop::sample::select(SEPARATORS.to_vec()))
}

proptest! {
    #[test]
    fn a_number_is_found_with_any_separator_between_any_digits(
        number in card(15),
        gaps in prop::collection::vec(gap(), 19),
    ) {
        let text = separated(&number, &gaps);
        prop_assert!(found_in(&text), "{:?}", text);
    }

    #[test]
    fn a_number_is_found_in_printed_groups_with_up_to_three_separators_and_words_around(
        number in card(13),
        gap in prop::collection::vec(prop::sample::select(SEPARATORS.to_vec()), 1..=3),
        before in "[a-z ]{0,8}[:#(\"]?",
        behind in "[,;:)\"/]?[a-z ]{0,8}",
    ) {
        let widths: &[usize] = match number.len() { 13 => &[4, 3, 3, 3], 14 => &[4, 6, 4], 15 => &[4, 6, 5], _ => &[4; 5] };
        let mut rest = number.as_str();
        let mut groups = Vec::new();
        for width in widths {
            let (group, others) = rest.split_at(rest.len().min(*width));
            groups.push(group);
            rest = others;
        }
        let groups = groups.into_iter().filter(|group| !group.is_empty()).collect::<Vec<_>>();
        let text = format!("{before}{}{behind}", groups.join(&gap.iter().collect::<String>()));
        prop_assert!(found_in(&text), "{:?}", text);
        let unbroken = format!("{before}{number}{behind}");
        prop_assert!(found_in(&unbroken), "{:?}", unbroken);
    }

    #[test]
    fn a_number_with_one_other_digit_is_none(number in card(13), at in any::<prop::sample::Index>(), other in 1..10u8) {
        let mut digits = digits_of(&number);
        let at = at.index(digits.len());
        digits[at] = (digits[at] + other) % 10;
        let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        // Luhn's check digit finds every single wrong digit.
        prop_assert!(!found_in(&text), "{:?}", text);
    }

    #[test]
    fn no_text_makes_the_guard_panic(text in any::<String>(), soup in "[0-9OlI +.\\-\u{2013}\u{ff10}-\u{ff19}A-Z]{0,400}") {
        is_read_in(&text);
        is_read_in(&soup);
    }

    #[test]
    fn the_first_look_passes_over_no_card(
        number in card(13),
        letters in prop::collection::vec(any::<bool>(), 19),
        gaps in prop::collection::vec(gap(), 19),
        before in any::<String>(),
        behind in any::<String>(),
    ) {
        let like = |(at, digit): (usize, char)| match digit {
            '0' if letters[at] => 'O',
            '1' if letters[at] => 'l',
            digit => digit,
        };
        let look_alike: String = number.chars().enumerate().map(like).collect();
        let text = format!("{before}{}{behind}", separated(&look_alike, &gaps));
        prop_assert!(may_hold(&text) || !is_read_in(&text), "{:?}", text);
        prop_assert!(may_hold(&separated(&look_alike, &gaps)));
    }

    #[test]
    fn a_number_is_found_in_the_digits_of_every_script(number in card(13), zero in prop::sample::select(signs::ZEROS.to_vec())) {
        let text: String =
            digits_of(&number).iter().map(|digit| char::from_u32(zero + u32::from(*digit)).unwrap()).collect();
        prop_assert!(found_in(&text), "{:?}", text);
    }
}

#[test]
fn the_numbers_that_issuers_publish_are_found() {
    for number in PUBLISHED {
        found(number);
        found(&format!("card no:{number}."));
        let next = char::from(number.as_bytes()[number.len() - 1].wrapping_add(1).clamp(b'0', b'8'));
        not_found(&format!("{}{}", &number[..number.len() - 1], if number.ends_with(next) { '9' } else { next }));
    }
}

#[test]
fn what_people_paste_is_found() {
    for text in [
        "card no:4111111111111111.",
        "4111 1111 1111 1111 exp 12/29 cvv 123",
        "4111-1111-1111-1111 12-29 123",
        "4111 1111 1111 1111 1229 123",
        "14 4111 1111 1111 1111",
        "4111 - 1111 - 1111 - 1111",
        "4111  1111  1111  1111",
        "4111\t1111\t1111\t1111",
        "411111 1111111111 12/29",
        "4111111111111111 4111111111111112",
        "PAN4111111111111111",
        "No4111111111111111",
        "O4111111111111111",
        "VISA-4111-1111-1111-1111-OK",
        "%B4111111111111111^TENANT/A^29121010000000000?",
        ";4111111111111111=29121010000000000?",
        "{\"pan\":\"4111111111111111\"}",
        "3782 822463 10005",
        "3056 930902 5904",
        "４１１１ １１１１ １１１１ １１１１",
        "٤١١١١١١١١١١١١١١١",
        "4️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣",
        "4lll llll llll llll",
        "4O12 8888 8888 I88l",
        "4\u{200b}111\u{ad}1111\u{2060}1111 1111",
        "4\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1111 1111",
        "07700 900123 4111111111111111",
        "07700 900123 4111 1111 1111 1111",
        "+44 7700 900123 4111 1111 1111 1111",
        "20-00-00 12345678 4111 1111 1111 1111",
        "GB29 NWBK 6016 1331 9268 19 4111 1111 1111 1111",
        "2026-03-09 412.50 4111111111111111",
        "+4111111111111111",
    ] {
        found(text);
    }
}

#[test]
fn what_is_no_card_number_is_not_found() {
    for text in [
        "",
        "4111",
        "4111 1111 1111",
        "no digits at all in this rather long sentence",
        "4111 1111 1111 1112",
        "411111111111111",
        "41111111111111111",
        "1111111111111111117",
        // One line, and the next.
        "4111 1111\n1111 1111",
        "4111, 1111, 1111, 1111",
        // Masked, as receipts have it.
        "4111 11** **** 1111",
        "ending 1111",
        // Amounts and dates side by side.
        "650.00 2026-03-09 650.00",
        "12.03.2026-15.03.2026",
        // Of a card's length and with its check digit, and of no issuer.
        "9826 1234 5678 9012 346",
        "0000 0000 0000 0000",
        "1234567812345670",
        // 13 and 14 digits, in no groups of a card.
        "42-22-22 2222222",
        "30-56-93 09025904",
        "305693 09025904",
    ] {
        not_found(text);
    }
}

/// Numbers with a card's beginning and check digit which are something else.
#[test]
fn telephone_numbers_accounts_and_ibans_are_not_found() {
    for text in [
        "07700 900123",
        "020 7946 0958",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "0044 7700 900123",
        "07700 900123 07700 900456",
        "20-00-00 12345678",
        "200000 12345678",
        "20-00-00 12345678 40-11-22 87654321",
        "GB29 NWBK 6016 1331 9268 19",
        "gb29nwbk60161331926819",
        "PL61 1090 1014 0000 0712 1981 2874",
        "IBAN: DE89 3704 0044 0532 0130 00, thank you",
        "IL62 0108 0000 0009 9999 999",
    ] {
        not_found(text);
    }
}

/// Each with its twin, which has the same digits and is nothing else than a card number.
#[test]
fn what_is_set_aside_would_be_found_otherwise() {
    for (something_else, card) in [
        // An IBAN, and one with other check digits.
        ("PL60 2634 4944 6552 5844 8267 9781", "PL61 2634 4944 6552 5844 8267 9781"),
        // A mobile telephone in Germany.
        ("+4915112345678", "4915112345678"),
        ("01792 624512 01792 624007", "624512 01792 624007"),
        ("430552 20150550 46-86-41 25533059", "430552 20150550 46"),
        ("650.00 2026-03-09 122.52", "650.00 2026-0309 122.52"),
        ("12 650.00 2026-03-09 122.52", "12 650-00 2026-0309 122-52"),
    ] {
        not_found(something_else);
        found(card);
    }
}

#[test]
fn every_digit_of_the_tables_is_one_to_unicode() {
    assert!(signs::ZEROS.is_sorted(), "the table is searched by halves");
    let stretches =
        signs::ZEROS.iter().map(|zero| (*zero, 10)).chain(signs::ORNAMENTAL.map(|(first, _, n)| (first, n)));
    for (first, count) in stretches {
        for digit in first..first + count {
            assert!(char::from_u32(digit).unwrap().is_numeric(), "U+{digit:04X}");
        }
    }
}

/// Whatever stands in it, a long text takes time by its length. Twice the length and four times the time would be
/// minutes here.
#[test]
fn the_longest_value_takes_no_time_to_speak_of() {
    const TIME_MAX: Duration = Duration::from_secs(2);
    let shapes = [
        "4",
        "4 ",
        "41 ",
        "4111 ",
        "4111  ",
        "07700 900123 ",
        "20-00-00 12345678 ",
        "GB29 ",
        "GB29NWBK",
        "Il0 ",
        "2026-03-09 412.50 ",
        "4\u{ad}",
        "\u{ff14} ",
        "+4",
        "word ",
    ];
    for shape in shapes {
        let text = shape.repeat(LONG_BYTES / shape.len());
        let start = Instant::now();
        found_in(&text);
        let took = start.elapsed();
        assert!(took < TIME_MAX, "{shape:?}: {took:?}");
    }
}

/// `cargo test --release -p coffer-vault --lib -- --ignored --nocapture speed_of_the_guard`.
#[test]
#[ignore = "a measurement, of use in release alone"]
fn speed_of_the_guard() {
    let prose = "Cannot lift more than a kettle; shopping is brought on Tuesdays at 10. ".repeat(6);
    for (what, text) in [
        ("an id", "T-000001".to_owned()),
        ("an account number", "GB29NWBK60161331926819".to_owned()),
        ("a reason", "tenant asks which account we hold".to_owned()),
        ("400 bytes of prose", prose[..400].to_owned()),
        ("64 KiB of prose", prose.repeat(LONG_BYTES / prose.len())),
        ("64 KiB of the worst", "4 ".repeat(LONG_BYTES / 2)),
    ] {
        let fastest = (0..50).map(|_| {
            let start = Instant::now();
            (0..100).for_each(|_| assert!(!found_in(std::hint::black_box(&text))));
            start.elapsed() / 100
        });
        println!("{what}: {:?}", fastest.min().unwrap());
    }
}
