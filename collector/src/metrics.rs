//! What the collector counts, and its text for Prometheus (exposition format 0.0.4).
//!
//! Counters are atomics with fixed labels, so counting allocates nothing and no sender can make a series of its own.

mod exposition;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::admin::Refused;
use crate::ingest::Route;
use crate::log::{Reason, Slot, Tally, Verdict};

pub(crate) use exposition::write;

/// Bounds for latencies in seconds, 100 µs to 10 s.
pub const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// A cumulative histogram.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than the bounds: the last takes what lies above them.
    counts: Vec<AtomicU64>,
    sum_millionths: AtomicU64,
}

impl Histogram {
    /// A histogram with these upper bounds, ascending.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_millionths: AtomicU64::new(0),
        }
    }

    /// Counts a value that is not negative.
    pub fn observe(&self, value: f64) {
        let index = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_millionths
            .fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }
}

/// Status codes that get a series of their own; all others count as `other`.
const STATUSES: [u16; 10] = [200, 204, 400, 401, 403, 404, 405, 408, 413, 503];

/// Everything counted outside the log.
#[derive(Debug)]
pub struct Metrics {
    requests: Vec<[AtomicU64; STATUSES.len() + 1]>,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    suppressed: AtomicU64,
    rejected: Vec<AtomicU64>,
    admin_refused: [AtomicU64; Refused::COUNTED.len()],
    /// Bytes of ingest bodies as they came over the wire.
    pub wire_bytes: AtomicU64,
    /// Bytes of ingest bodies after inflating.
    pub body_bytes: AtomicU64,
    /// Requests that said they are a retry (`X-Retry-Count` or `Rsa-Retry-Attempt` above 0).
    pub retries: AtomicU64,
    /// Connections that are open.
    pub connections: AtomicU64,
    /// Who follows the events as they come.
    pub live_readers: AtomicU64,
    /// Connections without a request in hand that were closed to make room.
    pub connections_gave_way: AtomicU64,
    /// Connections of a peer that had all it may have, each with a request in hand.
    pub connections_refused: AtomicU64,
    /// Requests of strangers that the sample left out.
    pub strangers_unsampled: AtomicU64,
    /// Events that live readers were too slow for.
    pub live_dropped: AtomicU64,
    /// Seconds from a request's headers to its answer, ingest routes only.
    pub ingest_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Route::NAMES.iter().map(|_| Default::default()).collect(),
            accepted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
            rejected: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            admin_refused: Default::default(),
            wire_bytes: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            live_readers: AtomicU64::new(0),
            connections_gave_way: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            strangers_unsampled: AtomicU64::new(0),
            live_dropped: AtomicU64::new(0),
            ingest_seconds: Histogram::new(SECONDS),
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, route: Route, status: u16) {
        let place = STATUSES
            .iter()
            .position(|known| *known == status)
            .unwrap_or(STATUSES.len());
        if let Some(count) = self
            .requests
            .get(route.number())
            .and_then(|row| row.get(place))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts somebody who was not let in to the admin routes.
    pub(crate) fn admin_refused(&self, refused: Refused) {
        if let Some(count) = refused
            .place()
            .and_then(|place| self.admin_refused.get(place))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            accepted: self.accepted.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            rejected: self
                .rejected
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .sum(),
            suppressed: self.suppressed.load(Ordering::Relaxed),
        }
    }

    /// Counts events whose verdicts are final.
    pub fn decided(&self, events: &[Slot]) {
        let (mut accepted, mut duplicates) = (0, 0);
        for slot in events {
            match slot.verdict {
                Verdict::Accepted | Verdict::AcceptedWithoutId => accepted += 1,
                Verdict::Duplicate => duplicates += 1,
                Verdict::Rejected(reason) => self.rejected(reason, 1),
                Verdict::Suppressed => {
                    self.suppressed.fetch_add(1, Ordering::Relaxed);
                }
                Verdict::Redacted | Verdict::RedactedUnclaimed => {}
            }
        }
        self.accepted.fetch_add(accepted, Ordering::Relaxed);
        self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
    }

    /// Counts events rejected for one reason.
    pub fn rejected(&self, reason: Reason, events: u64) {
        let place = Reason::ALL.iter().position(|known| *known == reason);
        if let Some(count) = place.and_then(|place| self.rejected.get(place)) {
            count.fetch_add(events, Ordering::Relaxed);
        }
    }
}
