//! The second evaluator: no bit sets, no types, only the tables as the files have them, looked
//! through from top to bottom for each question.

use std::collections::BTreeSet;

use coffer_tests::harness::Home;
use toml::{Table, Value};

pub(crate) struct Naive {
    access: Table,
    schema: Vec<Table>,
}

impl Naive {
    pub(crate) fn read(home: &Home) -> Naive {
        let mut schema = Vec::new();
        for entry in std::fs::read_dir(home.dir().join("schema")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            schema.push(text.parse::<Table>().unwrap());
        }
        Naive { access: home.text("access.toml").parse().unwrap(), schema }
    }

    /// May someone with these roles do this with all these fields through this application?
    #[allow(clippy::too_many_arguments)] // a question has as many parts
    pub(crate) fn permits(
        &self,
        roles: &[&str],
        application: &str,
        category: &str,
        action: &str,
        fields: &[&str],
        form: Option<&str>,
        purpose: &str,
        case: Option<&str>,
    ) -> bool {
        if action == "subjects.erase" {
            return self.permits_act(roles, application, action)
                && self.permits(roles, application, category, "erase", fields, form, purpose, case);
        }
        let by_application = tables(&self.access, "application").any(|row| {
            says(row, "name", application)
                && lists(row, "categories", category)
                && lists(row, "actions", action)
                && lists(row, "purposes", purpose)
                && lists(row, "controllers", "oakvale")
        });
        let by_role = |field: Option<&str>| {
            tables(&self.access, "grant").any(|grant| {
                roles.iter().any(|role| says(grant, "role", role))
                    && says(grant, "category", category)
                    && lists(grant, "actions", action)
                    && lists(grant, "purposes", purpose)
                    && field.is_none_or(|field| lists(grant, "fields", field))
                    && form.is_none_or(|form| lists(grant, "forms", form))
            })
        };
        let all_fields = || match fields {
            [] => by_role(None),
            fields => fields.iter().all(|field| by_role(Some(field))),
        };
        let needs_case =
            self.schema.iter().any(|c| says(c, "name", category) && c["case_required"] == Value::Boolean(true));
        by_application && all_fields() && (!needs_case || case.is_some())
    }

    /// May someone with these roles do what touches no field through this application?
    pub(crate) fn permits_act(&self, roles: &[&str], application: &str, act: &str) -> bool {
        let by_application =
            tables(&self.access, "application").any(|row| says(row, "name", application) && lists(row, "acts", act));
        let by_role = tables(&self.access, "duty")
            .any(|duty| roles.iter().any(|role| says(duty, "role", role)) && lists(duty, "acts", act));
        by_application && by_role
    }

    pub(crate) fn roles(&self) -> Vec<&str> {
        names(tables(&self.access, "role"))
    }

    pub(crate) fn applications(&self) -> Vec<&str> {
        names(tables(&self.access, "application"))
    }

    pub(crate) fn categories(&self) -> impl Iterator<Item = &str> {
        names(self.schema.iter()).into_iter()
    }

    /// A field that another category has and this one has not.
    pub(crate) fn foreign_field(&self, category: &str) -> Option<&str> {
        let own: BTreeSet<&str> = self.fields_of(category).map(name).collect();
        let all = self.schema.iter().flat_map(|category| tables(category, "field")).map(name);
        all.filter(|field| !own.contains(field)).min()
    }

    /// Every purpose of one category.
    pub(crate) fn purposes_of(&self, category: &str) -> Vec<&str> {
        let of_category = self.schema.iter().filter(|table| says(table, "name", category));
        of_category.flat_map(|table| table["purposes"].as_array().unwrap()).map(|p| p.as_str().unwrap()).collect()
    }

    /// The table of one category.
    pub(crate) fn category(&self, category: &str) -> &Table {
        self.schema.iter().find(|c| says(c, "name", category)).unwrap()
    }

    /// The fields of one category, with their tables.
    pub(crate) fn fields_of(&self, category: &str) -> impl Iterator<Item = &Table> {
        self.schema.iter().filter(move |c| says(c, "name", category)).flat_map(|c| tables(c, "field"))
    }

    /// Every purpose of any category.
    pub(crate) fn purposes(&self) -> BTreeSet<&str> {
        let lists = self.schema.iter().map(|category| category["purposes"].as_array().unwrap());
        lists.flatten().map(|purpose| purpose.as_str().unwrap()).collect()
    }
}

fn tables<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> + use<'a> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

fn names<'a>(tables: impl Iterator<Item = &'a Table>) -> Vec<&'a str> {
    tables.map(name).collect()
}

/// What a table calls itself.
pub(crate) fn name(table: &Table) -> &str {
    table["name"].as_str().unwrap()
}

fn says(table: &Table, key: &str, text: &str) -> bool {
    table.get(key).and_then(Value::as_str) == Some(text)
}

fn lists(table: &Table, key: &str, text: &str) -> bool {
    table.get(key).and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item.as_str() == Some(text)))
}
