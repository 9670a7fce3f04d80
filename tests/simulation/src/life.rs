//! One life: what the application does and what goes wrong, as the dice say.

use std::collections::{BTreeMap, BTreeSet};

use headwater_engine::{
    Call, CallKind, CallOptions, Connection, DropReason, Engine, Input, Lifecycle, Now, Receipt,
};
use headwater_model::event::Payload;
use headwater_model::json::{Limits, Object, Raw, Value};
use headwater_model::time::Millis;
use headwater_store::EventStore;
use headwater_store::disk::FaultyDisk;

use crate::dice::Dice;
use crate::hub::Hub;
use crate::network::{Message, Pace};
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
    /// The call returned, and nothing the machine may lose (an unsynced tail, memory) has been lost since.
    pub(crate) kept: bool,
    /// It waits in memory for a decision.
    pub(crate) in_memory: bool,
    pub(crate) poison: bool,
}

/// How this life is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) sync: bool,
    pub(crate) consent: u64,
    pub(crate) hold_in_memory: bool,
    pub(crate) quota_events: Option<usize>,
    pub(crate) batch_events: usize,
    pub(crate) max_retries: Option<u32>,
    pub(crate) sessions: bool,
    pub(crate) settings: bool,
    /// Permille of effects at which the process dies.
    pub(crate) crashes: u64,
    /// Permille of requests that something happens to.
    pub(crate) weather: u64,
    pub(crate) rot: bool,
}

pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) store: Box<dyn EventStore>,
    /// The virtual time of its start; its monotonic clock counts from there.
    pub(crate) born: u64,
}

/// A life, lived.
#[allow(missing_debug_implementations)]
pub struct Life {
    pub(crate) dice: Dice,
    pub(crate) setup: Setup,
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
    pub(crate) reported: BTreeMap<&'static str, u64>,
    /// First arrivals at the hub: message ids with whether the device still waited for that request.
    pub(crate) arrivals: Vec<(String, bool)>,
    /// Which event has which number in the store now, and which were forgotten: a power cut may bring one back that was
    /// given up with a report, and then it comes late.
    pub(crate) numbers: BTreeMap<u64, String>,
    pub(crate) forgotten: BTreeSet<String>,
    /// Faults happen; off while healing.
    pub(crate) stormy: bool,
    pub(crate) rotted: bool,
    pub(crate) totals: Totals,
    trace: Vec<String>,
    pub(crate) failures: Vec<String>,
}

