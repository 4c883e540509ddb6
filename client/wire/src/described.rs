//! What the types that read themselves look like as JSON Schema: the same limits that they check.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::approvals::ApprovalId;
use crate::holds::HoldId;
use crate::name::{EXTERNAL_ID_BYTES_MAX, NAME_BYTES_MAX};
use crate::{Day, ExternalId, Hash, Name, Value};

macro_rules! texts {
    ($($type:ident $schema:tt)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($type)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

texts! {
    Name {
        "type": "string",
        "description": "A name from the configuration: 1 to 32 characters of a-z, 0-9, `_` and `-`, the first a letter.",
        "pattern": "^[a-z][a-z0-9_-]{0,31}$",
        "maxLength": NAME_BYTES_MAX,
    }
    ExternalId {
        "type": "string",
        "description": "The caller's own id of a person or a record: 1 to 64 bytes of UTF-8 without control characters.",
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
        "minLength": 1,
        "maxLength": EXTERNAL_ID_BYTES_MAX,
    }
    Day {
        "type": "string",
        "description": "A day of the calendar, `YYYY-MM-DD` (ISO 8601).",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "minLength": 10,
        "maxLength": 10,
    }
    Value {
        "type": "string",
        "description": "The value of a field, in the one written form that the field's type has. Personal data.",
    }
    ApprovalId {
        "type": "string",
        "description": "The name of a request for a second person: 22 characters of base64url without padding.",
        "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
        "minLength": 22,
        "maxLength": 22,
    }
    HoldId {
        "type": "string",
        "description": "The name of a legal hold: 22 characters of base64url without padding.",
        "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
        "minLength": 22,
        "maxLength": 22,
    }
    Hash {
        "type": "string",
        "description": "A SHA-256 hash, or as many random bytes: 43 characters of base64url without padding.",
        "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$",
        "minLength": 43,
        "maxLength": 43,
    }
}
