//! Bodies of requests and answers: what parses is written to JSON that parses to the same.
#![no_main]

use coffer_wire::api::{Answer, ApplyRequest, EraseItem, EraseSubjectItem, ListItem, ReadItem, Request, WriteItem};
use coffer_wire::private::Private;
use serde::{Serialize, de::DeserializeOwned};

fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(first) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&first).unwrap();
        let second = serde_json::from_slice::<T>(&written).unwrap();
        assert_eq!(serde_json::to_vec(&second).unwrap(), written);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    again::<Request<ReadItem>>(bytes);
    again::<Request<WriteItem>>(bytes);
    again::<Request<ListItem>>(bytes);
    again::<Request<EraseItem>>(bytes);
    again::<Request<EraseSubjectItem>>(bytes);
    again::<ApplyRequest>(bytes);
    again::<Answer>(bytes);
    again::<Private>(bytes);
});
