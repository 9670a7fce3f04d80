//! What is written down, compared with the log and the rules: from outside, at each death and at the end.

use headwater_collector::log::Place;
use headwater_delivery::state::{Counts, DeliveryState, Known, StateError};

use crate::world::{Event, World};

/// The connection's name.
pub(crate) const CONNECTION: &str = "c";

/// What became of one event, as the state says it.
pub(crate) enum Told {
    Waiting,
    Delivered,
    Dead,
    /// `dropped`, `expired`.
    Other(String),
    /// The state says what cannot be.
    Nonsense,
}

impl World {
    /// What the state says of an event. Where it names a version, the rules of that version say the rest.
    pub(crate) fn told(&mut self, place: Place, event: Event) -> Result<Told, StateError> {
        let log = self.folder.log.id;
        let known = self.folder.state.known(CONNECTION, log, place)?;
        Ok(match known {
            Known::Waiting | Known::Retrying(_) => Told::Waiting,
            Known::Dead(_) => Told::Dead,
            Known::Ended(ended) if ended.outcome == "dead" => Told::Dead,
            Known::Ended(ended) => Told::Other(ended.outcome),
            Known::Decided(version) => {
                let number = version.and_then(|version| version.parse::<usize>().ok());
                match number.and_then(|number| self.history.get(number)) {
                    Some(rules) if rules.passes(event) => Told::Delivered,
                    Some(_) => Told::Other("dropped".to_owned()),
                    None => Told::Nonsense,
                }
            }
        })
    }

    /// What must be counted: each event of the log that the connection has read, by what the state says of it.
    fn tally(&mut self) -> Result<Counts, StateError> {
        let mut tally = Counts::default();
        for (place, event) in self.folder.log.events.clone() {
            if self.folder.log.unread.contains(&place) {
                continue;
            }
            match self.told(place, event)? {
                Told::Waiting => {}
                Told::Delivered => tally.count("delivered", "", 1),
                Told::Dead => tally.count("dead", "", 1),
                Told::Other(outcome) => tally.count(&outcome, "", 1),
                Told::Nonsense => tally.count("nonsense", "", 1),
            }
        }
        Ok(tally)
    }

    /// From now on the log has other events than those that were counted.
    pub(crate) fn count_anew(&mut self) -> Result<(), StateError> {
        let tally = self.tally()?;
        let mut before = Counts::default();
        for (outcome, events) in by_outcome(&self.folder.state.counts(CONNECTION)?) {
            before.count(&outcome, "", events.saturating_sub(tally.of(&outcome)));
        }
        self.folder.counted_before = before;
        Ok(())
    }

    /// How many outcomes are counted otherwise than the state says.
    pub(crate) fn audit(&mut self) -> Result<u64, StateError> {
        let tally = self.tally()?;
        let counts = self.folder.state.counts(CONNECTION)?;
        let letters = self.folder.state.dead(CONNECTION, usize::MAX)?.len() as u64;
        let before = &self.folder.counted_before;
        let mut wrong = tally.of("nonsense");
        for outcome in ["delivered", "dropped", "dead", "expired"] {
            let counted = counts.of(outcome);
            wrong += u64::from(counted != tally.of(outcome) + before.of(outcome));
        }
        wrong += u64::from(counts.of("dead") != letters + counts.of("dead_expired"));
        wrong += u64::from(letters > 6);
        Ok(wrong)
    }
}

fn by_outcome(counts: &Counts) -> Vec<(String, u64)> {
    let mut outcomes: Vec<String> = counts
        .0
        .keys()
        .map(|(outcome, _)| outcome.clone())
        .collect();
    outcomes.dedup();
    outcomes
        .into_iter()
        .map(|outcome| (outcome.clone(), counts.of(&outcome)))
        .collect()
}
