//! The archive: what moves there is read as before, whatever happens on the way and to the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_collector::log::{
    ArchiveError, Committer, EmbeddedLog, EventLog, LogOptions, LogReader, Next, Position,
    Rewriting, Verdict,
};
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, FaultyDisk, RealDisk};

use crate::faults::{HOUR, accepted, options, stored};

/// How long after the events everything in these tests is old enough for the archive.
const LATER: i64 = 10 * HOUR;

fn archiving() -> LogOptions {
    LogOptions {
        hot_ms: Some(2 * HOUR),
        ..options()
    }
}

fn open(disk: Arc<dyn Disk>, now: i64) -> Committer {
    Committer::open(disk, archiving(), Millis(now)).unwrap().0
}

/// A log whose records reach over several segments.
fn filled(disk: &FaultyDisk, events: u32) -> Committer {
    let mut log = open(Arc::new(disk.clone()), 0);
    for id in 0..events {
        accepted(&mut log, &[id], 0).unwrap();
    }
    log
}

/// Archives all that is old enough; how many segments moved.
fn archive(log: &mut Committer, now: i64) -> Result<u32, ArchiveError> {
    let mut moved = 0;
    while let Some(job) = log.archive_job(Millis(now)) {
        moved += u32::from(log.adopt_archive(job.run())?);
    }
    Ok(moved)
}

fn files(disk: &FaultyDisk, folder: &str) -> Vec<PathBuf> {
    let mut files = disk.files();
    files.retain(|path| path.starts_with(folder));
    files
}

/// Each record with its position and body.
fn records(disk: &FaultyDisk) -> Vec<(Position, Vec<u8>)> {
    let mut reader = LogReader::new(
        Arc::new(disk.clone()),
        Path::new("/data"),
        Position::default(),
    );
    let mut records = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Next::Record(record) => records.push((record.position, record.body.to_vec())),
            Next::Control(_) | Next::Skipped { .. } => {}
            Next::End => return records,
        }
    }
}

#[test]
fn an_archived_segment_is_read_as_before_and_the_hot_one_is_gone() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 300);
    let before = records(&disk);
    let hot = files(&disk, "/data/log").len();
    assert_eq!(archive(&mut log, HOUR).unwrap(), 0, "too young");
    let moved = archive(&mut log, LATER).unwrap() as usize;
    assert!(moved + 1 == hot && moved > 5, "{moved} of {hot}");
    assert_eq!(files(&disk, "/data/log").len(), 1);
    assert_eq!(files(&disk, "/data/archive").len(), moved);
    assert_eq!(records(&disk), before);
    assert_eq!(log.extent().start, Position(0));
    for (position, body) in &before {
        let mut reader = LogReader::new(Arc::new(disk.clone()), Path::new("/data"), *position);
        let Next::Record(found) = reader.advance().unwrap() else {
            panic!("nothing at {position}");
        };
        assert_eq!(
            (found.position, found.body.to_vec()),
            (*position, body.clone())
        );
    }
    drop(log);
    let mut log = open(Arc::new(disk.clone()), LATER);
    let retries = (0..300).map(|id| accepted(&mut log, &[id], LATER).unwrap());
    assert_eq!(
        retries.sum::<u64>(),
        0,
        "claims are those of the archive, too"
    );
    assert_eq!(records(&disk), before);
}

#[test]
fn a_power_cut_at_any_step_of_the_move_loses_nothing_and_doubles_nothing() {
    let mut whole = false;
    for step in 0.. {
        for seed in 0..6 {
            let disk = FaultyDisk::new();
            drop(filled(&disk, 100));
            let before = records(&disk);
            let mut log = open(Arc::new(disk.clone()), LATER);
            disk.end_after(Some(step));
            whole = archive(&mut log, LATER).is_ok();
            drop(log);
            disk.crash(seed);
            assert_eq!(records(&disk), before, "step {step} seed {seed}");
            let mut log = open(Arc::new(disk.clone()), LATER);
            assert_eq!(records(&disk), before, "step {step} seed {seed}");
            archive(&mut log, LATER).unwrap();
            assert_eq!(
                files(&disk, "/data/log").len(),
                1,
                "step {step} seed {seed}"
            );
            assert_eq!(records(&disk), before, "step {step} seed {seed}");
            let left = files(&disk, "/data/archive");
            assert!(
                left.iter()
                    .all(|path| path.extension() == Some("hwa".as_ref())),
                "{left:?}"
            );
        }
        if whole {
            return;
        }
    }
}

