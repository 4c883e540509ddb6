//! `traceparent`: which trace of the caller's a request belongs to (W3C Trace Context, level 1, section 3.2).

/// Characters of the first version; later ones may append to it.
const CHARACTERS: usize = 55;

/// A valid `traceparent`. Hexadecimal digits of fixed length and nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traceparent {
    text: String,
}

impl Traceparent {
    /// Reads the value of the header. `None`: it is none, and whoever takes a request in goes on as if there were no header
    /// (section 3.2.1). Of a version to come the part is kept that is known.
    pub fn parse(text: &str) -> Option<Traceparent> {
        let (known, more) = text.split_at_checked(CHARACTERS)?;
        let mut parts = known.split('-');
        let mut part = |length| parts.next().filter(|part| part.len() == length && part.bytes().all(is_hex));
        let (version, trace_id, parent_id, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let is_longer = match version {
            "00" => more.is_empty(),
            _ => more.is_empty() || more.starts_with('-'),
        };
        let is_valid = version != "ff" && is_longer && !is_zero(trace_id) && !is_zero(parent_id);
        is_valid.then(|| Traceparent { text: known.to_owned() })
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trace: 32 digits.
    pub fn trace_id(&self) -> &str {
        &self.text[3..35]
    }

    /// The caller's own span in it: 16 digits.
    pub fn parent_id(&self) -> &str {
        &self.text[36..52]
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_read_as_the_specification_has_it() {
        let trace = Traceparent::parse(TRACE).unwrap();
        assert_eq!(trace.as_str(), TRACE);
        assert_eq!((trace.trace_id(), trace.parent_id()), ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"));
        // A version to come may say more, behind a dash.
        for later in [TRACE.replacen("00", "01", 1), format!("{}-what", TRACE.replacen("00", "cc", 1))] {
            assert_eq!(Traceparent::parse(&later).unwrap().trace_id(), trace.trace_id(), "{later}");
        }
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for broken in [
            "",
            "00",
            &TRACE[..54],
            &format!("{TRACE}-what"),
            &format!("{TRACE}0"),
            &format!("{}0", TRACE.replacen("00", "01", 1)),
            &TRACE.to_uppercase(),
            &TRACE.replacen("00", "ff", 1),
            &TRACE.replace('-', "_"),
            &TRACE.replace("4bf9", "4bg9"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(Traceparent::parse(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic_and_what_is_read_is_hex(text in "\\PC{0,80}|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            if let Some(trace) = Traceparent::parse(&text) {
                prop_assert!(trace.trace_id().len() == 32 && trace.parent_id().len() == 16);
                prop_assert!(trace.as_str().bytes().all(|byte| byte == b'-' || is_hex(byte)));
            }
        }
    }
}
