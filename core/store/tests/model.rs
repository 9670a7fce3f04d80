//! Random operations against a plain model, with power cuts, process deaths, full disks and failing syncs in between.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use headwater_store::disk::FaultyDisk;
use headwater_store::testing::body;
use headwater_store::{Opened, SegmentOptions, open_segment_log_on};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Append {
        count: u8,
        size: u16,
        gap: u8,
    },
    ForgetFront(u8),
    ForgetSome {
        seed: u64,
        count: u8,
    },
    Sync,
    FailedSync,
    State(u8),
    StateSoon(u8),
    Clear,
    /// The process dies: what the operating system has stays.
    Die,
    PowerCut(u64),
    FullDisk {
        spare: u16,
    },
    FailedWrites {
        count: u8,
        truncates: u8,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (1u8..60, 20u16..1500, prop_oneof![9 => Just(0u8), 1 => any::<u8>()])
            .prop_map(|(count, size, gap)| Op::Append { count, size, gap }),
        4 => any::<u8>().prop_map(Op::ForgetFront),
        3 => (any::<u64>(), 1u8..40).prop_map(|(seed, count)| Op::ForgetSome { seed, count }),
        3 => Just(Op::Sync),
        1 => Just(Op::FailedSync),
        1 => any::<u8>().prop_map(Op::State),
        2 => any::<u8>().prop_map(Op::StateSoon),
        1 => Just(Op::Clear),
        2 => Just(Op::Die),
        2 => any::<u64>().prop_map(Op::PowerCut),
        1 => (0u16..4000).prop_map(|spare| Op::FullDisk { spare }),
        1 => (1u8..4, 0u8..3).prop_map(|(count, truncates)| Op::FailedWrites { count, truncates }),
    ];
    prop::collection::vec(op, 1..80)
}

/// What must be there, and what may be.
#[derive(Default)]
struct Model {
    /// Live events and the size of their bodies.
    live: BTreeMap<u64, usize>,
    /// Of those that ever were, the size: what comes back after a power cut must be one of these, unchanged.
    ever: BTreeMap<u64, usize>,
    /// Live at the last sync, and still so: a power cut must not take them.
    durable: BTreeSet<u64>,
    /// Forgotten before the last sync: must never come back.
    gone: BTreeSet<u64>,
    next: u64,
    state: Option<u8>,
    /// What a power cut may leave of the state: the last that was durable, or any saved since.
    states: Vec<Option<u8>>,
    /// A write and the cutting after it failed: half a frame may lie at the end of a segment.
    torn: bool,
}

impl Model {
    fn forget(&mut self, seqs: &[u64]) {
        for seq in seqs {
            self.live.remove(seq);
            self.durable.remove(seq);
        }
    }

    fn synced(&mut self) {
        self.states = vec![self.state];
        self.durable = self.live.keys().copied().collect();
        self.gone = self
            .ever
            .keys()
            .copied()
            .filter(|seq| !self.live.contains_key(seq))
            .collect();
    }
}

fn open(disk: &FaultyDisk) -> Opened {
    let mut options = SegmentOptions::default();
    options.segment_bytes = 8 << 10;
    open_segment_log_on(Arc::new(disk.clone()), Path::new("/queue"), options).unwrap()
}

fn check(opened: &mut Opened, model: &Model) {
    let mut out = Vec::new();
    for (seq, size) in &model.live {
        out.clear();
        assert!(
            opened.store.read(*seq, &mut out).unwrap(),
            "event {seq} is missing"
        );
        assert_eq!(out, body(*seq, *size), "event {seq} changed");
    }
    let stats = opened.store.stats();
    assert_eq!(stats.events, model.live.len() as u64);
    let sizes: usize = model
        .live
        .iter()
        .map(|(seq, size)| body(*seq, *size).len())
        .sum();
    assert_eq!(stats.bytes, sizes as u64);
    let state = opened.store.load_state("state").unwrap();
    assert_eq!(state.map(|value| value[0]), model.state);
}

