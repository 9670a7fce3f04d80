//! One connection's machine: what a crash may take away, and that nothing is counted twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_collector::log::{LogId, Place, Position};
use headwater_delivery::machine::{Effect, Input, Limits, Machine, Outcome, RequestId};
use headwater_delivery::state::{Counts, DeliveryState, Known, MemoryState, resume};

const LOG: LogId = LogId([3; 16]);

fn at(position: u64) -> Place {
    Place::at(Position(position))
}

fn counts(outcome: &str, events: u64) -> Counts {
    let mut counts = Counts::default();
    counts.count(outcome, "", events);
    counts
}

/// A machine over a state, as a process begins it.
struct Process {
    machine: Machine,
    now: i64,
}

impl Process {
    fn start(state: &mut MemoryState) -> Process {
        let (saved, _) = resume(state, "c", LOG, at(1_000)).unwrap();
        let mut machine = Machine::new(Limits::default(), saved, 0);
        machine.handle(0, Input::Tick);
        Process { machine, now: 0 }
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle(self.now, input);
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    /// The requests that are asked for.
    fn sends(&mut self) -> Vec<(RequestId, Place)> {
        let sends = self
            .effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Send { request, place, .. } => Some((request, place)),
                _ => None,
            });
        sends.collect()
    }

    /// Time passes, and what is to be committed is.
    fn commit(&mut self, state: &mut MemoryState) {
        self.now += 60;
        self.handle(Input::Tick);
        for effect in self.effects() {
            if let Effect::Commit(delta) = effect {
                state.commit("c", LOG, &delta).unwrap();
                self.handle(Input::Committed);
            }
        }
    }

    /// Reads two events to deliver, at 100 and 200, and what was dropped before, between and behind them.
    fn read(&mut self, version: &str) {
        self.handle(Input::Read {
            to: at(300),
            items: vec![at(100), at(200)],
            passed: vec![
                (at(100), counts("dropped", 1)),
                (at(200), counts("dropped", 10)),
                (at(300), counts("dropped", 100)),
            ],
            version: version.to_owned(),
        });
    }
}

fn state() -> MemoryState {
    let mut state = MemoryState::default();
    resume(&mut state, "c", LOG, at(12)).unwrap();
    state
}

#[test]
fn events_that_are_read_again_after_a_crash_are_counted_once() {
    let mut state = state();
    for life in 0..3 {
        let mut process = Process::start(&mut state);
        process.read("1");
        let sends = process.sends();
        assert_eq!(sends.len(), 2, "life {life}");
        // The later one is delivered, or refused, or fails; the earlier one is never answered.
        let outcome = match life {
            0 => Outcome::Delivered,
            1 => Outcome::Rejected {
                reason: "400".to_owned(),
                status: Some(400),
            },
            _ => Outcome::Retry {
                reason: "503".to_owned(),
                after: None,
            },
        };
        process.handle(Input::Answered {
            request: sends[1].0,
            outcome,
        });
        process.commit(&mut state);
        assert_eq!(
            state.counts("c").unwrap(),
            counts("dropped", 1),
            "life {life}"
        );
        assert!(state.dead("c", 9).unwrap().is_empty());
        let saved = state.load("c", LOG).unwrap().unwrap();
        assert_eq!((saved.cursor, saved.retry.len()), (at(100), 0));
    }
    let mut process = Process::start(&mut state);
    process.handle(Input::Read {
        to: at(300),
        items: vec![at(100), at(200)],
        passed: vec![
            (at(200), counts("dropped", 10)),
            (at(300), counts("dropped", 100)),
        ],
        version: "1".to_owned(),
    });
    for (request, _) in process.sends() {
        let outcome = Outcome::Delivered;
        process.handle(Input::Answered { request, outcome });
    }
    process.commit(&mut state);
    let counted = state.counts("c").unwrap();
    assert_eq!((counted.of("dropped"), counted.of("delivered")), (111, 2));
}

#[test]
fn a_slow_request_gets_a_row_and_what_lies_behind_it_is_written_down() {
    let mut state = state();
    let mut process = Process::start(&mut state);
    process.read("1");
    let sends = process.sends();
    process.handle(Input::Answered {
        request: sends[1].0,
        outcome: Outcome::Delivered,
    });
    let due = process.machine.deadline().unwrap();
    assert!(due <= 1_000, "it wakes for the slow request: {due}");
    process.now = 1_000;
    process.commit(&mut state);
    process.commit(&mut state);
    let saved = state.load("c", LOG).unwrap().unwrap();
    assert_eq!((saved.cursor, saved.retry.len()), (at(300), 1));
    let counted = state.counts("c").unwrap();
    assert_eq!((counted.of("dropped"), counted.of("delivered")), (111, 1));
    process.handle(Input::Answered {
        request: sends[0].0,
        outcome: Outcome::Delivered,
    });
    process.commit(&mut state);
    assert_eq!(state.counts("c").unwrap().of("delivered"), 2);
    assert!(state.load("c", LOG).unwrap().unwrap().retry.is_empty());
}

#[test]
fn what_decided_is_kept_by_range_and_an_event_that_newer_rules_drop_says_so() {
    let mut state = state();
    let mut process = Process::start(&mut state);
    process.read("1");
    let sends = process.sends();
    process.handle(Input::Answered {
        request: sends[0].0,
        outcome: Outcome::Passed {
            outcome: "dropped",
            reason: "filter".to_owned(),
        },
    });
    process.handle(Input::Answered {
        request: sends[1].0,
        outcome: Outcome::Delivered,
    });
    process.commit(&mut state);
    process.handle(Input::Grown);
    process.effects();
    process.handle(Input::Read {
        to: at(500),
        items: vec![],
        passed: vec![(at(500), counts("dropped", 3))],
        version: "2".to_owned(),
    });
    process.commit(&mut state);
    let mut known = |position| state.known("c", LOG, at(position)).unwrap();
    let decided = |version: &str| Known::Decided(Some(version.to_owned()));
    assert!(matches!(known(100), Known::Ended(ended) if ended.outcome == "dropped"));
    assert_eq!(known(200), decided("1"));
    assert_eq!(known(299), decided("1"));
    assert_eq!(known(300), decided("2"));
    assert_eq!(known(500), Known::Waiting);
}

#[test]
fn a_log_that_became_shorter_leaves_no_row_for_the_events_that_it_will_have() {
    let mut state = state();
    let mut process = Process::start(&mut state);
    process.read("1");
    for (request, _) in process.sends() {
        let outcome = Outcome::Retry {
            reason: "503".to_owned(),
            after: None,
        };
        process.handle(Input::Answered { request, outcome });
    }
    process.commit(&mut state);
    assert_eq!(state.load("c", LOG).unwrap().unwrap().retry.len(), 2);
    resume(&mut state, "c", LOG, at(150)).unwrap();
    let saved = state.load("c", LOG).unwrap().unwrap();
    assert_eq!((saved.cursor, saved.retry.len()), (at(150), 1));
}