impl Life {
    /// Lives the life of this seed.
    #[must_use]
    pub fn run(seed: u64) -> Life {
        let mut dice = Dice::new(seed);
        let setup = Setup {
            sync: dice.chance(300),
            consent: dice.roll(4).saturating_sub(1),
            hold_in_memory: dice.chance(300),
            quota_events: dice
                .chance(150)
                .then(|| usize::try_from(dice.range(5, 30)).unwrap_or(5)),
            batch_events: usize::try_from(dice.range(1, 12)).unwrap_or(1),
            max_retries: dice
                .chance(150)
                .then(|| u32::try_from(dice.range(1, 5)).unwrap_or(1)),
            sessions: dice.chance(300),
            settings: dice.chance(300),
            crashes: if dice.chance(600) {
                dice.range(1, 25)
            } else {
                0
            },
            weather: dice.range(0, 600),
            rot: dice.chance(80),
        };
        let mut life = Life {
            t: 0,
            offset: 0,
            disk: FaultyDisk::new(),
            process: None,
            epoch: 0,
            hub: Hub::new(Millis(EPOCH)),
            messages: BTreeMap::new(),
            next_message: 0,
            pace: Pace::default(),
            promises: Vec::new(),
            unsynced: Vec::new(),
            preferences: None,
            reported: BTreeMap::new(),
            arrivals: Vec::new(),
            numbers: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            stormy: true,
            rotted: false,
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
            50..=51 => {
                let entropy = self.dice.entropy();
                self.note(|_| "reset".to_owned());
                self.input(Input::Reset(entropy));
            }
            52..=56 => self.consent(),
            57..=62 => {
                self.note(|_| "flush".to_owned());
                self.input(Input::Flush(step));
            }
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
                self.pace.online(online);
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

    fn track(&mut self, n: u64) {
        let poison = self.dice.chance(8);
        let pad = if self.dice.chance(50) {
            self.dice.range(0, 8_000)
        } else {
            self.dice.range(0, 200)
        };
        let text = format!(
            r#"{{"n":{n},"pad":"{}"{}}}"#,
            "x".repeat(usize::try_from(pad).unwrap_or(0)),
            if poison { r#","poison":true"# } else { "" }
        );
        let Ok(raw) = Raw::parse(text.as_bytes(), &Limits::default()) else {
            return;
        };
        let kind = CallKind::Track {
            event: format!("e{n}"),
            properties: Payload::Raw(raw),
        };
        self.call(kind, poison);
    }

    fn identify(&mut self) {
        let user = format!("u{}", self.dice.roll(3));
        self.call(
            CallKind::Identify {
                user_id: Some(user),
                traits: Payload::Empty,
            },
            false,
        );
    }

    fn call(&mut self, kind: CallKind, poison: bool) {
        let now = self.now();
        let (entropy, spare_entropy) = (self.dice.entropy(), self.dice.entropy());
        let Some(process) = &mut self.process else {
            return;
        };
        let call = Call {
            kind,
            options: CallOptions::default(),
            at: None,
            entropy,
            spare_entropy,
            enrichment: None,
        };
        let receipt = match process.engine.call(now, call) {
            Ok(receipt) => receipt,
            Err(error) => return self.fail(format!("a good call was refused: {error}")),
        };
        let identity = process.engine.identity().clone();
        let held = matches!(receipt, Receipt::Held(_));
        let index = self.promises.len();
        self.promises.push(Promise {
            message_id: receipt.message_id().to_owned(),
            anonymous_id: identity.anonymous_id.as_str().to_owned(),
            user_id: identity.user_id,
            timestamp: now.wall,
            consent: self.preferences.clone(),
            kept: false,
            in_memory: held && self.setup.hold_in_memory,
            poison,
        });
        self.unsynced.push(index);
        self.note(|life| {
            let kept = life
                .promises
                .get(index)
                .map(|promise| promise.message_id.clone())
                .unwrap_or_default();
            format!(
                "call {index} {} {receipt:?}",
                kept.get(..8).unwrap_or_default()
            )
        });
        self.drain();
        // Where the durability says so, the call returns when its bytes are on the disk.
        let durable = !self.setup.sync || self.sync_store();
        if self.process.is_some()
            && durable
            && let Some(promise) = self.promises.get_mut(index)
        {
            promise.kept = true;
            self.totals.promised += 1;
        }
    }

    fn consent(&mut self) {
        if self.setup.consent == 0 {
            return;
        }
        let preferences: Object = [("a", self.dice.chance(600)), ("b", self.dice.chance(300))]
            .into_iter()
            .map(|(id, granted)| (id.to_owned(), Value::Bool(granted)))
            .collect();
        self.preferences = Some(preferences.clone());
        self.decide(&preferences);
    }

    /// Tells the engine what the user decided.
    pub(crate) fn decide(&mut self, preferences: &Object) {
        self.note(|_| format!("consent {}", Value::Object(preferences.clone())));
        let entropy = self.dice.entropy();
        let preferences = preferences
            .iter()
            .map(|(id, granted)| (id.to_owned(), granted.as_bool() == Some(true)))
            .collect();
        // Released, refused or still held: what was in memory is in the store or reported now, or will be.
        self.input(Input::SetConsent {
            preferences,
            entropy,
        });
        if self.process.is_some() {
            for (index, promise) in self.promises.iter_mut().enumerate() {
                if core::mem::take(&mut promise.in_memory) {
                    self.unsynced.push(index);
                }
            }
        }
    }

    /// The storm is over: disks, network, clocks and hub work, until nothing moves any more.
    fn heal(&mut self) {
        self.stormy = false;
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
        self.pace.online(true);
        self.input(Input::Connection(Connection::Online));
        for round in 0..40 {
            self.input(Input::Flush(1_000_000 + round));
            self.pass(310_000);
            if self.at_rest() {
                break;
            }
        }
    }

    pub(crate) fn report(&mut self, reason: DropReason, count: u64) {
        *self.reported.entry(reason.as_str()).or_default() += count;
        self.totals.reported += count;
    }
}
