//! What a schema lets pass that the one before it does not: with the same policy, more would be shown or done.

use coffer_wire::Name;
use coffer_wire::schema::{Mark, Mask};

use super::{Category, Field, Schema};

impl Schema {
    /// What is wider here than in `old`, in words; nothing where all that passes here passed there. What is new to the schema
    /// widens nothing: nobody has a grant to it, and a policy that grants it is a wider one.
    pub fn widens(&self, old: &Schema) -> Vec<String> {
        let both = old.iter().filter_map(|before| Some((before, self.category(&before.name)?)));
        both.flat_map(|(before, after)| category(before, after)).collect()
    }
}

fn category(before: &Category, after: &Category) -> Vec<String> {
    let name = after.name;
    let mut wider = Vec::new();
    if before.case_required && !after.case_required {
        wider.push(format!("`{name}` asks for no case any more"));
    }
    if before.consent.is_some() && before.consent != after.consent {
        wider.push(format!("`{name}` tells of consent by other fields"));
    }
    if is_less(&before.mark, &after.mark) {
        wider.push(format!("`{name}` is marked less"));
    }
    let confidants = after.confidants_for.iter().filter(|purpose| !before.names_confidants(purpose));
    wider.extend(confidants.map(|purpose| format!("`{name}` names for {purpose} who said something in confidence")));
    let recipients =
        after.recipients.iter().flat_map(|one| one.purposes.iter().map(move |purpose| (one.kind, purpose)));
    let fresh = recipients.filter(|(kind, purpose)| !before.goes_to(*kind, purpose));
    wider.extend(fresh.map(|(kind, purpose)| format!("`{name}` may go to a recipient, `{kind}`, for {purpose}")));
    let both = before.fields.iter().filter_map(|field| Some((field, after.field(&field.name)?)));
    wider.extend(both.flat_map(|(before, after)| self::field(name, before, after)));
    wider
}

fn field(category: Name, before: &Field, after: &Field) -> Vec<String> {
    let at = format!("`{category}.{}`", after.name);
    let mut wider = Vec::new();
    let new = |purpose: &&Name| !before.purposes.contains(*purpose);
    for purpose in after.purposes.iter().filter(new) {
        wider.push(format!("{at} may be used for {purpose}"));
    }
    // Two masks that both show something show different things, so that one after the other shows more.
    if before.mask != after.mask && before.mask != Mask::None && after.mask != Mask::All {
        wider.push(format!("{at} shows more where it is masked"));
    }
    // Fewer bands are wider ones, and tell less; one that begins anew splits another.
    if after.bands.iter().any(|age| !before.bands.contains(age)) {
        wider.push(format!("{at} tells ages in other bands"));
    }
    for age in after.over.iter().filter(|age| !before.over.contains(age)) {
        wider.push(format!("{at} tells whether {age} is reached"));
    }
    if before.rests_on_consent() && !after.rests_on_consent() {
        wider.push(format!("{at} rests on consent no more"));
    }
    if is_less(&before.mark, &after.mark) {
        wider.push(format!("{at} is marked less"));
    }
    wider
}

