//! Durations of single calls, kept exactly: a histogram's buckets would round the microsecond away.

use std::time::Duration;

/// Durations in nanoseconds, room for all of them taken beforehand so that recording never allocates.
#[derive(Debug)]
pub struct Samples {
    nanos: Vec<u32>,
}

impl Samples {
    /// Room for `calls` durations; the memory is touched now, so that it is no page fault of a measured call.
    #[must_use]
    pub fn with_room(calls: usize) -> Self {
        let mut nanos = vec![1; calls];
        nanos.clear();
        Self { nanos }
    }

    /// One duration; beyond 4.29 s it counts as 4.29 s.
    pub fn record(&mut self, took: Duration) {
        self.nanos
            .push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Adds another's durations.
    pub fn extend(&mut self, other: &Self) {
        self.nanos.extend_from_slice(&other.nanos);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nanos.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nanos.is_empty()
    }

    /// Sorts once, then answers each share (0.5 is the median, 1.0 the greatest) in microseconds; 0 without samples.
    #[must_use]
    pub fn micros_at(&mut self, shares: &[f64]) -> Vec<f64> {
        self.nanos.sort_unstable();
        shares.iter().map(|share| self.at(*share)).collect()
    }

    fn at(&self, share: f64) -> f64 {
        let Some(last) = self.nanos.len().checked_sub(1) else {
            return 0.0;
        };
        // Nearest rank, so that the answer is a duration that was really measured.
        let rank = (self.nanos.len() as f64 * share).ceil() as usize;
        f64::from(self.nanos[rank.saturating_sub(1).min(last)]) / 1000.0
    }
}

/// The middle value; the mean of the middle two when their number is even; 0 for none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (len, middle) if len % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_duration_that_was_measured() {
        let mut samples = Samples::with_room(100);
        (1..=100).for_each(|micros| samples.record(Duration::from_micros(micros)));
        assert_eq!(samples.micros_at(&[0.5, 0.99, 1.0]), [50.0, 99.0, 100.0]);
        assert_eq!(Samples::with_room(0).micros_at(&[0.5]), [0.0]);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }
}
