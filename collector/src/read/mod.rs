//! What is in the log, as the spec's events: normalised when it is read, by a pure function of the record.

mod normalise;

use std::borrow::Cow;

use headwater_model::event::EventType;
use headwater_model::json::{self, Limits, Object, Value};

use crate::log::{MAX_BODY_BYTES, Reason, Stored, Verdict};

/// One event of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its place in the request.
    pub index: usize,
    /// Accepted, or why not.
    pub verdict: Verdict,
    /// Its type, if it has one.
    pub kind: Option<EventType>,
    /// Normalised when accepted; as it was sent otherwise.
    pub event: Value,
}

impl Item {
    /// Why it was rejected.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.verdict {
            Verdict::Rejected(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The events of a record, in order; each is made when it is asked for, since an envelope's context is in all of them.
pub fn items(stored: &Stored) -> impl Iterator<Item = Item> {
    made(stored, &stored.body)
}

/// The same with null in the place of every event that was not accepted, which may be larger than any that was.
pub fn accepted(stored: &Stored) -> impl Iterator<Item = Item> {
    made(stored, &without_others(stored))
}

/// The body of a record without the events that were not accepted.
fn without_others(stored: &Stored) -> Cow<'_, [u8]> {
    let body = &stored.body;
    let events = &stored.head.events;
    if events.iter().all(|slot| slot.verdict.is_accepted()) {
        return Cow::Borrowed(body);
    }
    let mut kept = Vec::new();
    let mut from = 0;
    for slot in events.iter().filter(|slot| !slot.verdict.is_accepted()) {
        let start = slot.offset as usize;
        let Some(between) = body.get(from..start) else {
            return Cow::Borrowed(body);
        };
        kept.extend_from_slice(between);
        kept.extend_from_slice(b"null");
        from = start + slot.len as usize;
    }
    kept.extend_from_slice(body.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

fn made<'a>(stored: &'a Stored, body: &[u8]) -> impl Iterator<Item = Item> + use<'a> {
    // The body was within tighter limits when it was taken in.
    let limits = Limits {
        max_depth: Limits::DEPTH_CEILING,
        ..Limits::default().with_max_bytes(MAX_BODY_BYTES)
    };
    let mut envelope = match json::parse(body, &limits) {
        Ok(Value::Object(envelope)) => envelope,
        _ => Object::new(),
    };
    let sent = if stored.head.implied.is_some() {
        let sent_at = envelope.get("sentAt").cloned();
        let event = Value::Object(std::mem::take(&mut envelope));
        envelope.extend(sent_at.map(|sent_at| ("sentAt", sent_at)));
        vec![event]
    } else {
        match envelope.remove("batch") {
            Some(Value::Array(batch)) => batch,
            _ => Vec::new(),
        }
    };
    let slots = stored.head.events.iter().zip(sent).enumerate();
    slots.map(move |(index, (slot, event))| {
        let kind = stored.head.implied.or_else(|| {
            event
                .get("type")
                .and_then(Value::as_str)
                .and_then(EventType::parse)
        });
        let event = match event {
            Value::Object(event) if slot.verdict.is_accepted() => {
                Value::Object(normalise::normalise(event, kind, &envelope, stored, index))
            }
            other => other,
        };
        Item {
            index,
            verdict: slot.verdict,
            kind,
            event,
        }
    })
}
