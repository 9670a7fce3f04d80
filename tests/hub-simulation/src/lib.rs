//! Lives of the hub's deciding parts in virtual time, each from one seed.
//!
//! A life has a log that grows, a connection ([`headwater_delivery::machine`]) to a vendor that fails in every way, and a
//! warehouse ([`headwater_delivery::range`]). Between any two effects the process may die; what was committed stays, what
//! was in flight may or may not have happened. Disks refuse, rules change in the middle, retention removes what nobody has
//! read, clocks are set between two lives, folders are restored from a backup under a new log id while the warehouse keeps
//! what it has, an older copy of the log comes under the same id. One life in 25 has its state in the real SQLite file. At
//! each death what is written down is compared with what is counted; at the end faults stop, everything settles, and the
//! [`Verdict`] compares what came out with the log, from outside.

mod audit;
mod life;
mod state;
mod vendor;
mod world;

pub use life::live;

/// What came out of a life, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Effects that were carried out.
    pub steps: u64,
    /// Deaths of the process.
    pub crashes: u64,
    /// Events that a connection was to deliver and that are neither delivered nor dead nor dropped; rows that are missing.
    pub lost: u64,
    /// Rows that are there twice.
    pub duplicated: u64,
    /// Lives that did not settle after their faults had stopped.
    pub stuck: u64,
    /// Anything else that must not be: delivered against the rules, tried more often than the schedule has tries, counted
    /// otherwise than it happened.
    pub wrong: u64,
}

impl Verdict {
    /// Adds another life's.
    pub fn add(&mut self, other: Verdict) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.stuck += other.stuck;
        self.wrong += other.wrong;
    }

    /// Whether all is as it must be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost + self.duplicated + self.stuck + self.wrong == 0
    }
}
