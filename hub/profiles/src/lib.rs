#![doc = include_str!("../README.md")]

mod store;

use std::collections::BTreeMap;

use headwater_collector::log::{LogId, Place, Position};
use headwater_delivery::sinks::{Loaded, RangeSink, Row, SinkFailure};
use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use headwater_workspace::CompiledTrait;

pub use store::{FjallStore, KeyedStore, MemoryStore, StoreError};

/// The key of the progress. User keys begin with `u`.
const PROGRESS: &[u8] = b"progress";

/// Profiles in a store.
#[derive(Debug)]
pub struct Profiles<S> {
    store: S,
    traits: Vec<CompiledTrait>,
}

impl<S: KeyedStore> Profiles<S> {
    /// Profiles with these traits.
    #[must_use]
    pub fn new(store: S, traits: Vec<CompiledTrait>) -> Profiles<S> {
        Profiles { store, traits }
    }

    /// The traits of a user.
    ///
    /// # Errors
    /// The store's own.
    pub fn traits(&self, user: &str) -> Result<Object, StoreError> {
        let mut traits = Object::new();
        for definition in &self.traits {
            if let Some(count) = self.count(user, definition)? {
                traits.insert(definition.name.as_str(), count);
            }
        }
        Ok(traits)
    }

    fn count(&self, user: &str, definition: &CompiledTrait) -> Result<Option<u64>, StoreError> {
        let value = self.store.get(&key(user, definition))?;
        Ok(value
            .and_then(|value| value.try_into().ok())
            .map(u64::from_be_bytes))
    }

    fn log(&self) -> Result<Option<(LogId, Place)>, StoreError> {
        Ok(self
            .store
            .get(PROGRESS)?
            .and_then(|value| read_progress(&value)))
    }

    fn take(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<u64, StoreError> {
        let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        let mut changed = 0;
        for row in rows.iter().filter(|row| row.kind == EventType::Track) {
            let text = |key: &str| row.event.get(key).and_then(Value::as_str);
            let (Some(user), Some(event)) = (text("userId"), text("event")) else {
                continue;
            };
            for definition in self
                .traits
                .iter()
                .filter(|definition| definition.event == event)
            {
                let key = key(user, definition);
                let count = match counts.get(&key) {
                    Some(count) => *count,
                    None => self.count(user, definition)?.unwrap_or(0),
                };
                counts.insert(key, count.saturating_add(1));
                changed += 1;
            }
        }
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = counts
            .into_iter()
            .map(|(key, count)| (key, count.to_be_bytes().to_vec()))
            .collect();
        batch.push((PROGRESS.to_vec(), write_progress(log, to)));
        self.store.put(batch)?;
        Ok(changed)
    }
}

/// A new or changed definition counts anew, under its own hash: its name alone would go on from another event's count.
fn key(user: &str, definition: &CompiledTrait) -> Vec<u8> {
    let mut key = Vec::with_capacity(user.len() + definition.event.len() + 40);
    key.push(b'u');
    for part in [user, definition.id.as_str(), definition.event.as_str()] {
        key.extend_from_slice(&(part.len() as u64).to_be_bytes());
        key.extend_from_slice(part.as_bytes());
    }
    key
}

fn write_progress(log: LogId, to: Place) -> Vec<u8> {
    let mut value = log.0.to_vec();
    value.extend_from_slice(&to.shard.to_be_bytes());
    value.extend_from_slice(&to.position.0.to_be_bytes());
    value.extend_from_slice(&to.index.to_be_bytes());
    value
}

fn read_progress(value: &[u8]) -> Option<(LogId, Place)> {
    let (log, rest) = value.split_first_chunk::<16>()?;
    let (shard, rest) = rest.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let index = rest.first_chunk::<4>()?;
    Some((
        LogId(*log),
        Place {
            shard: u32::from_be_bytes(*shard),
            position: Position(u64::from_be_bytes(*position)),
            index: u32::from_be_bytes(*index),
        },
    ))
}

impl<S: KeyedStore> RangeSink for Profiles<S> {
    /// What was computed from another log is forgotten: its events would count twice.
    fn progress(&mut self, log: LogId) -> Result<Option<Place>, SinkFailure> {
        match self.log().map_err(failed)? {
            Some((known, place)) if known == log => Ok(Some(place)),
            None => Ok(None),
            Some(_) => {
                self.store.clear().map_err(failed)?;
                Ok(None)
            }
        }
    }

    fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<Loaded, SinkFailure> {
        let new = self.take(log, to, rows).map_err(failed)?;
        Ok(Loaded { new, rejected: 0 })
    }
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn failed(error: StoreError) -> SinkFailure {
    SinkFailure(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_model::json::{Limits, parse};
    use headwater_workspace::{Id, Kind};

    fn definition(name: &str, event: &str) -> CompiledTrait {
        CompiledTrait {
            id: Id::derived("Shop", Kind::Trait, name),
            name: name.to_owned(),
            event: event.to_owned(),
        }
    }

    fn row(user: &str, event: &str) -> Row {
        let text = format!(r#"{{"userId":"{user}","event":"{event}"}}"#);
        Row {
            source: "web".to_owned(),
            kind: EventType::Track,
            event: parse(text.as_bytes(), &Limits::default())
                .unwrap()
                .into_object()
                .unwrap(),
        }
    }

    fn to(position: u64) -> Place {
        Place::at(Position(position))
    }

    const LOG: LogId = LogId([1; 16]);

    fn suite<S: KeyedStore>(mut open: impl FnMut() -> S) {
        let orders = || vec![definition("orders", "Order Completed")];
        let mut profiles = Profiles::new(open(), orders());
        assert_eq!(profiles.progress(LOG).unwrap(), None);
        let rows = [
            row("u1", "Order Completed"),
            row("u1", "Other"),
            row("u2", "Order Completed"),
            row("u1", "Order Completed"),
        ];
        assert_eq!(profiles.load(LOG, to(9), &rows).unwrap().new, 3);
        drop(profiles);
        let mut profiles = Profiles::new(open(), orders());
        assert_eq!(profiles.progress(LOG).unwrap(), Some(to(9)));
        assert_eq!(profiles.traits("u1").unwrap().natural("orders"), Some(2));
        assert!(profiles.traits("nobody").unwrap().is_empty());
        profiles
            .load(LOG, to(12), &[row("u1", "Order Completed")])
            .unwrap();
        assert_eq!(profiles.traits("u1").unwrap().natural("orders"), Some(3));
        let other = LogId([2; 16]);
        assert_eq!(profiles.progress(other).unwrap(), None);
        assert!(
            profiles.traits("u1").unwrap().is_empty(),
            "another log's events would count twice"
        );
    }

    #[test]
    fn a_trait_counts_each_event_once_over_restarts_in_memory() {
        let store = MemoryStore::default();
        suite(|| store.clone());
    }

    #[test]
    fn a_trait_counts_each_event_once_over_restarts_in_fjall() {
        let dir = tempfile::tempdir().unwrap();
        suite(|| FjallStore::open(&dir.path().join("profiles")).unwrap());
    }
}
