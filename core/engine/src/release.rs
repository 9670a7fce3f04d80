//! Events on their way back from the store: held ones to the destinations after a grant, refused ones to quarantine.

use std::sync::Arc;

use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::{DuplicateKeys, Limits, Members, parse, write_u64};
use headwater_model::limits::MAX_EVENT_BYTES;

use crate::clock::Now;
use crate::config::DestinationConfig;
use crate::consent::{Consent, Gate};
use crate::effect::{Effect, StateKey};
use crate::engine::Engine;
use crate::part::FULL;

/// Events the hub refused that are kept for a look, newest last.
const QUARANTINE: usize = 20;
/// Of one of these: the largest event, and what stands round it.
const ENTRY: Limits = Limits {
    max_bytes: 2 * MAX_EVENT_BYTES,
    max_depth: 130,
    duplicate_keys: DuplicateKeys::LastWins,
};
/// Events read back at a time when held ones are released to device-mode destinations.
const RELEASE_CHUNK: usize = 64;

/// What waits for the user's consent elsewhere than in the ledger, and what is on its way to the destinations since.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Events that must not be written: when, and their text.
    pub(crate) in_memory: Vec<(i64, Vec<u8>)>,
    /// Events that are for destinations alone.
    pub(crate) local: Vec<Arc<Event>>,
    /// Stored events that destinations have not seen, still to be read back. The first ones last.
    pub(crate) to_release: Vec<Seq>,
    /// Events made while those are read back; they come after them.
    pub(crate) after_release: Vec<Arc<Event>>,
}

/// What a read-back event is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Release,
    Quarantine(u16),
    /// It was for the quarantine, and consent is gone: only forget it.
    Discard,
    /// A guard keeps it back.
    Guard,
}

impl Engine {
    /// Looks again at what waits for destinations, after settings or consent changed.
    pub(crate) fn offer_waiting(&mut self) {
        if self.gate() == Gate::Open
            && let Some(destinations) = self.destinations.as_mut()
        {
            let granted = self.consent.as_ref().and_then(Consent::preferences);
            destinations.regate(self.settings.as_ref(), granted, &mut self.effects);
        }
    }

    pub(crate) fn has_destinations(&self) -> bool {
        let destinations = self.destinations.as_ref();
        destinations.is_some_and(|destinations| !destinations.is_empty())
    }

    /// One more device-mode destination, from now on.
    pub(crate) fn add_destination(&mut self, config: DestinationConfig) {
        let Some(destinations) = self.destinations.as_mut() else {
            return;
        };
        destinations.add(config);
        if let Some(settings) = self.settings.as_ref() {
            destinations.configure_last(settings, &mut self.effects);
        }
    }

    /// Hands an event to the device-mode destinations, after those that are still being read back.
    pub(crate) fn offer(&mut self, event: Arc<Event>) {
        if self.releasing()
            && let Some(held) = self.held.as_mut()
        {
            held.after_release.push(event);
            return;
        }
        self.offer_now(&event);
    }

    /// Hands out again what a guard of a destination's own kept from it.
    pub(crate) fn deliver_again(&mut self, now: Now) {
        if let Some(destinations) = self.destinations.as_mut() {
            let granted = self.consent.as_ref().and_then(Consent::preferences);
            destinations.try_again(now, self.settings.as_ref(), granted, &mut self.effects);
        }
    }

    fn offer_now(&mut self, event: &Arc<Event>) {
        if let Some(destinations) = self.destinations.as_mut() {
            let granted = self.consent.as_ref().and_then(Consent::preferences);
            destinations.offer(event, self.settings.as_ref(), granted, &mut self.effects);
        }
    }

    /// Whether held events are still on their way to the destinations. Uploads wait for that, since what the hub
    /// has is forgotten.
    pub(crate) fn releasing(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| !held.to_release.is_empty() || self.reads_back())
    }

    fn reads_back(&self) -> bool {
        self.loads
            .iter()
            .any(|(_, purpose)| *purpose == Purpose::Release)
    }

    /// Asks for the next held events.
    pub(crate) fn release_more(&mut self) {
        if self.reads_back() {
            return;
        }
        let Some(held) = self.held.as_mut() else {
            return;
        };
        let at = held.to_release.len().saturating_sub(RELEASE_CHUNK);
        let mut chunk = held.to_release.split_off(at);
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
                    self.offer_now(&Arc::new(event));
                }
                self.release_more();
                if !self.releasing() {
                    let held = self.held.as_mut();
                    let after = held.map(|held| core::mem::take(&mut held.after_release));
                    for event in after.unwrap_or_default() {
                        self.offer(event);
                    }
                    self.pump(now);
                }
            }
            Purpose::Quarantine(status) => {
                if let Some(body) = body {
                    self.keep_refused(status, &body);
                }
                self.effects.push(Effect::Forget(vec![seq]));
            }
            Purpose::Discard => self.effects.push(Effect::Forget(vec![seq])),
            Purpose::Guard => self.kept_loaded(now, seq, body.as_deref()),
        }
    }

    /// Keeps a refused event for a look.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn keep_refused(&mut self, status: u16, body: &[u8]) {
        let mut members = Members::default();
        write_u64(members.key("status"), status.into());
        members.key("event").extend_from_slice(body);
        let Ok(entry) = parse(&members.end(), &ENTRY) else {
            return;
        };
        self.quarantine.push(entry);
        while self.quarantine.len() > QUARANTINE {
            self.quarantine.remove(0);
        }
        let mut text = Vec::new();
        for entry in &self.quarantine {
            entry.write(&mut text);
            text.push(b'\n');
        }
        self.save(StateKey::Quarantine, text);
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn restore_quarantine(&mut self, text: &[u8]) -> Option<()> {
        for line in text.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                self.quarantine.push(parse(line, &ENTRY).ok()?);
            }
        }
        Some(())
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
