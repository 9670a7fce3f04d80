//! One life: what the application does and what goes wrong, as the dice say.

use std::collections::{BTreeMap, BTreeSet};

use headwater_engine::{Connection, Engine, Input, Lifecycle, Now, StateKey};
use headwater_model::json::Object;
use headwater_model::time::Millis;
use headwater_store::EventStore;
use headwater_store::disk::FaultyDisk;

use crate::accounts::Accounts;
use crate::destinations::{Destinations, Wish};
use crate::dice::Dice;
use crate::guard::Scrub;
use crate::hub::Hub;
use crate::network::Message;
use crate::pace::{Pace, Series};
use crate::settings::Document;
use crate::setup::Setup;
use crate::table::Table;
use crate::totals::Totals;

/// Virtual times are milliseconds since this moment.
pub(crate) const EPOCH: i64 = 1_790_000_000_000;

/// What the application was told about one call, and what was so at that moment.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) message_id: String,
    pub(crate) anonymous_id: String,
    pub(crate) user_id: Option<String>,
    pub(crate) timestamp: Millis,
    /// `categoryPreferences` as of the call; `None` before a decision.
    pub(crate) consent: Option<Object>,
    /// Decisions that may have released it, where it was made before one.
    pub(crate) releases: Vec<Object>,
    /// A crash came while it was released: destinations may see it again.
    pub(crate) released_twice: bool,
    /// The call returned, and nothing the machine may lose (an unsynced tail, memory) has been lost since.
    pub(crate) kept: bool,
    /// It waits in memory for a decision.
    pub(crate) in_memory: bool,
    /// It was made while the decision was awaited.
    pub(crate) held: bool,
    /// The device said at once that it goes nowhere.
    pub(crate) dropped: bool,
    pub(crate) poison: bool,
    /// A guard kept it back once.
    pub(crate) guarded: bool,
    /// A report said that its guard failed at each try.
    pub(crate) given_up: bool,
    pub(crate) wish: Wish,
    /// The process in which it was made.
    pub(crate) epoch: u64,
}

/// What was so when the device came to rest last, and what it must therefore know after a restart. `None`: a crash came
/// at a moment after which more than one answer is right.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) series: Option<Series>,
    pub(crate) decision: Option<Option<Object>>,
    /// anonymousId and userId.
    pub(crate) identity: Option<(String, Option<String>)>,
}

/// One running application: what a second tab on the same disk would have of its own.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) store: Box<dyn EventStore>,
    /// The virtual time of its start; its monotonic clock counts from there.
    pub(crate) born: u64,
    /// State that the disk did not take, tried again with the next input.
    pub(crate) unsaved: Vec<(StateKey, Vec<u8>)>,
}

/// A life, lived.
#[allow(missing_debug_implementations)]
pub struct Life {
    pub(crate) dice: Dice,
    pub(crate) setup: Setup,
    pub(crate) scrub: Scrub,
    pub(crate) t: u64,
    /// The device's wall clock is off by this.
    pub(crate) offset: i64,
    pub(crate) disk: FaultyDisk,
    pub(crate) process: Option<Process>,
    /// Counts starts, so that answers to an earlier process are told apart.
    pub(crate) epoch: u64,
    pub(crate) hub: Hub,
    pub(crate) messages: BTreeMap<(u64, u64), Message>,
    pub(crate) next_message: u64,
    pub(crate) pace: Pace,
    pub(crate) promises: Vec<Promise>,
    /// Indices of promises that a power cut may take.
    pub(crate) unsynced: Vec<usize>,
    pub(crate) preferences: Option<Object>,
    /// Which call made the event of this messageId.
    pub(crate) places: BTreeMap<String, usize>,
    pub(crate) accounts: Accounts,
    pub(crate) destinations: Destinations,
    /// Explicit flushes that have not ended.
    pub(crate) flushes: BTreeSet<u64>,
    /// All settings documents that were ever sent, and which the device goes by.
    pub(crate) documents: Vec<Document>,
    pub(crate) document: Option<usize>,
    /// The decision that the device goes by; the outer `None` where a crash leaves that open.
    pub(crate) decision: Option<Option<Object>>,
    pub(crate) kept: Kept,
    /// A restart read what an earlier process may have failed to make durable, and no sync has covered it since.
    pub(crate) soft: bool,
    /// A restart came when it was open which decision the device knows.
    pub(crate) doubted: bool,
    /// The process ended before the disk had taken a withdrawal: a power cut may bring back what was purged.
    pub(crate) withdrawal_lost: bool,
    /// First arrivals at the hub: message ids with whether the device still waited for that request.
    pub(crate) arrivals: Vec<(String, bool)>,
    /// Faults happen; off while healing.
    pub(crate) stormy: bool,
    pub(crate) rotted: bool,
    /// The device said that it cut off an unfinished end.
    pub(crate) tail_cut: bool,
    /// The power went since the store was last opened.
    pub(crate) torn: bool,
    pub(crate) totals: Totals,
    trace: Vec<String>,
    pub(crate) failures: Vec<String>,
}

