//! What the port promises, asked of any backend.

use std::path::Path;

use super::{Backend, body, verify};
use crate::{Entry, MAX_RECORD, Opened, StoreError};

const SIZE: usize = 300;

type Case = fn(&dyn Backend, &Path);

/// Runs every promise in directories of its own under `scratch`.
pub fn run(backend: &dyn Backend, scratch: &Path) {
    let cases: [(&str, Case); 11] = [
        ("reads_what_was_appended", reads_what_was_appended),
        ("forgets_for_good", forgets_for_good),
        ("refuses_what_it_cannot_keep", refuses_what_it_cannot_keep),
        ("keeps_states_beside_events", keeps_states_beside_events),
        (
            "clears_events_and_nothing_else",
            clears_events_and_nothing_else,
        ),
        ("counts_what_it_holds", counts_what_it_holds),
        ("syncs_without_the_store", syncs_without_the_store),
        ("takes_gaps_in_the_numbers", takes_gaps_in_the_numbers),
        (
            "restarts_with_events_and_stamps",
            restarts_with_events_and_stamps,
        ),
        ("never_reuses_a_number", never_reuses_a_number),
        ("lets_one_store_in", lets_one_store_in),
    ];
    for (name, case) in cases {
        case(backend, &scratch.join(name));
    }
}

fn fill(opened: &mut Opened, seqs: impl IntoIterator<Item = u64>) {
    for seq in seqs {
        opened
            .store
            .append(seq, seq as i64 * 10, &body(seq, SIZE))
            .unwrap();
    }
}

fn read(opened: &mut Opened, seq: u64) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let found = opened.store.read(seq, &mut out).unwrap();
    assert!(out.starts_with(b"before"), "read appends");
    assert_eq!(found, out.len() > 6 || (found && out.len() == 6));
    found.then(|| out.split_off(6))
}

fn reads_what_was_appended(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    assert_eq!((opened.next_seq, opened.events.len()), (1, 0));
    assert!(opened.recovery.is_clean());
    fill(&mut opened, 1..=2000);
    opened.store.append(2001, -5, b"").unwrap();
    opened
        .store
        .append(2002, i64::MAX, &vec![0; 300_000])
        .unwrap();
    for seq in (1..=2000).rev() {
        assert_eq!(read(&mut opened, seq), Some(body(seq, SIZE)));
    }
    assert_eq!(read(&mut opened, 2001), Some(Vec::new()));
    assert_eq!(read(&mut opened, 2002), Some(vec![0; 300_000]));
    assert_eq!(read(&mut opened, 2003), None);
    assert_eq!(read(&mut opened, 0), None);
}

fn forgets_for_good(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    fill(&mut opened, 1..=1000);
    opened.store.forget(&[]).unwrap();
    opened.store.forget(&[5, 3, 4, 999, 77, 5, 4000]).unwrap();
    opened.store.forget(&(1..=500).collect::<Vec<_>>()).unwrap();
    opened.store.forget(&[3]).unwrap();
    let gone = |seq: u64| seq <= 500 || seq == 999;
    for seq in 1..=1000 {
        assert_eq!(read(&mut opened, seq).is_none(), gone(seq), "event {seq}");
    }
    if backend.persists() {
        drop(opened);
        let mut opened = backend.reopen(dir);
        let live: Vec<u64> = (1..=1000).filter(|seq| !gone(*seq)).collect();
        assert_eq!(verify(&mut opened, SIZE), live);
        opened.store.forget(&live).unwrap();
        drop(opened);
        assert!(backend.reopen(dir).events.is_empty());
    }
}

fn refuses_what_it_cannot_keep(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    fill(&mut opened, 1..=3);
    for seq in [0, 1, 3] {
        assert!(matches!(
            opened.store.append(seq, 0, b"x"),
            Err(StoreError::OutOfOrder { next: 4, .. })
        ));
    }
    let big = vec![b'x'; MAX_RECORD + 1];
    assert!(matches!(
        opened.store.append(4, 0, &big),
        Err(StoreError::TooLarge { .. })
    ));
    assert!(matches!(
        opened.store.save_state("state", &big),
        Err(StoreError::TooLarge { .. })
    ));
    for key in ["", "a/b", "..", "Upper", "a b", &"k".repeat(65)] {
        assert!(
            matches!(
                opened.store.save_state(key, b"x"),
                Err(StoreError::Key { .. })
            ),
            "{key:?}"
        );
        assert!(
            matches!(opened.store.load_state(key), Err(StoreError::Key { .. })),
            "{key:?}"
        );
    }
    fill(&mut opened, 4..=4);
    assert_eq!(opened.store.stats().events, 4);
}

fn keeps_states_beside_events(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    assert_eq!(opened.store.load_state("identity").unwrap(), None);
    for value in [b"one".as_slice(), b"", &[7; 100_000], b"last"] {
        opened.store.save_state("identity", value).unwrap();
        assert_eq!(
            opened.store.load_state("identity").unwrap().as_deref(),
            Some(value)
        );
    }
    opened.store.save_state("retry-0_x", b"other").unwrap();
    fill(&mut opened, 1..=3);
    if backend.persists() {
        drop(opened);
        let mut opened = backend.reopen(dir);
        assert_eq!(
            opened.store.load_state("identity").unwrap().as_deref(),
            Some(b"last".as_slice())
        );
        assert_eq!(
            opened.store.load_state("retry-0_x").unwrap().as_deref(),
            Some(b"other".as_slice())
        );
        assert_eq!(verify(&mut opened, SIZE), [1, 2, 3]);
    }
}

