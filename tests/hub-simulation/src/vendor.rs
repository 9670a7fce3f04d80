//! A destination that fails in every way.

use std::collections::BTreeMap;

use headwater_collector::log::LogId;
use headwater_delivery::machine::Outcome;

use headwater_dice::Dice;

/// What a destination has, and how it is at the moment.
#[derive(Debug, Default)]
pub(crate) struct Vendor {
    /// How often each event was taken.
    pub(crate) taken: BTreeMap<u64, u64>,
    /// How often each event was tried, under each log id.
    pub(crate) tried: BTreeMap<(LogId, u64), u64>,
    /// Events that it refuses for good.
    pub(crate) refuses: BTreeMap<u64, u16>,
    /// It is down until then.
    pub(crate) down_until: i64,
}

impl Vendor {
    /// A request arrives (`arrives`) or is lost on its way; the answer, or none (a time-out).
    pub(crate) fn request(
        &mut self,
        event: u64,
        now: i64,
        healthy: bool,
        random: &mut Dice,
    ) -> Outcome {
        let retry = |reason: &str, after| Outcome::Retry {
            reason: reason.to_owned(),
            after,
        };
        if !healthy {
            if now < self.down_until {
                return retry("cannot connect", None);
            }
            if random.once_in(400) {
                let most = 20_000_000;
                self.down_until = now + i64::try_from(random.below(most)).unwrap_or(0);
            }
            match random.below(12) {
                0 => return retry("503", None),
                1 => return retry("429", Some(random.below(10_000_000))),
                2 => return retry("500", Some(0)),
                // It did not arrive.
                3 => return retry("timeout", None),
                // It arrived, and the answer did not.
                4 => {
                    self.take(event);
                    return retry("timeout", None);
                }
                _ => {}
            }
        }
        match self.refuses.get(&event) {
            Some(status) => Outcome::Rejected {
                reason: status.to_string(),
                status: Some(*status),
            },
            None => {
                self.take(event);
                Outcome::Delivered
            }
        }
    }

    /// How often an event was tried, under all log ids.
    pub(crate) fn tried_in_all(&self, event: u64) -> u64 {
        let of_it = self.tried.iter().filter(|((_, id), _)| *id == event);
        of_it.map(|(_, tried)| tried).sum()
    }

    fn take(&mut self, event: u64) {
        if !self.refuses.contains_key(&event) {
            *self.taken.entry(event).or_default() += 1;
        }
    }
}
