//! The user's decision, and what may leave under it.

use headwater_engine::Input;
use headwater_model::json::{Limits, Object, Value, parse};

use crate::life::Life;
use crate::setup::{CATEGORIES, Consent};

/// The one event that leaves although everything is denied.
pub(crate) const TELLS_OF_IT: &str = "Segment Consent Preference Updated";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Held,
    Closed,
}

impl Life {
    pub(crate) fn consent(&mut self) {
        if self.setup.consent == Consent::NotAsked {
            return;
        }
        let preferences: Object = [
            (CATEGORIES[0], self.dice.chance(600)),
            (CATEGORIES[1], self.dice.chance(300)),
        ]
        .into_iter()
        .map(|(id, granted)| (id.to_owned(), Value::Bool(granted)))
        .collect();
        self.preferences = Some(preferences.clone());
        self.decide(&preferences);
    }

    /// Tells the device what the user decided.
    pub(crate) fn decide(&mut self, preferences: &Object) {
        if self.process.is_none() {
            return;
        }
        self.note(|_| format!("consent {}", Value::Object(preferences.clone())));
        let before = self.gate();
        let news = self.decision.as_ref() != Some(&Some(preferences.clone()));
        self.decision = Some(Some(preferences.clone()));
        if news {
            for promise in &mut self.promises {
                // What a guard keeps back goes on its way under whatever is decided then.
                if before != Some(Gate::Open) || promise.guarded {
                    promise.releases.push(preferences.clone());
                }
            }
        }
        if news && before != Some(Gate::Closed) && self.gate() == Some(Gate::Closed) {
            if before.is_some() {
                self.pace.emptied();
            } else {
                self.pace.maybe_emptied();
            }
            self.destinations.emptied_at = self.promises.len();
        }
        let entropy = self.dice.entropy();
        let given = preferences
            .iter()
            .map(|(id, granted)| (id.to_owned(), granted.as_bool() == Some(true)))
            .collect();
        // Released, refused or still held: what was in memory is in the store or reported now, or will be.
        self.input(Input::SetConsent {
            preferences: given,
            entropy,
        });
        if self.process.is_some() {
            for (index, promise) in self.promises.iter_mut().enumerate() {
                if core::mem::take(&mut promise.in_memory) {
                    self.unsynced.push(index);
                }
            }
        }
    }

    /// What the decision opens; `None` when a crash came at a moment after which two answers are right.
    pub(crate) fn gate(&self) -> Option<Gate> {
        let decision = match self.setup.consent {
            Consent::NotAsked => return Some(Gate::Open),
            Consent::OptIn | Consent::OptOut => self.decision.as_ref()?,
        };
        Some(match decision {
            None if self.setup.consent == Consent::OptIn => Gate::Held,
            None => Gate::Open,
            Some(preferences) if preferences.iter().any(|(_, on)| *on == Value::Bool(true)) => {
                Gate::Open
            }
            Some(_) => Gate::Closed,
        })
    }

    /// Nothing leaves that the user has not agreed to.
    pub(crate) fn check_consent(&mut self, body: &[u8]) {
        if self.setup.consent == Consent::NotAsked {
            return;
        }
        let gate = self.gate();
        let closed = gate == Some(Gate::Closed) && !self.withdrawal_lost;
        if gate == Some(Gate::Held) {
            return self.fail("a batch leaves before the user's decision".to_owned());
        }
        let Ok(envelope) = parse(body, &Limits::default()) else {
            return self.fail("a batch is no JSON".to_owned());
        };
        let events = envelope.get("batch").and_then(Value::as_array);
        for event in events.into_iter().flatten() {
            let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
            let id = text("messageId");
            if closed && text("event") != TELLS_OF_IT {
                self.fail(format!("{id} leaves although everything is denied"));
            }
            if self.accounts.purged.contains(id) {
                self.fail(format!(
                    "{id} leaves after it was purged for want of consent"
                ));
            }
        }
    }
}
