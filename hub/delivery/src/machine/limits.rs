//! How much at once, how often, how long. Each number says why.

use headwater_collector::log::Place;

/// The limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests at a time. 8: enough to fill a line of 100 ms at 80 events a second, few enough for any destination.
    pub requests: usize,
    /// Events that are read ahead. 1,000: one read of the log serves many requests.
    pub waiting: usize,
    /// Events that wait for another try; beyond it the log is not read. 50,000 rows are some 10 MB of state.
    pub retry_entries: usize,
    /// How long an event is tried, from its first attempt. 4 hours, as Segment.
    pub window_ms: i64,
    /// The wait before the second attempt; it doubles with each.
    pub backoff_ms: u64,
    /// The longest wait, also where a destination asks for a longer one. 5 minutes: a destination that is back gets its
    /// events soon.
    pub backoff_most_ms: u64,
    /// How long a request may hold the cursor; then it gets a row. A second: ordinary requests cost no row.
    pub slow_ms: i64,
    /// Answers that may wait for their commit; then nothing is sent until one succeeds. So many events a crash sends again at
    /// most, besides those in flight.
    pub undurable: usize,
    /// How long decisions collect before they are committed. 50 ms: one sync of the disk serves many.
    pub commit_ms: i64,
    /// Decisions that are committed at once.
    pub commit_changes: usize,
    /// The wait after a commit that failed.
    pub commit_retry_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: 8,
            waiting: 1_000,
            retry_entries: 50_000,
            window_ms: 4 * 3_600_000,
            backoff_ms: 1_000,
            backoff_most_ms: 300_000,
            slow_ms: 1_000,
            undurable: 2_000,
            commit_ms: 50,
            commit_changes: 1_000,
            commit_retry_ms: 1_000,
        }
    }
}

impl Limits {
    pub(super) fn longest_wait(&self) -> i64 {
        i64::try_from(self.backoff_most_ms).unwrap_or(i64::MAX)
    }

    /// How long an event waits after its `attempts`th attempt: half of the doubled wait, and up to the other half more,
    /// so that events that failed together do not come back together. The part is a hash of the place: the same event
    /// waits the same again in a simulation.
    pub(super) fn wait(&self, place: Place, attempts: u32, asked: Option<u64>) -> i64 {
        let doublings = attempts.saturating_sub(1).min(32);
        let full = self
            .backoff_ms
            .saturating_mul(1 << doublings)
            .min(self.backoff_most_ms);
        let part = mix(place.position.0 ^ (u64::from(place.index) << 40) ^ u64::from(attempts));
        let wait = full / 2 + part % (full / 2 + 1);
        let wait = wait.max(asked.unwrap_or(0).min(self.backoff_most_ms));
        i64::try_from(wait).unwrap_or(i64::MAX)
    }
}

/// Spreads the bits of a number over all of them.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
