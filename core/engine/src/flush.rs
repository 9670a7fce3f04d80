//! When to send: flush policies, and the book of explicit flushes.

use crate::clock::Now;
use crate::effect::FlushReport;
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

/// Says when what waits should be sent. Any policy that says yes is enough.
///
/// Policies are asked, never told to act; they hold no clock. [`FlushPolicy::on_flush`] resets them.
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

/// At so many events in the queue.
#[derive(Clone, Debug)]
pub struct CountPolicy(usize);

impl CountPolicy {
    /// At `events`, at least 1.
    #[must_use]
    pub fn new(events: usize) -> CountPolicy {
        CountPolicy(events.max(1))
    }
}

impl FlushPolicy for CountPolicy {
    fn on_event(&mut self, _: Now, queue: Queue) -> bool {
        queue.events >= self.0
    }
}

/// At so many bytes in the queue.
#[derive(Clone, Debug)]
pub struct BytesPolicy(u64);

impl BytesPolicy {
    /// At `bytes` of event JSON.
    #[must_use]
    pub fn new(bytes: u64) -> BytesPolicy {
        BytesPolicy(bytes)
    }
}

impl FlushPolicy for BytesPolicy {
    fn on_event(&mut self, _: Now, queue: Queue) -> bool {
        queue.bytes >= self.0
    }
}

/// So long after the first event that waits.
#[derive(Clone, Debug)]
pub struct IntervalPolicy {
    interval: u64,
    armed: Option<u64>,
}

impl IntervalPolicy {
    /// After `interval` milliseconds.
    #[must_use]
    pub fn new(interval: u64) -> IntervalPolicy {
        IntervalPolicy {
            interval,
            armed: None,
        }
    }
}

impl FlushPolicy for IntervalPolicy {
    fn on_event(&mut self, now: Now, _: Queue) -> bool {
        if self.armed.is_none() {
            self.armed = Some(now.mono.saturating_add(self.interval));
        }
        self.interval == 0
    }

    fn deadline(&self) -> Option<u64> {
        self.armed
    }

    fn on_flush(&mut self) {
        self.armed = None;
    }
}

/// When the app goes out of sight or ends.
#[derive(Clone, Copy, Debug)]
pub struct BackgroundPolicy;

impl FlushPolicy for BackgroundPolicy {
    fn on_lifecycle(&mut self, state: Lifecycle) -> bool {
        matches!(state, Lifecycle::Background | Lifecycle::Terminating)
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
