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

/// An event that ended in a way that neither the rules nor a dead letter tell: the rules had changed before it was sent,
/// the log no longer had it, or its dead letter was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The event.
    pub place: Place,
    /// What became of it: `dropped`, `expired`, `dead` …
    pub outcome: String,
    /// Why.
    pub reason: String,
}

/// What is written down of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: the cursor has not passed it.
    Waiting,
    /// It waits for another try.
    Retrying(Retry),
    /// It was given up.
    Dead(Dead),
    /// It ended otherwise than the rules say.
    Ended(Ended),
    /// What the rules of this version say became of it: dropped, or delivered. `None`: the version is not known.
    Decided(Option<String>),
}

/// How much is kept of events that ended badly, by connection. What goes is counted as `dead_expired`, by reason, and its
/// place and reason stay among the ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Dead letters. 10,000, the newest; at most [`MAX_REASON`] bytes of text each, so 12 MB.
    pub letters: usize,
    /// How long a dead letter is kept. 30 days.
    pub age_ms: i64,
    /// Places of the ended, the newest. 200,000: some 20 MB.
    pub ended: usize,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep {
            letters: 10_000,
            age_ms: 30 * 86_400_000,
            ended: 200_000,
        }
    }
}

/// Bytes of a reason that are kept.
pub const MAX_REASON: usize = 1_000;

/// A reason, as much of it as is kept.
fn bounded(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
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
    /// Events that ended otherwise than the rules say.
    pub ended: Vec<Ended>,
    /// From these places on another version decided.
    pub versions: Vec<(Place, String)>,
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
            && self.ended.is_empty()
            && self.versions.is_empty()
            && self.counts.is_empty()
    }

    /// How many rows it touches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.retry.len() + self.dead.len() + self.ended.len() + usize::from(self.cursor.is_some())
    }

    /// This change and then `later`, as one.
    #[must_use]
    pub(crate) fn then(mut self, later: Delta) -> Delta {
        self.cursor = later.cursor.or(self.cursor);
        self.retry.extend(later.retry);
        self.dead.extend(later.dead);
        self.ended.extend(later.ended);
        self.versions.extend(later.versions);
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
    /// The version that decided last.
    pub version: Option<String>,
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

    /// Gives what `connection` saved of another log, or of `log` itself, to the log `log`, durably, and only what lies before
    /// `end`: after a restore, or when the id of the same log was damaged, positions mean the same, and a log that is
    /// shorter has other events beyond. Returns it; `None` when nothing was saved.
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

    /// What is written down of one event.
    ///
    /// # Errors
    /// [`StateError`].
    fn known(&mut self, connection: &str, log: LogId, place: Place) -> Result<Known, StateError>;

    /// Gives up dead letters that are too old; how many.
    ///
    /// # Errors
    /// [`StateError`]; then nothing changed.
    fn expire(&mut self, now: i64) -> Result<u64, StateError>;

    /// What became of all events of `connection`.
    ///
    /// # Errors
    /// [`StateError`].
    fn counts(&mut self, connection: &str) -> Result<Counts, StateError>;
}

/// What a connection goes on from, written down before anything else is. A connection that is new begins at the log's end.
/// Where the log is shorter than what was decided of it, an older copy lies in the folder: it goes on from the end, and
/// that is durable at once, so that what the log grows by before the next commit is not taken for decided.
///
/// # Errors
/// [`StateError`].
pub fn resume(
    state: &mut dyn DeliveryState,
    connection: &str,
    log: LogId,
    end: Place,
) -> Result<(Saved, Resumed), StateError> {
    let known = state.load(connection, log)?;
    let found = match &known {
        Some(saved) if saved.cursor <= end => Resumed::Known,
        Some(_) => Resumed::Shortened,
        None => Resumed::Adopted,
    };
    if let (Some(saved), Resumed::Known) = (known, found) {
        return Ok((saved, found));
    }
    if let Some(saved) = state.adopt(connection, log, end)? {
        return Ok((saved, found));
    }
    let saved = Saved {
        cursor: end,
        ..Saved::default()
    };
    let delta = Delta {
        cursor: Some(end),
        ..Delta::default()
    };
    state.commit(connection, log, &delta)?;
    Ok((saved, Resumed::New))
}

/// From what a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It is new.
    New,
    /// From its cursor.
    Known,
    /// From where it was on the log's former id.
    Adopted,
    /// From the log's end, which lies before its cursor.
    Shortened,
}
