//! One event of the spec, as plugins and destinations see it.
//!
//! The six kinds share one shape: what a kind does not use is `None`. `properties` holds the traits of an identify
//! or a group call and the properties of the rest; [`EventType::payload_key`] says which name it has in JSON.

use crate::id::{AnonymousId, MessageId};
use crate::json::{Limits, Object, ParseError, Raw, Value, write_string};
use crate::time::{Millis, parse_iso, push_iso};

/// The six calls of the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Something a user did.
    #[default]
    Track,
    /// Who a user is.
    Identify,
    /// A web page was seen.
    Page,
    /// An app screen was seen.
    Screen,
    /// The account or organisation a user belongs to.
    Group,
    /// One user id continues another.
    Alias,
}

impl EventType {
    /// All six, in the order of the spec.
    pub const ALL: [EventType; 6] = [
        EventType::Track,
        EventType::Identify,
        EventType::Page,
        EventType::Screen,
        EventType::Group,
        EventType::Alias,
    ];

    /// The value of `type` in JSON, and the last part of the route (`/v1/track`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Track => "track",
            EventType::Identify => "identify",
            EventType::Page => "page",
            EventType::Screen => "screen",
            EventType::Group => "group",
            EventType::Alias => "alias",
        }
    }

    /// The kind with this name, exact spelling.
    #[must_use]
    pub fn parse(name: &str) -> Option<EventType> {
        EventType::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// Where the payload lies in JSON: `properties`, `traits`, or nowhere (alias).
    #[must_use]
    pub fn payload_key(self) -> Option<&'static str> {
        match self {
            EventType::Track | EventType::Page | EventType::Screen => Some("properties"),
            EventType::Identify | EventType::Group => Some("traits"),
            EventType::Alias => None,
        }
    }
}

/// Properties or traits: text as it was given until somebody looks inside.
#[derive(Clone, Debug, Default)]
pub enum Payload {
    /// No payload was given; written as `{}`.
    #[default]
    Empty,
    /// Validated JSON text of an object, written as it is.
    Raw(Raw),
    /// An object that was looked into.
    Tree(Object),
}

impl Payload {
    /// The payload as an object, parsed the first time it is asked for.
    pub fn object(&mut self) -> &mut Object {
        match self {
            Payload::Tree(_) => {}
            Payload::Empty => *self = Payload::Tree(Object::new()),
            Payload::Raw(raw) => *self = Payload::Tree(raw.to_object()),
        }
        match self {
            Payload::Tree(tree) => tree,
            // It was made a tree above; the arm is there because the compiler cannot see it.
            Payload::Empty | Payload::Raw(_) => unreachable!("the payload is a tree"),
        }
    }

    /// The payload as an object, without keeping the parsed form.
    #[must_use]
    pub fn to_object(&self) -> Object {
        match self {
            Payload::Empty => Object::new(),
            Payload::Raw(raw) => raw.to_object(),
            Payload::Tree(tree) => tree.clone(),
        }
    }

    /// Appends the JSON text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Payload::Empty => out.extend_from_slice(b"{}"),
            Payload::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
            Payload::Tree(tree) => tree.write(out),
        }
    }
}

/// What is no object is nothing.
impl From<Value> for Payload {
    #[cfg(feature = "strict")]
    fn from(value: Value) -> Payload {
        value.into_object().map_or(Payload::Empty, Payload::Tree)
    }

    #[cfg(not(feature = "strict"))]
    fn from(value: Value) -> Payload {
        if value.is_object() {
            Payload::Raw(Raw::from_checked(value.into_bytes()))
        } else {
            Payload::Empty
        }
    }
}

impl From<Raw> for Payload {
    fn from(raw: Raw) -> Payload {
        Payload::Raw(raw)
    }
}

impl From<Object> for Payload {
    fn from(object: Object) -> Payload {
        Payload::Tree(object)
    }
}

