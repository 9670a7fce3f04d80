//! One connection, as a machine without I/O: what is read, sent, tried again, given up and written down, and when.
//!
//! ```text
//!              Read{from} ──▶ host reads the log, runs the stages ──▶ Input::Read{to, items}
//!              Send{…}    ──▶ host posts                          ──▶ Input::Answered
//!              Commit{…}  ──▶ host writes the state               ──▶ Input::Committed
//! ```
//! The host calls [`Machine::handle`], then [`Machine::poll`] until it gives nothing, then waits for an answer or for
//! [`Machine::deadline`].
//!
//! Invariants:
//! - Every event below the cursor is decided: delivered, dropped, dead, or in `retry` with a row of its own. Nothing is
//!   written down of an event at or beyond it. So counts are exact: each event is counted in the commit that moves the
//!   cursor past it, or that takes its row away.
//! - What an answer decided is committed before it is forgotten; a crash before the commit sends the event again, under
//!   the same messageId, and never loses it.
//! - Success costs no row. Reading stops while [`Limits::retry_entries`] events wait for another try, so a destination
//!   that is down costs a bounded number of rows, and the log is the queue.
//! - An event is given up only after an attempt in this process: a clock that jumps, or a hub that was off, expires
//!   nothing untried.

mod held;
mod limits;
mod message;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_collector::log::Place;

use held::{Fate, Held};
pub use limits::Limits;
pub use message::{Effect, Input, Outcome, RequestId};

use crate::state::{Counts, Dead, Delta, Ended, Retry, Saved};

/// A connection.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    /// Everything before it is decided, as far as is durable.
    saved_cursor: Place,
    /// Where reading goes on.
    read_to: Place,
    reading: bool,
    /// The log ended at `read_to`.
    at_end: bool,
    /// Read, not sent yet.
    waiting: VecDeque<Place>,
    in_flight: BTreeMap<RequestId, Attempt>,
    /// Read and not decided: `waiting`, and in flight for the first time.
    undecided: BTreeSet<Place>,
    retry: BTreeMap<Place, Retry>,
    /// Entries of `retry` that are not in flight, by when they are due.
    due: BTreeSet<(i64, Place)>,
    next_request: u64,
    /// Decided, at or beyond the cursor.
    held: Held,
    /// Decided, not durable yet.
    delta: Delta,
    /// When the oldest change of `delta` came.
    changed: Option<i64>,
    /// The delta that is being written.
    committing: Option<Delta>,
    /// Answers since the last commit began. While commits fail nothing is sent: what a crash would send again stays bounded.
    undurable: usize,
    /// How many of them the commit in hand has.
    committing_answers: usize,
    /// No commit before this, after one that failed.
    commit_at: i64,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Attempt {
    place: Place,
    attempts: u32,
    first: i64,
}

impl Machine {
    /// The connection, going on from what was saved. What the wall clock said in an earlier life may lie far from what it
    /// says now: no event waits longer than the longest wait, and none is older than its first try was long ago.
    #[must_use]
    pub fn new(limits: Limits, mut saved: Saved, now: i64) -> Machine {
        let latest = now.saturating_add(limits.longest_wait());
        for entry in &mut saved.retry {
            entry.due = entry.due.min(latest);
            entry.first = entry.first.min(now);
        }
        // Events at the cursor and beyond it are read again.
        let mut delta = Delta::default();
        let beyond = saved
            .retry
            .extract_if(.., |entry| entry.place >= saved.cursor);
        beyond.for_each(|entry| delta.remove(entry.place));
        let due = saved
            .retry
            .iter()
            .map(|entry| (entry.due, entry.place))
            .collect();
        Machine {
            limits,
            saved_cursor: saved.cursor,
            read_to: saved.cursor,
            reading: false,
            at_end: false,
            waiting: VecDeque::new(),
            in_flight: BTreeMap::new(),
            undecided: BTreeSet::new(),
            retry: saved
                .retry
                .into_iter()
                .map(|entry| (entry.place, entry))
                .collect(),
            due,
            next_request: 0,
            held: Held::new(saved.version),
            changed: (!delta.is_empty()).then_some(now),
            delta,
            committing: None,
            undurable: 0,
            committing_answers: 0,
            commit_at: i64::MIN,
            effects: VecDeque::new(),
        }
    }

