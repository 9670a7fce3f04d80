//! The log on a disk that fails: what is refused is as if it had never been, and what is accepted stays.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_collector::config::Platform;
use headwater_collector::log::{
    AppendError, Claim, CommitError, Committer, EmbeddedLog, Entry, EventLog, Fingerprinter,
    LogOptions, LogReader, Next, Position, Slot, Verdict,
};
use headwater_collector::sources::KeyTag;
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile, DiskLock, FaultyDisk, Stat};

pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) fn options() -> LogOptions {
    LogOptions {
        dir: PathBuf::from("/data"),
        segment_bytes: 4096,
        retain_ms: Some(48 * HOUR),
        hot_ms: None,
        retain_bytes: None,
        min_free_bytes: 0,
        dedupe_ms: 24 * HOUR,
        dedupe_memory: 100,
        new_key: [7; 16],
        free_space: Arc::new(|| None),
    }
}

fn open(disk: &FaultyDisk, now: i64) -> Committer {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Committer::open(disk, options(), Millis(now)).unwrap().0
}

pub(crate) fn entry(log: &Committer, ids: &[u32], now: i64) -> Entry {
    entry_by(log.fingerprinter(), ids, now)
}

pub(crate) fn entry_by(fingerprinter: &Fingerprinter, ids: &[u32], now: i64) -> Entry {
    let mut body = br#"{"batch":["#.to_vec();
    let mut events = Vec::new();
    let source = fingerprinter.source("s");
    for id in ids {
        if !events.is_empty() {
            body.push(b',');
        }
        let event = format!(r#"{{"type":"page","userId":"u","messageId":"{id}"}}"#);
        events.push(Slot {
            offset: body.len() as u32,
            len: event.len() as u32,
            verdict: Verdict::Accepted,
            claim: source.claim(id.to_string().as_bytes()),
        });
        body.extend_from_slice(event.as_bytes());
    }
    body.extend_from_slice(b"]}");
    Entry {
        received: Millis(now),
        source: "s".into(),
        hops: 0,
        key: KeyTag(0),
        platform: Platform::Auto,
        ip: None,
        implied: None,
        events,
        body: Bytes::from(body),
    }
}

pub(crate) fn accepted(log: &mut Committer, ids: &[u32], now: i64) -> Result<u64, CommitError> {
    let entry = entry(log, ids, now);
    Ok(log.commit(Millis(now), vec![entry])?[0].tally().accepted)
}

/// The ids of all accepted events, in the order of the log.
pub(crate) fn stored(disk: &FaultyDisk) -> Vec<u32> {
    read(Arc::new(disk.clone()))
}

fn read(disk: Arc<dyn Disk>) -> Vec<u32> {
    let mut reader = LogReader::new(disk, Path::new("/data"), Position::default());
    let mut ids = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Next::Record(record) => {
                for item in headwater_collector::read::items(&record) {
                    if item.verdict.is_accepted() {
                        ids.push(
                            item.event
                                .get("messageId")
                                .unwrap()
                                .as_str()
                                .unwrap()
                                .parse()
                                .unwrap(),
                        );
                    }
                }
            }
            Next::Control(_) | Next::Skipped { .. } => {}
            Next::End => return ids,
        }
    }
}

#[test]
fn a_group_that_fails_can_be_sent_again_and_is_stored_once() {
    type Fault = fn(&FaultyDisk);
    let faults: [(&str, Fault); 3] = [
        ("write", |disk| disk.fail_writes(1)),
        ("sync", |disk| disk.fail_syncs(1)),
        ("sync and truncate", |disk| {
            disk.fail_syncs(1);
            disk.fail_truncates(1);
        }),
    ];
    for (name, fault) in faults {
        let disk = FaultyDisk::new();
        let mut log = open(&disk, 0);
        assert_eq!(accepted(&mut log, &[1, 2], 0).unwrap(), 2);
        fault(&disk);
        assert!(accepted(&mut log, &[2, 3], 0).is_err(), "{name}");
        assert_eq!(accepted(&mut log, &[2, 3], 0).unwrap(), 1, "{name}");
        assert_eq!(stored(&disk), [1, 2, 3], "{name}");
        drop(log);
        let mut log = open(&disk, 0);
        assert_eq!(accepted(&mut log, &[1, 2, 3], 0).unwrap(), 0, "{name}");
    }
}

#[test]
fn a_full_disk_refuses_and_recovers_when_there_is_room() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    assert_eq!(accepted(&mut log, &[1], 0).unwrap(), 1);
    disk.set_capacity(Some(disk.used() + 40));
    for _ in 0..3 {
        assert!(accepted(&mut log, &[2, 3, 4], 0).is_err());
    }
    disk.set_capacity(None);
    assert_eq!(accepted(&mut log, &[2, 3, 4], 0).unwrap(), 3);
    assert_eq!(stored(&disk), [1, 2, 3, 4]);
}

