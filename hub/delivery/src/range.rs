//! One warehouse, as a machine without I/O.
//!
//! A warehouse takes ranges of the log, one after another, and keeps its progress itself, in the transaction that holds
//! the rows. So nothing is written down here: after any stop the warehouse is asked how far it is, and a load whose
//! outcome is not known is settled by the same question.
//!
//! ```text
//! Open ──▶ Input::Opened{progress} ──▶ Read{from} ──▶ Input::Read{to, events} ──▶ Load{from, to} ──▶ Input::Loaded
//! ```

use std::collections::VecDeque;

use headwater_collector::log::Place;

/// When a range is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimits {
    /// Events of a range. 5,000: one transaction of some 50 ms in SQLite.
    pub events: usize,
    /// How long events wait for more of them. A second: rows are there in seconds, and an idle hub writes little.
    pub linger_ms: i64,
    /// The wait before a warehouse that failed is opened again; it doubles up to a minute.
    pub reopen_ms: i64,
}

impl Default for RangeLimits {
    fn default() -> RangeLimits {
        RangeLimits {
            events: 5_000,
            linger_ms: 1_000,
            reopen_ms: 1_000,
        }
    }
}

/// The longest wait before a warehouse that failed is opened again.
const REOPEN_MOST_MS: i64 = 60_000;

/// What the host tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeInput {
    /// The warehouse answers, and has everything before `progress` of this log.
    Opened {
        /// `None`: nothing of it.
        progress: Option<Place>,
    },
    /// The warehouse does not answer, or refused a load. Whether that load took effect is not known.
    Failed,
    /// The log was read up to `to`, not included.
    Read {
        /// Where reading goes on.
        to: Place,
        /// Events that were read; the host keeps them until they are loaded or `Open` comes.
        events: usize,
        /// The host keeps as many bytes as it may: load them first.
        full: bool,
    },
    /// The log has grown.
    Grown,
    /// The load in hand is durable.
    Loaded,
    /// Time has passed.
    Tick,
}

/// What the host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeEffect {
    /// Open the warehouse and ask for its progress. What was read is forgotten.
    Open,
    /// Read the log.
    Read {
        /// From here.
        from: Place,
        /// At most so many events.
        most: usize,
    },
    /// Load what was read, and the progress `to`, in one transaction.
    Load {
        /// The first place of the range.
        from: Place,
        /// The first place behind it.
        to: Place,
    },
}

/// A warehouse.
#[derive(Debug)]
pub struct RangeMachine {
    limits: RangeLimits,
    state: State,
    failures: u32,
    effects: VecDeque<RangeEffect>,
}

#[derive(Debug)]
enum State {
    Opening,
    Waiting {
        until: i64,
    },
    Collecting {
        from: Place,
        to: Place,
        events: usize,
        /// When the first event of the range came.
        since: Option<i64>,
        reading: bool,
        at_end: bool,
        full: bool,
    },
    Loading {
        to: Place,
    },
}

impl RangeMachine {
    /// A warehouse that is not open yet.
    #[must_use]
    pub fn new(limits: RangeLimits) -> RangeMachine {
        RangeMachine {
            limits,
            state: State::Opening,
            failures: 0,
            effects: VecDeque::from([RangeEffect::Open]),
        }
    }

    /// Takes an input.
    pub fn handle(&mut self, now: i64, input: &RangeInput) {
        match (input, &mut self.state) {
            (RangeInput::Opened { progress }, State::Opening) => {
                self.state = collecting(progress.unwrap_or_default());
            }
            (RangeInput::Failed, State::Opening | State::Loading { .. }) => {
                let doublings = self.failures.min(16);
                self.failures += 1;
                let wait = self
                    .limits
                    .reopen_ms
                    .saturating_mul(1 << doublings)
                    .min(REOPEN_MOST_MS);
                self.state = State::Waiting {
                    until: now.saturating_add(wait),
                };
            }
            (
                RangeInput::Read {
                    to: reached,
                    events: more,
                    full: heavy,
                },
                State::Collecting {
                    to,
                    events,
                    since,
                    reading,
                    at_end,
                    full,
                    ..
                },
            ) => {
                *reading = false;
                *at_end = *reached == *to;
                if *reached > *to {
                    since.get_or_insert(now);
                }
                *to = (*reached).max(*to);
                *events += more;
                *full |= heavy;
            }
            (RangeInput::Grown, State::Collecting { at_end, .. }) => *at_end = false,
            (RangeInput::Loaded, State::Loading { to }) => {
                self.failures = 0;
                self.state = collecting(*to);
            }
            _ => {}
        }
        self.step(now);
    }

    fn step(&mut self, now: i64) {
        match &mut self.state {
            State::Waiting { until } if *until <= now => {
                self.state = State::Opening;
                self.effects.push_back(RangeEffect::Open);
            }
            State::Collecting {
                from,
                to,
                events,
                since,
                reading,
                at_end,
                full,
            } => {
                let full = *full || *events >= self.limits.events;
                let old = since.is_some_and(|since| {
                    now.saturating_sub(since) >= self.limits.linger_ms || now < since
                });
                if !*reading && from < to && (full || old) {
                    let (from, to) = (*from, *to);
                    self.effects.push_back(RangeEffect::Load { from, to });
                    self.state = State::Loading { to };
                } else if !*reading && !*at_end && !full {
                    *reading = true;
                    self.effects.push_back(RangeEffect::Read {
                        from: *to,
                        most: self.limits.events - *events,
                    });
                }
            }
            State::Opening | State::Loading { .. } | State::Waiting { .. } => {}
        }
    }

    /// The next effect.
    pub fn poll(&mut self) -> Option<RangeEffect> {
        self.effects.pop_front()
    }

    /// When to send [`RangeInput::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Collecting {
                since: Some(since),
                reading: false,
                ..
            } => Some(since.saturating_add(self.limits.linger_ms)),
            _ => None,
        }
    }

    /// Everything before it is in the warehouse, as far as this machine knows.
    #[must_use]
    pub fn progress(&self) -> Option<Place> {
        match self.state {
            State::Collecting { from, .. } => Some(from),
            _ => None,
        }
    }
}

fn collecting(from: Place) -> State {
    State::Collecting {
        from,
        to: from,
        events: 0,
        since: None,
        reading: false,
        at_end: false,
        full: false,
    }
}
