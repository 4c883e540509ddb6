//! Text, of one line and of several, and digits.

pub(super) fn is_line(value: &str) -> bool {
    !value.chars().any(char::is_control)
}

pub(super) fn is_lines(value: &str) -> bool {
    value.chars().all(|c| !c.is_control() || c == '\n' || c == '\t')
}

pub(super) fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use crate::schema::FieldType;

    #[test]
    fn numbers_keep_leading_zeros_and_take_no_sign() {
        assert_eq!(written(FieldType::Number, &[], "0012"), Ok(()));
        for number in ["-1", "1.0", "１", "1 2", ""] {
            assert_eq!(written(FieldType::Number, &[], number), Err(Invalid::NotDigits), "{number}");
        }
    }

    #[test]
    fn a_note_takes_lines_and_no_other_control_characters() {
        assert_eq!(written(FieldType::Note, &[], "Flat 2\n\tbehind the shop; Zoë"), Ok(()));
        for text in ["\0", "a\u{1b}[31m", "a\r\n", "\u{85}"] {
            assert_eq!(written(FieldType::Note, &[], text), Err(Invalid::ControlCharacter), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(written(FieldType::Text, &[], "Zoë Ashdown, Flat 2"), Ok(()));
        for text in ["Zoë\nAshdown", "Zoë\tAshdown", "\0"] {
            assert_eq!(written(FieldType::Text, &[], text), Err(Invalid::ControlCharacter), "{text:?}");
        }
    }
}
