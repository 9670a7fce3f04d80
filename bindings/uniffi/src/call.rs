//! A call from its JSON text: the event of the spec, with what the caller knows of it.

use headwater::json::{Limits, Object, Raw, RawValue, Scanner, Value, parse};
use headwater::{CallKind, CallOptions, Event, EventType, Payload};

use crate::error::HeadwaterError;

/// What a host hands in at most, bytes. Single events have their own, smaller limit in the engine, which tells the sizes.
const MAX_BYTES: usize = 4 << 20;

/// An object of the host's; an empty text is an empty object.
pub(crate) fn object(what: &str, text: &str) -> Result<Object, HeadwaterError> {
    if text.is_empty() {
        return Ok(Object::new());
    }
    match parse(text.as_bytes(), &payload_limits()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid(what, "it is no JSON object")),
        Err(error) => Err(invalid(what, &error.to_string())),
    }
}

/// A stamped event on its way back.
pub(crate) fn event(text: &str) -> Result<Event, HeadwaterError> {
    Event::parse(text.as_bytes()).map_err(|error| HeadwaterError::Invalid(error.to_string()))
}

/// The text of an event; what the client writes is always UTF-8.
pub(crate) fn string(text: Vec<u8>) -> String {
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn limits() -> Limits {
    Limits::default().with_max_bytes(MAX_BYTES)
}

/// What goes into an event must leave room for the levels around it.
fn payload_limits() -> Limits {
    limits().with_max_depth(Limits::PAYLOAD_DEPTH)
}

fn invalid(what: &str, why: &str) -> HeadwaterError {
    HeadwaterError::Invalid(format!("the {what} cannot be used: {why}"))
}

/// The members of a call, before it is known which of the six it is.
#[derive(Default)]
struct Fields {
    kind: Option<EventType>,
    event: Option<String>,
    name: Option<String>,
    category: Option<String>,
    group_id: Option<String>,
    previous_id: Option<String>,
    properties: Option<Raw>,
    traits: Option<Raw>,
    options: CallOptions,
}

/// Reads a call. Members that it does not know are left out.
pub(crate) fn call(text: &str) -> Result<(CallKind, CallOptions), HeadwaterError> {
    let mut fields = Fields::default();
    let mut problem = None;
    let mut scanner = Scanner::new(text.as_bytes(), &limits())
        .map_err(|error| invalid("call", &error.to_string()))?;
    scanner
        .object(|key, scanner| {
            let value = scanner.value()?;
            if let Err(error) = fields.take(&key.decode(), &value) {
                problem.get_or_insert(error);
            }
            Ok(())
        })
        .and_then(|_| scanner.finish())
        .map_err(|error| invalid("call", &error.to_string()))?;
    match problem {
        Some(problem) => Err(problem),
        None => fields.finish(),
    }
}

impl Fields {
    fn take(&mut self, key: &str, value: &RawValue<'_>) -> Result<(), HeadwaterError> {
        let text = || value.as_str().map(std::borrow::Cow::into_owned);
        match key {
            "type" => self.kind = text().as_deref().and_then(EventType::parse),
            "event" => self.event = text(),
            "name" => self.name = text(),
            "category" => self.category = text(),
            "groupId" => self.group_id = text(),
            "previousId" => self.previous_id = text(),
            "userId" => self.options.user_id = text(),
            "anonymousId" => self.options.anonymous_id = text(),
            "messageId" => self.options.message_id = text(),
            "timestamp" => {
                if let Some(text) = text() {
                    let at = headwater::parse_iso(&text)
                        .ok_or_else(|| invalid("timestamp", "it is no ISO 8601 time"))?;
                    self.options.timestamp = Some(at);
                }
            }
            "properties" => self.properties = raw("properties", value)?,
            "traits" => self.traits = raw("traits", value)?,
            "context" => self.options.context = tree("context", value)?,
            "integrations" => self.options.integrations = tree("integrations", value)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(CallKind, CallOptions), HeadwaterError> {
        let Some(kind) = self.kind else {
            return Err(invalid("call", "its type is none of the six"));
        };
        let payload = |raw: Option<Raw>| raw.map_or(Payload::Empty, Payload::Raw);
        let user_id = self.options.user_id.clone();
        let kind = match kind {
            EventType::Track => CallKind::Track {
                event: self.event.unwrap_or_default(),
                properties: payload(self.properties),
            },
            EventType::Identify => CallKind::Identify {
                user_id: user_id.filter(|id| !id.is_empty()),
                traits: payload(self.traits),
            },
            EventType::Page => CallKind::Page {
                category: self.category,
                name: self.name,
                properties: payload(self.properties),
            },
            EventType::Screen => CallKind::Screen {
                category: self.category,
                name: self.name,
                properties: payload(self.properties),
            },
            EventType::Group => CallKind::Group {
                group_id: self.group_id.unwrap_or_default(),
                traits: payload(self.traits),
            },
            EventType::Alias => {
                // The new id, and not instead of the current user's, whom it continues.
                self.options.user_id = None;
                CallKind::Alias {
                    user_id: user_id.unwrap_or_default(),
                    previous_id: self.previous_id,
                }
            }
        };
        Ok((kind, self.options))
    }
}

fn raw(what: &str, value: &RawValue<'_>) -> Result<Option<Raw>, HeadwaterError> {
    if value.text() == "null" {
        return Ok(None);
    }
    Raw::parse(value.bytes(), &payload_limits())
        .map(Some)
        .map_err(|error| invalid(what, &error.to_string()))
}

fn tree(what: &str, value: &RawValue<'_>) -> Result<Option<Object>, HeadwaterError> {
    if value.text() == "null" {
        return Ok(None);
    }
    object(what, value.text()).map(Some)
}
