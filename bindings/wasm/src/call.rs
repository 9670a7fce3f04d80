//! A call from JSON, and its answer as text.

use headwater_engine::{CallError, Receipt, Said};
use headwater_model::event::{Event, EventType, Payload};
use headwater_model::time::Millis;

use crate::read::{inner, number, object, string, text};

pub(crate) const UNREADABLE: &str = "!unreadable";

pub(crate) fn read(json: &str, (entropy, spare_entropy): ([u8; 16], [u8; 16])) -> Option<Said> {
    let mut from = object(json)?;
    let kind = EventType::parse(&text(&mut from, "type")?)?;
    let mut options = inner(&mut from, "options").unwrap_or_default();
    let payload = kind.payload_key().and_then(|key| inner(&mut from, key));
    Some(Said {
        event: text(&mut from, "event"),
        name: text(&mut from, "name"),
        category: text(&mut from, "category"),
        user_id: text(&mut from, "userId"),
        group_id: text(&mut from, "groupId"),
        previous_id: text(&mut from, "previousId"),
        payload: payload.map_or(Payload::Empty, Payload::Tree),
        timestamp: number(&options, "timestamp")
            .or_else(|| number(&from, "at"))
            .map(Millis),
        message_id: text(&mut options, "messageId"),
        context: inner(&mut options, "context"),
        integrations: inner(&mut options, "integrations").unwrap_or_default(),
        anonymous_id: text(&mut options, "anonymousId"),
        as_user: text(&mut options, "userId"),
        spare_entropy,
        ..Said::new(kind, entropy)
    })
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
