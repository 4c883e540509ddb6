//! Runs of digits: what in them is a card number, and what is something else.

use std::ops::Range;

use zeroize::Zeroizing;

use super::issuers::{DIGITS_MAX, has_check_digit, is_number, lengths};
use super::signs::Sign;

/// In which groups cards are printed, beside one group.
const PRINTED: &[&[usize]] = &[
    &[4, 3, 3, 3],
    &[4, 6, 4],
    &[4, 6, 5],
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 3],
    &[6, 13],
];
/// Separators between two printed groups, at most: `4111 - 1111`.
const PRINTED_GAP_MAX: usize = 3;
/// Separators between any groups.
const GAP_MAX: usize = 1;
/// Shorter numbers than this are looked for in printed groups alone: amounts, dates and readings that stand side by
/// side come to as many digits too easily.
const ANY_GROUPS_DIGITS_MIN: usize = 15;

/// Digits of a telephone number with its zero, in the United Kingdom.
const NATIONAL_DIGITS: Range<usize> = 10..12;
/// Digits of one with its country (ITU-T E.164), behind a plus.
const INTERNATIONAL_DIGITS: Range<usize> = 10..16;
/// The same behind two zeros, these included.
const INTERNATIONAL_DIGITS_WITH_ZEROS: Range<usize> = 12..18;
/// A sort code with its account, in the United Kingdom.
const ACCOUNTS: &[&[usize]] = &[&[2, 2, 2, 8], &[6, 8]];
/// A date, year first and year last.
const YEAR_FIRST: &[usize] = &[4, 2, 2];
const YEAR_LAST: &[usize] = &[2, 2, 4];
const YEARS: Range<u32> = 1900..2100;
const MONTHS: Range<u32> = 1..13;
const DAYS: Range<u32> = 1..32;
/// An amount of money: pounds, and two digits of pence.
const AMOUNT_GROUPS: usize = 2;
const POUND_DIGITS_MAX: usize = 7;
const PENCE_DIGITS: usize = 2;

/// Whether a card number stands in the signs.
pub(super) fn hold_card(signs: &[Sign]) -> bool {
    any_run(signs, PRINTED_GAP_MAX, Run::holds_printed) || any_run(signs, GAP_MAX, Run::holds_in_any_groups)
}

/// Whether any run is one of those wanted. Groups belong together across up to `gap_max` separators.
fn any_run(signs: &[Sign], gap_max: usize, wanted: fn(&Run) -> bool) -> bool {
    let mut run = Run::with_room(signs.len());
    // Separators since the last digit; none where something else has ended the run.
    let mut gap = None;
    let mut before = Sign::Other;
    for sign in signs {
        match (sign, gap) {
            (Sign::Digit(digit), Some(0)) => run.digits.push(*digit),
            (Sign::Digit(digit), Some(gap)) if gap <= gap_max => run.begin_group(before, *digit),
            (Sign::Digit(digit), _) => {
                if wanted(&run) {
                    return true;
                }
                run.begin(before == Sign::Plus, *digit);
            }
            _ => {}
        }
        gap = match sign {
            Sign::Digit(_) => Some(0),
            _ if sign.separates() => gap.map(|gap| gap + 1),
            _ => None,
        };
        before = *sign;
    }
    wanted(&run)
}

/// Digits in groups.
struct Run {
    digits: Zeroizing<Vec<u8>>,
    groups: Vec<Group>,
    /// Whether a plus stands before the first digit.
    behind_plus: bool,
}

/// Where a group begins, and which separator stands before it.
struct Group {
    start: usize,
    before: Sign,
}

impl Run {
    /// Room for all digits from the beginning: a vector that grew would leave some behind.
    fn with_room(digits: usize) -> Run {
        Run { digits: Zeroizing::new(Vec::with_capacity(digits)), groups: Vec::new(), behind_plus: false }
    }

    fn begin(&mut self, behind_plus: bool, digit: u8) {
        self.digits.clear();
        self.groups.clear();
        self.behind_plus = behind_plus;
        self.begin_group(Sign::Other, digit);
    }

    fn begin_group(&mut self, before: Sign, digit: u8) {
        self.groups.push(Group { start: self.digits.len(), before });
        self.digits.push(digit);
    }

    /// Whether some groups are a card number as cards are printed, or one group is.
    fn holds_printed(&self) -> bool {
        let is_card = |groups: Range<usize>| {
            let digits = self.digits(&groups);
            let may_be_phone = self.behind_plus && groups.start == 0 && INTERNATIONAL_DIGITS.contains(&digits.len());
            !may_be_phone && is_number(digits)
        };
        (0..self.groups.len()).any(|at| {
            let printed = PRINTED.iter().filter(|widths| self.has_widths(at, widths)).map(|widths| widths.len());
            printed.chain([1]).any(|count| is_card(at..at + count))
        })
    }

    /// Whether the whole is a card number, or any groups in it that are nothing else.
    fn holds_in_any_groups(&self) -> bool {
        if self.digits.len() < ANY_GROUPS_DIGITS_MIN || self.is_ledger() {
            return false;
        }
        (!self.behind_plus && is_number(&self.digits)) || self.rest().into_iter().any(|rest| self.holds_among(rest))
    }

