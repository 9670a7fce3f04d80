//! Calls from JSON, and their answers as text.

use headwater_engine::{CallError, Engine, Now, Receipt, Said};
use headwater_model::event::{Event, EventType, Payload};
use headwater_model::time::Millis;

use crate::read::{entropy, object};

/// The call is no JSON object with one of the six types.
const UNREADABLE: &str = "!unreadable";
/// Two times sixteen random bytes in hexadecimal stand before a call.
const ENTROPY: usize = 64;

/// A letter and the messageId, or `!` and the name of what is wrong.
pub(crate) fn call(engine: &mut Engine, now: Now, given: &str) -> Vec<u8> {
    match read(given) {
        Some(said) => answer(engine.call(now, said)),
        None => UNREADABLE.into(),
    }
}

/// `=` and the event, or `!` and the name of what is wrong.
pub(crate) fn stamp(engine: &mut Engine, now: Now, given: &str) -> Vec<u8> {
    let Some(said) = read(given) else {
        return UNREADABLE.into();
    };
    match engine.stamp(now, said) {
        Ok(event) => {
            let mut text = vec![b'='];
            event.write(&mut text);
            text
        }
        Err(error) => wrong(&error),
    }
}

/// As `call`, for an event that `stamp` gave.
pub(crate) fn submit(engine: &mut Engine, now: Now, given: &str) -> Vec<u8> {
    match Event::parse(given.as_bytes()) {
        Ok(event) => answer(engine.submit(now, event)),
        Err(_) => UNREADABLE.into(),
    }
}

#[inline(never)]
fn read(given: &str) -> Option<Said> {
    let mut from = object(given.get(ENTROPY..)?)?;
    let kind = EventType::parse(&from.take_text("type")?)?;
    let mut options = from.take_object("options").unwrap_or_default();
    let payload = kind.payload_key().and_then(|key| from.remove(key));
    Some(Said {
        kind,
        event: from.take_text("event"),
        name: from.take_text("name"),
        category: from.take_text("category"),
        user_id: from.take_text("userId"),
        group_id: from.take_text("groupId"),
        previous_id: from.take_text("previousId"),
        payload: payload.map_or(Payload::Empty, Payload::from),
        timestamp: options
            .integer("timestamp")
            .or_else(|| from.integer("at"))
            .map(Millis),
        message_id: options.take_text("messageId"),
        context: options.take_object("context"),
        integrations: options.take_object("integrations").unwrap_or_default(),
        anonymous_id: options.take_text("anonymousId"),
        as_user: options.take_text("userId"),
        entropy: entropy(given),
        spare_entropy: entropy(given.get(ENTROPY / 2..)?),
        enrichment: None,
    })
}

#[cfg_attr(target_family = "wasm", inline(never))]
pub(crate) fn answer(result: Result<Receipt, CallError>) -> Vec<u8> {
    match result {
        Ok(receipt) => {
            let letter = match &receipt {
                Receipt::Queued(_) => "q",
                Receipt::Held(_) => "h",
                Receipt::LocalOnly(_) => "l",
                Receipt::Dropped(_) => "d",
            };
            joined(letter, receipt.message_id())
        }
        Err(error) => wrong(&error),
    }
}

fn wrong(error: &CallError) -> Vec<u8> {
    joined("!", error.as_str())
}

fn joined(first: &str, second: &str) -> Vec<u8> {
    let mut text = Vec::from(first);
    text.extend_from_slice(second.as_bytes());
    text
}