#[test]
fn a_full_archive_disk_leaves_segments_hot_and_loses_nothing() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 300);
    let before = records(&disk);
    let hot = files(&disk, "/data/log").len();
    disk.set_capacity(Some(disk.used() + 100));
    let error = archive(&mut log, LATER).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Full) && error.to_string().contains("disk is full"),
        "{error}"
    );
    assert_eq!(files(&disk, "/data/log").len(), hot);
    assert!(
        files(&disk, "/data/archive").is_empty(),
        "no half of a file"
    );
    assert_eq!(records(&disk), before);
    disk.set_capacity(None);
    assert_eq!(archive(&mut log, LATER).unwrap() as usize, hot - 1);
    assert_eq!(records(&disk), before);
}

/// A folder with one large archived segment of several blocks, and the records of it.
fn large() -> (FaultyDisk, PathBuf, Vec<(Position, Vec<u8>)>) {
    let disk = FaultyDisk::new();
    let options = LogOptions {
        segment_bytes: 1 << 20,
        ..archiving()
    };
    let mut log = Committer::open(Arc::new(disk.clone()), options, Millis(0))
        .unwrap()
        .0;
    let mut id = 0;
    while files(&disk, "/data/log").len() < 2 {
        let ids: Vec<u32> = (id..id + 20).collect();
        accepted(&mut log, &ids, 0).unwrap();
        id += 20;
    }
    archive(&mut log, LATER).unwrap();
    let [path] = files(&disk, "/data/archive").try_into().unwrap();
    let records = records(&disk);
    (disk, path, records)
}

#[test]
fn a_flipped_bit_costs_the_records_of_its_block_at_most() {
    let (disk, path, before) = large();
    let whole = disk.contents(&path).unwrap();
    // The largest block is one record longer than 128 KiB.
    let most = (130 << 10) / before[0].1.len();
    let (mut hit, mut unhurt) = (0, 0);
    let ends = (0..24).chain(whole.len() - 40..whole.len());
    for at in (0..whole.len()).step_by(997).chain(ends) {
        disk.edit(&path, |bytes| bytes[at] ^= 1 << (at % 8));
        let left = records(&disk);
        let lost = before.len() - left.len();
        assert!(lost <= most, "byte {at}: {lost} of {}", before.len());
        let mut expected = before.iter();
        assert!(
            left.iter()
                .all(|record| expected.any(|other| other == record)),
            "byte {at}: as written, in order, each once"
        );
        if lost == 0 {
            unhurt += 1;
        } else {
            hit += 1;
            let skipped = skipped(&disk);
            assert!(skipped > 0, "byte {at}: what is lost is told");
        }
        disk.edit(&path, |bytes| bytes.clone_from(&whole));
    }
    assert!(hit > 10 && unhurt > 20, "{hit} {unhurt}");
}

fn skipped(disk: &FaultyDisk) -> usize {
    let mut reader = LogReader::new(
        Arc::new(disk.clone()),
        Path::new("/data"),
        Position::default(),
    );
    let mut skipped = 0;
    loop {
        match reader.advance().unwrap() {
            Next::Record(_) | Next::Control(_) => {}
            Next::Skipped { .. } => skipped += 1,
            Next::End => return skipped,
        }
    }
}

#[test]
fn a_damaged_archive_opens_and_what_it_lost_can_be_sent_again() {
    let (disk, path, before) = large();
    let middle = disk.contents(&path).unwrap().len() / 2;
    disk.edit(&path, |bytes| bytes[middle] ^= 4);
    let lost = before.len() - records(&disk).len();
    assert!(lost > 0);
    let (mut log, recovery) =
        Committer::open(Arc::new(disk.clone()), archiving(), Millis(LATER)).unwrap();
    assert_eq!(recovery.damage.len(), 1);
    assert_eq!(recovery.damage[0].path, path);
    let ids = before.len() as u32 * 20;
    let again: u64 = (0..ids)
        .map(|id| accepted(&mut log, &[id], LATER).unwrap())
        .sum();
    assert_eq!(again, lost as u64 * 20);
}

