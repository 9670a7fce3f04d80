//! The state in memory: for simulations, where what was committed outlives the machine.

use std::collections::BTreeMap;

use headwater_collector::log::{LogId, Place};

use super::{
    Counts, Dead, DeliveryState, Delta, Ended, Keep, Known, Retry, Saved, StateError, bounded,
};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct MemoryState {
    connections: BTreeMap<String, Connection>,
    keep: Keep,
    /// Commits fail while this is on.
    pub failing: bool,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    progress: BTreeMap<LogId, Progress>,
    dead: BTreeMap<(LogId, Place), Dead>,
    ended: BTreeMap<(LogId, Place), Ended>,
    counts: Counts,
}

impl Connection {
    /// Gives up a dead letter.
    fn give_up(&mut self, at: (LogId, Place)) {
        if let Some(dead) = self.dead.remove(&at) {
            self.counts.count("dead_expired", &dead.reason, 1);
            let ended = Ended {
                place: dead.place,
                outcome: "dead".to_owned(),
                reason: dead.reason,
            };
            self.ended.insert(at, ended);
        }
    }

    fn oldest(&self) -> Option<(LogId, Place)> {
        let oldest = self.dead.iter().min_by_key(|(at, dead)| (dead.last, **at));
        oldest.map(|(at, _)| *at)
    }

    fn trim(&mut self, keep: Keep) {
        while self.dead.len() > keep.letters
            && let Some(at) = self.oldest()
        {
            self.give_up(at);
        }
        while self.ended.len() > keep.ended {
            self.ended.pop_first();
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Progress {
    cursor: Place,
    retry: BTreeMap<Place, Retry>,
    versions: BTreeMap<Place, String>,
}

impl Progress {
    fn saved(&self) -> Saved {
        Saved {
            cursor: self.cursor,
            retry: self.retry.values().cloned().collect(),
            version: self.versions.values().next_back().cloned(),
        }
    }
}

impl MemoryState {
    /// Keeps so much of what ended badly.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> MemoryState {
        self.keep = keep;
        self
    }
}

impl DeliveryState for MemoryState {
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError> {
        let progress = self
            .connections
            .get(connection)
            .and_then(|connection| connection.progress.get(&log));
        Ok(progress.map(Progress::saved))
    }

    fn adopt(
        &mut self,
        connection: &str,
        log: LogId,
        end: Place,
    ) -> Result<Option<Saved>, StateError> {
        if self.failing {
            return Err(StateError("the disk is full".to_owned()));
        }
        let Some(connection) = self.connections.get_mut(connection) else {
            return Ok(None);
        };
        let mut all = std::mem::take(&mut connection.progress);
        let found = all.remove_entry(&log).or_else(|| all.pop_first());
        let Some((other, mut progress)) = found else {
            return Ok(None);
        };
        progress.cursor = progress.cursor.min(end);
        progress.retry.retain(|place, _| *place < end);
        progress.versions.retain(|place, _| *place < end);
        let beyond: Vec<_> = connection.dead.keys().copied().collect();
        for at in beyond.into_iter().filter(|at| at.0 == other && at.1 >= end) {
            connection.give_up(at);
        }
        let kept = |at: &(LogId, Place)| at.0 != other || at.1 < end;
        connection.ended.retain(|at, _| kept(at));
        let moved = |at: (LogId, Place)| (if at.0 == other { log } else { at.0 }, at.1);
        let dead = std::mem::take(&mut connection.dead).into_iter();
        connection.dead = dead.map(|(at, dead)| (moved(at), dead)).collect();
        let ended = std::mem::take(&mut connection.ended).into_iter();
        connection.ended = ended.map(|(at, ended)| (moved(at), ended)).collect();
        let saved = progress.saved();
        connection.progress.insert(log, progress);
        Ok(Some(saved))
    }

    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError> {
        if self.failing {
            return Err(StateError("the disk is full".to_owned()));
        }
        let connection = self.connections.entry(connection.to_owned()).or_default();
        let progress = connection.progress.entry(log).or_default();
        if let Some(cursor) = delta.cursor {
            progress.cursor = cursor;
        }
        for (place, entry) in &delta.retry {
            match entry {
                Some(entry) => progress.retry.insert(*place, entry.clone()),
                None => progress.retry.remove(place),
            };
        }
        progress.versions.extend(delta.versions.iter().cloned());
        for dead in &delta.dead {
            let mut dead = dead.clone();
            dead.reason.truncate(bounded(&dead.reason).len());
            connection.dead.insert((log, dead.place), dead);
        }
        for ended in &delta.ended {
            connection.ended.insert((log, ended.place), ended.clone());
        }
        connection.counts.add(&delta.counts);
        connection.trim(self.keep);
        Ok(())
    }

    fn known(&mut self, connection: &str, log: LogId, place: Place) -> Result<Known, StateError> {
        let Some(connection) = self.connections.get(connection) else {
            return Ok(Known::Waiting);
        };
        let at = (log, place);
        if let Some(dead) = connection.dead.get(&at) {
            return Ok(Known::Dead(dead.clone()));
        }
        if let Some(ended) = connection.ended.get(&at) {
            return Ok(Known::Ended(ended.clone()));
        }
        let Some(progress) = connection.progress.get(&log) else {
            return Ok(Known::Waiting);
        };
        if let Some(entry) = progress.retry.get(&place) {
            return Ok(Known::Retrying(entry.clone()));
        }
        if place >= progress.cursor {
            return Ok(Known::Waiting);
        }
        let version = progress.versions.range(..=place).next_back();
        Ok(Known::Decided(version.map(|(_, version)| version.clone())))
    }

    fn expire(&mut self, now: i64) -> Result<u64, StateError> {
        if self.failing {
            return Err(StateError("the disk is full".to_owned()));
        }
        let before = now.saturating_sub(self.keep.age_ms);
        let mut gone = 0;
        for connection in self.connections.values_mut() {
            while let Some(at) = connection.oldest()
                && connection
                    .dead
                    .get(&at)
                    .is_some_and(|dead| dead.last < before)
            {
                connection.give_up(at);
                gone += 1;
            }
            connection.trim(self.keep);
        }
        Ok(gone)
    }

    fn dead(&mut self, connection: &str, most: usize) -> Result<Vec<Dead>, StateError> {
        let Some(connection) = self.connections.get(connection) else {
            return Ok(Vec::new());
        };
        let mut dead: Vec<Dead> = connection.dead.values().cloned().collect();
        dead.sort_by_key(|dead| std::cmp::Reverse((dead.last, dead.place)));
        dead.truncate(most);
        Ok(dead)
    }

    fn counts(&mut self, connection: &str) -> Result<Counts, StateError> {
        Ok(self
            .connections
            .get(connection)
            .map(|connection| connection.counts.clone())
            .unwrap_or_default())
    }
}
