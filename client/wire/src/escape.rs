//! Text from elsewhere, made safe for a terminal: no character that moves the cursor, hides or turns
//! around what stands beside it is let through as it is.

use std::fmt::Write;

/// The text with every such character written as an escape: `\n`, `\u{1b}`.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// JSON, as a serializer wrote it, with such characters as JSON's own escapes. They stand in its
/// strings alone, but for the line ends between its lines, which are kept.
pub fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// Control characters, line and paragraph separators, and what turns the direction of writing, is
/// invisible, or tags (Unicode Technical Report 36 §2, "Trojan Source").
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_written_as_an_escape() {
        assert_eq!(clean("\u{1b}[2Jred\u{7}"), "\\u{1b}[2Jred\\u{7}");
        assert_eq!(clean("a\r\nb\tc"), "a\\r\\nb\\tc");
        assert_eq!(clean("\u{9b}31m \u{202e}evil"), "\\u{9b}31m \\u{202e}evil");
    }

    #[test]
    fn plain_text_of_any_script_stays() {
        for text in ["", "Zoë Grabowski", "00-54-16", "اسم", "名前", "£12.50 – “paid”"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn no_character_that_acts_is_left_by_either() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| acts(*c)).collect();
        assert!(!clean(&all).chars().any(acts));
        let json = serde_json::to_string(&all).unwrap();
        assert!(!clean_json(&json).chars().any(acts));
        assert_eq!(serde_json::from_str::<String>(&clean_json(&json)).unwrap(), all);
    }

    #[test]
    fn json_keeps_its_lines() {
        assert_eq!(clean_json("{\n  \"a\": \"\u{85}\"\n}"), "{\n  \"a\": \"\\u0085\"\n}");
    }
}
