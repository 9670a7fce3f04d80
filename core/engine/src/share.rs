//! Several clients on one store: the tabs of a site.
//!
//! Each client stamps its own calls with its own engine; one of them leads and sends what all of them stored. What a
//! follower persisted, the host takes from its engine ([`Input::GiveAway`]) and hands to the leader's
//! ([`Input::Adopt`]), under numbers that the leader's engine [reserved](Engine::reserve). When a leader dies, the next
//! one adopts everything that is in the store. What one client saves (identity, decision, settings), the host tells the
//! others ([`Input::Saved`]). A client that is alone leads, which is the default, and needs none of this.
//!
//! ```text
//!  follower: call ─► Persist ─► store ─► GiveAway          leader: Adopt ─► ledger ─► batch ─► Upload
//!                                 └──────── the host tells the leader ────────┘
//! ```

use headwater_model::id::Seq;

use crate::Settings;
use crate::clock::Now;
use crate::consent::Consent;
use crate::effect::StateKey;
use crate::engine::{Engine, Stored};
use crate::identity::Identity;
use crate::ledger::Entry;

impl Engine {
    /// The first of `count` numbers in the order that no event has: for events that are [adopted](crate::Input::Adopt).
    pub fn reserve(&mut self, count: u64) -> Seq {
        let first = Seq(self.next_seq);
        self.next_seq = self.next_seq.saturating_add(count);
        first
    }

    /// This client sends, or another one does.
    pub(crate) fn lead(&mut self, now: Now, leads: bool) {
        self.leads = leads && self.config.has_hub();
        if self.leads {
            self.request_flush();
        }
        self.pump(now);
    }

    /// Events that another client persisted are this one's to send. One out of order would break the ledger's promise
    /// and is left in the store, for the next client that starts.
    pub(crate) fn adopt(&mut self, now: Now, events: &[Stored]) {
        let clock = self.age_clock(now);
        let mut flush = false;
        for event in events {
            if event.at < 0 {
                self.next_seq = self.next_seq.max(event.seq.0.saturating_add(1));
                self.inherit_kept(event.seq);
                continue;
            }
            if self.ledger.last_seq().is_some_and(|last| event.seq <= last) {
                continue;
            }
            self.next_seq = self.next_seq.max(event.seq.0.saturating_add(1));
            // Only its host knows whether it was made before the decision: the numbers are this engine's own.
            self.ledger.push(Entry {
                unstamped: event.unstamped,
                ..self.entry(event, clock)
            });
            flush |= self.queued(now, event.len);
        }
        if flush {
            self.policy_flush();
        }
        self.pump(now);
    }

    /// What the store knows of an event, as the ledger keeps it.
    pub(crate) fn entry(&self, event: &Stored, clock: i64) -> Entry {
        let before_decision = self.consent.as_ref().is_some_and(|consent| {
            consent.stamp().is_none() || consent.envelope(event.seq).is_some()
        });
        Entry {
            seq: event.seq,
            at: if event.at < crate::restore::PLAUSIBLE {
                clock
            } else {
                event.at
            },
            len: event.len,
            stored: true,
            unstamped: event.unstamped || before_decision,
        }
    }

    /// Another client has these now: they are in the store, and its to send.
    pub(crate) fn give_away(&mut self, now: Now, seqs: &[Seq]) {
        for seq in seqs {
            if self.ledger.remove(*seq) || self.give_kept_away(*seq) {
                for waiter in &mut self.waiters {
                    waiter.report.pending += u64::from(*seq <= waiter.until);
                }
            }
        }
        self.pump(now);
    }

    /// Another client of this store saved a piece of state: it counts here, too. Nothing is saved again and nobody is
    /// told of a decision twice.
    pub(crate) fn saved_elsewhere(&mut self, now: Now, key: StateKey, text: &[u8]) {
        match key {
            StateKey::Identity => {
                if let Some(identity) = Identity::from_json(text) {
                    self.identity = identity;
                }
            }
            StateKey::Session => {
                if let Some(session) = self.session.as_mut() {
                    session.restore(text);
                }
            }
            StateKey::Settings => {
                if let Ok(settings) = Settings::parse(text) {
                    self.settings.set(settings);
                    if let Some(fetcher) = self.fetcher.as_mut() {
                        fetcher.had();
                    }
                    self.apply_settings();
                    self.pump(now);
                }
            }
            StateKey::Consent => self.decided_elsewhere(now, text),
            StateKey::Retry | StateKey::Quarantine | StateKey::Purged => {}
        }
    }

    fn decided_elsewhere(&mut self, now: Now, text: &[u8]) {
        let before = self.gate();
        let consent = self.consent.as_mut();
        if consent.is_some_and(|consent| consent.take_over(text)) {
            self.decided(now, before, None);
        }
    }

    /// The decision that a batch of unstamped events carries, and the last event it may hold beside them.
    pub(crate) fn released_under(&self, first: Seq) -> Option<headwater_model::json::Object> {
        let consent = self.consent.as_ref()?;
        consent
            .envelope(first)
            .or_else(|| consent.preferences().cloned().map(crate::consent::wrap))
    }

    /// Whether an event that is made now carries no preferences, since there is no decision yet.
    pub(crate) fn undecided(&self) -> bool {
        self.consent.as_ref().map(Consent::stamp) == Some(None)
    }
}
