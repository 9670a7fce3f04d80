//! A call from JSON, and its answer as text.

use headwater_engine::{Call, CallError, CallKind, CallOptions, Receipt};
use headwater_model::event::{Event, EventType, Payload};
use headwater_model::json::Object;
use headwater_model::time::Millis;

use crate::read::{inner, number, object, string, text};

pub(crate) const UNREADABLE: &str = "!unreadable";

pub(crate) fn read(json: &str, (entropy, spare_entropy): ([u8; 16], [u8; 16])) -> Option<Call> {
    let mut from = object(json)?;
    let event_type = EventType::parse(&text(&mut from, "type")?)?;
    let payload = event_type
        .payload_key()
        .and_then(|key| inner(&mut from, key))
        .map_or(Payload::Empty, Payload::Tree);
    let mut field = |key| text(&mut from, key);
    let kind = match event_type {
        EventType::Track => CallKind::Track {
            event: field("event").unwrap_or_default(),
            properties: payload,
        },
        EventType::Identify => CallKind::Identify {
            user_id: field("userId"),
            traits: payload,
        },
        EventType::Page => CallKind::Page {
            category: field("category"),
            name: field("name"),
            properties: payload,
        },
        EventType::Screen => CallKind::Screen {
            category: field("category"),
            name: field("name"),
            properties: payload,
        },
        EventType::Group => CallKind::Group {
            group_id: field("groupId").unwrap_or_default(),
            traits: payload,
        },
        EventType::Alias => CallKind::Alias {
            user_id: field("userId").unwrap_or_default(),
            previous_id: field("previousId"),
        },
    };
    Some(Call {
        kind,
        options: options(inner(&mut from, "options").unwrap_or_default()),
        at: number(&from, "at").map(Millis),
        entropy,
        spare_entropy,
        enrichment: None,
    })
}

fn options(mut from: Object) -> CallOptions {
    CallOptions {
        timestamp: number(&from, "timestamp").map(Millis),
        message_id: text(&mut from, "messageId"),
        context: inner(&mut from, "context"),
        integrations: inner(&mut from, "integrations"),
        anonymous_id: text(&mut from, "anonymousId"),
        user_id: text(&mut from, "userId"),
    }
}

pub(crate) fn answer(result: Result<Receipt, CallError>) -> String {
    match result {
        Ok(receipt) => {
            let letter = match &receipt {
                Receipt::Queued(_) => "q",
                Receipt::Held(_) => "h",
                Receipt::LocalOnly(_) => "l",
                Receipt::Dropped(_) => "d",
            };
            [letter, receipt.message_id()].concat()
        }
        Err(error) => ["!", error.as_str()].concat(),
    }
}

pub(crate) fn stamped(result: Result<Event, CallError>) -> String {
    match result {
        Ok(event) => {
            let mut text = vec![b'='];
            event.write(&mut text);
            string(text)
        }
        Err(error) => ["!", error.as_str()].concat(),
    }
}
