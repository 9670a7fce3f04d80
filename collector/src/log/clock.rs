//! What time it is, as far as forgetting and removing go: a clock that is set wrong must cost nothing.
//!
//! Two clocks are read each time: the wall clock, which says what records are stamped with and which anybody can set, and
//! a steady one, which only goes on. The rules:
//!
//! 1. **Claims age by the steady clock alone.** Those that are restored at start begin at the age that they had when the
//!    newest segment of the log began, whatever the wall clock says. So a messageId is remembered for the whole window
//!    of running time; time for which no collector runs does not count.
//! 2. **Segments are removed for their age by a time that is believed.** The wall clock is believed once it has kept step
//!    with the steady one for [`SETTLED_MS`], since start or since it was last set. Before that nothing is removed for its age
//!    or, when the clock was set while it was believed, time goes on from the old setting. Time is never later than the
//!    wall clock.
//! 3. **Nor is it later than the newest record**, so that a log in which nothing arrives loses nothing; and one sweep
//!    removes at most one dedupe window of log. Whoever runs on a wrong clock for hours finds it before the log is gone.
//! 4. **When the clock is set ahead, what this process wrote counts as written after that**, since it may have been
//!    behind before. When it is set back, what was written stays as young as it was. In the log a record counts as no
//!    older than those before it.

use std::time::Duration;

use headwater_model::time::Millis;

/// How long the wall clock must have kept step before it is believed. Longer than a machine usually runs with a wrong
/// clock before time synchronisation or a person sets it right; shorter than the time between restarts, since each of
/// them begins anew.
pub const SETTLED_MS: i64 = 6 * 3_600_000;

/// How far the clocks may come apart in that time: time synchronisation slews by less, and leap seconds are less.
const IN_STEP_MS: i64 = 60_000;

/// A reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub wall: Millis,
    /// The steady clock, since whenever.
    pub steady: Duration,
}

/// The reading of a wall clock that nobody sets, as in a simulation.
impl From<Millis> for Moment {
    fn from(wall: Millis) -> Self {
        Self {
            wall,
            steady: Duration::from_millis(u64::try_from(wall.0).unwrap_or(0)),
        }
    }
}

impl Moment {
    /// Milliseconds of the steady clock since `earlier`.
    #[must_use]
    pub fn steadily_since(&self, earlier: &Self) -> i64 {
        let passed = self.steady.saturating_sub(earlier.steady).as_millis();
        i64::try_from(passed).unwrap_or(i64::MAX)
    }
}

/// Keeps watch over the wall clock.
#[derive(Debug)]
pub(super) struct Clock {
    opened: Moment,
    /// From here on the clocks have kept step.
    in_step: Moment,
    believed: Option<Moment>,
}

impl Clock {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            opened: now,
            in_step: now,
            believed: None,
        }
    }

    /// Compares the clocks; by how many milliseconds the wall clock was set, if it was.
    pub(super) fn observe(&mut self, now: Moment) -> Option<i64> {
        let steadily = now.steadily_since(&self.in_step);
        let apart = now.wall.since(self.in_step.wall).saturating_sub(steadily);
        if apart.saturating_abs() > IN_STEP_MS {
            self.in_step = now;
            return Some(apart);
        }
        if steadily >= SETTLED_MS {
            self.in_step = now;
            self.believed = Some(now);
        }
        None
    }

    /// The time by which segments age; `None` while no clock is believed.
    pub(super) fn believed(&self, now: Moment) -> Option<Millis> {
        let believed = self.believed?;
        let time = believed
            .wall
            .0
            .saturating_add(now.steadily_since(&believed));
        Some(Millis(time).min(now.wall))
    }

    /// Milliseconds since the log was opened.
    pub(super) fn since_opened(&self, now: Moment) -> i64 {
        now.steadily_since(&self.opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(wall: i64, steady: i64) -> Moment {
        Moment {
            wall: Millis(wall),
            steady: Duration::from_millis(steady as u64),
        }
    }

    #[test]
    fn a_clock_is_believed_once_it_has_kept_step_for_a_while() {
        let start = 1_795_428_000_000;
        let mut clock = Clock::new(at(start, 0));
        for minute in 0..=360 {
            let now = at(start + minute * 60_000, minute * 60_000);
            assert_eq!(clock.believed(now), None, "minute {minute}");
            assert_eq!(clock.observe(now), None);
        }
        let now = at(start + 7 * HOUR, 7 * HOUR);
        assert_eq!(clock.believed(now), Some(now.wall));
    }

    #[test]
    fn time_goes_on_from_the_old_setting_when_the_clock_is_set_ahead_or_back() {
        for jump in [8 * 24 * HOUR, -30 * 24 * HOUR] {
            let mut clock = Clock::new(at(0, 0));
            clock.observe(at(6 * HOUR, 6 * HOUR));
            let jumped = at(7 * HOUR + jump, 7 * HOUR);
            assert_eq!(clock.observe(jumped), Some(jump));
            let time = clock.believed(jumped).unwrap();
            assert_eq!(time, Millis(7 * HOUR).min(jumped.wall));
            let back = at(8 * HOUR, 8 * HOUR);
            assert_eq!(clock.observe(back), Some(-jump));
            assert_eq!(clock.believed(back), Some(Millis(8 * HOUR)));
        }
    }
}
