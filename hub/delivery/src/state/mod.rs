//! What a connection has written down: the port, and what crosses it.
//!
//! Success costs no row. A [`Delta`] is written in one transaction, all of it or nothing, and is durable when `commit`
//! returns. Saved progress belongs to one log: under another log's id there is none.

mod memory;
mod sqlite;

use std::collections::BTreeMap;

use headwater_collector::log::{LogId, Place};

pub use memory::MemoryState;
pub use sqlite::SqliteState;

/// An event that waits for another try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The event.
    pub place: Place,
    /// When, in milliseconds.
    pub due: i64,
    /// Attempts so far.
    pub attempts: u32,
    /// When the first one began.
    pub first: i64,
    /// Why the last one failed.
    pub reason: String,
}

/// An event that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The event.
    pub place: Place,
    /// Attempts.
    pub attempts: u32,
    /// When the first one began.
    pub first: i64,
    /// When it was given up.
    pub last: i64,
    /// Why.
    pub reason: String,
    /// The answer's status.
    pub status: Option<u16>,
}

/// Events by what became of them and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<(String, String), u64>);

impl Counts {
    /// Counts `events` more.
    pub fn count(&mut self, outcome: &str, reason: &str, events: u64) {
        *self
            .0
            .entry((outcome.to_owned(), reason.to_owned()))
            .or_default() += events;
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Counts) {
        for ((outcome, reason), events) in &other.0 {
            self.count(outcome, reason, *events);
        }
    }

    /// How many had this outcome, for any reason.
    #[must_use]
    pub fn of(&self, outcome: &str) -> u64 {
        self.0
            .iter()
            .filter(|((known, _), _)| known == outcome)
            .map(|(_, events)| events)
            .sum()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A change of what is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Everything before it is decided.
    pub cursor: Option<Place>,
    /// Rows that are written, or taken away (`None`).
    pub retry: BTreeMap<Place, Option<Retry>>,
    /// Events that were given up.
    pub dead: Vec<Dead>,
    /// Added to the counts.
    pub counts: Counts,
}

impl Delta {
    pub(crate) fn put(&mut self, entry: Retry) {
        self.retry.insert(entry.place, Some(entry));
    }

    pub(crate) fn remove(&mut self, place: Place) {
        self.retry.insert(place, None);
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cursor.is_none()
            && self.retry.is_empty()
            && self.dead.is_empty()
            && self.counts.is_empty()
    }

    /// How many rows it touches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.retry.len() + self.dead.len() + usize::from(self.cursor.is_some())
    }

    /// This change and then `later`, as one.
    #[must_use]
    pub(crate) fn then(mut self, later: Delta) -> Delta {
        self.cursor = later.cursor.or(self.cursor);
        self.retry.extend(later.retry);
        self.dead.extend(later.dead);
        self.counts.add(&later.counts);
        self
    }
}

/// What a connection goes on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Everything before it is decided.
    pub cursor: Place,
    /// Events that wait for another try.
    pub retry: Vec<Retry>,
}

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the delivery state: {0}")]
pub struct StateError(pub String);

/// The port: where connections write down what they have decided.
pub trait DeliveryState: Send {
    /// What `connection` has saved of the log `log`; `None` when nothing.
    ///
    /// # Errors
    /// [`StateError`].
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError>;

    /// Gives what `connection` saved of another log to the log `log`, up to `end`, durably: after a restore, or when the id
    /// of the same log was damaged, positions mean the same. Returns it; `None` when nothing was saved.
    ///
    /// # Errors
    /// [`StateError`]; then nothing changed.
    fn adopt(
        &mut self,
        connection: &str,
        log: LogId,
        end: Place,
    ) -> Result<Option<Saved>, StateError>;

    /// Writes a change down, durably, all of it or nothing.
    ///
    /// # Errors
    /// [`StateError`]; then nothing of it is there.
    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError>;

    /// Dead letters of `connection`, newest first, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    fn dead(&mut self, connection: &str, most: usize) -> Result<Vec<Dead>, StateError>;

    /// What became of all events of `connection`.
    ///
    /// # Errors
    /// [`StateError`].
    fn counts(&mut self, connection: &str) -> Result<Counts, StateError>;
}
