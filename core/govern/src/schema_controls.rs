//! What a source keeps out without a plan: events by name, and values of events.

use std::collections::BTreeMap;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use crate::transform::Target;

/// The controls of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaControls {
    /// Track events by name.
    pub events: BTreeMap<String, Control>,
    /// Track events that are not among them.
    pub unlisted: Control,
    /// The other types, which have one control each.
    pub types: Vec<(EventType, Control)>,
}

/// What happens to one kind of event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    /// Whether it goes no further.
    pub block: bool,
    /// What is taken out.
    pub omit: Vec<Target>,
}

impl SchemaControls {
    /// The control of an event, where there is one.
    #[must_use]
    pub fn of(&self, kind: EventType, event: &Object) -> Option<&Control> {
        if kind == EventType::Track {
            let name = event.get("event").and_then(Value::as_str);
            return Some(
                name.and_then(|name| self.events.get(name))
                    .unwrap_or(&self.unlisted),
            );
        }
        self.types
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, control)| control)
    }
}
