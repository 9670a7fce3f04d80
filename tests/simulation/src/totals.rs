//! What many lives add up to.

use core::fmt;

/// Counts over lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Lives.
    pub seeds: u64,
    /// Inputs, effects and messages.
    pub steps: u64,
    /// Faults that happened.
    pub faults: u64,
    /// Events the application was promised.
    pub promised: u64,
    /// Events that were reported with a reason.
    pub reported: u64,
    /// Promised, neither at the hub nor reported.
    pub lost: u64,
    /// At the hub more than once.
    pub duplicated: u64,
    /// At the hub before one that was promised earlier.
    pub reordered: u64,
    /// Lives with anything else wrong.
    pub broken: u64,
}

impl Totals {
    /// Adds another count.
    pub fn add(&mut self, other: &Totals) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.faults += other.faults;
        self.promised += other.promised;
        self.reported += other.reported;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.broken += other.broken;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sim: seeds={} steps={} faults={} promised={} reported={} broken={} lost={} duplicated={} reordered={}",
            self.seeds,
            self.steps,
            self.faults,
            self.promised,
            self.reported,
            self.broken,
            self.lost,
            self.duplicated,
            self.reordered
        )
    }
}
