//! Any body: decoded or refused, committed, read back and normalised, never a panic, never an event twice.
#![no_main]
use std::sync::Arc;

use bytes::Bytes;
use headwater_collector::config::Config;
use headwater_collector::ingest::direct;
use headwater_collector::log::{Committer, LogOptions, LogReader, Next, Position};
use headwater_collector::read::items;
use headwater_collector::sources::Sources;
use headwater_model::time::Millis;
use headwater_store::disk::FaultyDisk;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let disk = FaultyDisk::new();
    let options = LogOptions {
        dir: "/hub".into(),
        segment_bytes: 1 << 20,
        retain_ms: None,
        hot_ms: None,
        retain_bytes: None,
        min_free_bytes: 0,
        dedupe_ms: 86_400_000,
        dedupe_memory: 1 << 10,
        new_key: [1; 16],
        free_space: Arc::new(|| None),
    };
    let now = Millis(1_790_000_000_000);
    let (mut committer, _) =
        Committer::open(Arc::new(disk.clone()), options, now).expect("an empty disk opens");
    let (sources, limits) = (Sources::any_key("fuzz"), Config::default().limits);
    let body = Bytes::copy_from_slice(bytes);
    let mut accepted = 0;
    for _ in 0..2 {
        let Ok(entry) = direct::batch(&body, &sources, &limits, committer.fingerprinter(), now)
        else {
            return;
        };
        let receipts = committer
            .commit(now, vec![entry])
            .expect("a good disk takes it");
        accepted += receipts
            .iter()
            .map(|receipt| receipt.tally().accepted)
            .sum::<u64>();
    }
    let mut reader = LogReader::new(Arc::new(disk), "/hub".as_ref(), Position(0));
    let mut read = 0;
    while let Ok(Next::Record(stored)) = reader.advance() {
        read += items(&stored)
            .filter(|item| item.verdict.is_accepted())
            .count() as u64;
    }
    assert_eq!(read, accepted);
});
