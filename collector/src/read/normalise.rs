//! One event as the spec describes it, whatever its sender left out.
//!
//! Timestamps: what came as `timestamp` is `originalTimestamp`, and `timestamp = receivedAt − (sentAt −
//! originalTimestamp)`, which takes the error of the sender's clock out. Without a readable `sentAt`, `timestamp` is
//! `originalTimestamp`; without a readable original time, it is `receivedAt`. It is never later than `receivedAt` and
//! 24 hours. `originalTimestamp` is the sender's own text to the letter, readable or not, and `receivedAt` where there is
//! none. What had to be guessed is named in `context.protocols.flags`.
//!
//! An id that is an empty string is none, and becomes null: whoever takes the first id that is there finds it.

use headwater_model::context::merge;
use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use headwater_model::time::{Millis, parse_iso};

use crate::config::Platform;
use crate::log::{Head, Stored};

const DAY_MS: i64 = 86_400_000;

/// The version of the tracking API; the spec has it set by whoever receives the event.
const API_VERSION: i64 = 2;

/// What had to be guessed about an event's times.
#[derive(Default)]
struct Flags(Vec<&'static str>);

pub(super) fn normalise(
    mut event: Object,
    kind: Option<EventType>,
    envelope: &Object,
    stored: &Stored,
    index: usize,
) -> Object {
    let head = &stored.head;
    event.remove("writeKey");
    if let Some(kind) = kind {
        event.insert("type", kind.as_str());
    }
    for key in [
        "messageId",
        "userId",
        "anonymousId",
        "groupId",
        "previousId",
    ] {
        match event.get_mut(key) {
            Some(value @ Value::Number(_)) => {
                if let Some(text) = text_of(value) {
                    *value = Value::from(text);
                }
            }
            Some(value) if value.as_str() == Some("") => *value = Value::Null,
            _ => {}
        }
    }
    // rudder-js without storage sends it so: the id before the user's is the anonymous one.
    if kind == Some(EventType::Alias)
        && is_absent(&event, "previousId")
        && !is_absent(&event, "userId")
        && let Some(anonymous) = event.get("anonymousId").filter(|id| !id.is_null()).cloned()
    {
        event.insert("previousId", anonymous);
    }
    if event
        .get("messageId")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        event.insert("messageId", given_id(stored, index));
    }
    let mut flags = Flags::default();
    times(&mut event, envelope, head.received, &mut flags);
    let mut context = layered(envelope, &mut event, "context").unwrap_or_default();
    if let Some(integrations) = layered(envelope, &mut event, "integrations") {
        event.insert("integrations", Value::Object(integrations));
    }
    if let Some(ip) = head.ip
        && !context.contains_key("ip")
        && is_from_client(head, &event, &context)
    {
        context.insert("ip", ip.to_string());
    }
    note(&mut context, head, &flags);
    event.insert("context", Value::Object(context));
    if head.platform == Platform::Server && !event.contains_key("channel") {
        event.insert("channel", "server");
    }
    if !event.contains_key("version") {
        event.insert("version", API_VERSION);
    }
    event
}

fn is_absent(event: &Object, key: &str) -> bool {
    event.get(key).is_none_or(Value::is_null)
}

/// What a string says, or the letters of a number.
fn text_of(value: &Value) -> Option<String> {
    let number = || Some(value.as_number()?.as_str());
    value.as_str().or_else(number).map(str::to_owned)
}

/// An id for an event that came without: the same whenever the record is read, wherever it lies. Records of the first
/// layout have no nonce; theirs stay as they were, made of the position.
fn given_id(stored: &Stored, index: usize) -> String {
    let nonce = stored.head.nonce.unwrap_or(stored.position.0);
    format!("hw-{:x}-{nonce:x}-{index:x}", stored.head.received.0)
}

/// The envelope's object with the event's own laid over it; `None` when neither has one.
fn layered(envelope: &Object, event: &mut Object, key: &str) -> Option<Object> {
    let own = match event.remove(key) {
        Some(Value::Object(own)) => Some(own),
        _ => None,
    };
    match (envelope.get(key).and_then(Value::as_object), own) {
        (Some(base), Some(own)) => {
            let mut merged = base.clone();
            merge(&mut merged, own);
            Some(merged)
        }
        (Some(base), None) => Some(base.clone()),
        (None, own) => own,
    }
}

fn is_from_client(head: &Head, event: &Object, context: &Object) -> bool {
    match head.platform {
        Platform::Client => true,
        Platform::Server => false,
        Platform::Auto => {
            let channel = event.get("channel").and_then(Value::as_str);
            matches!(channel, Some("browser" | "mobile" | "client"))
                || (channel != Some("server") && context.contains_key("device"))
                || context.get("direct").and_then(Value::as_bool) == Some(true)
        }
    }
}

/// `context.protocols.sourceId` is the spec's; `flags` is ours.
fn note(context: &mut Object, head: &Head, flags: &Flags) {
    let mut noted = Object::new();
    noted.insert("sourceId", head.source.as_str());
    if !flags.0.is_empty() {
        noted.insert(
            "flags",
            flags
                .0
                .iter()
                .map(|flag| Value::from(*flag))
                .collect::<Value>(),
        );
    }
    let mut under = Object::new();
    under.insert("protocols", Value::Object(noted));
    merge(context, under);
}

fn times(event: &mut Object, envelope: &Object, received: Millis, flags: &mut Flags) {
    let mut read = |value: Option<Value>, flag: &'static str| match value {
        None | Some(Value::Null) => None,
        Some(value) => {
            let instant = value.as_str().and_then(parse_iso);
            if instant.is_none() {
                flags.0.push(flag);
            }
            instant
        }
    };
    let own_sent = event.remove("sentAt");
    let sent = read(envelope.get("sentAt").cloned().or(own_sent), "bad_sent_at");
    let stamped = event.remove("timestamp").filter(|time| !time.is_null());
    let written = stamped.or(event.remove("originalTimestamp"));
    let letter = written.as_ref().and_then(text_of);
    let original = read(written, "bad_timestamp");
    let mut timestamp = match (original, sent) {
        (Some(original), Some(sent)) => received.plus(-sent.since(original)),
        (Some(original), None) => original,
        (None, _) => received,
    };
    let latest = received.plus(DAY_MS);
    if timestamp > latest {
        timestamp = latest;
        flags.0.push("clock_skew");
    }
    event.insert(
        "originalTimestamp",
        letter
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| received.to_string()),
    );
    event.insert("sentAt", sent.unwrap_or(received).to_string());
    event.insert("receivedAt", received.to_string());
    event.insert("timestamp", timestamp.to_string());
}
