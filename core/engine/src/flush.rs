//! When to send: the pace, flush policies of the application's own, and the book of explicit flushes.

use crate::clock::Now;
use crate::effect::FlushReport;
use crate::engine::Engine;
#[cfg(feature = "plugins")]
use crate::engine::sooner;
use crate::input::Lifecycle;
use headwater_model::id::Seq;

/// What waits in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Events.
    pub events: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Says when what waits should be sent, beside the [`Pace`]. Any policy that says yes is enough.
///
/// Policies are asked, never told to act; they hold no clock. [`FlushPolicy::on_flush`] resets them.
#[cfg(feature = "plugins")]
pub trait FlushPolicy: Send + core::fmt::Debug {
    /// An event was queued; is it time?
    fn on_event(&mut self, now: Now, queue: Queue) -> bool {
        let _ = (now, queue);
        false
    }
    /// The app's state changed; is it time?
    fn on_lifecycle(&mut self, state: Lifecycle) -> bool {
        let _ = state;
        false
    }
    /// The monotonic time at which to send whatever waits. A question and no more: the native client ignores what a policy
    /// asks of it meanwhile.
    fn deadline(&self) -> Option<u64> {
        None
    }
    /// Sending begins.
    fn on_flush(&mut self) {}
}

/// When what waits is sent without being asked: whichever of these comes first. Only what no flush was meant for yet waits
/// in this sense: while a request is under way, events gather for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At so many events; 0 counts as 1.
    pub events: usize,
    /// At so many bytes of event JSON.
    pub bytes: u64,
    /// So many milliseconds after the first event that waits; `None`: not by time.
    pub interval: Option<u64>,
    /// When the app goes out of sight or ends.
    pub background: bool,
}

impl Pace {
    /// Not by itself: when a flush is asked for, and by the policies of the application.
    pub const NEVER: Pace = Pace {
        events: usize::MAX,
        bytes: u64::MAX,
        interval: None,
        background: false,
    };
}

/// What joined the queue since the last flush.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// When the first of them did, on the monotonic clock.
    since: u64,
    events: usize,
    bytes: u64,
}

impl Pace {
    /// One user's device: each request may wake a radio, and an event that leaves half a minute later is early enough. 20
    /// events, 250,000 bytes, 30 seconds, or going out of sight.
    pub const DEVICE: Pace = Pace {
        events: 20,
        bytes: 250_000,
        interval: Some(30_000),
        background: true,
    };

    /// A server: events of many users, on a line that is always open, so that a request costs nothing but its own work: 500
    /// events share that. 250,000 bytes are half of what a hub takes, and come first for events of ordinary size; after half a
    /// second people who watch their events arrive would begin to wait.
    #[cfg(feature = "native")]
    pub const SERVER: Pace = Pace {
        events: 500,
        bytes: 250_000,
        interval: Some(500),
        background: true,
    };
}

/// [`Pace::DEVICE`].
impl Default for Pace {
    fn default() -> Pace {
        Pace::DEVICE
    }
}

impl Engine {
    /// An event of `len` bytes joined the queue; whether it is time to send.
    pub(crate) fn queued(&mut self, now: Now, len: u32) -> bool {
        let queue = Queue {
            events: self.ledger.len(),
            bytes: self.ledger.bytes(),
        };
        let waits = self.waits.get_or_insert(Waits {
            since: now.mono,
            events: 0,
            bytes: 0,
        });
        // Some may have left by other ways.
        waits.events = (waits.events + 1).min(queue.events);
        waits.bytes = (waits.bytes + u64::from(len)).min(queue.bytes);
        let pace = &self.config.pace;
        let due = waits.events >= pace.events.max(1)
            || waits.bytes >= pace.bytes
            || pace.interval == Some(0);
        #[cfg(feature = "plugins")]
        let due = {
            let mut due = due;
            for policy in &mut self.config.flush {
                due |= policy.on_event(now, queue);
            }
            due
        };
        due
    }

    /// The app's state changed; whether it is time to send.
    pub(crate) fn stirred(&mut self, state: Lifecycle) -> bool {
        let due = self.config.pace.background && state != Lifecycle::Foreground;
        #[cfg(feature = "plugins")]
        let due = {
            let mut due = due;
            for policy in &mut self.config.flush {
                due |= policy.on_lifecycle(state);
            }
            due
        };
        due
    }

    /// When to send what waits.
    pub(crate) fn flush_due(&self) -> Option<u64> {
        let due = self
            .waits
            .zip(self.config.pace.interval)
            .map(|(waits, interval)| waits.since.saturating_add(interval));
        #[cfg(feature = "plugins")]
        let due = {
            let policies = self.config.flush.iter();
            policies.fold(due, |due, policy| sooner(due, policy.deadline()))
        };
        due
    }

    /// Everything that waits now should go out.
    pub(crate) fn request_flush(&mut self) {
        self.flush_to = self.ledger.last_seq().or(self.flush_to);
        self.waits = None;
        #[cfg(feature = "plugins")]
        for policy in &mut self.config.flush {
            policy.on_flush();
        }
    }

    /// It is time. A target that is already set stays until its batch is under way: with a stream of calls it would
    /// otherwise run ahead of the store for ever.
    pub(crate) fn policy_flush(&mut self) {
        if self.flush_to.is_none() || self.in_flight.is_some() {
            self.request_flush();
        }
    }
}

/// An explicit flush that has not ended yet.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) id: u64,
    /// Everything up to here was queued before the flush was asked for.
    pub(crate) until: Seq,
    pub(crate) report: FlushReport,
}
