//! The document, and what it says of a request or an answer.

use coffer_tests::harness::Reply;
use coffer_vault::serve::openapi;
use coffer_vault::serve::routes::{OPERATIONS, Operation};
use jsonschema::Validator;
use serde_json::{Value, json};

pub(crate) struct Document {
    pub(crate) json: Value,
}

impl Document {
    pub(crate) fn new() -> Document {
        Document { json: openapi::document() }
    }

    /// The role that asks the example.
    pub(crate) fn role(&self, path: &str) -> &str {
        self.operation(path)["x-coffer-role"].as_str().unwrap()
    }

    pub(crate) fn example(&self, path: &str) -> Value {
        self.body(path)["example"].clone()
    }

    /// Whether the example is a request that the schema takes.
    pub(crate) fn request(&self, path: &str) -> Result<(), String> {
        let body = self.body(path);
        let validator = self.schema(&body["schema"]);
        validator.validate(&body["example"]).map_err(|error| error.to_string())
    }

    /// Whether the schema refuses a request.
    pub(crate) fn refuses(&self, path: &str, body: &Value) -> bool {
        !self.schema(&self.body(path)["schema"]).is_valid(body)
    }

    /// Insists that an answer's status, media type and body are among those that stand there.
    pub(crate) fn answer(&self, operation: &Operation, reply: &Reply) {
        let path = operation.path;
        let response = &self.operation(path)["responses"][reply.status.to_string()];
        assert!(response.is_object(), "{path}: {} is not told of: {reply}", reply.status);
        let media = reply.headers["content-type"].to_str().unwrap();
        let content = &response["content"][media];
        assert!(content.is_object(), "{path}: {media} is not told of: {reply}");
        if media.starts_with("text/") {
            return;
        }
        let body = reply.json();
        if let Err(error) = self.schema(&content["schema"]).validate(&body) {
            panic!("{path}: {error} at {}: {reply}", error.instance_path);
        }
    }

    fn body(&self, path: &str) -> &Value {
        &self.operation(path)["requestBody"]["content"]["application/json"]
    }

    fn operation(&self, path: &str) -> &Value {
        let operation = OPERATIONS.iter().find(|operation| operation.path == path).unwrap();
        &self.json["paths"][path][operation.method.as_str().to_ascii_lowercase()]
    }

    /// A schema of the document, with the others that it refers to.
    fn schema(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = json!({ "schemas": self.json["components"]["schemas"] });
        jsonschema::validator_for(&schema).unwrap()
    }
}