/// Whether a mark was dropped, or exchanged for one of the other kind.
fn is_less(before: &Mark, after: &Mark) -> bool {
    match (before, after) {
        (Mark::Ordinary, _) | (Mark::Special { .. }, Mark::Special { .. }) => false,
        (Mark::Criminal { .. }, Mark::Criminal { .. }) => false,
        (Mark::Special { .. } | Mark::Criminal { .. }, _) => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILE: &str = r#"
name = "care"
title = "Care"
case_required = true
purposes = ["planning", "visits", "erasure"]
lawful_basis = "6(1)(b)"
source = ["person"]
retention = "until the tenancy has ended"
consent = { given = "given_on", withdrawn = "withdrawn_on" }
field = [
  { number = 1, name = "needs", type = "text", max_bytes = 400, mask = "first1", purposes = ["planning"], mark = "special", article9 = "9(2)(a)" },
  { number = 2, name = "given_on", type = "date", mask = "year", purposes = ["planning"] },
  { number = 3, name = "withdrawn_on", type = "date", mask = "year", purposes = ["planning"] },
]
"#;

    fn read(text: &str) -> Schema {
        Schema::read(&[("care.toml".to_owned(), text.to_owned())]).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_protects_less_widens_and_the_other_way_round_narrows() {
        let file = FILE;
        for (from, to, says) in [
            ("case_required = true", "case_required = false", "no case"),
            (
                "mask = \"first1\", purposes = [\"planning\"]",
                "mask = \"first1\", purposes = [\"planning\", \"visits\"]",
                "for visits",
            ),
            ("mask = \"first1\"", "mask = \"none\"", "shows more"),
            ("mask = \"first1\"", "mask = \"last4\"", "shows more"),
        ] {
            let changed = file.replacen(from, to, 1);
            assert_ne!(changed, file, "{from}");
            let (before, after) = (read(file), read(&changed));
            let wider = after.widens(&before);
            assert!(wider.len() == 1 && wider[0].contains(says), "{to}: {wider:?}");
            // Between two masks that both show something each way shows more.
            assert_eq!(before.widens(&after).is_empty(), !to.contains("last4"), "{to}");
        }
        assert!(read(&file.replace("mask = \"first1\"", "mask = \"all\"")).widens(&read(file)).is_empty());
    }

    #[test]
    fn a_dropped_mark_and_a_dropped_consent_widen() {
        let plain = FILE
            .replace(", mark = \"special\", article9 = \"9(2)(a)\"", "")
            .replace("consent = { given = \"given_on\", withdrawn = \"withdrawn_on\" }\n", "");
        let (before, after) = (read(FILE), read(&plain));
        let wider = after.widens(&before);
        for says in [
            "`care` tells of consent by other fields",
            "`care.needs` is marked less",
            "`care.needs` rests on consent no more",
        ] {
            assert!(wider.iter().any(|words| words == says), "{says}: {wider:?}");
        }
        assert!(before.widens(&after).is_empty());
    }

    #[test]
    fn ages_confidants_and_recipients_that_are_new_widen_and_those_that_go_do_not() {
        let born = |ages: &str| {
            let date = format!(
                "  {{ number = 4, name = \"born\", type = \"date\", mask = \"year\"{ages}, purposes = [\"visits\"] }},\n]\n"
            );
            FILE.trim_end().trim_end_matches(']').to_owned() + &date
        };
        let with = |line: &str| FILE.replace("retention =", &format!("{line}\nretention ="));
        let to = |purposes: &str| with(&format!("recipient = [{{ kind = \"contractor\", purposes = [{purposes}] }}]"));
        for (from, to, says) in [
            (born(""), born(", bands = [16, 65]"), "`care.born` tells ages in other bands"),
            (born(", bands = [16, 65]"), born(", bands = [16, 25, 65]"), "`care.born` tells ages in other bands"),
            (born(", over = [18]"), born(", over = [18, 55]"), "`care.born` tells whether 55 is reached"),
            (
                FILE.to_owned(),
                with("confidants_for = [\"visits\"]"),
                "`care` names for visits who said something in confidence",
            ),
            (FILE.to_owned(), to("\"visits\""), "`care` may go to a recipient, `contractor`, for visits"),
            (
                to("\"visits\""),
                to("\"visits\", \"planning\""),
                "`care` may go to a recipient, `contractor`, for planning",
            ),
        ] {
            let (before, after) = (read(&from), read(&to));
            assert_eq!(after.widens(&before), [says]);
            assert!(before.widens(&after).is_empty(), "{says}");
        }
    }

    #[test]
    fn what_is_new_widens_nothing() {
        let phone =
            "  { number = 4, name = \"phone\", type = \"phone\", mask = \"none\", purposes = [\"visits\"] },\n]\n";
        let more = FILE.trim_end().trim_end_matches(']').to_owned() + phone;
        let other = ("other.toml".to_owned(), more.replace("\"care\"", "\"other\""));
        let after = Schema::read(&[("care.toml".to_owned(), more), other]).unwrap();
        assert!(after.widens(&read(FILE)).is_empty());
    }
}
