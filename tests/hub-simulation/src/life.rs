//! One life: processes that come and go over one world.

use std::collections::{BTreeSet, VecDeque};

use headwater_collector::log::Place;
use headwater_delivery::machine::{Effect, Input, Limits, Machine, Outcome, RequestId};
use headwater_delivery::range::{RangeEffect, RangeInput, RangeLimits, RangeMachine};
use headwater_delivery::sinks;
use headwater_delivery::state::{Counts, DeliveryState, Delta, Resumed, StateError, resume};

use crate::Verdict;
use crate::audit::{CONNECTION, Told};
use crate::world::{Event, World};

/// Milliseconds of virtual time in which a life without faults must settle: the longest wait, several times.
const SETTLE_MS: i64 = 20 * 300_000;

/// Attempts that the schedule leaves room for within four hours, with the shortest waits, and one more for each crash.
const ATTEMPTS: u64 = 220;

/// How often a log may grow without any effect of it, within one life of a process. Reading goes on after each.
const MOST_IDLE: u64 = 2_000;

/// What is on its way, and when it arrives.
#[derive(Debug)]
enum Coming {
    Machine(Input),
    Range(RangeInput),
}

/// One process.
struct Process {
    machine: Machine,
    range: RangeMachine,
    /// What the range sink has read and not loaded.
    rows: Vec<Event>,
    coming: VecDeque<(i64, Coming)>,
}

struct Life {
    world: World,
    now: i64,
    healthy: bool,
    verdict: Verdict,
}

/// Lives one life.
#[must_use]
pub fn live(seed: u64) -> Verdict {
    let mut life = Life {
        world: World::new(seed),
        now: 1_700_000_000_000,
        healthy: false,
        verdict: Verdict::default(),
    };
    // What the disk itself refuses is nothing that a life could mend.
    if life.all().is_err() {
        life.verdict.wrong += 1;
    }
    life.verdict
}

impl Life {
    fn all(&mut self) -> Result<(), StateError> {
        // The connection is there before its first event.
        let (log, end) = (self.world.folder.log.id, self.world.folder.log.end);
        resume(&mut self.world.folder.state, CONNECTION, log, end)?;
        let deaths = self.world.random.below(12);
        for _ in 0..deaths {
            let steps = 1 + self.world.random.below(400);
            let mut process = self.start()?;
            self.run(&mut process, steps);
            drop(process);
            self.verdict.crashes += 1;
            self.world.folder.state.close();
            self.verdict.wrong += self.world.audit()?;
            self.world.folder.state.close();
            self.between()?;
        }
        // Faults stop before the last process starts, or in the middle of it: what they left in it must heal by itself.
        let mut process = self.start()?;
        let faulty = self.world.random.below(200);
        if faulty >= 60 {
            self.run(&mut process, faulty);
        }
        self.healthy = true;
        self.world.vendor.down_until = 0;
        self.world.folder.state.failing = false;
        self.settle(process);
        self.judge()
    }

    /// What happens while the hub is off.
    fn between(&mut self) -> Result<(), StateError> {
        let random = &mut self.world.random;
        // The wall clock is set, or time passes.
        match random.below(6) {
            0 => self.now -= i64::try_from(random.below(40 * 3_600_000)).unwrap_or(0),
            1 => self.now += i64::try_from(random.below(40 * 3_600_000)).unwrap_or(0),
            _ => self.now += i64::try_from(random.below(60_000)).unwrap_or(0),
        }
        self.world.vendor.down_until = self.world.vendor.down_until.min(self.now + 20_000_000);
        if self.world.random.once_in(4) {
            self.world.back_up()?;
        }
        match self.world.random.below(12) {
            0 | 1 => self.world.restore(),
            2 => self.shorten()?,
            _ => {}
        }
        if self.world.random.once_in(3) {
            self.world.reload();
        }
        if self.world.random.once_in(5) {
            self.world.retain();
        }
        if self.world.random.once_in(5) {
            self.world.folder.state.expire(self.now)?;
        }
        self.world.folder.state.close();
        Ok(())
    }

