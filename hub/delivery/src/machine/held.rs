//! What is decided at or beyond the cursor: written down once the cursor has passed it, and read again after a crash.

use std::collections::{BTreeMap, VecDeque};

use headwater_collector::log::Place;

use crate::state::{Counts, Dead, Delta, Ended};

/// How an event ended.
#[derive(Debug)]
pub(super) enum Fate {
    Delivered,
    Dead(Dead),
    Ended(Ended),
}

impl Fate {
    pub(super) fn write(self, delta: &mut Delta) {
        match self {
            Fate::Delivered => delta.counts.count("delivered", "", 1),
            Fate::Dead(dead) => {
                delta.counts.count("dead", &dead.reason, 1);
                delta.dead.push(dead);
            }
            Fate::Ended(ended) => {
                delta.counts.count(&ended.outcome, &ended.reason, 1);
                delta.ended.push(ended);
            }
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    fates: BTreeMap<Place, Fate>,
    /// Counts of what needed no request, each with the place before which it lies.
    passed: VecDeque<(Place, Counts)>,
    /// From which place on which version decided.
    versions: VecDeque<(Place, String)>,
    /// The newest version of all.
    version: Option<String>,
}

impl Held {
    pub(super) fn new(version: Option<String>) -> Held {
        Held {
            version,
            ..Held::default()
        }
    }

    pub(super) fn read(&mut self, from: Place, passed: Vec<(Place, Counts)>, version: String) {
        self.passed
            .extend(passed.into_iter().filter(|(_, counts)| !counts.is_empty()));
        if self.version.as_ref() != Some(&version) {
            self.versions.push_back((from, version.clone()));
            self.version = Some(version);
        }
    }

    pub(super) fn keep(&mut self, place: Place, fate: Fate) {
        self.fates.insert(place, fate);
    }

    /// Whether nothing waits for the cursor. Versions alone wait for nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.fates.is_empty() && self.passed.is_empty()
    }

    /// How many answers a crash would throw away.
    pub(super) fn answers(&self) -> usize {
        self.fates.len()
    }

    /// Writes down what lies before the cursor; how many answers that were.
    pub(super) fn let_go(&mut self, cursor: Place, delta: &mut Delta) -> usize {
        let later = self.fates.split_off(&cursor);
        let fates = std::mem::replace(&mut self.fates, later);
        let answers = fates.len();
        fates.into_values().for_each(|fate| fate.write(delta));
        while let Some((to, counts)) = self.passed.front()
            && *to <= cursor
        {
            delta.counts.add(counts);
            self.passed.pop_front();
        }
        while self
            .versions
            .front()
            .is_some_and(|(from, _)| *from < cursor)
        {
            delta.versions.extend(self.versions.pop_front());
        }
        answers
    }
}