fn run(ops: Vec<Op>) {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    let mut model = Model {
        next: 1,
        states: vec![None],
        ..Model::default()
    };
    for op in ops {
        match op {
            Op::Append { count, size, gap } => {
                model.next += u64::from(gap) * 20;
                for _ in 0..count {
                    let (seq, size) = (model.next, usize::from(size));
                    opened.store.append(seq, 0, &body(seq, size)).unwrap();
                    model.live.insert(seq, size);
                    model.ever.insert(seq, size);
                    model.next += 1;
                }
            }
            Op::ForgetFront(count) => {
                let seqs: Vec<u64> = model
                    .live
                    .keys()
                    .copied()
                    .take(usize::from(count))
                    .collect();
                opened.store.forget(&seqs).unwrap();
                model.forget(&seqs);
            }
            Op::ForgetSome { seed, count } => {
                let all: Vec<u64> = model.live.keys().copied().collect();
                let pick = |n: u64| {
                    all.get((seed.wrapping_mul(n * 2 + 1) % (all.len() as u64 + 1)) as usize)
                        .copied()
                };
                let seqs: Vec<u64> = (0..u64::from(count)).filter_map(pick).collect();
                opened.store.forget(&seqs).unwrap();
                model.forget(&seqs);
            }
            Op::Sync => {
                opened.store.sync_point().unwrap().wait().unwrap();
                model.synced();
            }
            Op::FailedSync => {
                let point = opened.store.sync_point().unwrap();
                let owed = !point.is_done();
                disk.fail_syncs(1);
                assert_eq!(point.wait().is_err(), owed);
                disk.fail_syncs(0);
            }
            Op::State(value) => {
                opened.store.save_state("state", &[value]).unwrap();
                model.state = Some(value);
                model.states = vec![model.state];
            }
            Op::StateSoon(value) => {
                opened.store.save_state_soon("state", &[value]).unwrap();
                model.state = Some(value);
                model.states.push(model.state);
            }
            Op::Clear => {
                opened.store.clear().unwrap();
                let all: Vec<u64> = model.live.keys().copied().collect();
                model.forget(&all);
            }
            Op::Die => {
                drop(opened);
                opened = open(&disk);
                assert!(
                    opened.recovery.is_clean() || model.torn,
                    "{:?}",
                    opened.recovery
                );
                let recovery = &opened.recovery;
                assert_eq!((recovery.corrupt_records, recovery.lost_events), (0, 0));
                model.torn = false;
                let listed: Vec<u64> = opened.events.iter().map(|entry| entry.seq).collect();
                assert_eq!(listed, model.live.keys().copied().collect::<Vec<_>>());
                assert!(
                    model.ever.keys().all(|seq| *seq < opened.next_seq),
                    "a number is given again"
                );
                model.next = model.next.max(opened.next_seq);
            }
            Op::PowerCut(seed) => {
                disk.crash(seed);
                drop(opened);
                opened = open(&disk);
                let listed: BTreeSet<u64> = opened.events.iter().map(|entry| entry.seq).collect();
                assert!(model.durable.is_subset(&listed), "a durable event is lost");
                assert!(
                    model.gone.is_disjoint(&listed),
                    "a durable forget came undone"
                );
                assert!(listed.iter().all(|seq| model.ever.contains_key(seq)));
                model.live = listed.iter().map(|seq| (*seq, model.ever[seq])).collect();
                model.durable.clone_from(&listed);
                assert!(
                    opened.next_seq > model.gone.last().copied().unwrap_or(0),
                    "a durable number is given again"
                );
                let state = opened.store.load_state("state").unwrap();
                model.state = state.map(|value| value[0]);
                assert!(
                    model.states.contains(&model.state),
                    "{:?} is none of {:?}",
                    model.state,
                    model.states
                );
                model.states = vec![model.state];
                model.next = opened.next_seq;
                model.ever.retain(|seq, _| *seq < opened.next_seq);
            }
            Op::FullDisk { spare } => {
                disk.set_capacity(Some(disk.used() + u64::from(spare)));
                for _ in 0..8 {
                    let seq = model.next;
                    if opened.store.append(seq, 0, &body(seq, 700)).is_ok() {
                        model.live.insert(seq, 700);
                        model.ever.insert(seq, 700);
                        model.next += 1;
                    }
                }
                let seqs: Vec<u64> = model.live.keys().copied().take(5).collect();
                opened.store.forget(&seqs).unwrap();
                model.forget(&seqs);
                check(&mut opened, &model);
                disk.set_capacity(None);
                // What could not be noted on the full disk is noted by the next sync.
                opened.store.sync_point().unwrap().wait().unwrap();
                model.synced();
            }
            Op::FailedWrites { count, truncates } => {
                disk.fail_writes(u32::from(count));
                disk.fail_truncates(u32::from(truncates));
                model.torn |= truncates > 0;
                for _ in 0..=count {
                    let seq = model.next;
                    if opened.store.append(seq, 0, &body(seq, 100)).is_ok() {
                        model.live.insert(seq, 100);
                        model.ever.insert(seq, 100);
                        model.next += 1;
                    }
                }
                disk.fail_writes(0);
                disk.fail_truncates(0);
                // Makes the log whole again, if no append did.
                let seq = model.next;
                opened.store.append(seq, 0, &body(seq, 100)).unwrap();
                model.live.insert(seq, 100);
                model.ever.insert(seq, 100);
                model.next += 1;
            }
        }
        check(&mut opened, &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_and_faults_keeps_the_promises(ops in ops()) {
        run(ops);
    }
}
