//! Damage to the log, asked of the library: sizes and places that a request over HTTP does not reach.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use headwater_collector::log::{
    Committer, Entry, LogOptions, LogReader, MAX_BODY_BYTES, Next, Position, Recovery,
};
use headwater_model::time::Millis;
use headwater_store::disk::FaultyDisk;

use crate::faults::{entry, options};

const NOW: i64 = 1_795_428_000_000;

fn open(disk: &FaultyDisk, segment_bytes: u64) -> (Committer, Recovery) {
    let options = LogOptions {
        segment_bytes,
        ..options()
    };
    Committer::open(Arc::new(disk.clone()), options, Millis(NOW)).unwrap()
}

/// How many events of this entry are new.
fn accepted(log: &mut Committer, entry: &Entry) -> u64 {
    let receipts = log.commit(Millis(NOW), vec![entry.clone()]).unwrap();
    receipts[0].tally().accepted
}

/// Where the records lie that can be read.
fn positions(disk: &FaultyDisk) -> Vec<u64> {
    let disk = Arc::new(disk.clone());
    let mut reader = LogReader::new(disk, Path::new("/data"), Position::default());
    let mut found = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Next::Record(stored) => found.push(stored.position.0),
            Next::Control(_) | Next::Skipped { .. } => {}
            Next::End => return found,
        }
    }
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    let files = disk.files().into_iter();
    files
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect()
}

/// `entry` with a body of 14 MiB.
fn enlarged(mut entry: Entry) -> Entry {
    let mut body = entry.body.to_vec();
    body.resize(MAX_BODY_BYTES, b' ');
    entry.body = Bytes::from(body);
    entry
}

#[test]
fn one_flipped_bit_in_a_14_mib_record_costs_that_record_alone() {
    const FRAME: usize = 9;
    const HEAD: usize = 32;
    // Name, events and claims follow the head.
    let ids: Vec<u32> = (100..400).collect();
    let slots = FRAME + HEAD + 1;
    let claims = slots + 9 * ids.len();
    let body = claims + 16 * ids.len();
    let places = [
        0,
        1,
        2,
        3,
        5,
        8, // length, checksum and kind of the frame
        FRAME + 1,
        FRAME + 5,
        FRAME + 10,
        FRAME + 30, // the head
        slots + 7,
        claims - 3,
        claims + 4,
        body + 1, // events, claims, body
        body + MAX_BODY_BYTES / 2,
        body + MAX_BODY_BYTES - 1,
    ];
    for (number, place) in places.into_iter().enumerate() {
        // In a segment that others follow, and in the one that is written.
        let segment_bytes = if number % 2 == 0 { 64 << 20 } else { 4096 };
        let disk = FaultyDisk::new();
        let (mut log, _) = open(&disk, segment_bytes);
        let first = entry(&log, &[1, 2], NOW);
        let large = enlarged(entry(&log, &ids, NOW));
        let behind: Vec<Entry> = (3..40).map(|id| entry(&log, &[id], NOW)).collect();
        assert_eq!(accepted(&mut log, &first), 2);
        assert_eq!(accepted(&mut log, &large), 300);
        let written: u64 = behind.iter().map(|entry| accepted(&mut log, entry)).sum();
        assert_eq!(written, 37);
        drop(log);
        let all = positions(&disk);
        let hit = all[1];
        let base = |path: &PathBuf| {
            path.file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let file = segments(&disk)
            .into_iter()
            .rfind(|path| base(path) <= hit)
            .unwrap();
        let offset = (hit - base(&file)) as usize + place;
        disk.edit(&file, |bytes| bytes[offset] ^= 1 << (number % 8));
        let left: Vec<u64> = all.iter().copied().filter(|at| *at != hit).collect();
        assert_eq!(positions(&disk), left, "byte {place}");
        let (mut log, recovery) = open(&disk, segment_bytes);
        assert_eq!(
            (recovery.damage.len(), recovery.torn_bytes),
            (1, 0),
            "byte {place}"
        );
        assert_eq!(positions(&disk), left, "byte {place}, once it is open");
        assert_eq!(
            accepted(&mut log, &large),
            300,
            "byte {place}: the lost one is new"
        );
        let again: u64 = behind.iter().map(|entry| accepted(&mut log, entry)).sum();
        assert_eq!(again + accepted(&mut log, &first), 0, "byte {place}");
    }
}

#[test]
fn a_write_that_ends_anywhere_within_its_events_is_cut_off_and_is_no_damage() {
    let written = FaultyDisk::new();
    let (mut log, _) = open(&written, 1 << 20);
    for ids in [[1, 2], [3, 4]] {
        let entry = entry(&log, &ids, NOW);
        assert_eq!(accepted(&mut log, &entry), 2);
    }
    drop(log);
    let [first, second] = positions(&written)[..] else {
        panic!("two records");
    };
    let file = segments(&written).remove(0);
    let end = written.contents(&file).unwrap().len() as u64;
    // `]}` behind the last event is of no use to tell how far the write came.
    for cut in second + 1..end - 2 {
        for zeros in [0, end - cut] {
            let disk = FaultyDisk::new();
            let (log, _) = open(&disk, 1 << 20);
            drop(log);
            disk.edit(&file, |bytes| {
                *bytes = written.contents(&file).unwrap();
                bytes.truncate(cut as usize);
                bytes.resize((cut + zeros) as usize, 0);
            });
            let (log, recovery) = open(&disk, 1 << 20);
            assert_eq!(recovery.damage, [], "{cut} bytes, {zeros} zeros");
            assert_eq!(recovery.torn_bytes, cut + zeros - second);
            assert_eq!(log.extent().end.0, second);
            assert_eq!(positions(&disk), [first]);
        }
    }
}

#[test]
fn a_reader_that_goes_on_from_a_position_reads_what_lies_behind_it_wherever_that_is_now() {
    for (change, at) in [(400_i64, 12), (400, 700), (-100, 30), (-100, 500)] {
        let disk = FaultyDisk::new();
        let (mut log, _) = open(&disk, 2048);
        for id in 0..60 {
            let entry = entry(&log, &[id], NOW);
            accepted(&mut log, &entry);
        }
        drop(log);
        let file = segments(&disk).remove(1);
        disk.edit(&file, |bytes| {
            if change > 0 {
                bytes.splice(at..at, (0..change).map(|n| n as u8 | 1));
            } else {
                bytes.drain(at..at + change.unsigned_abs() as usize);
            }
        });
        let left = positions(&disk);
        for from in &left {
            let mut reader =
                LogReader::new(Arc::new(disk.clone()), Path::new("/data"), Position(*from));
            let mut found = Vec::new();
            loop {
                match reader.advance().unwrap() {
                    Next::Record(stored) => found.push(stored.position.0),
                    Next::Control(_) | Next::Skipped { .. } => {}
                    Next::End => break,
                }
            }
            let expected: Vec<u64> = left.iter().copied().filter(|at| at >= from).collect();
            assert_eq!(found, expected, "from {from}, {change} bytes at {at}");
        }
    }
}
