//! International bank account numbers, which are no card numbers and hold none (ISO 13616; check digits of ISO/IEC
//! 7064, modulus 97).

use super::signs::{Letter, Sign};

/// Countries, and how many characters their numbers have. ISO 13616 and its registry (SWIFT).
const LENGTHS: &str = "\
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 \
    ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 \
    PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 \
    YE30";

/// Characters of country and check digits, which stand together.
const HEAD: usize = 4;
const MODULUS: u32 = 97;

/// Takes every number out of the signs.
pub(super) fn set_aside(signs: &mut [Sign]) {
    let mut at = 0;
    while at < signs.len() {
        let begins_word = at == 0 || !signs[at - 1].is_of_a_word();
        match if begins_word { length(&signs[at..]) } else { None } {
            Some(length) => {
                signs[at..at + length].fill(Sign::Other);
                at += length;
            }
            None => at += 1,
        }
    }
}

/// How many signs the number is that these begin with, if they begin with one.
fn length(signs: &[Sign]) -> Option<usize> {
    let wanted = characters(signs)?;
    let mut remainder = 0;
    let mut end = HEAD;
    for _ in HEAD..wanted {
        // One separator may stand between two groups.
        if signs.get(end).is_some_and(|sign| sign.separates()) {
            end += 1;
        }
        remainder = with(remainder, signs.get(end)?)?;
        end += 1;
    }
    // The head goes to the end before the number is divided.
    let remainder = signs[..HEAD].iter().try_fold(remainder, with)?;
    let goes_on = signs.get(end).is_some_and(|sign| sign.is_of_a_word());
    (!goes_on && remainder == 1).then_some(end)
}

/// What is left when a number with this character behind it is divided: a digit as one, a letter as two.
fn with(remainder: u32, sign: &Sign) -> Option<u32> {
    let (ten, value) = match sign {
        Sign::Digit(digit) => (10, *digit),
        other => (100, letter(other)?),
    };
    Some((remainder * ten + u32::from(value)) % MODULUS)
}

/// How many characters a number has that begins with this country and two check digits.
fn characters(signs: &[Sign]) -> Option<usize> {
    let [one, other, Sign::Digit(_), Sign::Digit(_), ..] = signs else { return None };
    let country = [letter(one)?, letter(other)?].map(|value| value - 10 + b'A');
    let country = std::str::from_utf8(&country).ok()?;
    LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country)).and_then(|length| length.parse().ok())
}

fn letter(sign: &Sign) -> Option<u8> {
    match sign {
        Sign::Letter(Letter { value, .. }) => *value,
        _ => None,
    }
}
