//! The last attempts of all connections, in memory: what the page shows of an event's way.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use headwater_collector::log::Place;

/// How many are kept.
const KEPT: usize = 10_000;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The connection's id.
    pub connection: String,
    /// The event.
    pub place: Place,
    /// When it ended, in milliseconds.
    pub at: i64,
    /// Attempts before it.
    pub before: u32,
    /// `delivered`, `retry`, `rejected`, `dropped`, `expired`.
    pub outcome: &'static str,
    /// Why.
    pub reason: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Seen(Mutex<VecDeque<Attempt>>);

impl Seen {
    pub(super) fn add(&self, attempt: Attempt) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(attempt);
    }

    /// The attempts of one connection for one event, oldest first.
    #[must_use]
    pub fn of(&self, connection: &str, place: Place) -> Vec<Attempt> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .filter(|attempt| attempt.place == place && attempt.connection == connection)
            .cloned()
            .collect()
    }
}
