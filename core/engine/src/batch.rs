//! Cutting a batch, exact to the byte.
//!
//! The body of a request is `{"batch":[` + event texts joined by `,` + `],"sentAt":"…"` + maybe a context + the
//! write key + `}`. Event texts are stored as they are sent, so the size is known before anything is read.

use headwater_model::event::{Event, Fragment, Payload};
use headwater_model::json::{Object, write_string};
use headwater_model::time::{Millis, push_iso};

/// What stands round the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Before the first event.
    pub prefix: Vec<u8>,
    /// After the last event.
    pub suffix: Vec<u8>,
}

impl Envelope {
    /// The envelope for a request sent now. `context` is merged under each event's own by the hub (the tracking
    /// API's rule for batches).
    #[must_use]
    pub fn new(write_key: &str, sent_at: Millis, context: Option<&Object>) -> Envelope {
        let mut suffix = Vec::with_capacity(96);
        suffix.extend_from_slice(b"],\"sentAt\":\"");
        push_iso(&mut suffix, sent_at);
        suffix.push(b'"');
        if let Some(context) = context {
            suffix.extend_from_slice(b",\"context\":");
            context.write(&mut suffix);
        }
        suffix.extend_from_slice(b",\"writeKey\":");
        write_string(&mut suffix, write_key);
        suffix.push(b'}');
        Envelope {
            prefix: b"{\"batch\":[".to_vec(),
            suffix,
        }
    }

    /// Its bytes, without events and commas.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// Never: there always is an envelope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// How many of the first events fit, and the size of the body they make. At least one, so that a single event over
/// the limit is refused by the hub with a reason rather than stuck here for ever.
#[must_use]
pub fn cut(
    lens: impl Iterator<Item = u32>,
    envelope: usize,
    max_bytes: usize,
    max_events: usize,
) -> (usize, usize) {
    let mut count = 0;
    let mut bytes = envelope;
    for len in lens.take(max_events) {
        let more = len as usize + usize::from(count > 0);
        if count > 0 && bytes + more > max_bytes {
            break;
        }
        bytes += more;
        count += 1;
    }
    (count, bytes)
}

/// The text of an event's context when nothing was merged into it.
pub(crate) fn context_text(context: &Object) -> Vec<u8> {
    let mut out = Vec::new();
    context.write(&mut out);
    out
}

/// Writes an event with exactly the room it needs to grow.
pub(crate) fn event_text(event: &Event, context: Fragment<'_>) -> Vec<u8> {
    let room = match context {
        Fragment::Text(text) => text.len(),
        Fragment::Tree(_) => 512,
    };
    let payload = match &event.properties {
        Payload::Raw(raw) => raw.as_bytes().len(),
        _ => 256,
    };
    let mut out = Vec::with_capacity(320 + room + payload);
    event.write_with(context, &mut out);
    out
}
