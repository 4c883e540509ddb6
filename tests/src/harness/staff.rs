use serde_json::{Value, json};

use super::{Raw, Reply};

/// A person at work: certificate, token, controller, purpose and case of every request.
#[derive(Clone)]
pub struct Staff {
    /// The connection.
    pub raw: Raw,
    /// The token.
    pub token: String,
    controller: String,
    purpose: String,
    case: Option<String>,
    reason: Option<String>,
}

impl Staff {
    /// Someone who works for a controller and a purpose, on case `case-1`.
    pub fn new(raw: Raw, token: String, controller: &str, purpose: &str) -> Staff {
        let case = Some("case-1".to_owned());
        Staff { raw, token, controller: controller.to_owned(), purpose: purpose.to_owned(), case, reason: None }
    }

    /// The same over another connection, as after a restart.
    pub fn through(&self, raw: Raw) -> Staff {
        Staff { raw, ..self.clone() }
    }

    /// The same, naming the requests by an idempotency key.
    pub fn named(&self, key: &str) -> Staff {
        self.through(self.raw.with_header("idempotency-key", key))
    }

    /// The same place with another token.
    pub fn with_token(&self, token: String) -> Staff {
        Staff { token, ..self.clone() }
    }

    /// The same for another purpose.
    pub fn for_purpose(&self, purpose: &str) -> Staff {
        Staff { purpose: purpose.to_owned(), ..self.clone() }
    }

    /// The same naming another controller, whether or not the token does.
    pub fn at(&self, controller: &str) -> Staff {
        Staff { controller: controller.to_owned(), ..self.clone() }
    }

    /// The same with another case, or none.
    pub fn on_case(&self, case: Option<&str>) -> Staff {
        Staff { case: case.map(str::to_owned), ..self.clone() }
    }

    /// The same, saying why.
    pub fn because(&self, reason: &str) -> Staff {
        Staff { reason: Some(reason.to_owned()), ..self.clone() }
    }

    /// The envelope around items.
    pub fn envelope(&self, items: Value) -> Value {
        let mut envelope = json!({ "controller": self.controller, "purpose": self.purpose, "items": items });
        if let Some(case) = &self.case {
            envelope["case"] = json!(case);
        }
        if let Some(reason) = &self.reason {
            envelope["reason"] = json!(reason);
        }
        envelope
    }

    /// Posts items to an operation on records or subjects.
    pub async fn items(&self, path: &str, items: Value) -> Reply {
        self.raw.post(path, Some(&self.token), &self.envelope(items)).await
    }

    /// Posts any body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.raw.post(path, Some(&self.token), body).await
    }

    /// Posts what needs two people: asked for, approved by a second, and done. What needs one is done at once.
    pub async fn post_by_two(&self, second: &Staff, path: &str, body: &Value) -> Reply {
        let asked = self.post(path, body).await;
        if asked.outcome() != (409, "approval_needed".to_owned()) {
            return asked;
        }
        let id = asked.json()["approval"].clone();
        second.post("/v1/approvals/approve", &json!({ "id": id })).await.granted();
        let mut body = body.clone();
        body["approval"] = id;
        self.post(path, &body).await
    }

    /// Writes one record; `fields` is an object of texts.
    pub async fn write(&self, category: &str, person: &str, record: &str, fields: Value) -> Reply {
        let item = json!({ "category": category, "person": person, "record": record, "fields": fields });
        self.items("/v1/records/write", json!([item])).await
    }

    /// Reads fields of one record in clear.
    pub async fn read(&self, category: &str, person: &str, record: &str, fields: &[&str]) -> Reply {
        self.read_as("clear", category, person, record, fields).await
    }

    /// Reads fields of one record in a form.
    pub async fn read_as(&self, form: &str, category: &str, person: &str, record: &str, fields: &[&str]) -> Reply {
        let item = json!({
            "category": category, "person": person, "record": record, "fields": fields, "form": form
        });
        self.items("/v1/records/read", json!([item])).await
    }

    /// Lists a person's records in a category.
    pub async fn list(&self, category: &str, person: &str) -> Reply {
        self.items("/v1/records/list", json!([{ "category": category, "person": person }])).await
    }

    /// Erases one record.
    pub async fn erase(&self, category: &str, person: &str, record: &str) -> Reply {
        let item = json!({ "category": category, "person": person, "record": record });
        self.items("/v1/records/erase", json!([item])).await
    }

    /// Erases a person from some categories; from all where none is named.
    pub async fn erase_person(&self, person: &str, categories: &[&str]) -> Reply {
        let mut item = json!({ "person": person });
        if !categories.is_empty() {
            item["categories"] = json!(categories);
        }
        self.items("/v1/subjects/erase", json!([item])).await
    }
}
