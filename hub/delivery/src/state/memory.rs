//! The state in memory: for simulations, where what was committed outlives the machine.

use std::collections::BTreeMap;

use headwater_collector::log::{LogId, Place};

use super::{Counts, Dead, DeliveryState, Delta, Retry, Saved, StateError};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct MemoryState {
    connections: BTreeMap<String, Connection>,
    /// Commits fail while this is on.
    pub failing: bool,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    progress: BTreeMap<LogId, Progress>,
    dead: BTreeMap<(LogId, Place), Dead>,
    counts: Counts,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    cursor: Place,
    retry: BTreeMap<Place, Retry>,
}

impl DeliveryState for MemoryState {
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError> {
        let progress = self
            .connections
            .get(connection)
            .and_then(|connection| connection.progress.get(&log));
        Ok(progress.map(|progress| Saved {
            cursor: progress.cursor,
            retry: progress.retry.values().cloned().collect(),
        }))
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
        let Some((_, mut progress)) = std::mem::take(&mut connection.progress).pop_first() else {
            return Ok(None);
        };
        progress.cursor = progress.cursor.min(end);
        progress.retry.retain(|place, _| *place < end);
        let saved = Saved {
            cursor: progress.cursor,
            retry: progress.retry.values().cloned().collect(),
        };
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
        for dead in &delta.dead {
            connection.dead.insert((log, dead.place), dead.clone());
        }
        connection.counts.add(&delta.counts);
        Ok(())
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
