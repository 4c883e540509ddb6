//! Texts made out of a line's columns: `B-{Account}` is `B-` and what stands in column `Account`.

/// A text with columns in it. Without one it is a constant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Part>);

/// A piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What stands in the column of this heading.
    Column(String),
}

/// Why a text is no template.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("a `{{` is not closed; a brace that is meant as such is doubled")]
    Open,
    #[error("a `}}` closes nothing; a brace that is meant as such is doubled")]
    Closed,
    #[error("the braces name no column")]
    Nameless,
    #[error("it is empty")]
    Empty,
}

impl Template {
    /// Reads a template: columns in braces, braces doubled.
    pub fn read(text: &str) -> Result<Template, TemplateError> {
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            let doubled = rest.as_str().starts_with(character);
            match character {
                '{' | '}' if doubled => {
                    plain.push(character);
                    rest.next();
                }
                '{' => {
                    let (name, after) = rest.as_str().split_once('}').ok_or(TemplateError::Open)?;
                    if name.is_empty() {
                        return Err(TemplateError::Nameless);
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Column(name.to_owned()));
                    rest = after.chars();
                }
                '}' => return Err(TemplateError::Closed),
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if parts.is_empty() { Err(TemplateError::Empty) } else { Ok(Template(parts)) }
    }

    /// Its pieces.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text, if it is the same for every line.
    pub fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_braces_and_braces_are_doubled() {
        let text = |text: &str| Part::Text(text.to_owned());
        let column = |name: &str| Part::Column(name.to_owned());
        assert_eq!(Template::read("{Tenant Ref}").unwrap().0, [column("Tenant Ref")]);
        assert_eq!(Template::read("B-{a}{b}/x").unwrap().0, [text("B-"), column("a"), column("b"), text("/x")]);
        assert_eq!(Template::read("{{a}}").unwrap().constant(), Some("{a}"));
        assert_eq!(Template::read("open").unwrap().constant(), Some("open"));
        assert_eq!(Template::read("{a}").unwrap().constant(), None);
    }

    #[test]
    fn what_is_no_template_is_told_apart() {
        for (wrong, error) in [
            ("{a", TemplateError::Open),
            ("a}", TemplateError::Closed),
            ("{}", TemplateError::Nameless),
            ("", TemplateError::Empty),
        ] {
            assert_eq!(Template::read(wrong), Err(error), "{wrong}");
        }
    }
}
