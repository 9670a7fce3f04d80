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

    fn log(&self) -> Result<Option<Progress>, StoreError> {
        let value = self.store.get(PROGRESS)?;
        Ok(value.and_then(|value| Progress::read(&value)))
    }

    /// Up to where each definition has counted, in their order.
    fn counted(&self) -> Result<Vec<Place>, StoreError> {
        let of = |definition| {
            let value = self.store.get(&progress_key(definition))?;
            Ok(value
                .and_then(|value| Progress::read(&value))
                .map_or(Place::default(), |progress| progress.to))
        };
        self.traits.iter().map(of).collect()
    }

    /// Counts events; how many nobody had counted before.
    fn take(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<u64, StoreError> {
        let all = self.log()?.unwrap_or(Progress::new(log));
        let counted = self.counted()?;
        let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.kind == EventType::Track) {
            let text = |key: &str| row.event.get(key).and_then(Value::as_str);
            let (Some(user), Some(event)) = (text("userId"), text("event")) else {
                continue;
            };
            for (definition, counted) in self.traits.iter().zip(&counted) {
                if definition.event != event || row.place < *counted {
                    continue;
                }
                let key = key(user, definition);
                let count = match counts.get(&key) {
                    Some(count) => *count,
                    None => self.count(user, definition)?.unwrap_or(0),
                };
                counts.insert(key, count.saturating_add(1));
            }
        }
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = counts
            .into_iter()
            .map(|(key, count)| (key, count.to_be_bytes().to_vec()))
            .collect();
        // Back before everything: the log is shorter than it was.
        let back = counted.iter().chain([&all.to]).all(|counted| to < *counted);
        let goes_to = |from: Place| if back { to } else { from.max(to) };
        for (definition, counted) in self.traits.iter().zip(&counted) {
            let progress = Progress {
                log,
                to: goes_to(*counted),
                events: 0,
            };
            batch.push((progress_key(definition), progress.write()));
        }
        let new = rows.iter().filter(|row| row.place >= all.to).count() as u64;
        let progress = Progress {
            log,
            to: goes_to(all.to),
            events: all.events.saturating_add(new),
        };
        batch.push((PROGRESS.to_vec(), progress.write()));
        self.store.put(batch)?;
        Ok(new)
    }
}

/// Where the progress of one definition lies: one that is new counts the log from its beginning, and the others wait.
fn progress_key(definition: &CompiledTrait) -> Vec<u8> {
    let mut key = key("", definition);
    key.insert(0, b'p');
    key
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

/// How far a log was read.
struct Progress {
    log: LogId,
    to: Place,
    /// Events that were read, of all types.
    events: u64,
}

impl Progress {
    fn new(log: LogId) -> Progress {
        Progress {
            log,
            to: Place::default(),
            events: 0,
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut value = self.log.0.to_vec();
        value.extend_from_slice(&self.to.shard.to_be_bytes());
        value.extend_from_slice(&self.to.position.0.to_be_bytes());
        value.extend_from_slice(&self.to.index.to_be_bytes());
        value.extend_from_slice(&self.events.to_be_bytes());
        value
    }

    fn read(value: &[u8]) -> Option<Progress> {
        let (log, rest) = value.split_first_chunk::<16>()?;
        let (shard, rest) = rest.split_first_chunk::<4>()?;
        let (position, rest) = rest.split_first_chunk::<8>()?;
        let (index, rest) = rest.split_first_chunk::<4>()?;
        let events = rest.first_chunk::<8>()?;
        Some(Progress {
            log: LogId(*log),
            to: Place {
                shard: u32::from_be_bytes(*shard),
                position: Position(u64::from_be_bytes(*position)),
                index: u32::from_be_bytes(*index),
            },
            events: u64::from_be_bytes(*events),
        })
    }
}

impl<S: KeyedStore> RangeSink for Profiles<S> {
    /// What was computed from another log is forgotten: its events would count twice. A definition that has not counted all
    /// that the others have begins where it stopped, or at the log's beginning.
    fn progress(&mut self, log: LogId) -> Result<Option<Place>, SinkFailure> {
        match self.log().map_err(failed)? {
            Some(all) if all.log == log => {
                let counted = self.counted().map_err(failed)?;
                Ok(counted.into_iter().chain([all.to]).min())
            }
            _ => {
                self.store.clear().map_err(failed)?;
                Ok(None)
            }
        }
    }

    fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<Loaded, SinkFailure> {
        let new = self.take(log, to, rows).map_err(failed)?;
        Ok(Loaded { new, rejected: 0 })
    }

    fn totals(&mut self) -> Result<Loaded, SinkFailure> {
        let all = self.log().map_err(failed)?;
        Ok(Loaded {
            new: all.map_or(0, |all| all.events),
            rejected: 0,
        })
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

    fn row(at: u64, user: &str, event: &str) -> Row {
        let text = format!(r#"{{"userId":"{user}","event":"{event}"}}"#);
        Row {
            place: to(at),
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
            row(1, "u1", "Order Completed"),
            row(2, "u1", "Other"),
            row(3, "u2", "Order Completed"),
            row(4, "u1", "Order Completed"),
        ];
        assert_eq!(profiles.load(LOG, to(9), &rows).unwrap().new, 4);
        drop(profiles);
        let mut profiles = Profiles::new(open(), orders());
        assert_eq!(profiles.progress(LOG).unwrap(), Some(to(9)));
        assert_eq!(profiles.traits("u1").unwrap().natural("orders"), Some(2));
        assert!(profiles.traits("nobody").unwrap().is_empty());
        profiles
            .load(LOG, to(12), &[row(9, "u1", "Order Completed")])
            .unwrap();
        assert_eq!(profiles.traits("u1").unwrap().natural("orders"), Some(3));
        assert_eq!(profiles.totals().unwrap().new, 5);

        // A definition that is new counts what was there before, and the others count nothing twice.
        drop(profiles);
        let both = vec![orders().remove(0), definition("others", "Other")];
        let mut profiles = Profiles::new(open(), both);
        assert_eq!(profiles.progress(LOG).unwrap(), Some(Place::default()));
        profiles.load(LOG, to(9), &rows).unwrap();
        assert_eq!(profiles.progress(LOG).unwrap(), Some(to(9)));
        profiles
            .load(
                LOG,
                to(20),
                &[row(9, "u1", "Order Completed"), row(12, "u1", "Other")],
            )
            .unwrap();
        assert_eq!(profiles.progress(LOG).unwrap(), Some(to(20)));
        assert_eq!(profiles.traits("u1").unwrap().natural("orders"), Some(3));
        assert_eq!(profiles.traits("u1").unwrap().natural("others"), Some(2));
        assert_eq!(profiles.totals().unwrap().new, 6);

        // An older copy of the log lies in the folder.
        let resumed = headwater_delivery::sinks::resume(&mut profiles, LOG, to(5)).unwrap();
        assert_eq!(resumed, (Some(to(5)), true));
        assert_eq!(profiles.progress(LOG).unwrap(), Some(to(5)));

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