#[test]
fn a_full_disk_with_a_damaged_last_segment_is_opened_read_and_refuses_until_there_is_room() {
    // Room for nothing, and for parts of a segment's header and of a copy of what is damaged.
    for spare in [0, 1, 5] {
        let disk = FaultyDisk::new();
        let mut log = open(&disk, 0);
        assert_eq!(accepted(&mut log, &[1, 2], 0).unwrap(), 2);
        assert_eq!(accepted(&mut log, &[3], 0).unwrap(), 1);
        let end = log.extent().end;
        drop(log);
        let segment = Path::new("/data/log/00000000000000000000.log");
        assert!(disk.edit(segment, |bytes| *bytes.last_mut().unwrap() ^= 1));
        disk.set_capacity(Some(disk.used() + spare));
        // An earlier start may have left the beginning of a segment.
        for _ in 0..3 {
            let (mut log, recovery) =
                Committer::open(Arc::new(disk.clone()), options(), Millis(0)).unwrap();
            assert_eq!(recovery.damage.len(), 1);
            assert_eq!(log.extent().end, end);
            let refused = accepted(&mut log, &[1, 3, 4], 0).unwrap_err();
            assert!(
                matches!(&refused, CommitError::Io(error) if error.kind() == io::ErrorKind::StorageFull),
                "{refused}"
            );
            assert!(log.look().is_err());
            assert_eq!(stored(&disk), [1, 2]);
            let halves = |path: &PathBuf| path.to_string_lossy().ends_with(".damaged");
            assert!(!disk.files().iter().any(halves), "half a copy takes room");
        }
        let mut log = open(&disk, 0);
        disk.set_capacity(None);
        log.look().unwrap();
        assert_eq!(accepted(&mut log, &[1, 3, 4], 0).unwrap(), 2);
        assert_eq!(stored(&disk), [1, 2, 3, 4]);
        drop(log);
        let mut log = open(&disk, 0);
        assert_eq!(accepted(&mut log, &[1, 2, 3, 4], 0).unwrap(), 0);
    }
}

#[test]
fn a_log_that_has_no_room_for_its_next_segment_is_not_ready_from_the_start() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    assert_eq!(accepted(&mut log, &[1, 2], 0).unwrap(), 2);
    drop(log);
    let segment = Path::new("/data/log/00000000000000000000.log");
    assert!(disk.edit(segment, |bytes| *bytes.last_mut().unwrap() ^= 1));
    disk.set_capacity(Some(disk.used()));
    let (log, _) = EmbeddedLog::open(Arc::new(disk.clone()), options(), || Millis(0)).unwrap();
    assert_eq!(log.status().failing, Some(AppendError::Full));
    disk.set_capacity(None);
    let soon = Instant::now() + Duration::from_secs(20);
    while log.status().failing.is_some() {
        assert!(Instant::now() < soon, "it looks again each second");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_reserve_of_free_space_is_kept() {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new());
    let options = LogOptions {
        min_free_bytes: 100,
        free_space: Arc::new(|| Some(99)),
        ..options()
    };
    let mut log = Committer::open(disk, options, Millis(0)).unwrap().0;
    assert!(matches!(
        accepted(&mut log, &[1], 0),
        Err(CommitError::LowSpace { free: 99 })
    ));
}

#[test]
fn crashes_at_any_moment_keep_what_was_acknowledged_once() {
    for seed in 0..200 {
        let disk = FaultyDisk::new();
        let mut acked: Vec<u32> = Vec::new();
        let mut next = 0;
        for life in 0..6 {
            let mut log = open(&disk, life);
            // What may or may not have survived the crash is sent again, as its sender would.
            let first = next.max(3) - 3;
            for start in first..first + 20 {
                let ids = [start, start + 1];
                if (u64::from(start) + seed) % 7 == 0 {
                    disk.fail_syncs(1);
                }
                if accepted(&mut log, &ids, life).is_ok() {
                    acked.extend(ids);
                    next = start + 2;
                }
            }
            drop(log);
            disk.crash(seed * 31 + life as u64);
        }
        let found = stored(&disk);
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), found.len(), "seed {seed}: doubled");
        assert!(
            acked.iter().all(|id| once.binary_search(id).is_ok()),
            "seed {seed}: lost"
        );
    }
}

#[test]
fn old_segments_go_and_their_positions_are_never_used_again() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    for id in 0..200 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    let end = log.extent().end;
    assert!(log.sweep(Millis(HOUR)).unwrap().segments == 0);
    // No record says yet that so much time has passed.
    assert!(log.sweep(Millis(49 * HOUR)).unwrap().segments == 0);
    accepted(&mut log, &[1000], 49 * HOUR).unwrap();
    let swept = log.sweep(Millis(49 * HOUR)).unwrap();
    assert!(swept.segments > 3 && log.extent().start > Position(0));
    assert!(log.extent().end > end);
    let ids = stored(&disk);
    assert_eq!(ids.last(), Some(&1000));
    assert!(ids.len() < 200);
}

