//! What a settings document switches off for track events: its `plan.track`, which is no tracking plan but what follows from
//! one.
//!
//! An event that is not enabled goes to the hub alone; one that is may still be kept from some destinations. What it
//! blocks is written into the event's `integrations`, so that who gets the event later, the hub's own destinations
//! among them, blocks the same. It switches off, never on: an event's own `false` stays.

use headwater_model::json::{Object, Value};

use crate::gate::{HUB, integrations_allow};

/// The entry for events that have none of their own.
const DEFAULT: &str = "__default";

/// What is switched off for one event.
#[derive(Clone, Copy, Debug)]
pub struct Switches<'a> {
    /// Whether any destination but the hub may have it.
    pub enabled: bool,
    integrations: Option<&'a Object>,
}

/// Looks an event up in `plan.track`. `None`: the plan has nothing to say of it.
#[must_use]
pub fn switches<'a>(track: &'a Value, event: &str) -> Option<Switches<'a>> {
    let default = track.get(DEFAULT);
    let own = track.get(event);
    let enabled = |entry: Option<&Value>| entry?.get("enabled")?.as_bool();
    Some(Switches {
        enabled: enabled(own).or_else(|| enabled(default)).unwrap_or(true),
        integrations: own
            .or(default)?
            .get("integrations")
            .and_then(Value::as_object),
    })
}

impl Switches<'_> {
    /// Whether this destination is switched off by name.
    #[must_use]
    pub fn blocks(&self, destination: &str) -> bool {
        self.integrations
            .is_some_and(|all| all.flag(destination) == Some(false))
    }

    /// Whether a destination other than the hub may have the event.
    #[must_use]
    pub fn allows(&self, destination: &str) -> bool {
        self.enabled && !self.blocks(destination)
    }

    /// Writes it into an event's `integrations`.
    pub fn apply(&self, integrations: &mut Object) {
        if !self.enabled {
            for (name, entry) in integrations.iter_mut() {
                let off = name != HUB || entry.as_bool() == Some(false);
                *entry = (!off).into();
            }
            integrations.insert("All", false);
            if !integrations.contains_key(HUB) {
                integrations.insert(HUB, true);
            }
            return;
        }
        for (name, entry) in self.integrations.into_iter().flat_map(Object::iter) {
            let off = entry.as_bool() == Some(false);
            let news = !integrations.contains_key(name) && integrations_allow(integrations, name);
            if off || (news && !entry.is_null()) {
                integrations.insert(name, entry.clone());
            }
        }
    }
}
