//! Sort codes and account numbers of the United Kingdom: six digits in pairs, and eight digits, to
//! which shorter numbers are filled up with zeros on the left (Pay.UK, "Validating Account
//! Numbers"). That paper's modulus check asks for its table of weights, which changes every few
//! months; the form alone is checked here.

use super::text::is_digits;

pub(super) const SORT_CODE_BYTES: usize = 8;
pub(super) const ACCOUNT_NUMBER_BYTES: usize = 8;

pub(super) fn is_sort_code(value: &str) -> bool {
    let mut pairs = value.split('-');
    let three = pairs.by_ref().take(3).filter(|pair| pair.len() == 2 && is_digits(pair)).count() == 3;
    three && pairs.next().is_none()
}

pub(super) fn is_account_number(value: &str) -> bool {
    value.len() == ACCOUNT_NUMBER_BYTES && is_digits(value)
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use crate::schema::FieldType;

    #[test]
    fn a_sort_code_is_three_pairs_of_digits() {
        for code in ["00-00-01", "20-00-00"] {
            assert_eq!(written(FieldType::SortCode, &[], code), Ok(()), "{code}");
        }
        for code in ["200000", "20 00 00", "20-00-0", "20-00-000", "20-00-00-", "-20-00-00", "2O-00-00", "２0-00-00"] {
            assert_eq!(written(FieldType::SortCode, &[], code), Err(Invalid::NotASortCode), "{code}");
        }
    }

    #[test]
    fn an_account_number_is_eight_digits() {
        assert_eq!(written(FieldType::AccountNumber, &[], "00001234"), Ok(()));
        for number in ["1234567", "123456789", "1234 567", "1234567x", "GB29NWBK60161331926819", "１２３４"] {
            assert_eq!(written(FieldType::AccountNumber, &[], number), Err(Invalid::NotAnAccountNumber), "{number}");
        }
    }
}