    /// The log is shorter than what is known of it. A process that dies once it has started, and a log that grows before
    /// the next one does, must not make what is known true of other events.
    fn shorten(&mut self) -> Result<(), StateError> {
        if !self.world.shorten() {
            return Ok(());
        }
        drop(self.start()?);
        let log = &self.world.folder.log;
        let (id, end) = (log.id, log.end);
        sinks::resume(&mut self.world.warehouse, id, end).map_err(|error| StateError(error.0))?;
        self.world.count_anew()?;
        for _ in 0..self.world.random.below(20) {
            self.world.append();
        }
        Ok(())
    }

    fn start(&mut self) -> Result<Process, StateError> {
        let log = self.world.folder.log.id;
        let end = self.world.folder.log.end;
        let (saved, resumed) = resume(&mut self.world.folder.state, CONNECTION, log, end)?;
        // It was there before.
        self.verdict.wrong += u64::from(resumed == Resumed::New);
        Ok(Process {
            machine: Machine::new(limits(), saved, self.now),
            range: RangeMachine::new(RangeLimits {
                events: 40,
                ..RangeLimits::default()
            }),
            rows: Vec::new(),
            coming: VecDeque::new(),
        })
    }

    /// Runs until so many effects were carried out.
    fn run(&mut self, process: &mut Process, steps: u64) {
        process.machine.handle(self.now, Input::Tick);
        let until = self.verdict.steps + steps;
        let mut idle = 0;
        while self.verdict.steps < until {
            if self.world.random.once_in(3) {
                self.world.append();
                self.grown(process);
            }
            if self.world.random.once_in(60) {
                self.world.reload();
            }
            if self.world.random.once_in(200) {
                self.world.retain();
            }
            if self.world.random.once_in(90) {
                self.world.folder.state.failing = !self.world.folder.state.failing;
            }
            if !self.step(process) && !self.wait(process, None) {
                // The log grows, and nothing comes of it.
                idle += 1;
                if idle > MOST_IDLE {
                    self.verdict.stuck += 1;
                    return;
                }
                self.world.append();
                self.grown(process);
            }
        }
    }

    /// Runs without faults until nothing is left to do.
    fn settle(&mut self, mut process: Process) {
        process.machine.handle(self.now, Input::Tick);
        let until = self.now + SETTLE_MS;
        loop {
            if self.step(&mut process) {
                continue;
            }
            let end = self.world.folder.log.end;
            let done = process.machine.is_settled()
                && process.machine.cursor() >= end
                && process.range.progress().is_some_and(|to| to >= end)
                && process.coming.is_empty();
            if done {
                return;
            }
            if !self.wait(&mut process, Some(until)) {
                self.verdict.stuck += 1;
                return;
            }
        }
    }

    /// The log has grown.
    fn grown(&self, process: &mut Process) {
        process.machine.handle(self.now, Input::Grown);
        process.range.handle(self.now, &RangeInput::Grown);
    }

    /// Carries out one effect, or takes one answer that is due. `false`: there is none now.
    fn step(&mut self, process: &mut Process) -> bool {
        let due = process
            .coming
            .iter()
            .position(|(at, _)| *at <= self.now)
            .filter(|_| self.world.random.once_in(2));
        if let Some(index) = due
            && let Some((_, coming)) = process.coming.remove(index)
        {
            let read_to = match &coming {
                Coming::Machine(Input::Read { to, .. }) => Some(*to),
                Coming::Range(RangeInput::Read { to, .. }) => Some(*to),
                _ => None,
            };
            match coming {
                Coming::Machine(input) => process.machine.handle(self.now, input),
                Coming::Range(input) => process.range.handle(self.now, &input),
            }
            // It grew while the answer was on its way.
            if read_to.is_some_and(|to| to < self.world.folder.log.end) {
                self.grown(process);
            }
            return true;
        }
        if let Some(effect) = process.machine.poll() {
            self.verdict.steps += 1;
            self.carry_out(process, effect);
            return true;
        }
        if let Some(effect) = process.range.poll() {
            self.verdict.steps += 1;
            self.carry_out_range(process, effect);
            return true;
        }
        process.coming.iter().any(|(at, _)| *at <= self.now)
    }

