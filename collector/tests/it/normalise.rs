//! Times and common fields, by the vectors that all readers of the log share.

use bytes::Bytes;
use headwater_collector::config::Platform;
use headwater_collector::log::{Claim, Head, Position, Slot, Stored, Verdict};
use headwater_collector::read;
use headwater_collector::sources::KeyTag;
use headwater_model::event::EventType;
use headwater_model::time::parse_iso;
use serde_json::Value;

fn normalised(vector: &Value) -> Value {
    let record = &vector["record"];
    let text = |key: &str| record[key].as_str();
    let implied = text("implied").map(|name| EventType::parse(name).unwrap());
    let body = record["body"].to_string();
    let count = if implied.is_some() {
        1
    } else {
        record["body"]["batch"].as_array().unwrap().len()
    };
    let slot = Slot {
        offset: 0,
        len: 0,
        verdict: Verdict::Accepted,
        claim: Claim::default(),
    };
    let stored = Stored {
        position: Position(4096),
        head: Head {
            place: None,
            received: parse_iso(text("receivedAt").unwrap()).unwrap(),
            nonce: None,
            hops: 0,
            source: "web".to_owned(),
            key: KeyTag(0),
            platform: match text("platform") {
                Some("client") => Platform::Client,
                Some("server") => Platform::Server,
                _ => Platform::Auto,
            },
            ip: text("ip").map(|ip| ip.parse().unwrap()),
            implied,
            events: vec![slot; count],
        },
        body: Bytes::from(body),
    };
    let last = read::items(&stored).last().unwrap();
    serde_json::from_str(&last.event.to_string()).unwrap()
}

fn check(vectors: &str) {
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    for vector in vectors.as_array().unwrap() {
        let event = normalised(vector);
        for (pointer, expected) in vector["expect"].as_object().unwrap() {
            let found = event.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(found, expected, "{}: {pointer} in {event}", vector["name"]);
        }
    }
}

#[test]
fn times_are_corrected_as_the_vectors_say() {
    check(include_str!("../../../tests/vectors/collector/times.json"));
}

#[test]
fn common_fields_are_filled_as_the_vectors_say() {
    check(include_str!("../../../tests/vectors/collector/fields.json"));
}
