//! Violations as events of their own, for those who want to be told of them.

use core::fmt::Write;

use headwater_model::json::{Object, Value};
use sha2::{Digest, Sha256};

use super::{Plan, Violation};

/// The name of the event.
pub const VIOLATION_EVENT: &str = "Violation Generated";

/// Whose event violates what.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The source's id.
    pub source_id: &'a str,
    /// Its name.
    pub source_name: &'a str,
    /// The name in addresses; with us the same.
    pub source_slug: &'a str,
    /// The plan.
    pub plan: &'a Plan,
}

/// The event for one violation, as Segment documents it. Its messageId follows from the event's, so that a second run
/// makes the same event again and not another one. It holds nothing that the event says but its name, type and times.
#[must_use]
pub fn violation_event(
    origin: Origin<'_>,
    event: &Object,
    violation: &Violation,
    received_at: &str,
) -> Object {
    let text = |key| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let context = event.object("context");
    let version = context
        .and_then(|context| context.object("app"))
        .and_then(|app| app.get("version"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [
        origin.source_id,
        text("messageId"),
        &violation.field,
        violation.kind,
        &violation.description,
    ] {
        hash.update(part);
        hash.update([0xff]);
    }
    let mut message_id = "sch-".to_owned();
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(message_id, "{byte:02x}");
    }
    let mut properties = Object::new();
    for (key, value) in [
        ("appVersion", version),
        ("eventMessageID", text("messageId")),
        ("eventName", text("event")),
        ("eventSentAt", text("sentAt")),
        ("eventTimestamp", text("timestamp")),
        ("eventType", text("type")),
        ("sourceID", origin.source_id),
        ("sourceName", origin.source_name),
        ("sourceSlug", origin.source_slug),
        ("trackingPlanID", &origin.plan.id),
        ("trackingPlanName", &origin.plan.name),
        ("violationDescription", &violation.description),
        ("violationField", &violation.field),
        ("violationType", violation.kind),
    ] {
        properties.insert(key, value);
    }
    let mut marked = Object::new();
    for key in ["app", "library"] {
        let value = context.and_then(|context| context.get(key)).cloned();
        marked.insert(key, value.unwrap_or(Value::Null));
    }
    let mut made = Object::new();
    made.insert("context", marked);
    made.insert("event", VIOLATION_EVENT);
    made.insert("integrations", Object::new());
    made.insert("messageId", message_id);
    made.insert("properties", properties);
    made.insert("receivedAt", received_at);
    made.insert("timestamp", received_at);
    made.insert("type", "track");
    made.insert("userId", "schema-violations");
    made.insert("forwardedFromProject", origin.source_id);
    made
}