/// One event, stamped: everything it will ever say about who, when and where is in it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which of the six calls.
    pub kind: EventType,
    /// The id that stays the same over every retry, crash and tab.
    pub message_id: MessageId,
    /// When the call was made, or the time its caller gave.
    pub timestamp: Millis,
    /// The device's or visitor's id.
    pub anonymous_id: Option<AnonymousId>,
    /// The known user's id.
    pub user_id: Option<String>,
    /// The name of a track event.
    pub event: Option<String>,
    /// The name of a page or screen.
    pub name: Option<String>,
    /// The category of a page or screen.
    pub category: Option<String>,
    /// The account of a group call.
    pub group_id: Option<String>,
    /// The id an alias call continues.
    pub previous_id: Option<String>,
    /// Properties or traits.
    pub properties: Payload,
    /// The spec's context object, merged.
    pub context: Object,
    /// Which destinations may have it; empty means all.
    pub integrations: Object,
}

/// A JSON object that is either text already or still a tree.
#[derive(Clone, Copy, Debug)]
pub enum Fragment<'a> {
    /// Valid JSON text of an object.
    Text(&'a [u8]),
    /// An object to be written.
    Tree(&'a Object),
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(key);
        write_string(out, value);
    }
}

/// Why a stored text is no event.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum EventError {
    /// The text is no JSON.
    #[error("the event is no valid JSON: {0}")]
    Json(#[from] ParseError),
    /// A field is missing or of another type than the spec's.
    #[error("the event's `{0}` is missing or of the wrong type")]
    Field(&'static str),
}

impl Event {
    /// Appends the event's JSON text: one object, no white space, keys in the order of the spec's examples.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_with(Fragment::Tree(&self.context), out);
    }

    /// As [`Event::write`], with this context instead of the event's own.
    pub fn write_with(&self, context: Fragment<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(self.kind.as_str().as_bytes());
        out.push(b'"');
        text(out, b",\"event\":", self.event.as_deref());
        text(out, b",\"name\":", self.name.as_deref());
        text(out, b",\"category\":", self.category.as_deref());
        text(out, b",\"groupId\":", self.group_id.as_deref());
        text(out, b",\"previousId\":", self.previous_id.as_deref());
        text(out, b",\"userId\":", self.user_id.as_deref());
        let anonymous_id = self.anonymous_id.as_ref();
        text(
            out,
            b",\"anonymousId\":",
            anonymous_id.map(AnonymousId::as_str),
        );
        if let Some(key) = self.kind.payload_key() {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            self.properties.write(out);
        }
        out.extend_from_slice(b",\"context\":");
        match context {
            Fragment::Text(text) => out.extend_from_slice(text),
            Fragment::Tree(tree) => tree.write(out),
        }
        // Left out when it is empty.
        if !self.integrations.is_empty() {
            out.extend_from_slice(b",\"integrations\":");
            self.integrations.write(out);
        }
        text(out, b",\"messageId\":", Some(self.message_id.as_str()));
        out.extend_from_slice(b",\"timestamp\":\"");
        push_iso(out, self.timestamp);
        out.extend_from_slice(b"\"}");
    }

    /// Reads an event that [`Event::write`] wrote.
    ///
    /// # Errors
    /// When the text is no JSON, or lacks a field that every event has.
    pub fn parse(text: &[u8]) -> Result<Event, EventError> {
        let value = crate::json::parse(text, &Limits::default())?;
        let mut fields = value.into_object().ok_or(EventError::Field("type"))?;
        let kind = fields
            .take_text("type")
            .and_then(|kind| EventType::parse(&kind))
            .ok_or(EventError::Field("type"))?;
        let message_id = fields
            .take_text("messageId")
            .and_then(|id| MessageId::new(id).ok())
            .ok_or(EventError::Field("messageId"))?;
        let timestamp = fields
            .take_text("timestamp")
            .and_then(|text| parse_iso(&text))
            .ok_or(EventError::Field("timestamp"))?;
        let properties = kind.payload_key().and_then(|key| fields.remove(key));
        Ok(Event {
            kind,
            message_id,
            timestamp,
            anonymous_id: fields
                .take_text("anonymousId")
                .and_then(|id| AnonymousId::new(id).ok()),
            user_id: fields.take_text("userId"),
            event: fields.take_text("event"),
            name: fields.take_text("name"),
            category: fields.take_text("category"),
            group_id: fields.take_text("groupId"),
            previous_id: fields.take_text("previousId"),
            properties: properties.map_or(Payload::Empty, Payload::from),
            context: fields.take_object("context").unwrap_or_default(),
            integrations: fields.take_object("integrations").unwrap_or_default(),
        })
    }
}
