//! One life: processes that come and go over one world.

use std::collections::{BTreeMap, VecDeque};

use headwater_collector::log::{LogId, Place};
use headwater_delivery::machine::{Effect, Input, Limits, Machine, Outcome, RequestId};
use headwater_delivery::range::{RangeEffect, RangeInput, RangeLimits, RangeMachine};
use headwater_delivery::state::{Counts, DeliveryState, Delta, Saved};

use crate::Verdict;
use crate::world::{Event, World};

/// The connection's name.
const CONNECTION: &str = "c";

/// Milliseconds of virtual time in which a life without faults must settle: the longest wait, several times.
const SETTLE_MS: i64 = 20 * 300_000;

/// Attempts that the schedule leaves room for within four hours, with the shortest waits, and one more for each crash.
const ATTEMPTS: u64 = 220;

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
    let deaths = life.world.random.below(12);
    for _ in 0..deaths {
        let steps = 1 + life.world.random.below(400);
        let process = life.start();
        life.run(process, steps);
        life.verdict.crashes += 1;
        life.between();
    }
    life.healthy = true;
    life.world.folder.state.failing = false;
    life.world.vendor.down_until = 0;
    let process = life.start();
    life.settle(process);
    life.judge();
    life.verdict
}

impl Life {
    /// What happens while the hub is off.
    fn between(&mut self) {
        let random = &mut self.world.random;
        // The wall clock is set, or time passes.
        match random.below(6) {
            0 => self.now -= i64::try_from(random.below(40 * 3_600_000)).unwrap_or(0),
            1 => self.now += i64::try_from(random.below(40 * 3_600_000)).unwrap_or(0),
            _ => self.now += i64::try_from(random.below(60_000)).unwrap_or(0),
        }
        self.world.vendor.down_until = self.world.vendor.down_until.min(self.now + 20_000_000);
        self.world.folder.state.failing = false;
        if self.world.random.once_in(4) {
            self.world.back_up();
        }
        if self.world.random.once_in(6) {
            self.world.restore();
        }
        if self.world.random.once_in(3) {
            self.world.reload();
        }
    }

    fn start(&mut self) -> Process {
        let log = self.world.folder.log_id;
        let end = self.world.folder.end;
        let state = &mut self.world.folder.state;
        let saved = match state.load(CONNECTION, log) {
            Ok(Some(saved)) => saved,
            _ => match state.adopt(CONNECTION, log, end) {
                Ok(Some(saved)) => saved,
                _ => Saved::default(),
            },
        };
        Process {
            machine: Machine::new(limits(), saved, self.now),
            range: RangeMachine::new(RangeLimits {
                events: 40,
                ..RangeLimits::default()
            }),
            rows: Vec::new(),
            coming: VecDeque::new(),
        }
    }

