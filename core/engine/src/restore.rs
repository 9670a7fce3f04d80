//! The two ends of a life: what the store knew at its start, and what only memory knew at its end.

use headwater_model::json::parse_u64;

use crate::Settings;
use crate::clock::Now;
use crate::config::NATIVE;
use crate::effect::{Diagnostic, DropReason, StateKey};
use crate::engine::{Engine, Start};
use crate::identity::Identity;
use crate::part::FULL;
use crate::retry::RetryState;
use crate::text::words;

/// A clock that shows less (2020) was not set yet; what it stamped has no known age at the next start.
pub(crate) const PLAUSIBLE: i64 = 1_577_836_800_000;

impl Engine {
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn restore(&mut self, start: Start, now: Now) {
        let mut known = false;
        let mut purged = 0;
        for (key, text) in &start.saved {
            let read = match key {
                StateKey::Identity => Identity::from_json(text).map(|identity| {
                    known = true;
                    self.identity = identity;
                }),
                StateKey::Consent => match self.consent.as_mut() {
                    Some(consent) => consent.restore(text),
                    None => Some(()),
                },
                StateKey::Retry => {
                    RetryState::from_json(text, self.retry_table(), (now.wall.0, now.mono))
                        .map(|retry| self.retry = retry)
                }
                StateKey::Session => match self.session.as_mut() {
                    Some(session) => session.restore(text),
                    None => Some(()),
                },
                StateKey::Settings if !FULL => Some(()),
                StateKey::Settings => Settings::parse(text).ok().map(|settings| {
                    self.settings.set(settings);
                    if let Some(fetcher) = self.fetcher.as_mut() {
                        fetcher.had();
                    }
                }),
                StateKey::Quarantine => self.restore_quarantine(text),
                StateKey::Purged => std::str::from_utf8(text)
                    .ok()
                    .and_then(parse_u64)
                    .map(|below| purged = below),
            };
            if read.is_none() {
                self.unreadable(*key);
            }
        }
        if NATIVE {
            for key in start.unreadable {
                self.unreadable(key);
            }
        }
        if self.config.remembers() && !known {
            self.save_identity();
        }
        self.next_seq = self.next_seq.max(purged);
        let mut undead = Vec::new();
        for event in start.events {
            self.next_seq = self.next_seq.max(event.seq.0.saturating_add(1));
            if event.seq.0 < purged {
                undead.push(event.seq);
                continue;
            }
            if event.at < 0 {
                self.inherit_kept(event.seq);
                continue;
            }
            let entry = self.entry(&event, now.wall.0);
            self.ledger.push(entry);
        }
        let detail = words!("a crash brought back what had been purged; it was purged again");
        self.drop_events(undead, DropReason::Purged, None, detail);
        if NATIVE && start.lost.max(start.set_aside) > 0 {
            let detail = if start.set_aside > 0 {
                words!(
                    "records of the store were corrupt, or in segments that could not be read or have an unknown format \
                     version; these were set aside in the queue's directory"
                )
            } else {
                words!("records of the store were corrupt")
            };
            self.lose(DropReason::Corrupt, start.lost.max(start.set_aside), detail);
        }
        if NATIVE && start.torn_bytes > 0 {
            self.diagnose(Diagnostic::TornTail {
                bytes: start.torn_bytes,
            });
        }
        #[cfg(feature = "full")]
        if !self.settings.is_some() {
            let defaults = self
                .config
                .settings
                .as_ref()
                .and_then(|settings| settings.defaults.as_ref());
            if let Some(defaults) = defaults {
                let mut text = Vec::new();
                defaults.write(&mut text);
                if let Ok(settings) = Settings::parse(&text) {
                    self.settings.set(settings);
                }
            }
        }
        self.locate();
        self.apply_settings();
        let fetches = self.fetcher.as_ref();
        let fetches = fetches.is_some_and(|fetcher| fetcher.deadline().is_some());
        if self.url.is_empty() && !fetches && self.config.has_hub() {
            self.diagnose(Diagnostic::NoEndpoint);
        }
        self.own_consent();
        self.rebuild_context();
        self.flush_to = self.ledger.last_seq();
        self.fetch_settings(now);
        self.pump(now);
    }

    /// A saved piece of state is damaged.
    fn unreadable(&mut self, key: StateKey) {
        self.diagnose(Diagnostic::StateUnreadable(key));
        if key == StateKey::Consent
            && let Some(consent) = self.consent.as_mut()
        {
            consent.lost();
            // So that the next start knows it, too, until there is a decision.
            self.save(StateKey::Consent, b"{}".to_vec());
        }
    }

    /// Consent is the engine's to stamp: the application's own context cannot forge it.
    pub(crate) fn own_consent(&mut self) {
        if self.consent.is_some() {
            self.base_context.remove("consent");
        }
    }

    /// Nobody comes back for what only this process knows.
    pub(crate) fn end(&mut self, volatile: bool) {
        self.closed = true;
        let detail = words!("they were kept in memory only, and the client ended");
        let mut count = 0;
        if let Some(held) = self.held.as_mut() {
            count = (held.in_memory.len() + held.local.len()) as u64;
            held.in_memory.clear();
            held.local.clear();
        }
        if let Some(guards) = self.guards.as_mut() {
            count += guards.take_unwritten(volatile) as u64;
        }
        if let Some(destinations) = self.destinations.as_mut() {
            destinations.end(&mut self.effects);
        }
        if volatile {
            count += self.ledger.len() as u64;
            self.ledger.take_all();
            self.in_flight = None;
        }
        if count > 0 {
            self.lose(DropReason::NotKept, count, detail);
        }
    }
}