    /// Time goes on to what comes next. `false`: nothing comes (before `until`).
    fn wait(&mut self, process: &mut Process, until: Option<i64>) -> bool {
        let next = process
            .coming
            .iter()
            .map(|(at, _)| *at)
            .chain(process.machine.deadline())
            .chain(process.range.deadline())
            .min();
        let Some(next) = next else {
            return false;
        };
        if until.is_some_and(|until| next > until) {
            return false;
        }
        self.now = self.now.max(next);
        process.machine.handle(self.now, Input::Tick);
        process.range.handle(self.now, &RangeInput::Tick);
        true
    }

    /// Later, by up to `most` milliseconds.
    fn later(&mut self, most: u64) -> i64 {
        self.now + i64::try_from(self.world.random.below(most)).unwrap_or(0)
    }

    fn carry_out(&mut self, process: &mut Process, effect: Effect) {
        match effect {
            Effect::Read { from } => {
                let input = self.read(from);
                let at = self.later(20);
                process.coming.push_back((at, Coming::Machine(input)));
            }
            Effect::Send { request, place, .. } => self.send(process, request, place),
            Effect::Commit(delta) => self.commit(process, &delta),
        }
    }

    /// What the host makes of a stretch of the log.
    fn read(&mut self, from: Place) -> Input {
        let most = 1 + usize::try_from(self.world.random.below(30)).unwrap_or(0);
        let mut counts = Counts::default();
        let removed = self.world.removed(from);
        if !removed.is_empty() {
            counts.count("expired_bytes", "retention", removed.len() as u64);
            self.world.folder.log.unread.extend(removed);
        }
        let (to, events) = self.world.read(from, most);
        let mut passed = Vec::new();
        let mut items = Vec::new();
        for (place, event) in events {
            if self.world.rules.passes(event) {
                passed.push((place, std::mem::take(&mut counts)));
                items.push(place);
            } else {
                counts.count("dropped", "filter", 1);
            }
        }
        passed.push((to, counts));
        Input::Read {
            to,
            items,
            passed,
            version: self.world.version(),
        }
    }

    fn send(&mut self, process: &mut Process, request: RequestId, place: Place) {
        let passed = |outcome, reason: &str| Outcome::Passed {
            outcome,
            reason: reason.to_owned(),
        };
        let outcome = match self.world.event(place) {
            None => {
                // Retention took it, or the log never had it, which is wrong.
                let known = place < self.world.folder.log.first;
                self.verdict.wrong += u64::from(!known);
                passed("expired", "the log no longer has it")
            }
            // The rules of now decide.
            Some(event) if !self.world.rules.passes(event) => passed("dropped", "filter"),
            Some(event) => {
                let key = (self.world.folder.log.id, event.id);
                *self.world.vendor.tried.entry(key).or_default() += 1;
                let (now, healthy) = (self.now, self.healthy);
                let World { vendor, random, .. } = &mut self.world;
                vendor.request(event.id, now, healthy, random)
            }
        };
        // A process that dies in between never hears of it.
        let most = match &outcome {
            Outcome::Retry { reason, .. } if reason == "timeout" => 30_000,
            _ => 300,
        };
        let at = self.later(most);
        let input = Input::Answered { request, outcome };
        process.coming.push_back((at, Coming::Machine(input)));
    }

    fn commit(&mut self, process: &mut Process, delta: &Delta) {
        let log = self.world.folder.log.id;
        let input = match self.world.folder.state.commit(CONNECTION, log, delta) {
            Ok(()) => Input::Committed,
            Err(_) => Input::CommitFailed,
        };
        let at = self.later(30);
        process.coming.push_back((at, Coming::Machine(input)));
    }

