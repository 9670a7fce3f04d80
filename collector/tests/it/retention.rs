//! What retention removes: segments whose own records say that they are old, and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use headwater_collector::log::{Committer, EmbeddedLog, EventLog, LogOptions, Moment};
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, FaultyDisk, RealDisk};
use headwater_store::frame::{FILE_HEADER, HEADER};

use crate::faults::{HOUR, accepted, entry, entry_by, options, stored};

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
    for hour in 60..100 {
        log.sweep(Millis(hour * HOUR)).unwrap();
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
    for hour in 60..100 {
        log.sweep(Millis(hour * HOUR)).unwrap();
    }
    let left = segments(&disk);
    assert_eq!(left[0], first);
    let stored = stored(&disk);
    assert!((0..60).all(|id| !stored.contains(&id)), "{stored:?}");
    assert!((100..200).all(|id| stored.contains(&id)));
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_795_428_000_000;

/// A log that is written while somebody sets the wall clock; the steady one begins anew with each process.
struct Life {
    disk: FaultyDisk,
    log: Option<Committer>,
    wall: i64,
    steady: i64,
    /// Each id, and when it was stored by a clock that nobody sets.
    ids: Vec<(u32, i64)>,
    passed: i64,
}

fn moment(wall: i64, steady: i64) -> Moment {
    Moment {
        wall: Millis(wall),
        steady: Duration::from_millis(steady as u64),
    }
}

fn reopen(disk: &FaultyDisk, wall: i64) -> Committer {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Committer::open(disk, options(), moment(wall, 0)).unwrap().0
}

impl Life {
    fn new(wall: i64) -> Self {
        let disk = FaultyDisk::new();
        Self {
            log: Some(reopen(&disk, wall)),
            disk,
            wall,
            steady: 0,
            ids: Vec::new(),
            passed: 0,
        }
    }

    fn pass(&mut self, ms: i64) {
        self.wall += ms;
        self.steady += ms;
        self.passed += ms;
    }

    fn commit(&mut self, id: u32) -> u64 {
        let log = self.log.as_mut().unwrap();
        let entry = entry(log, &[id], self.wall);
        let now = moment(self.wall, self.steady);
        log.commit(now, vec![entry]).unwrap()[0].tally().accepted
    }

    /// Stores an event and sweeps each ten minutes.
    fn run(&mut self, ms: i64) {
        for _ in 0..ms / (10 * MINUTE) {
            self.pass(10 * MINUTE);
            let id = self.ids.len() as u32;
            assert_eq!(self.commit(id), 1);
            self.ids.push((id, self.passed));
            self.sweep();
        }
    }

    fn sweep(&mut self) -> u64 {
        let log = self.log.as_mut().unwrap();
        log.sweep(moment(self.wall, self.steady)).unwrap().segments
    }

    fn restart(&mut self) {
        // Its lock goes with it.
        self.log = None;
        self.log = Some(reopen(&self.disk, self.wall));
        self.steady = 0;
    }

    /// Everything of the last 48 hours is there, and everything of the last 24 is known.
    fn check(&mut self, when: &str) {
        let there = stored(&self.disk);
        for (id, at) in self.ids.clone() {
            let age = self.passed - at;
            if age <= 2 * DAY {
                assert!(there.contains(&id), "{when}: {id} is gone after {age} ms");
            }
            if age < DAY {
                assert_eq!(self.commit(id), 0, "{when}: {id} was stored again");
            }
        }
    }
}

#[test]
fn a_clock_that_is_set_ahead_or_back_removes_nothing_and_forgets_nothing() {
    // Before it is believed, and after; for half a minute, and for half a day.
    for (before, jump, during) in [
        (3 * HOUR, 8 * DAY, 33_000),
        (60 * HOUR, 8 * DAY, 33_000),
        (60 * HOUR, 8 * DAY, 5 * HOUR),
        (3 * HOUR, -30 * DAY, 5 * HOUR),
        (60 * HOUR, -30 * DAY, 33_000),
        (60 * HOUR, -30 * DAY, 12 * HOUR),
        (60 * HOUR, 3650 * DAY, 5 * HOUR),
    ] {
        for restart_within in [false, true] {
            let when = format!("set by {jump} ms for {during} ms, {restart_within}");
            let mut life = Life::new(START);
            life.run(before);
            life.wall += jump;
            life.pass(during % (10 * MINUTE));
            life.check(&when);
            if restart_within {
                life.restart();
                life.sweep();
                life.check(&when);
            }
            life.run(during);
            life.check(&when);
            life.wall -= jump;
            life.run(HOUR);
            life.check(&when);
            life.restart();
            life.sweep();
            life.check(&when);
            life.run(30 * HOUR);
            life.check(&when);
        }
    }
}

#[test]
fn a_clock_that_is_wrong_at_start_and_set_right_removes_nothing() {
    let mut life = Life::new(0);
    life.run(HOUR);
    life.wall = START;
    life.run(40 * HOUR);
    life.check("set right");
    life.restart();
    life.run(7 * HOUR);
    life.check("after a restart");
}

#[test]
fn after_a_long_pause_one_sweep_removes_at_most_one_window_of_log() {
    let mut life = Life::new(START);
    life.run(46 * HOUR);
    let before = life.ids.len() as u32;
    life.passed += 10 * DAY;
    life.wall += 10 * DAY;
    life.restart();
    life.run(5 * HOUR);
    assert!(
        stored(&life.disk).contains(&0),
        "not before the clock is believed"
    );
    life.pass(2 * HOUR);
    let mut sweeps = 0;
    let mut oldest = 0;
    while life.sweep() > 0 {
        sweeps += 1;
        let next = stored(&life.disk)[0];
        // An event each ten minutes, and what lies in a segment with its end.
        assert!(next - oldest <= 24 * 6 + 40, "{oldest} to {next}");
        oldest = next;
    }
    assert!(oldest + 40 > before, "{oldest} of {before}");
    assert!(sweeps >= 2);
    life.check("swept");
}

#[test]
fn what_is_old_goes_and_little_more_is_kept() {
    let mut life = Life::new(START);
    life.run(10 * DAY);
    let kept = life.passed - life.ids[stored(&life.disk)[0] as usize].1;
    assert!((2 * DAY..3 * DAY).contains(&kept), "{kept}");
    life.check("always");
}

static WALL: AtomicI64 = AtomicI64::new(START);

#[test]
fn the_running_log_knows_a_retry_also_when_the_clock_has_jumped() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions {
        dir: dir.path().to_owned(),
        ..options()
    };
    let now = || Millis(WALL.load(Ordering::Relaxed));
    let (log, _) = EmbeddedLog::open(Arc::new(RealDisk), options, now).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let accepted = || {
        let entry = entry_by(log.fingerprinter(), &[1], WALL.load(Ordering::Relaxed));
        runtime
            .block_on(log.append(entry))
            .unwrap()
            .tally()
            .accepted
    };
    assert_eq!(accepted(), 1);
    for jump in [8 * DAY, -30 * DAY, 25 * HOUR, 0] {
        WALL.store(START + jump, Ordering::Relaxed);
        assert_eq!(accepted(), 0, "{jump}");
    }
    assert!(
        log.status()
            .last_incident
            .unwrap()
            .contains("the clock was set back by 90000 s")
    );
}