    /// Whether any of these groups are a card number.
    fn holds_among(&self, groups: Range<usize>) -> bool {
        let last = groups.end;
        groups.into_iter().any(|first| {
            let lengths = lengths(&self.digits[self.groups[first].start..]);
            let ends = (first + 1..=last).take_while(|_| !lengths.is_empty());
            let parts = ends.map(|end| self.digits(&(first..end))).take_while(|part| part.len() <= DIGITS_MAX);
            let mut long = parts.filter(|part| part.len() >= ANY_GROUPS_DIGITS_MIN);
            long.any(|part| lengths.contains(&part.len()) && has_check_digit(part))
        })
    }

    /// The stretches of groups that are nothing else than a number.
    fn rest(&self) -> Vec<Range<usize>> {
        let (mut rest, mut from, mut at) = (Vec::new(), 0, 0);
        while at < self.groups.len() {
            // A zero inside a number begins no telephone number.
            let phone = if at == from { self.phone(at) } else { None };
            match phone.or_else(|| self.account(at)).or_else(|| self.entry(at)) {
                None => at += 1,
                Some(count) => {
                    rest.push(from..at);
                    at += count;
                    from = at;
                }
            }
        }
        rest.push(from..at);
        rest
    }

    /// Whether it is dates and amounts with spaces between them and nothing else, as in a copied statement.
    fn is_ledger(&self) -> bool {
        let mut at = 0;
        while at < self.groups.len() {
            match self.entry(at) {
                Some(count) if at == 0 || self.stands_before(at, Sign::Space) => at += count,
                _ => return false,
            }
        }
        true
    }

    /// How many groups a telephone number has that begins here.
    fn phone(&self, at: usize) -> Option<usize> {
        let zeros = self.digits[self.groups[at].start..].iter().take(2).take_while(|digit| **digit == 0).count();
        let wanted = match zeros {
            _ if self.behind_plus && at == 0 => INTERNATIONAL_DIGITS,
            0 => return None,
            1 => NATIONAL_DIGITS,
            _ => INTERNATIONAL_DIGITS_WITH_ZEROS,
        };
        let lengths = (at + 1..=self.groups.len()).map(|end| (end - at, self.digits(&(at..end)).len()));
        let enough = lengths.into_iter().find(|(_, digits)| *digits >= wanted.start);
        enough.filter(|(_, digits)| wanted.contains(digits)).map(|(count, _)| count)
    }

    /// How many groups a sort code with its account has that begins here.
    fn account(&self, at: usize) -> Option<usize> {
        ACCOUNTS.iter().find(|widths| self.has_widths(at, widths)).map(|widths| widths.len())
    }

    /// How many groups an entry of a ledger has that begins here.
    fn entry(&self, at: usize) -> Option<usize> {
        if self.is_date(at) {
            Some(YEAR_FIRST.len())
        } else if self.is_amount(at) {
            Some(AMOUNT_GROUPS)
        } else {
            None
        }
    }

    /// `2026-03-09` or `09.03.2026`.
    fn is_date(&self, at: usize) -> bool {
        let (year, month, day) = match () {
            () if self.has_widths(at, YEAR_FIRST) => (at, at + 1, at + 2),
            () if self.has_widths(at, YEAR_LAST) => (at + 2, at + 1, at),
            () => return false,
        };
        let between = self.groups[at + 1].before;
        between != Sign::Space
            && self.stands_alone(at..at + YEAR_FIRST.len(), between)
            && self.stands_before(at + 2, between)
            && YEARS.contains(&self.value(year))
            && MONTHS.contains(&self.value(month))
            && DAYS.contains(&self.value(day))
    }

    /// `412.50`.
    fn is_amount(&self, at: usize) -> bool {
        self.has_widths(at + 1, &[PENCE_DIGITS])
            && self.digits(&(at..at + 1)).len() <= POUND_DIGITS_MAX
            && self.stands_before(at + 1, Sign::Dot)
            && self.stands_alone(at..at + AMOUNT_GROUPS, Sign::Dot)
    }

    /// Whether no such separator joins the groups to others.
    fn stands_alone(&self, groups: Range<usize>, separator: Sign) -> bool {
        !self.stands_before(groups.start, separator) && !self.stands_before(groups.end, separator)
    }

    fn stands_before(&self, at: usize, separator: Sign) -> bool {
        self.groups.get(at).is_some_and(|group| group.before == separator)
    }

    fn has_widths(&self, at: usize, widths: &[usize]) -> bool {
        at + widths.len() <= self.groups.len()
            && widths.iter().zip(at..).all(|(width, group)| self.digits(&(group..group + 1)).len() == *width)
    }

    /// The digits of some groups.
    fn digits(&self, groups: &Range<usize>) -> &[u8] {
        let start = |at: usize| self.groups.get(at).map_or(self.digits.len(), |group| group.start);
        &self.digits[start(groups.start)..start(groups.end)]
    }

    /// A group of a date as a number.
    fn value(&self, at: usize) -> u32 {
        self.digits(&(at..at + 1)).iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
    }
}