#[test]
fn an_archive_of_another_version_is_left_as_it_is_and_told() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 100);
    archive(&mut log, LATER).unwrap();
    drop(log);
    let path = files(&disk, "/data/archive")[0].clone();
    let header = headwater_store::frame::file_header(*b"HWARCHV", 9);
    disk.edit(&path, |bytes| {
        bytes[..header.len()].copy_from_slice(&header);
    });
    let bytes = disk.contents(&path).unwrap();
    let (mut log, recovery) =
        Committer::open(Arc::new(disk.clone()), archiving(), Millis(LATER)).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert_eq!(recovery.foreign, [format!("archive/{name}")]);
    for day in 0..30 {
        log.sweep(Millis(LATER + day * 24 * HOUR)).unwrap();
        archive(&mut log, LATER + day * 24 * HOUR).unwrap();
    }
    assert_eq!(disk.contents(&path), Some(bytes));
}

#[test]
fn what_somebody_has_still_to_read_is_not_removed_for_its_age_but_for_its_size() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 200);
    archive(&mut log, LATER).unwrap();
    let end = log.extent().end;
    let before = records(&disk);
    let middle = before[100].0;
    // Retention goes by the newest event.
    accepted(&mut log, &[1000], 100 * HOUR).unwrap();
    log.keep_from(middle);
    for hour in 0..50 {
        log.sweep(Millis((100 + hour) * HOUR)).unwrap();
    }
    let left = stored(&disk);
    assert!(!left.contains(&0), "read and old");
    assert!((100..200).all(|id| left.contains(&id)), "old and not read");
    log.keep_from(end);
    for hour in 50..100 {
        log.sweep(Millis((100 + hour) * HOUR)).unwrap();
    }
    assert!(!stored(&disk).contains(&150), "read meanwhile");

    let disk = FaultyDisk::new();
    drop(filled(&disk, 200));
    let options = LogOptions {
        retain_bytes: Some(8192),
        ..archiving()
    };
    let mut log = Committer::open(Arc::new(disk.clone()), options, Millis(0))
        .unwrap()
        .0;
    log.keep_from(Position(0));
    let swept = log.sweep(Millis(0)).unwrap();
    assert!(
        swept.segments > 0 && swept.unread == swept.segments,
        "{swept:?}"
    );
}

/// Prints what `cargo test -- --nocapture archive_speed` asks for; nothing is asserted of it.
#[test]
fn archive_speed_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions {
        dir: dir.path().to_owned(),
        segment_bytes: 64 << 20,
        ..archiving()
    };
    let mut log = Committer::open(Arc::new(RealDisk), options.clone(), Millis(0))
        .unwrap()
        .0;
    let fingerprinter = log.fingerprinter().clone();
    let mut number = 0_u64;
    let mut positions = Vec::new();
    while log.bytes() < 66 << 20 {
        let group = (0..50).map(|_| {
            number += 1;
            crate::faults::event_like(&fingerprinter, number)
        });
        let receipts = log.commit(Millis(0), group.collect()).unwrap();
        positions.extend(receipts.iter().filter_map(|receipt| receipt.position));
    }
    let started = std::time::Instant::now();
    let job = log.archive_job(Millis(LATER)).unwrap();
    assert!(log.adopt_archive(job.run()).unwrap());
    let seconds = started.elapsed().as_secs_f64();
    let (_, stored) = log.archived();
    println!(
        "archive: {:.0} MB/s, packed to {:.1} %",
        64.0 * 1.048_576 / seconds,
        stored as f64 / f64::from(64 << 20) * 100.0
    );
    let mut worst = std::time::Duration::ZERO;
    for n in 0..50 {
        let from = positions[n * positions.len() / 60];
        let started = std::time::Instant::now();
        let mut reader = LogReader::new(Arc::new(RealDisk), dir.path(), from);
        assert!(matches!(reader.advance().unwrap(), Next::Record(found) if found.position == from));
        worst = worst.max(started.elapsed());
    }
    println!(
        "archive: lookup of a place, worst of 50: {:.1} ms",
        worst.as_secs_f64() * 1e3
    );
}