    /// Takes an input. `now` is in milliseconds: the wall clock of the process's start, going on as the monotonic clock
    /// does.
    pub fn handle(&mut self, now: i64, input: Input) {
        match input {
            Input::Read {
                to,
                items,
                passed,
                version,
            } => self.read(now, to, items, passed, version),
            Input::Grown => self.at_end = false,
            Input::Answered { request, outcome } => self.answered(now, request, outcome),
            Input::Committed => self.settle(&Input::Committed),
            Input::CommitFailed => {
                self.settle(&Input::CommitFailed);
                self.changed.get_or_insert(now);
                self.commit_at = now.saturating_add(self.limits.commit_retry_ms);
            }
            Input::Tick => {}
        }
        self.send(now);
        self.ask();
        if self.holds() {
            self.let_cursor_go_on(now);
        }
        self.commit(now);
    }

    /// The next effect.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to send [`Input::Tick`], unless something else comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        let due = self
            .may_send()
            .then(|| self.due.first().map(|(due, _)| *due))
            .flatten();
        let commit = (self.committing.is_none() && !self.delta.is_empty())
            .then(|| self.commit_due())
            .flatten();
        let slow = self
            .in_flight
            .values()
            .filter(|attempt| self.undecided.contains(&attempt.place))
            .map(|attempt| attempt.first.saturating_add(self.limits.slow_ms))
            .min()
            .filter(|_| self.holds());
        due.into_iter().chain(commit).chain(slow).min()
    }

    /// Whether something is decided that cannot be written down, since an event before it is not.
    fn holds(&self) -> bool {
        !self.held.is_empty() || self.retry.range(self.known()..).next().is_some()
    }

    /// The cursor, with what is not durable yet.
    fn known(&self) -> Place {
        self.delta
            .cursor
            .or(self.committing.as_ref().and_then(|delta| delta.cursor))
            .unwrap_or(self.saved_cursor)
    }

    fn may_send(&self) -> bool {
        self.in_flight.len() < self.limits.requests
            && self.undurable + self.held.answers() < self.limits.undurable
    }

    /// Everything before it is decided and durable.
    #[must_use]
    pub fn cursor(&self) -> Place {
        self.saved_cursor
    }

    /// Events that wait for another try.
    #[must_use]
    pub fn retrying(&self) -> usize {
        self.retry.len()
    }

    /// Whether everything that was read is decided and durable.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.undecided.is_empty()
            && self.retry.is_empty()
            && self.delta.is_empty()
            && self.committing.is_none()
    }

    /// Whether a commit is on its way.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.committing.is_some()
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Takes an answer and asks for nothing more: before the end.
    pub fn wind_down(&mut self, now: i64, input: Input) {
        match input {
            Input::Answered { request, outcome } => self.answered(now, request, outcome),
            Input::Committed | Input::CommitFailed => self.settle(&input),
            Input::Read { .. } | Input::Grown | Input::Tick => {}
        }
    }

    fn settle(&mut self, answer: &Input) {
        let Some(delta) = self.committing.take() else {
            return;
        };
        if let Input::Committed = answer {
            self.saved_cursor = delta.cursor.unwrap_or(self.saved_cursor);
            self.undurable = self.undurable.saturating_sub(self.committing_answers);
        } else {
            self.delta = delta.then(std::mem::take(&mut self.delta));
        }
    }

    /// What is decided and not written down: the last commit of a life.
    pub fn unsaved(&mut self) -> Delta {
        self.changed = None;
        std::mem::take(&mut self.delta)
    }

    fn read(
        &mut self,
        now: i64,
        to: Place,
        items: Vec<Place>,
        passed: Vec<(Place, Counts)>,
        version: String,
    ) {
        self.reading = false;
        self.at_end = to == self.read_to;
        self.held.read(self.read_to, passed, version);
        self.read_to = self.read_to.max(to);
        self.undecided.extend(items.iter().copied());
        self.waiting.extend(items);
        self.moved(now);
    }

    fn answered(&mut self, now: i64, request: RequestId, outcome: Outcome) {
        let Some(attempt) = self.in_flight.remove(&request) else {
            return;
        };
        let Attempt {
            place,
            attempts,
            first,
        } = attempt;
        let attempts = attempts.saturating_add(1);
        self.undecided.remove(&place);
        let dead = |reason: String, status| Dead {
            place,
            attempts,
            first,
            last: now,
            reason,
            status,
        };
        match outcome {
            Outcome::Delivered => self.decided(now, place, Fate::Delivered),
            Outcome::Retry { reason, .. } if now.saturating_sub(first) >= self.limits.window_ms => {
                self.decided(now, place, Fate::Dead(dead(reason, None)));
            }
            Outcome::Retry { reason, after } => {
                let wait = self.limits.wait(place, attempts, after);
                let entry = Retry {
                    place,
                    due: now.saturating_add(wait),
                    attempts,
                    first,
                    reason,
                };
                self.due.insert((entry.due, place));
                if place < self.known() {
                    self.delta.put(entry.clone());
                    self.changed.get_or_insert(now);
                }
                self.undurable += 1;
                self.retry.insert(place, entry);
            }
            Outcome::Passed { outcome, reason } => {
                let ended = Ended {
                    place,
                    outcome: outcome.to_owned(),
                    reason,
                };
                self.decided(now, place, Fate::Ended(ended));
            }
            Outcome::Rejected { reason, status } => {
                self.decided(now, place, Fate::Dead(dead(reason, status)));
            }
        }
        self.moved(now);
    }

    /// An event has its end. Below the cursor that is written down with its row; beyond it, once the cursor comes.
    fn decided(&mut self, now: i64, place: Place, fate: Fate) {
        let had_row = self.retry.remove(&place).is_some();
        if place < self.known() {
            if had_row {
                self.delta.remove(place);
            }
            fate.write(&mut self.delta);
            self.undurable += 1;
            self.changed.get_or_insert(now);
        } else {
            self.held.keep(place, fate);
        }
    }

    /// The cursor goes on to the first event that is not decided, and takes along what is decided before it.
    fn moved(&mut self, now: i64) {
        let cursor = self.undecided.first().copied().unwrap_or(self.read_to);
        let known = self.known();
        if cursor > known {
            for entry in self.retry.range(known..cursor).map(|(_, entry)| entry) {
                self.delta.put(entry.clone());
            }
            self.undurable += self.held.let_go(cursor, &mut self.delta);
            self.delta.cursor = Some(cursor);
            self.changed.get_or_insert(now);
        }
    }

    /// What is due goes before what is new: it has waited longer.
    fn send(&mut self, now: i64) {
        while self.may_send() {
            let attempt = if let Some((due, place)) = self.due.first().copied()
                && due <= now
            {
                self.due.remove(&(due, place));
                let Some(entry) = self.retry.get(&place) else {
                    continue;
                };
                Attempt {
                    place,
                    attempts: entry.attempts,
                    first: entry.first,
                }
            } else if let Some(place) = self.waiting.pop_front() {
                Attempt {
                    place,
                    attempts: 0,
                    first: now,
                }
            } else {
                return;
            };
            let request = RequestId(self.next_request);
            self.next_request += 1;
            self.effects.push_back(Effect::Send {
                request,
                place: attempt.place,
                attempts: attempt.attempts,
            });
            self.in_flight.insert(request, attempt);
        }
    }

    fn ask(&mut self) {
        if !self.reading
            && !self.at_end
            && self.waiting.len() < self.limits.waiting
            && self.retry.len() < self.limits.retry_entries
        {
            self.reading = true;
            self.effects.push_back(Effect::Read { from: self.read_to });
        }
    }

    /// Requests that take long would hold the cursor, and a crash would send again all that was delivered behind them: they
    /// get a row, as if they had to be tried again, until they are answered.
    fn let_cursor_go_on(&mut self, now: i64) {
        for attempt in self.in_flight.values() {
            let slow = now.saturating_sub(attempt.first) >= self.limits.slow_ms;
            if slow && self.undecided.remove(&attempt.place) {
                let entry = Retry {
                    place: attempt.place,
                    due: now,
                    attempts: attempt.attempts,
                    first: attempt.first,
                    reason: "no answer yet".to_owned(),
                };
                self.retry.insert(attempt.place, entry);
            }
        }
        self.moved(now);
    }

    fn commit_due(&self) -> Option<i64> {
        let oldest = self.changed?;
        let due = if self.delta.len() >= self.limits.commit_changes {
            oldest
        } else {
            oldest.saturating_add(self.limits.commit_ms)
        };
        Some(due.max(self.commit_at))
    }

    fn commit(&mut self, now: i64) {
        if self.committing.is_some() || self.delta.is_empty() {
            return;
        }
        if self.commit_due().is_some_and(|due| due <= now) {
            self.let_cursor_go_on(now);
            let delta = std::mem::take(&mut self.delta);
            self.changed = None;
            self.effects.push_back(Effect::Commit(delta.clone()));
            self.committing = Some(delta);
            self.committing_answers = self.undurable;
        }
    }
}
