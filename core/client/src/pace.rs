//! When to send by number and by time, as the application may change it while the client runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use headwater_engine::{FlushPolicy, Now, Queue};

use crate::settings::millis;

/// The two numbers, shared by the client and its policies.
#[derive(Debug)]
pub(crate) struct Pace {
    at: AtomicUsize,
    interval: AtomicU64,
}

impl Pace {
    pub(crate) fn new(at: usize, interval: Duration) -> Pace {
        Pace {
            at: AtomicUsize::new(at),
            interval: AtomicU64::new(millis(interval)),
        }
    }

    pub(crate) fn set(&self, at: Option<usize>, interval: Option<Duration>) {
        if let Some(at) = at {
            self.at.store(at, Ordering::Relaxed);
        }
        if let Some(interval) = interval {
            self.interval.store(millis(interval), Ordering::Relaxed);
        }
    }

    pub(crate) fn policies(self: &Arc<Pace>) -> [Box<dyn FlushPolicy>; 2] {
        let since = Since {
            pace: Arc::clone(self),
            first: None,
        };
        [Box::new(Count(Arc::clone(self))), Box::new(since)]
    }

    fn interval(&self) -> u64 {
        self.interval.load(Ordering::Relaxed)
    }
}

/// At so many events.
#[derive(Debug)]
struct Count(Arc<Pace>);

impl FlushPolicy for Count {
    fn on_event(&mut self, _: Now, queue: Queue) -> bool {
        queue.events >= self.0.at.load(Ordering::Relaxed).max(1)
    }
}

/// So long after the first event that waits.
#[derive(Debug)]
struct Since {
    pace: Arc<Pace>,
    first: Option<u64>,
}

impl FlushPolicy for Since {
    fn on_event(&mut self, now: Now, _: Queue) -> bool {
        self.first.get_or_insert(now.mono);
        self.pace.interval() == 0
    }

    fn deadline(&self) -> Option<u64> {
        Some(self.first?.saturating_add(self.pace.interval()))
    }

    fn on_flush(&mut self) {
        self.first = None;
    }
}
