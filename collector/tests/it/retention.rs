//! What retention removes: segments whose own records say that they are old, and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_collector::log::{Committer, LogOptions};
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, FaultyDisk};
use headwater_store::frame::{FILE_HEADER, HEADER};

use crate::faults::{HOUR, accepted, options, stored};

fn open_with(disk: &FaultyDisk, options: LogOptions, now: i64) -> Committer {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Committer::open(disk, options, Millis(now)).unwrap().0
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    let mut files = disk.files();
    files.retain(|path| path.starts_with("/data/log"));
    files.sort();
    files
}

/// Where the time of a segment's first record lies.
const RECEIVED: usize = FILE_HEADER + HEADER + 8;

fn flip(disk: &FaultyDisk, path: &Path, byte: usize, bit: u8) {
    assert!(disk.edit(path, |bytes| bytes[byte] ^= 1 << bit));
}

#[test]
fn one_flipped_bit_in_a_records_time_removes_no_segment_and_forgets_no_claim() {
    // Each bit of the time, in the first record of each segment: 64 bits, three segments.
    for bit in 0..64_usize {
        let disk = FaultyDisk::new();
        let now = 1_795_428_000_000;
        let mut log = open_with(&disk, options(), now);
        let mut of_segment: Vec<Vec<u32>> = Vec::new();
        for id in 0..100 {
            let before = segments(&disk).len();
            accepted(&mut log, &[id], now).unwrap();
            if segments(&disk).len() > before || of_segment.is_empty() {
                of_segment.push(Vec::new());
            }
            of_segment.last_mut().unwrap().push(id);
        }
        drop(log);
        let files = segments(&disk);
        assert!(files.len() >= 3 && files.len() == of_segment.len());
        let hit = bit % files.len();
        flip(&disk, &files[hit], RECEIVED + bit / 8, (bit % 8) as u8);
        let mut log = open_with(&disk, options(), now);
        for _ in 0..3 {
            log.sweep(Millis(now + HOUR)).unwrap();
        }
        // Behind a damaged last one the log goes on in a new segment.
        assert!(segments(&disk).starts_with(&files), "bit {bit}");
        let lost = of_segment[hit][0];
        let retries = (0..100).filter(|id| accepted(&mut log, &[*id], now).unwrap() > 0);
        let again: Vec<u32> = retries.collect();
        assert_eq!(
            again,
            [lost],
            "bit {bit}: the one that was hit is new again"
        );
    }
}

#[test]
fn a_segment_goes_when_its_own_records_are_old_also_after_a_restart() {
    let disk = FaultyDisk::new();
    let mut log = open_with(&disk, options(), 0);
    for id in 0..100 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    for id in 100..200 {
        accepted(&mut log, &[id], 60 * HOUR).unwrap();
    }
    drop(log);
    let mut log = open_with(&disk, options(), 60 * HOUR);
    for _ in 0..20 {
        log.sweep(Millis(60 * HOUR)).unwrap();
    }
    let left = stored(&disk);
    assert!(!left.contains(&0) && (100..200).all(|id| left.contains(&id)));
}

#[test]
fn a_segment_without_a_readable_record_stays_and_holds_up_no_other() {
    let disk = FaultyDisk::new();
    let mut log = open_with(&disk, options(), 0);
    for id in 0..100 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    for id in 100..200 {
        accepted(&mut log, &[id], 60 * HOUR).unwrap();
    }
    drop(log);
    let first = segments(&disk)[0].clone();
    disk.edit(&first, |bytes| bytes[FILE_HEADER..].fill(0xff));
    let mut log = open_with(&disk, options(), 60 * HOUR);
    for _ in 0..20 {
        log.sweep(Millis(60 * HOUR)).unwrap();
    }
    let left = segments(&disk);
    assert_eq!(left[0], first);
    let stored = stored(&disk);
    assert!((0..60).all(|id| !stored.contains(&id)), "{stored:?}");
    assert!((100..200).all(|id| stored.contains(&id)));
}