/// Where `find` leads, read: the ids that the records' events have.
fn leads_to(log: &dyn EventLog, id: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for position in log.find(id).unwrap() {
        let Next::Record(record) = log.read(position).advance().unwrap() else {
            panic!("nothing at {position}");
        };
        assert_eq!(record.position, position);
        for item in headwater_collector::read::items(&record) {
            if item.verdict.is_accepted() {
                ids.push(
                    item.event
                        .get("messageId")
                        .unwrap()
                        .as_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    ids
}

fn later() -> Millis {
    Millis(LATER)
}

/// Writes the ids of all sealed segments; how many.
fn index(log: &mut Committer) -> usize {
    let mut built = 0;
    while let Some(job) = log.ids_job() {
        log.adopt_ids(job.run()).unwrap();
        built += 1;
    }
    built
}

#[test]
fn every_event_is_found_by_its_id_hot_archived_and_without_an_index() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 300);
    // One that came without an id of its own.
    let mut nameless = crate::faults::entry(&log, &[900], 7);
    nameless.events[0].verdict = Verdict::AcceptedWithoutId;
    nameless.body = bytes::Bytes::from(
        String::from_utf8(nameless.body.to_vec())
            .unwrap()
            .replace(r#""messageId":"900""#, r#""other":"abcdefg""#),
    );
    nameless.events[0].len = nameless.body.len() as u32 - nameless.events[0].offset - 2;
    log.commit(Millis(7), vec![nameless]).unwrap();
    for id in 300..400 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    let options = LogOptions {
        hot_ms: None,
        ..archiving()
    };
    let read = |disk: &FaultyDisk, indexed: bool| {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let (log, _) = EmbeddedLog::open(disk, options.clone(), later).unwrap();
        for id in 0..400_u32 {
            assert_eq!(
                leads_to(&log, &id.to_string()),
                [id.to_string()],
                "indexed {indexed}"
            );
        }
        assert!(log.find("400").unwrap().is_empty());
        assert!(log.find("hw-7-zz-0").unwrap().len() <= 1);
        let mut reader = log.read(Position(0));
        let given = loop {
            let Next::Record(record) = reader.advance().unwrap() else {
                panic!("the record without an id is there");
            };
            if record.head.received == Millis(7) {
                let item = headwater_collector::read::items(&record).next().unwrap();
                break item
                    .event
                    .get("messageId")
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned();
            }
        };
        assert!(given.starts_with("hw-"), "{given}");
        assert_eq!(leads_to(&log, &given), [given]);
    };
    archive(&mut log, LATER).unwrap();
    drop(log);
    read(&disk, false);
    let mut log = open(Arc::new(disk.clone()), LATER);
    let built = index(&mut log);
    drop(log);
    let sealed = files(&disk, "/data/archive").len();
    assert!(
        built <= sealed && files(&disk, "/data/ids").len() >= sealed,
        "{built} {sealed}"
    );
    read(&disk, true);
    for path in files(&disk, "/data/ids") {
        disk.edit(&path, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
    }
    read(&disk, false);
}

#[test]
fn a_deleted_users_events_leave_the_archive_and_what_is_left_goes_back_into_it() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk, 300);
    let hot = files(&disk, "/data/log").len();
    archive(&mut log, LATER).unwrap();
    // All events of these tests are this user's.
    log.redact(Millis(LATER), "u", Rewriting::AtOnce).unwrap();
    assert_eq!(stored(&disk), [0_u32; 0]);
    while let Some(job) = log.rewrite_job(Millis(LATER)).unwrap() {
        assert!(log.archive_job(Millis(LATER)).is_none(), "one or the other");
        log.adopt_rewritten(job.run()).unwrap();
    }
    assert!(files(&disk, "/data/archive").is_empty());
    let rest = files(&disk, "/data/log");
    assert!(rest.len() >= hot, "{rest:?}");
    for path in rest {
        let bytes = disk.contents(&path).unwrap();
        assert!(
            !bytes.windows(6).any(|window| window == b"userId"),
            "{path:?}"
        );
    }
    assert!(archive(&mut log, LATER).unwrap() > 0);
    assert_eq!(stored(&disk), [0_u32; 0]);
    let again = accepted(&mut log, &[7], LATER).unwrap();
    assert_eq!(again, 0, "messageIds stay claimed");
}
