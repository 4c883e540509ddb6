//! Amounts with two decimal places.

use super::text::is_digits;

/// Digits before the point of an amount, at most: below 2⁵³ pence with room to add up.
const POUND_DIGITS_MAX: usize = 13;

/// Bytes of an amount at most, sign and pence included.
pub(super) const MONEY_BYTES: usize = 1 + POUND_DIGITS_MAX + 3;

pub(super) fn is_money(value: &str) -> bool {
    let amount = value.strip_prefix('-').unwrap_or(value);
    let Some((pounds, pence)) = amount.split_once('.') else { return false };
    let no_leading_zero = pounds == "0" || !pounds.starts_with('0');
    let minus_zero = value.starts_with('-') && amount == "0.00";
    is_digits(pounds)
        && pounds.len() <= POUND_DIGITS_MAX
        && no_leading_zero
        && pence.len() == 2
        && is_digits(pence)
        && !minus_zero
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use super::MONEY_BYTES;
    use crate::schema::FieldType;

    #[test]
    fn money_has_two_decimal_places() {
        for amount in ["0.00", "0.05", "12.50", "-3.00", "9999999999999.99"] {
            assert_eq!(written(FieldType::Money, &[], amount), Ok(()), "{amount}");
            assert!(amount.len() <= MONEY_BYTES);
        }
        for amount in [
            "12",
            "12.5",
            "12.500",
            "012.00",
            ".50",
            "-0.00",
            "--1.00",
            "1,000.00",
            "£1.00",
            "1e3.00",
            "99999999999999.00",
            "1.-5",
        ] {
            assert_eq!(written(FieldType::Money, &[], amount), Err(Invalid::NotMoney), "{amount}");
        }
    }
}