fn clears_events_and_nothing_else(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    opened.store.clear().unwrap();
    opened.store.save_state("identity", b"me").unwrap();
    fill(&mut opened, 1..=2000);
    opened.store.clear().unwrap();
    opened.store.clear().unwrap();
    assert_eq!(opened.store.stats().events, 0);
    assert_eq!(read(&mut opened, 1), None);
    assert_eq!(
        opened.store.load_state("identity").unwrap().as_deref(),
        Some(b"me".as_slice())
    );
    assert!(matches!(
        opened.store.append(2000, 0, b"x"),
        Err(StoreError::OutOfOrder { .. })
    ));
    fill(&mut opened, 2001..=2003);
    if backend.persists() {
        drop(opened);
        let mut opened = backend.reopen(dir);
        assert_eq!(verify(&mut opened, SIZE), [2001, 2002, 2003]);
        assert_eq!(
            opened.store.load_state("identity").unwrap().as_deref(),
            Some(b"me".as_slice())
        );
    }
}

fn counts_what_it_holds(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    fill(&mut opened, 1..=1000);
    let stats = opened.store.stats();
    assert_eq!((stats.events, stats.bytes), (1000, 1000 * SIZE as u64));
    opened
        .store
        .forget(&(401..=1000).collect::<Vec<_>>())
        .unwrap();
    let stats = opened.store.stats();
    assert_eq!((stats.events, stats.bytes), (400, 400 * SIZE as u64));
    if backend.persists() {
        drop(opened);
        let stats = backend.reopen(dir).store.stats();
        assert_eq!((stats.events, stats.bytes), (400, 400 * SIZE as u64));
        assert!(stats.disk_bytes > 0);
    }
}

fn syncs_without_the_store(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    fill(&mut opened, 1..=1500);
    let early = opened.store.sync_point().unwrap();
    let dropped = opened.store.sync_point().unwrap();
    let waiting = std::thread::spawn(move || early.wait());
    fill(&mut opened, 1501..=1600);
    opened
        .store
        .forget(&(1..=1550).collect::<Vec<_>>())
        .unwrap();
    drop(dropped);
    waiting.join().unwrap().unwrap();
    opened.store.sync_point().unwrap().wait().unwrap();
    opened.store.sync_point().unwrap().wait().unwrap();
    let last = opened.store.sync_point().unwrap();
    drop(opened);
    last.wait().unwrap();
}

fn takes_gaps_in_the_numbers(backend: &dyn Backend, dir: &Path) {
    let mut opened = backend.reopen(dir);
    let seqs = [2, 3, 10, 5_000, 5_001, 10_000_000_000, 10_000_000_001];
    fill(&mut opened, seqs);
    opened.store.forget(&[3, 5_000]).unwrap();
    let live = [2, 10, 5_001, 10_000_000_000, 10_000_000_001];
    assert_eq!(read(&mut opened, 4), None);
    for seq in live {
        assert!(read(&mut opened, seq).is_some());
    }
    if backend.persists() {
        drop(opened);
        let mut opened = backend.reopen(dir);
        assert_eq!(verify(&mut opened, SIZE), live);
        assert_eq!(opened.next_seq, 10_000_000_002);
    }
}

fn restarts_with_events_and_stamps(backend: &dyn Backend, dir: &Path) {
    if !backend.persists() {
        return;
    }
    let mut next = 1;
    for round in 0..5 {
        let mut opened = backend.reopen(dir);
        assert_eq!(opened.next_seq, next);
        assert!(opened.recovery.is_clean());
        let expected: Vec<Entry> = (1..next)
            .map(|seq| Entry {
                seq,
                at_ms: seq as i64 * 10,
                len: SIZE as u32,
            })
            .collect();
        assert_eq!(opened.events, expected, "round {round}");
        verify(&mut opened, SIZE);
        fill(&mut opened, next..next + 700);
        next += 700;
    }
}

fn never_reuses_a_number(backend: &dyn Backend, dir: &Path) {
    if !backend.persists() {
        return;
    }
    let mut next = 1;
    for count in [1, 3000, 2, 800, 1] {
        let mut opened = backend.reopen(dir);
        assert!(opened.events.is_empty());
        assert!(
            opened.next_seq >= next,
            "{} was used before",
            opened.next_seq
        );
        next = opened.next_seq;
        fill(&mut opened, next..next + count);
        opened
            .store
            .forget(&(next..next + count).collect::<Vec<_>>())
            .unwrap();
        next += count;
        drop(opened);
        // A restart without a call in between keeps it too.
        assert!(backend.reopen(dir).next_seq >= next);
    }
}

fn lets_one_store_in(backend: &dyn Backend, dir: &Path) {
    if !backend.persists() {
        return;
    }
    let mut first = backend.reopen(dir);
    fill(&mut first, 1..=3);
    assert!(matches!(backend.open(dir), Err(StoreError::InUse { .. })));
    fill(&mut first, 4..=4);
    drop(first);
    assert_eq!(verify(&mut backend.reopen(dir), SIZE), [1, 2, 3, 4]);
}