    fn carry_out_range(&mut self, process: &mut Process, effect: RangeEffect) {
        let log = self.world.folder.log.id;
        let faulty = !self.healthy && self.world.random.once_in(10);
        let input = match effect {
            RangeEffect::Open => {
                process.rows.clear();
                if faulty {
                    RangeInput::Failed
                } else {
                    let end = self.world.folder.log.end;
                    match sinks::resume(&mut self.world.warehouse, log, end) {
                        Ok((progress, _)) => RangeInput::Opened { progress },
                        Err(_) => RangeInput::Failed,
                    }
                }
            }
            RangeEffect::Read { from, most } => {
                let removed = self.world.removed(from);
                self.world.folder.log.unloaded.extend(removed);
                let (to, events) = self.world.read(from, most);
                let read = events.len();
                process
                    .rows
                    .extend(events.into_iter().map(|(_, event)| event));
                RangeInput::Read {
                    to,
                    events: read,
                    // Bytes that are kept are those of events that were read.
                    full: read > 0 && self.world.random.once_in(9),
                }
            }
            RangeEffect::Load { to, .. } => {
                let rows = std::mem::take(&mut process.rows);
                // A failure may come before the transaction or after it.
                if !faulty || self.world.random.once_in(2) {
                    self.world.warehouse.load(log, to, &rows);
                }
                if faulty {
                    RangeInput::Failed
                } else {
                    RangeInput::Loaded
                }
            }
        };
        let at = self.later(50);
        process.coming.push_back((at, Coming::Range(input)));
    }

    /// Compares what came out with the log.
    fn judge(&mut self) -> Result<(), StateError> {
        self.verdict.wrong += self.world.audit()?;
        let most = ATTEMPTS + self.verdict.crashes;
        for (place, event) in self.world.folder.log.events.clone() {
            let told = self.world.told(place, event)?;
            let World {
                folder,
                warehouse,
                vendor,
                history,
                ..
            } = &self.world;
            let taken = vendor.taken.contains_key(&event.id);
            let refused = vendor.refuses.contains_key(&event.id);
            let passed = history.iter().any(|rules| rules.passes(event));
            let unread = folder.log.unread.contains(&place);
            self.verdict.wrong += u64::from(taken && !passed);
            match told {
                _ if unread => {}
                Told::Waiting => self.verdict.lost += 1,
                Told::Delivered => self.verdict.lost += u64::from(!taken),
                // A vendor that would take it may have been down for hours; then it was tried more than once.
                Told::Dead => {
                    let tried: u64 = vendor.tried_in_all(event.id);
                    self.verdict.wrong += u64::from(!passed || !refused && tried < 2);
                }
                Told::Other(outcome) if outcome == "dropped" => {
                    let dropped = history.iter().any(|rules| !rules.passes(event));
                    self.verdict.wrong += u64::from(!dropped);
                }
                Told::Other(outcome) => {
                    let gone = outcome == "expired" && place < folder.log.first;
                    self.verdict.wrong += u64::from(!gone);
                }
                Told::Nonsense => self.verdict.wrong += 1,
            }
            self.verdict.wrong += u64::from(taken && refused);
            if !warehouse.rows.contains(&event.id) && !folder.log.unloaded.contains(&place) {
                self.verdict.lost += 1;
            }
        }
        let World {
            folder,
            warehouse,
            vendor,
            forgotten,
            ..
        } = &self.world;
        let twice = warehouse.loaded.values().filter(|loads| **loads > 1);
        self.verdict.duplicated += twice.count() as u64;
        let tried = vendor.tried.values().filter(|tried| **tried > most);
        self.verdict.wrong += tried.count() as u64;
        // What nobody sent is nowhere.
        let events = folder.log.events.iter().map(|(_, event)| event.id);
        let known: BTreeSet<u64> = events.chain(forgotten.iter().copied()).collect();
        let strangers = vendor
            .taken
            .keys()
            .chain(warehouse.rows.iter())
            .filter(|id| !known.contains(id));
        self.verdict.wrong += strangers.count() as u64;
        Ok(())
    }
}

/// Small numbers, so that every limit is met.
fn limits() -> Limits {
    Limits {
        requests: 3,
        waiting: 20,
        retry_entries: 15,
        commit_changes: 10,
        ..Limits::default()
    }
}
