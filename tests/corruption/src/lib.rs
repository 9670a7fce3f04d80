//! The corruption campaign: logs with known contents, damaged on purpose, from one seed each.
//!
//! ```text
//! seed ─▶ write a log ─▶ damage its files ─▶ read it ─▶ open it, read it again ─▶ send every event again ─▶ count
//! ```
//! Everything lies on a disk in memory. The invariant is exact: what can be read is what was acknowledged, less the records
//! that were hit; no retry of an event that can be read is accepted, no retry of one that is lost is refused.

mod corrupter;
mod dice;
mod hub;
mod queue;

use std::fmt;

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The collector's log, in one to forty segments, records of 100 bytes to 60 KB.
    Log,
    /// The collector's log, in at most three segments, records of 1 to 14 MiB.
    LargeLog,
    /// As [`Log`](Self::Log), with all but the last segment in the archive.
    Archive,
    /// The queue of an SDK, in one to forty segments, events of 100 bytes to 8 MiB.
    Queue,
}

impl Case {
    /// One seed in a hundred is a large log, one in four a queue, one in four a log with an archive.
    #[must_use]
    pub fn of(seed: u64) -> Case {
        match (seed % 100, seed % 4) {
            (99, _) => Case::LargeLog,
            (_, 3) => Case::Queue,
            (_, 2) => Case::Archive,
            _ => Case::Log,
        }
    }
}

/// What came of one case.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Changes that were made.
    pub damages: u64,
    /// Records that were hit.
    pub hit: u64,
    /// Records that were not hit and cannot be read.
    pub lost_beyond: u64,
    /// Events that are read twice, or accepted again although they can be read.
    pub doubled: u64,
    /// Events that are lost and refused when they are sent again.
    pub refused: u64,
    /// What else went wrong.
    pub failures: Vec<String>,
    /// What was done and seen, for people.
    pub told: Vec<String>,
    pub(crate) moved: bool,
}

impl Outcome {
    /// Whether all is as promised.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lost_beyond + self.doubled + self.refused == 0 && self.failures.is_empty()
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.failures.push(what);
    }
}

/// Runs the case of a seed.
#[must_use]
pub fn run(seed: u64) -> Outcome {
    match Case::of(seed) {
        Case::Queue => queue::case(seed),
        Case::Log => hub::case(seed, false, false),
        Case::Archive => hub::case(seed, false, true),
        Case::LargeLog => hub::case(seed, true, false),
    }
}

/// Outcomes, added up.
#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    /// Cases.
    pub seeds: u64,
    /// Changes that were made.
    pub damages: u64,
    /// Records that were hit.
    pub damaged: u64,
    /// Records lost that were not hit.
    pub lost_beyond: u64,
    /// Events stored or read twice.
    pub doubled: u64,
    /// Lost events that were refused.
    pub refused: u64,
}

impl Totals {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.damages += outcome.damages;
        self.damaged += outcome.hit;
        self.lost_beyond += outcome.lost_beyond;
        self.doubled += outcome.doubled;
        self.refused += outcome.refused;
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Totals) {
        self.seeds += other.seeds;
        self.damages += other.damages;
        self.damaged += other.damaged;
        self.lost_beyond += other.lost_beyond;
        self.doubled += other.doubled;
        self.refused += other.refused;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "corrupt: seeds={} damaged={} lost_beyond={} doubled={} refused={}",
            self.seeds, self.damaged, self.lost_beyond, self.doubled, self.refused
        )
    }
}
