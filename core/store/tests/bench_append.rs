//! Figures, not proofs: `cargo test --release -p headwater-store --test bench_append -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use headwater_store::{SegmentOptions, open_segment_log};

const EVENTS: u64 = 100_000;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

#[test]
#[ignore = "a measurement"]
fn bench_append() {
    let dir = tempfile::tempdir().unwrap();
    let body = vec![b'x'; 700];
    let before = resident_kib();
    let mut opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    let mut times: Vec<Duration> = Vec::with_capacity(EVENTS as usize);
    let start = Instant::now();
    for seq in 1..=EVENTS {
        let call = Instant::now();
        opened.store.append(seq, 0, &body).unwrap();
        times.push(call.elapsed());
    }
    let total = start.elapsed();
    times.sort_unstable();
    let at = |share: f64| times[((EVENTS - 1) as f64 * share) as usize].as_nanos() as f64 / 1000.0;
    println!(
        "append: p50 {} µs, p99 {} µs, p99.9 {} µs, {:?} in all",
        at(0.5),
        at(0.99),
        at(0.999),
        total
    );
    drop(times);
    println!(
        "memory: {} KiB over the start with 100k events indexed",
        resident_kib().saturating_sub(before)
    );
    let start = Instant::now();
    opened.store.sync_point().unwrap().wait().unwrap();
    println!("sync of all: {:?}", start.elapsed());
    drop(opened);

    let start = Instant::now();
    let mut opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    println!(
        "open: {:?} for {} events, {:?}",
        start.elapsed(),
        opened.events.len(),
        opened.store.stats()
    );
    let start = Instant::now();
    let mut out = Vec::new();
    for seq in 1..=EVENTS {
        out.clear();
        assert!(opened.store.read(seq, &mut out).unwrap());
    }
    println!("read: {:?} an event", start.elapsed() / EVENTS as u32);
    let start = Instant::now();
    let all: Vec<u64> = (1..=EVENTS).collect();
    for batch in all.chunks(100) {
        opened.store.forget(batch).unwrap();
    }
    println!(
        "forget: {:?} an event, {:?}",
        start.elapsed() / EVENTS as u32,
        opened.store.stats()
    );
    assert!(opened.store.stats().disk_bytes < 300_000);
    drop(opened);
    let opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    assert_eq!((opened.next_seq, opened.events.len()), (EVENTS + 1, 0));
}
