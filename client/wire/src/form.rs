//! In which form a field is read, as a closed list: what a policy can grant is what this list has.

use serde::{Deserialize, Serialize};

macro_rules! forms {
    ($($(#[$doc:meta])* $variant:ident = $text:literal $(, $age:literal)?;)*) => {
        /// In which form a field is shown. The text form is stable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Form {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Form {
            /// Every form there is.
            pub const ALL: &'static [Form] = &[$(Form::$variant),*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Form::$variant => $text,)* }
            }

            /// The form of a text.
            pub fn from_text(text: &str) -> Option<Form> {
                match text { $($text => Some(Form::$variant),)* _ => None }
            }

            /// The age in years after which this form asks, where it asks after one.
            pub fn age(self) -> Option<u8> {
                match self { $($(Form::$variant => Some($age),)?)* _ => None }
            }
        }
    };
}

forms! {
    /// The value itself.
    Clear = "clear";
    /// What the field's mask leaves of it.
    Masked = "masked";
    /// Of a date of birth: in which of the field's bands the age lies today.
    Band = "band";
    /// Of a date of birth: whether 10 years are reached today.
    Over10 = "over-10", 10;
    /// Whether 16 years are reached.
    Over16 = "over-16", 16;
    /// Whether 18 years are reached: whether the person is of age.
    Over18 = "over-18", 18;
    /// Whether 21 years are reached.
    Over21 = "over-21", 21;
    /// Whether 25 years are reached.
    Over25 = "over-25", 25;
    /// Whether 35 years are reached.
    Over35 = "over-35", 35;
    /// Whether 50 years are reached.
    Over50 = "over-50", 50;
    /// Whether 55 years are reached.
    Over55 = "over-55", 55;
    /// Whether 60 years are reached.
    Over60 = "over-60", 60;
    /// Whether 65 years are reached.
    Over65 = "over-65", 65;
    /// Whether 66 years are reached.
    Over66 = "over-66", 66;
    /// Whether 67 years are reached.
    Over67 = "over-67", 67;
    /// Whether 68 years are reached.
    Over68 = "over-68", 68;
    /// Whether 75 years are reached.
    Over75 = "over-75", 75;
}

impl Form {
    /// The form that asks whether an age is reached, where there is one.
    pub fn over(age: u8) -> Option<Form> {
        Form::ALL.iter().copied().find(|form| form.age() == Some(age))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_it_is_read_and_names_its_age() {
        for form in Form::ALL {
            assert_eq!(serde_json::to_value(form).unwrap(), form.as_str());
            assert_eq!(Form::from_text(form.as_str()), Some(*form));
            let age = form.as_str().strip_prefix("over-").map(|age| age.parse().unwrap());
            assert_eq!(form.age(), age);
            assert_eq!(age.and_then(Form::over), age.map(|_| *form));
        }
        assert_eq!(Form::over(19), None);
    }
}