impl Life {
    /// Lives the life of this seed.
    #[must_use]
    pub fn run(seed: u64) -> Life {
        let mut dice = Dice::new(seed);
        let mut setup = Setup::roll(&mut dice);
        setup.roll_guard(seed);
        let mut life = Life {
            scrub: Scrub::new(seed, setup.guard_fails),
            t: 0,
            offset: 0,
            disk: FaultyDisk::new(),
            process: None,
            epoch: 0,
            hub: Hub::new(Millis(EPOCH)),
            messages: BTreeMap::new(),
            next_message: 0,
            pace: Pace::new(Table::new(setup.max_retries)),
            promises: Vec::new(),
            unsynced: Vec::new(),
            preferences: None,
            places: BTreeMap::new(),
            accounts: Accounts::default(),
            destinations: Destinations::default(),
            flushes: BTreeSet::new(),
            documents: Vec::new(),
            document: None,
            decision: Some(None),
            kept: Kept {
                series: Some(Series::default()),
                decision: Some(None),
                identity: None,
            },
            soft: false,
            doubted: false,
            withdrawal_lost: false,
            arrivals: Vec::new(),
            stormy: true,
            rotted: false,
            torn: false,
            tail_cut: false,
            totals: Totals {
                seeds: 1,
                ..Totals::default()
            },
            trace: Vec::new(),
            failures: Vec::new(),
            dice,
            setup,
        };
        life.note(|life| format!("{:?}", life.setup));
        life.boot();
        let steps = life.dice.range(20, 120);
        for step in 0..steps {
            life.step(step);
        }
        life.heal();
        life.judge();
        life
    }

