//! What outlives a process: the log, the state, the warehouse, the vendor, and the rules.

use std::collections::BTreeMap;

use headwater_collector::log::{LogId, Place, Position};
use headwater_delivery::state::MemoryState;

use crate::random::Random;
use crate::vendor::Vendor;

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

/// A folder: what a backup copies.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) log_id: LogId,
    pub(crate) log: Vec<(Place, Event)>,
    /// Where the next record lies.
    pub(crate) end: Place,
    pub(crate) state: MemoryState,
}

/// A warehouse elsewhere: it is in no backup.
#[derive(Debug, Default)]
pub(crate) struct Warehouse {
    /// How often each id was loaded from each log: progress alone must keep a log's event from being loaded twice. From
    /// another log, after a restore, it comes again, and the table's key recognises it.
    pub(crate) loaded: BTreeMap<(LogId, u64), u64>,
    /// The ids that have a row.
    pub(crate) rows: std::collections::BTreeSet<u64>,
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

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) folder: Folder,
    pub(crate) backup: Option<Folder>,
    pub(crate) warehouse: Warehouse,
    pub(crate) vendor: Vendor,
    pub(crate) rules: Rules,
    /// Rules that were in force at some time.
    pub(crate) history: Vec<Rules>,
    /// Events whose records a restore took away: nobody need deliver them.
    pub(crate) forgotten: Vec<u64>,
    next_id: u64,
    logs: u8,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let rules = Rules(random.next() | 1);
        World {
            folder: Folder {
                log_id: LogId([0; 16]),
                log: Vec::new(),
                end: Place::at(Position(12)),
                state: MemoryState::default(),
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
        for index in 0..events {
            let place = Place {
                index: u32::try_from(index).unwrap_or(0),
                ..self.folder.end
            };
            let event = Event {
                id: self.next_id,
                group: self.random.below(8),
            };
            if self.random.once_in(15) {
                self.vendor.refuses.insert(event.id, 400);
            }
            self.next_id += 1;
            self.folder.log.push((place, event));
        }
        let len = 40 + self.random.below(2_000);
        self.folder.end = Place::at(Position(self.folder.end.position.0 + len));
    }

    /// Rules change.
    pub(crate) fn reload(&mut self) {
        self.rules = Rules(self.random.next() | 1);
        self.history.push(self.rules);
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.folder.clone());
    }

    /// The folder is lost and comes back from the backup, under a new log id.
    pub(crate) fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.take() else {
            return false;
        };
        let kept = backup.log.len();
        let gone = self.folder.log.iter().skip(kept).map(|(_, event)| event.id);
        self.forgotten.extend(gone);
        self.folder = backup;
        self.logs += 1;
        self.folder.log_id = LogId([self.logs; 16]);
        self.folder.state.failing = false;
        true
    }

    /// Events from `from` on, and where reading goes on.
    pub(crate) fn read(&self, from: Place, most: usize) -> (Place, Vec<(Place, Event)>) {
        let first = self.folder.log.partition_point(|(place, _)| *place < from);
        let rest = self.folder.log.get(first..).unwrap_or_default();
        let events: Vec<(Place, Event)> = rest.iter().take(most).copied().collect();
        let to = match rest.get(most) {
            Some((place, _)) => *place,
            None => self.folder.end.max(from),
        };
        (to, events)
    }

    pub(crate) fn event(&self, place: Place) -> Option<Event> {
        let at = self.folder.log.partition_point(|(known, _)| *known < place);
        self.folder
            .log
            .get(at)
            .filter(|(known, _)| *known == place)
            .map(|(_, event)| *event)
    }
}