#[test]
fn a_duplicate_within_one_group_is_told_with_its_first_copy() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    let group = vec![
        entry(&log, &[1, 1, 2], 0),
        entry(&log, &[2, 3], 0),
        entry(&log, &[3], 0),
    ];
    let receipts = log.commit(Millis(0), group).unwrap();
    let told: Vec<_> = receipts
        .iter()
        .map(|receipt| (receipt.tally().accepted, receipt.tally().duplicates))
        .collect();
    assert_eq!(told, [(2, 1), (1, 1), (0, 1)]);
    assert!(
        receipts[2].position.is_none(),
        "a pure retry is not written"
    );
    assert_ne!(receipts[0].events[0].claim, Claim::default());
    assert_eq!(stored(&disk), [1, 2, 3]);
}

/// A disk on which somebody removes `victim` between its being listed and its being opened.
#[derive(Debug)]
struct Removing {
    disk: FaultyDisk,
    victim: std::sync::Mutex<Option<PathBuf>>,
}

impl Disk for Removing {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut victim = self.victim.lock().unwrap();
        if victim.as_deref() == Some(path) {
            *victim = None;
            self.disk.remove(path)?;
        }
        self.disk.open(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.disk.stat(path)
    }
    fn lock_dir(&self, dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.disk.lock_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.disk.lock(path)
    }
}

#[test]
fn a_reader_whose_segment_retention_removes_first_reads_on_in_the_next() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    for id in 0..200 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    let all = stored(&disk);
    let oldest = PathBuf::from("/data/log/00000000000000000000.log");
    let removing = Removing {
        disk: disk.clone(),
        victim: std::sync::Mutex::new(Some(oldest)),
    };
    let read = read(Arc::new(removing));
    let left = stored(&disk);
    assert!(left.len() < all.len() && left.len() > 100, "{}", left.len());
    assert_eq!(read, left);
}

#[test]
fn a_reader_that_holds_a_removed_segment_reads_on_in_the_one_that_follows() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, 0);
    let mut reader = LogReader::new(
        Arc::new(disk.clone()),
        Path::new("/data"),
        Position::default(),
    );
    let mut records = 0;
    let mut read_all = |log: &Committer, expected: u64| {
        while let Next::Record(_) = reader.advance().unwrap() {
            records += 1;
        }
        assert_eq!((records, reader.position()), (expected, log.extent().end));
    };
    for id in 0..5 {
        accepted(&mut log, &[id], 0).unwrap();
    }
    read_all(&log, 5);
    for round in 1..4 {
        let active = disk
            .files()
            .into_iter()
            .filter(|path| path.starts_with("/data/log"));
        disk.remove(&active.max().unwrap()).unwrap();
        for id in 0..5 {
            accepted(&mut log, &[round * 5 + id], 0).unwrap();
        }
        read_all(&log, u64::from(round + 1) * 5);
    }
    assert_eq!(stored(&disk), (0..20).collect::<Vec<_>>());
}

/// A request as an SDK sends it, of some twenty events with context.
pub(crate) fn event_like(fingerprinter: &Fingerprinter, number: u64) -> Entry {
    let source = fingerprinter.source("s");
    let mut body = br#"{"batch":["#.to_vec();
    let mut events = Vec::new();
    for n in 0..20 {
        if n > 0 {
            body.push(b',');
        }
        let id = format!("{:016x}-{n}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let event = format!(
            r#"{{"type":"track","event":"Product Viewed","userId":"user-{}","messageId":"{id}","timestamp":"2026-11-29T17:{:02}:{:02}.123Z","properties":{{"sku":"SKU-{}","price":{},"currency":"EUR"}},"context":{{"library":{{"name":"analytics-node","version":"2.1.0"}},"locale":"de-DE","page":{{"path":"/p/{}","title":"Product"}}}}}}"#,
            number % 9973,
            number % 60,
            n,
            number.wrapping_mul(31) % 100_003,
            number % 500,
            number % 1000,
        );
        events.push(Slot {
            offset: body.len() as u32,
            len: event.len() as u32,
            verdict: Verdict::Accepted,
            claim: source.claim(id.as_bytes()),
        });
        body.extend_from_slice(event.as_bytes());
    }
    body.extend_from_slice(b"]}");
    Entry {
        received: Millis(0),
        source: "s".into(),
        hops: 0,
        key: KeyTag(0),
        platform: Platform::Auto,
        ip: None,
        implied: None,
        events,
        body: Bytes::from(body),
    }
}