    /// Runs until so many effects were carried out; then the process dies.
    fn run(&mut self, mut process: Process, steps: u64) {
        process.machine.handle(self.now, Input::Tick);
        let until = self.verdict.steps + steps;
        while self.verdict.steps < until {
            if self.world.random.once_in(3) {
                self.world.append();
                self.grown(&mut process);
            }
            if self.world.random.once_in(60) {
                self.world.reload();
            }
            if self.world.random.once_in(90) {
                self.world.folder.state.failing = !self.world.folder.state.failing;
            }
            if !self.step(&mut process) && !self.wait(&mut process, None) {
                self.world.append();
                self.grown(&mut process);
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
            let end = self.world.folder.end;
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
            if read_to.is_some_and(|to| to < self.world.folder.end) {
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
                let most = 1 + usize::try_from(self.world.random.below(30)).unwrap_or(0);
                let (to, events) = self.world.read(from, most);
                let mut passed = Counts::default();
                let mut items = Vec::new();
                for (place, event) in events {
                    if self.world.rules.passes(event) {
                        items.push(place);
                    } else {
                        passed.count("dropped", "filter", 1);
                    }
                }
                let input = Input::Read { to, items, passed };
                let at = self.later(20);
                process.coming.push_back((at, Coming::Machine(input)));
            }
            Effect::Send { request, place, .. } => self.send(process, request, place),
            Effect::Commit(delta) => self.commit(process, &delta),
        }
    }

    fn send(&mut self, process: &mut Process, request: RequestId, place: Place) {
        let Some(event) = self.world.event(place) else {
            // Places come from the log: one that it never had is wrong.
            self.verdict.wrong += 1;
            return;
        };
        let log = self.log_number();
        let tried = self.world.vendor.tried.entry((log, place)).or_default();
        *tried += 1;
        let (now, healthy) = (self.now, self.healthy);
        let World { vendor, random, .. } = &mut self.world;
        let outcome = vendor.request(event.id, now, healthy, random);
        // A process that dies in between never hears of it.
        let most = if matches!(&outcome, Outcome::Retry { reason, .. } if reason == "timeout") {
            30_000
        } else {
            300
        };
        let at = self.later(most);
        let input = Input::Answered { request, outcome };
        process.coming.push_back((at, Coming::Machine(input)));
    }

    fn commit(&mut self, process: &mut Process, delta: &Delta) {
        let log = self.world.folder.log_id;
        let input = match self.world.folder.state.commit(CONNECTION, log, delta) {
            Ok(()) => Input::Committed,
            Err(_) => Input::CommitFailed,
        };
        let at = self.later(30);
        process.coming.push_back((at, Coming::Machine(input)));
    }

    fn carry_out_range(&mut self, process: &mut Process, effect: RangeEffect) {
        let log = self.world.folder.log_id;
        let faulty = !self.healthy && self.world.random.once_in(10);
        let input = match effect {
            RangeEffect::Open => {
                process.rows.clear();
                if faulty {
                    RangeInput::Failed
                } else {
                    RangeInput::Opened {
                        progress: self.world.warehouse.progress.get(&log).copied(),
                    }
                }
            }
            RangeEffect::Read { from, most } => {
                let (to, events) = self.world.read(from, most);
                let read = events.len();
                process
                    .rows
                    .extend(events.into_iter().map(|(_, event)| event));
                RangeInput::Read {
                    to,
                    events: read,
                    full: self.world.random.once_in(9),
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

    fn log_number(&self) -> u64 {
        let LogId([first, ..]) = self.world.folder.log_id;
        u64::from(first)
    }

    /// Compares what came out with the log.
    fn judge(&mut self) {
        let world = &mut self.world;
        let dead: BTreeMap<Place, ()> = world
            .folder
            .state
            .dead(CONNECTION, usize::MAX)
            .unwrap_or_default()
            .into_iter()
            .map(|dead| (dead.place, ()))
            .collect();
        for (place, event) in &world.folder.log {
            let taken = world.vendor.taken.contains_key(&event.id);
            let dropped = world.history.iter().any(|rules| !rules.passes(*event));
            let passed = world.history.iter().any(|rules| rules.passes(*event));
            if !taken && !dead.contains_key(place) && !dropped {
                self.verdict.lost += 1;
            }
            if taken && !passed {
                self.verdict.wrong += 1;
            }
            if !world.warehouse.rows.contains(&event.id) {
                self.verdict.lost += 1;
            }
        }
        let twice = world.warehouse.loaded.values().filter(|loads| **loads > 1);
        self.verdict.duplicated += twice.count() as u64;
        let most = ATTEMPTS + self.verdict.crashes;
        self.verdict.wrong += world
            .vendor
            .tried
            .values()
            .filter(|tried| **tried > most)
            .count() as u64;
        // What nobody sent is nowhere.
        let known: std::collections::BTreeSet<u64> = world
            .folder
            .log
            .iter()
            .map(|(_, event)| event.id)
            .chain(world.forgotten.iter().copied())
            .collect();
        let strangers = world
            .vendor
            .taken
            .keys()
            .chain(world.warehouse.rows.iter())
            .filter(|id| !known.contains(id))
            .count();
        self.verdict.wrong += strangers as u64;
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
