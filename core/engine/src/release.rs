//! Events on their way back from the store: held ones to the destinations after a grant, refused ones to quarantine.

use std::sync::Arc;

use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Object, Value, parse};

use crate::clock::Now;
use crate::config::DestinationConfig;
use crate::consent::{Consent, Gate};
use crate::effect::{Effect, StateKey};
use crate::engine::Engine;
use crate::part::FULL;

/// Events the hub refused that are kept for a look, newest last.
pub(crate) const QUARANTINE: usize = 20;
/// Events read back at a time when held ones are released to device-mode destinations.
const RELEASE_CHUNK: usize = 64;

/// What a read-back event is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Release,
    Quarantine(u16),
    /// It was for the quarantine, and consent is gone: only forget it.
    Discard,
}

impl Engine {
    /// Looks again at what waits for destinations, after settings or consent changed.
    pub(crate) fn offer_waiting(&mut self) {
        if FULL && self.gate() == Gate::Open {
            let granted = self.consent.as_ref().and_then(Consent::preferences);
            self.destinations
                .regate(self.settings.as_ref(), granted, &mut self.effects);
        }
    }

    /// One more device-mode destination, from now on.
    pub(crate) fn add_destination(&mut self, config: DestinationConfig) {
        if !FULL {
            return;
        }
        self.destinations.add(config);
        let index = self.destinations.len() - 1;
        if let Some(settings) = self.settings.as_ref() {
            self.destinations
                .configure_from(index, settings, &mut self.effects);
        }
    }

    /// Hands an event to the device-mode destinations, after those that are still being read back.
    pub(crate) fn offer(&mut self, event: Arc<Event>) {
        if !FULL {
            return;
        }
        if self.releasing() {
            self.after_release.push(event);
            return;
        }
        let granted = self.consent.as_ref().and_then(Consent::preferences);
        self.destinations
            .offer(&event, self.settings.as_ref(), granted, &mut self.effects);
    }

    /// Whether held events are still on their way to the destinations. Uploads wait for that, since what the hub
    /// has is forgotten.
    pub(crate) fn releasing(&self) -> bool {
        FULL && (!self.to_release.is_empty()
            || self
                .loads
                .iter()
                .any(|(_, purpose)| *purpose == Purpose::Release))
    }

    /// Asks for the next held events.
    pub(crate) fn release_more(&mut self) {
        if self
            .loads
            .iter()
            .any(|(_, purpose)| *purpose == Purpose::Release)
        {
            return;
        }
        let at = self.to_release.len().saturating_sub(RELEASE_CHUNK);
        let mut chunk = self.to_release.split_off(at);
        chunk.reverse();
        if !chunk.is_empty() {
            for seq in &chunk {
                self.loads.push((*seq, Purpose::Release));
            }
            self.effects.push(Effect::Load(chunk));
        }
    }

    pub(crate) fn loaded(&mut self, now: Now, seq: Seq, body: Option<Vec<u8>>) {
        let Some(at) = self.loads.iter().position(|(wanted, _)| *wanted == seq) else {
            return;
        };
        let (_, purpose) = self.loads.remove(at);
        match purpose {
            // Nothing is held without consent.
            Purpose::Release if !FULL => {}
            Purpose::Release => {
                if let Some(event) = body.and_then(|body| Event::parse(&body).ok()) {
                    let event = Arc::new(event);
                    let granted = self.consent.as_ref().and_then(Consent::preferences);
                    self.destinations.offer(
                        &event,
                        self.settings.as_ref(),
                        granted,
                        &mut self.effects,
                    );
                }
                self.release_more();
                if !self.releasing() {
                    for event in core::mem::take(&mut self.after_release) {
                        self.offer(event);
                    }
                    self.pump(now);
                }
            }
            Purpose::Quarantine(status) => {
                if let Some(event) = body.and_then(|body| parse(&body, &Limits::default()).ok()) {
                    let mut entry = Object::new();
                    entry.insert("status", Value::from(i64::from(status)));
                    entry.insert("event", event);
                    self.quarantine.push(Value::Object(entry));
                    while self.quarantine.len() > QUARANTINE {
                        self.quarantine.remove(0);
                    }
                    let mut text = Vec::new();
                    Value::Array(self.quarantine.clone()).write(&mut text);
                    self.save(StateKey::Quarantine, text);
                }
                self.effects.push(Effect::Forget(vec![seq]));
            }
            Purpose::Discard => self.effects.push(Effect::Forget(vec![seq])),
        }
    }

    /// After a denial or withdrawal: what is known of the user goes, where the application asked that nothing be kept.
    pub(crate) fn forget_user_state(&mut self) {
        if self.writes_held() {
            self.save(StateKey::Identity, Vec::new());
            self.save(StateKey::Session, Vec::new());
        }
        if !self.quarantine.is_empty() {
            self.quarantine.clear();
            self.save(StateKey::Quarantine, Vec::new());
        }
        for (_, purpose) in &mut self.loads {
            if matches!(purpose, Purpose::Quarantine(_)) {
                *purpose = Purpose::Discard;
            }
        }
    }
}
