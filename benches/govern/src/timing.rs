//! Time of something small.

use std::time::{Duration, Instant};

/// How long one round lasts.
const ROUND: Duration = Duration::from_millis(200);

/// Microseconds that one call of `work` takes.
pub(crate) fn microseconds(mut work: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..64 {
            work();
        }
        calls += 64;
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}