    /// What happened, a line each.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// What was wrong, a line each.
    #[must_use]
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// This life's counts.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub(crate) fn note(&mut self, line: impl FnOnce(&Life) -> String) {
        let line = line(self);
        self.trace.push(format!("{:>9} {line}", self.t));
    }

    pub(crate) fn fault(&mut self, line: &str) {
        self.totals.faults += 1;
        self.note(|_| format!("FAULT {line}"));
    }

    pub(crate) fn fail(&mut self, line: String) {
        self.note(|_| format!("WRONG {line}"));
        if self.failures.len() < 20 {
            self.failures.push(line);
        }
    }

    /// The device's clocks.
    pub(crate) fn now(&self) -> Now {
        let born = self.process.as_ref().map_or(self.t, |process| process.born);
        let wall = EPOCH
            .saturating_add(i64::try_from(self.t).unwrap_or(0))
            .saturating_add(self.offset);
        Now {
            wall: Millis(wall),
            mono: self.t.saturating_sub(born) + 1,
        }
    }

    /// The hub's clock, which is right.
    pub(crate) fn true_time(&self) -> Millis {
        Millis(EPOCH.saturating_add(i64::try_from(self.t).unwrap_or(0)))
    }

    fn step(&mut self, step: u64) {
        if self.process.is_none() {
            let pause = self.dice.range(0, 60_000);
            self.pass(pause);
            self.boot();
            return;
        }
        match self.dice.roll(100) {
            0..=44 => {
                for n in 0..self.dice.range(1, 4) {
                    self.track(step * 10 + n);
                }
            }
            45..=49 => self.identify(),
            50..=51 => self.reset(),
            52..=56 => self.consent(),
            57..=62 => self.flush(step),
            63..=78 => {
                let ms = self.dice.range(1, 4_000);
                self.pass(ms);
            }
            79..=84 => {
                let ms = self.dice.range(5_000, 400_000);
                self.pass(ms);
            }
            85 => {
                let ms = self.dice.range(1, 5) * 1_800_000;
                self.pass(ms);
            }
            86..=87 => {
                let state = self.dice.pick(&[
                    Lifecycle::Foreground,
                    Lifecycle::Background,
                    Lifecycle::Terminating,
                ]);
                self.input(Input::Lifecycle(state.unwrap_or(Lifecycle::Background)));
            }
            88..=89 => {
                let online = self.dice.chance(600);
                self.note(|_| format!("online {online}"));
                let connection = if online {
                    Connection::Online
                } else {
                    Connection::Offline
                };
                self.pace.connection(online);
                self.input(Input::Connection(connection));
            }
            90..=91 => {
                let power = self.dice.chance(400);
                self.crash(power);
            }
            92..=93 => self.jump(),
            94..=96 => self.disk_fault(),
            _ => self.hub_fault(),
        }
    }

    fn jump(&mut self) {
        let jump = i64::try_from(self.dice.range(1, 48 * 3_600_000)).unwrap_or(1);
        self.offset += if self.dice.chance(500) { jump } else { -jump };
        self.fault("the device's clock jumps");
    }

    fn disk_fault(&mut self) {
        match self.dice.roll(5) {
            0 => {
                let room = self.dice.range(0, 3_000);
                self.disk.set_capacity(Some(self.disk.used() + room));
                self.fault("the device's disk is nearly full");
            }
            1 => {
                self.disk.set_capacity(None);
                self.note(|_| "the device's disk has space again".to_owned());
            }
            2 => {
                self.disk.fail_writes(1);
                self.fault("a write of the device's will fail half-way");
            }
            3 => {
                let syncs = u32::try_from(self.dice.range(1, 3)).unwrap_or(1);
                self.disk.fail_syncs(syncs);
                self.fault("syncs of the device's will fail");
            }
            _ if self.setup.rot => self.rot(),
            _ => {}
        }
    }

    /// A byte of the queue changes on the disk.
    fn rot(&mut self) {
        let mut files = self.disk.files();
        files.retain(|file| file.extension().is_some_and(|end| end == "seg"));
        files.sort();
        let at = self.dice.next();
        let Some(file) = files
            .get(usize::try_from(at % files.len().max(1) as u64).unwrap_or(0))
            .cloned()
        else {
            return;
        };
        let (place, bit) = (self.dice.next(), self.dice.roll(8));
        let changed = self.disk.edit(&file, |bytes| {
            let length = bytes.len().max(1) as u64;
            if let Some(byte) = bytes.get_mut(usize::try_from(place % length).unwrap_or(0)) {
                *byte ^= 1 << bit;
            }
        });
        if changed {
            self.rotted = true;
            self.fault("a bit of the device's queue flips");
        }
    }

    fn hub_fault(&mut self) {
        match self.dice.roll(5) {
            0 => {
                self.hub.stop(None);
                self.fault("the hub is killed");
            }
            1 => {
                let seed = self.dice.next();
                self.hub.stop(Some(seed));
                self.fault("the hub loses power");
            }
            2 => {
                self.hub.disk.fail_syncs(1);
                self.fault("a sync of the hub's will fail");
            }
            3 => {
                self.hub.disk.fail_writes(1);
                self.fault("a write of the hub's will fail half-way");
            }
            _ => {
                let room = self.dice.range(0, 2_000);
                self.hub
                    .disk
                    .set_capacity(Some(self.hub.disk.used() + room));
                self.fault("the hub's disk is nearly full");
            }
        }
    }

    /// The storm is over: disks, network, clocks and hub work, until nothing moves any more.
    fn heal(&mut self) {
        self.stormy = false;
        self.scrub.heal();
        self.note(|_| "the storm is over".to_owned());
        self.disk.set_capacity(None);
        self.hub.disk.set_capacity(None);
        for disk in [&self.disk, &self.hub.disk] {
            disk.fail_writes(0);
            disk.fail_syncs(0);
            disk.fail_truncates(0);
        }
        let now = self.true_time();
        if !self.hub.start(now) {
            self.fail("the hub does not start on a good disk".to_owned());
        }
        if self.process.is_none() {
            self.boot();
        }
        self.pace.connection(true);
        self.input(Input::Connection(Connection::Online));
        for round in 0..40 {
            self.flush(1_000_000 + round);
            self.pass(310_000);
            if self.at_rest() {
                break;
            }
        }
    }
}
