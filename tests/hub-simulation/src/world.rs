//! What outlives a process: the log, the state, the warehouse, the vendor, and the rules.

use std::collections::{BTreeMap, BTreeSet};

use headwater_collector::log::{LogId, Place, Position};
use headwater_delivery::sinks::{Loaded, RangeSink, Row, SinkFailure};
use headwater_delivery::state::{Counts, StateError};

use crate::state::State;
use crate::vendor::Vendor;
use headwater_dice::Dice;

/// One event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its messageId.
    pub(crate) id: u64,
    /// The rules that apply when it is decided let events of some groups through.
    pub(crate) group: u64,
}

/// The connection's rules: which groups pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules(pub(crate) u64);

impl Rules {
    pub(crate) fn passes(self, event: Event) -> bool {
        self.0 >> (event.group % 8) & 1 == 1
    }
}

/// The log's part of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) id: LogId,
    /// All events that were ever appended, also those that retention has removed.
    pub(crate) events: Vec<(Place, Event)>,
    /// What lies before it is removed.
    pub(crate) first: Place,
    /// Where the next record lies.
    pub(crate) end: Place,
    /// Removed before the connection had read them.
    pub(crate) unread: BTreeSet<Place>,
    /// Removed before the warehouse had read them.
    pub(crate) unloaded: BTreeSet<Place>,
}

/// A folder: what a backup copies.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) log: Log,
    pub(crate) state: State,
    /// What was counted of events that no log has any more.
    pub(crate) counted_before: Counts,
}

impl Folder {
    fn copy(&self) -> Result<Folder, StateError> {
        Ok(Folder {
            log: self.log.clone(),
            state: self.state.copy()?,
            counted_before: self.counted_before.clone(),
        })
    }
}

/// A warehouse elsewhere: it is in no backup.
#[derive(Debug, Default)]
pub(crate) struct Warehouse {
    /// How often each id was loaded from each log: progress alone must keep a log's event from being loaded twice. From
    /// another log, after a restore, it comes again, and the table's key recognises it.
    pub(crate) loaded: BTreeMap<(LogId, u64), u64>,
    /// The ids that have a row.
    pub(crate) rows: BTreeSet<u64>,
    pub(crate) progress: BTreeMap<LogId, Place>,
}

impl Warehouse {
    /// Rows and progress in one transaction; ids are a key.
    pub(crate) fn load(&mut self, log: LogId, to: Place, events: &[Event]) {
        for event in events {
            self.rows.insert(event.id);
            *self.loaded.entry((log, event.id)).or_default() += 1;
        }
        self.progress.insert(log, to);
    }
}

/// As far as `resume` needs it: a load without rows.
impl RangeSink for Warehouse {
    fn progress(&mut self, log: LogId) -> Result<Option<Place>, SinkFailure> {
        Ok(self.progress.get(&log).copied())
    }

    fn load(&mut self, log: LogId, to: Place, _: &[Row]) -> Result<Loaded, SinkFailure> {
        self.progress.insert(log, to);
        Ok(Loaded::default())
    }

    fn totals(&mut self) -> Result<Loaded, SinkFailure> {
        Ok(Loaded::default())
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Dice,
    pub(crate) folder: Folder,
    pub(crate) backup: Option<Folder>,
    pub(crate) warehouse: Warehouse,
    pub(crate) vendor: Vendor,
    pub(crate) rules: Rules,
    /// Rules that were in force at some time; a version is its number in this list.
    pub(crate) history: Vec<Rules>,
    /// Events whose records a restore took away: nobody need deliver them.
    pub(crate) forgotten: Vec<u64>,
    next_id: u64,
    logs: u8,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut random = Dice::new(seed);
        let rules = Rules(random.roll() | 1);
        let begin = Place::at(Position(12));
        World {
            folder: Folder {
                log: Log {
                    id: LogId([0; 16]),
                    events: Vec::new(),
                    first: begin,
                    end: begin,
                    unread: BTreeSet::new(),
                    unloaded: BTreeSet::new(),
                },
                // A life in SQLite takes a hundred times as long.
                state: State::new(seed % 25 == 7),
                counted_before: Counts::default(),
            },
            backup: None,
            warehouse: Warehouse::default(),
            vendor: Vendor::default(),
            rules,
            history: vec![rules],
            forgotten: Vec::new(),
            next_id: 0,
            logs: 0,
            random,
        }
    }

