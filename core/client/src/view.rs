//! What the application may look at, published apart from the engine: a look never waits for a call, and a plugin may
//! look while it runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use headwater_engine::{DropReason, Engine, Identity, Mode, Queue, Settings};
use headwater_model::json::{Object, Value};

/// What of a client's state changed: ask the client for what it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// [`Client::identity`](crate::Client::identity): an identify, group or reset, or an imported identity.
    Identity,
    /// [`Client::settings`](crate::Client::settings): a document was fetched.
    Settings,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    events: AtomicUsize,
    bytes: AtomicU64,
    delivered: AtomicU64,
    slow: Mutex<Slow>,
}

/// What changes seldom.
#[derive(Debug, Default)]
struct Slow {
    identity: Option<Identity>,
    settings: Option<Settings>,
    consent: Option<Object>,
    quarantine: Vec<Value>,
    drops: Vec<(DropReason, u64)>,
}

impl View {
    pub(crate) fn publish_queue(&self, queue: Queue) {
        self.events.store(queue.events, Ordering::Relaxed);
        self.bytes.store(queue.bytes, Ordering::Relaxed);
    }

    /// Answers what changed.
    pub(crate) fn publish(&self, engine: &Engine, mode: Mode) -> impl Iterator<Item = Change> {
        let mut slow = self.slow();
        let (mut identity, mut settings) = (None, None);
        if mode == Mode::Device && slow.identity.as_ref() != Some(engine.identity()) {
            slow.identity = Some(engine.identity().clone());
            identity = Some(Change::Identity);
        }
        if slow.settings.as_ref() != engine.settings() {
            slow.settings = engine.settings().cloned();
            settings = Some(Change::Settings);
        }
        if slow.quarantine != engine.quarantine() {
            slow.quarantine = engine.quarantine().to_vec();
        }
        if slow.consent.as_ref() != engine.consent() {
            slow.consent = engine.consent().cloned();
        }
        identity.into_iter().chain(settings)
    }

    pub(crate) fn count_drop(&self, reason: DropReason, count: u64) {
        let mut slow = self.slow();
        match slow.drops.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, total)) => *total += count,
            None => slow.drops.push((reason, count)),
        }
    }

    pub(crate) fn count_delivered(&self, events: u64) {
        self.delivered.fetch_add(events, Ordering::Relaxed);
    }

    /// Events that the hub took, since the client was built.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(crate) fn queue(&self) -> Queue {
        Queue {
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        self.slow().identity.clone()
    }

    pub(crate) fn settings(&self) -> Option<Settings> {
        self.slow().settings.clone()
    }

    pub(crate) fn consent(&self) -> Option<Vec<(String, bool)>> {
        let slow = self.slow();
        let decision = slow.consent.as_ref()?.iter();
        Some(
            decision
                .map(|(category, granted)| (category.to_owned(), granted.as_bool() == Some(true)))
                .collect(),
        )
    }

    pub(crate) fn quarantine(&self) -> Vec<Value> {
        self.slow().quarantine.clone()
    }

    pub(crate) fn drops(&self) -> Vec<(DropReason, u64)> {
        self.slow().drops.clone()
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