    /// A request is appended: one record of some events.
    pub(crate) fn append(&mut self) {
        let events = 1 + self.random.below(6);
        let log = &mut self.folder.log;
        for index in 0..events {
            let place = Place {
                index: u32::try_from(index).unwrap_or(0),
                ..log.end
            };
            let event = Event {
                id: self.next_id,
                group: self.random.below(8),
            };
            if self.random.once_in(15) {
                self.vendor.refuses.insert(event.id, 400);
            }
            self.next_id += 1;
            log.events.push((place, event));
        }
        let len = 40 + self.random.below(2_000);
        log.end = Place::at(Position(log.end.position.0 + len));
    }

    /// Retention removes the oldest records, whoever has read them.
    pub(crate) fn retain(&mut self) {
        let log = &mut self.folder.log;
        let left = log.events.partition_point(|(place, _)| *place < log.first);
        let rest = log.events.get(left..).unwrap_or_default();
        let most = u64::try_from(rest.len()).unwrap_or(0);
        let cut = usize::try_from(self.random.below(most)).unwrap_or(0);
        if let Some((place, _)) = rest.get(cut) {
            log.first = Place::at(place.position);
        }
    }

    /// Rules change.
    pub(crate) fn reload(&mut self) {
        self.rules = Rules(self.random.roll() | 1);
        self.history.push(self.rules);
    }

    /// The version of the rules in force.
    pub(crate) fn version(&self) -> String {
        (self.history.len() - 1).to_string()
    }

    pub(crate) fn back_up(&mut self) -> Result<(), StateError> {
        self.backup = Some(self.folder.copy()?);
        Ok(())
    }

    /// The folder is lost and comes back from the backup, under a new log id.
    pub(crate) fn restore(&mut self) {
        let Some(backup) = self.backup.take() else {
            return;
        };
        self.forget_beyond(&backup.log);
        self.folder = backup;
        self.logs += 1;
        self.folder.log.id = LogId([self.logs; 16]);
    }

    /// An older copy of the log comes into the folder; its id is the same, and what is known of it goes beyond its end.
    /// `true`: it did.
    pub(crate) fn shorten(&mut self) -> bool {
        let Some(backup) = self
            .backup
            .take()
            .filter(|backup| backup.log.id == self.folder.log.id)
        else {
            return false;
        };
        self.forget_beyond(&backup.log);
        let now = std::mem::replace(&mut self.folder.log, backup.log);
        // What retention removed meanwhile does not come back, and nobody has read it since.
        let log = &mut self.folder.log;
        log.first = log.first.max(now.first.min(log.end));
        let before = |place: &Place| *place < log.end;
        log.unread.extend(now.unread.into_iter().filter(before));
        log.unloaded.extend(now.unloaded.into_iter().filter(before));
        true
    }

    fn forget_beyond(&mut self, older: &Log) {
        let gone = self.folder.log.events.iter().skip(older.events.len());
        self.forgotten.extend(gone.map(|(_, event)| event.id));
    }

    /// Events from `from` on, and where reading goes on.
    pub(crate) fn read(&self, from: Place, most: usize) -> (Place, Vec<(Place, Event)>) {
        let log = &self.folder.log;
        let from = from.max(log.first);
        let first = log.events.partition_point(|(place, _)| *place < from);
        let rest = log.events.get(first..).unwrap_or_default();
        let events: Vec<(Place, Event)> = rest.iter().take(most).copied().collect();
        let to = match rest.get(most) {
            Some((place, _)) => *place,
            None => log.end.max(from),
        };
        (to, events)
    }

    /// What retention removed from `from` on.
    pub(crate) fn removed(&self, from: Place) -> Vec<Place> {
        let log = &self.folder.log;
        let places = log.events.iter().map(|(place, _)| *place);
        places
            .filter(|place| *place >= from && *place < log.first)
            .collect()
    }

    /// The event at a place, as long as the log has it.
    pub(crate) fn event(&self, place: Place) -> Option<Event> {
        let log = &self.folder.log;
        let at = log.events.partition_point(|(known, _)| *known < place);
        log.events
            .get(at)
            .filter(|(known, _)| *known == place && place >= log.first)
            .map(|(_, event)| *event)
    }
}
