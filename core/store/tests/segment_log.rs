//! The segment log on a disk that fails on request, and on a real one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_store::disk::{Disk, FaultyDisk};
use headwater_store::testing::{body, verify};
use headwater_store::{Opened, SegmentOptions, StoreError, open_segment_log, open_segment_log_on};

const SIZE: usize = 660;

fn dir() -> &'static Path {
    Path::new("/queue")
}

fn open(disk: &FaultyDisk) -> Opened {
    open_segment_log_on(Arc::new(disk.clone()), dir(), SegmentOptions::default()).unwrap()
}

fn fill(opened: &mut Opened, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
    }
}

fn sync(opened: &mut Opened) {
    opened.store.sync_point().unwrap().wait().unwrap();
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    disk.files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect()
}

#[test]
fn a_drained_backlog_gives_its_space_back_at_once() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=10_000);
    assert!(disk.used() > 6_600_000);
    for seq in 1..=10_000 {
        opened.store.forget(&[seq]).unwrap();
    }
    assert!(disk.used() < 200_000, "{} bytes stay", disk.used());
    // And one byte by which the openings are counted.
    assert_eq!(opened.store.stats().disk_bytes + 1, disk.used());
    drop(opened);
    assert_eq!(open(&disk).next_seq, 10_001);
}

#[test]
fn one_event_that_stays_does_not_keep_the_rest_on_the_disk() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=3);
    for seq in 4..=20_000u64 {
        fill(&mut opened, seq..=seq);
        opened.store.forget(&[seq]).unwrap();
        // As a host does every 250 ms: what was moved is removed once its copy is durable.
        if seq % 100 == 0 {
            sync(&mut opened);
        }
        assert!(
            disk.used() < 2_000_000,
            "{} bytes at event {seq}",
            disk.used()
        );
    }
    assert_eq!(verify_live(&mut opened, &[1, 2, 3]), 3);
    drop(opened);
    let mut opened = open(&disk);
    assert_eq!(verify(&mut opened, SIZE), [1, 2, 3]);
    opened.store.forget(&[2]).unwrap();
    drop(opened);
    assert_eq!(verify(&mut open(&disk), SIZE), [1, 3]);
}

fn verify_live(opened: &mut Opened, seqs: &[u64]) -> usize {
    let mut out = Vec::new();
    for seq in seqs {
        out.clear();
        assert!(opened.store.read(*seq, &mut out).unwrap());
        assert_eq!(out, body(*seq, SIZE));
    }
    seqs.len()
}

#[test]
fn a_full_disk_in_mid_append_leaves_a_good_log_that_works_again_with_room() {
    for spare in 0..800 {
        let disk = FaultyDisk::new();
        let mut opened = open(&disk);
        fill(&mut opened, 1..=3);
        disk.set_capacity(Some(disk.used() + spare));
        let result = opened.store.append(4, 0, &body(4, SIZE));
        let fits = spare >= 685;
        assert_eq!(result.is_ok(), fits, "{spare} bytes to spare");
        if let Err(error) = result {
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
        }
        disk.set_capacity(None);
        fill(&mut opened, 4 + u64::from(fits)..=5);
        drop(opened);
        let mut opened = open(&disk);
        assert!(opened.recovery.is_clean(), "{:?}", opened.recovery);
        assert_eq!(verify(&mut opened, SIZE), [1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_full_disk_in_mid_roll_leaves_a_good_log_that_works_again_with_room() {
    for spare in 0..40 {
        let disk = FaultyDisk::new();
        let mut opened = open(&disk);
        let mut seq = 1;
        while segments(&disk).len() == 1 {
            // Stop one short of the roll.
            if disk.used() + 685 > 256 * 1024 {
                break;
            }
            fill(&mut opened, seq..=seq);
            seq += 1;
        }
        disk.set_capacity(Some(disk.used() + spare));
        for _ in 0..3 {
            assert!(matches!(
                opened.store.append(seq, 0, &body(seq, SIZE)),
                Err(StoreError::Full { .. })
            ));
        }
        disk.set_capacity(None);
        fill(&mut opened, seq..=seq + 5);
        drop(opened);
        let mut opened = open(&disk);
        assert!(opened.recovery.is_clean(), "{:?}", opened.recovery);
        assert_eq!(verify(&mut opened, SIZE), (1..=seq + 5).collect::<Vec<_>>());
    }
}

#[test]
fn forgetting_makes_room_on_a_full_disk() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=1000);
    disk.set_capacity(Some(disk.used()));
    assert!(matches!(
        opened.store.append(1001, 0, &body(1001, SIZE)),
        Err(StoreError::Full { .. })
    ));
    opened.store.forget(&[500]).unwrap();
    opened.store.forget(&(1..=400).collect::<Vec<_>>()).unwrap();
    fill(&mut opened, 1001..=1100);
    sync(&mut opened);
    drop(opened);
    let expected: Vec<u64> = (401..=1100).filter(|seq| *seq != 500).collect();
    assert_eq!(verify(&mut open(&disk), SIZE), expected);
}

#[test]
fn an_existing_log_opens_and_drains_and_syncs_on_a_full_disk() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=1000);
    drop(opened);
    disk.set_capacity(Some(disk.used()));
    let mut opened = open(&disk);
    assert_eq!(verify(&mut opened, SIZE).len(), 1000);
    opened.store.forget(&[7]).unwrap();
    sync(&mut opened);
    disk.crash(1);
    drop(opened);
    let mut opened = open(&disk);
    assert_eq!(
        opened.events.len(),
        1000,
        "the note had no room; the event comes back and is not lost"
    );
    opened
        .store
        .forget(&(1..=1000).collect::<Vec<_>>())
        .unwrap();
    fill(&mut opened, 1001..=1100);
    assert_eq!(opened.store.stats().events, 100);
}

#[test]
fn a_failed_write_is_cut_off_even_when_the_cutting_fails_first() {
    for fail_truncates in [0, 1, 2] {
        let disk = FaultyDisk::new();
        let mut opened = open(&disk);
        fill(&mut opened, 1..=3);
        disk.fail_writes(1);
        disk.fail_truncates(fail_truncates);
        assert!(matches!(
            opened.store.append(4, 0, &body(4, SIZE)),
            Err(StoreError::Io { .. })
        ));
        fill(&mut opened, 4..=6);
        assert_eq!(verify_live(&mut opened, &[1, 2, 3, 4, 5, 6]), 6);
        drop(opened);
        assert_eq!(verify(&mut open(&disk), SIZE), [1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn what_was_synced_survives_a_power_cut_and_what_was_not_is_whole_or_gone() {
    for seed in 0..300 {
        let disk = FaultyDisk::new();
        let mut opened = open(&disk);
        fill(&mut opened, 1..=900);
        opened.store.forget(&(1..=450).collect::<Vec<_>>()).unwrap();
        opened.store.save_state("identity", b"old").unwrap();
        sync(&mut opened);
        fill(&mut opened, 901..=1900);
        disk.crash(seed);
        assert!(
            opened.store.append(1901, 0, b"x").is_err(),
            "a file from before the crash is dead"
        );
        drop(opened);
        let mut opened = open(&disk);
        let live = verify(&mut opened, SIZE);
        assert!((451..=900).all(|seq| live.contains(&seq)), "seed {seed}");
        assert!(
            live.iter().all(|seq| *seq > 450),
            "seed {seed}: a synced forget came undone"
        );
        assert_eq!(
            opened.store.load_state("identity").unwrap().as_deref(),
            Some(b"old".as_slice())
        );
        let next = opened.next_seq;
        fill(&mut opened, next..=next + 500);
        drop(opened);
        assert!(open(&disk).recovery.is_clean());
    }
}

#[test]
fn a_failed_sync_is_owed_to_the_next_one() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=1000);
    disk.fail_syncs(1);
    assert!(opened.store.sync_point().unwrap().wait().is_err());
    assert!(!opened.store.sync_point().unwrap().is_done());
    sync(&mut opened);
    assert!(opened.store.sync_point().unwrap().is_done());
    disk.crash(0);
    drop(opened);
    assert_eq!(open(&disk).events.len(), 1000);
}

#[test]
fn a_point_taken_while_another_waits_covers_the_same_writes() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=10);
    let slow = Arc::new(AtomicBool::new(true));
    let gate = Arc::clone(&slow);
    disk.on_sync(move || {
        while gate.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    });
    let first = opened.store.sync_point().unwrap();
    let waiting = std::thread::spawn(move || first.wait());
    // Nothing was written in between, and still it is not durable yet.
    assert!(!opened.store.sync_point().unwrap().is_done());
    // The store is free while the disk works.
    fill(&mut opened, 11..=20);
    slow.store(false, Ordering::Release);
    waiting.join().unwrap().unwrap();
    sync(&mut opened);
    assert!(opened.store.sync_point().unwrap().is_done());
}

#[test]
fn a_file_of_another_version_is_set_aside_and_never_deleted() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=1000);
    opened.store.save_state("identity", b"me").unwrap();
    drop(opened);
    let foreign = headwater_store::frame::file_header(*b"HWQUEUE", 9);
    let middle = segments(&disk)[1].clone();
    disk.edit(&middle, |bytes| bytes[..12].copy_from_slice(&foreign));
    let before = disk.used();
    let mut opened = open(&disk);
    let name = middle.file_name().unwrap().to_str().unwrap();
    assert_eq!(opened.recovery.set_aside, [format!("{name}.unknown-v9")]);
    let live = verify(&mut opened, SIZE);
    assert!(live.len() < 1000 && live.len() > 500);
    assert_eq!(opened.next_seq, 1001);
    assert!(disk.used() >= before, "nothing was deleted");
    opened.store.clear().unwrap();
    drop(opened);
    // A second such file of the same name does not replace the first.
    Disk::create(&disk, &middle)
        .unwrap()
        .append(&foreign)
        .unwrap();
    let opened = open(&disk);
    assert_eq!(opened.recovery.set_aside, [format!("{name}.unknown-v9.2")]);
}

#[test]
fn a_log_whose_only_file_is_of_another_version_starts_anew_above_it() {
    let disk = FaultyDisk::new();
    drop(open(&disk));
    let only = segments(&disk)[0].clone();
    disk.edit(&only, |bytes| {
        bytes.copy_from_slice(&headwater_store::frame::file_header(*b"HWQUEUE", 2));
    });
    let mut opened = open(&disk);
    assert_eq!(opened.recovery.set_aside.len(), 1);
    let next = opened.next_seq;
    fill(&mut opened, next..=next + 2);
    drop(opened);
    assert_eq!(open(&disk).events.len(), 3);
}

#[test]
fn a_damaged_header_costs_no_event() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=1000);
    drop(opened);
    for path in segments(&disk) {
        disk.edit(&path, |bytes| bytes[7] ^= 0x40);
    }
    let mut opened = open(&disk);
    assert_eq!(verify(&mut opened, SIZE).len(), 1000);
    fill(&mut opened, 1001..=1002);
    drop(opened);
    assert_eq!(verify(&mut open(&disk), SIZE).len(), 1002);
}

#[test]
fn a_damaged_state_is_absent_and_reported_and_kept_for_a_look() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    opened.store.save_state("identity", b"me").unwrap();
    opened.store.save_state("retry", b"later").unwrap();
    drop(opened);
    disk.edit(&dir().join("identity.state"), |bytes| bytes[22] ^= 1);
    let mut opened = open(&disk);
    assert_eq!(opened.recovery.set_aside, ["identity.state.damaged"]);
    assert_eq!(opened.store.load_state("identity").unwrap(), None);
    assert_eq!(
        opened.store.load_state("retry").unwrap().as_deref(),
        Some(b"later".as_slice())
    );
    opened.store.save_state("identity", b"new").unwrap();
    drop(opened);
    let mut opened = open(&disk);
    assert!(opened.recovery.is_clean());
    assert_eq!(
        opened.store.load_state("identity").unwrap().as_deref(),
        Some(b"new".as_slice())
    );
}

#[test]
fn an_event_damaged_while_the_store_is_open_is_a_typed_error() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=3);
    disk.edit(&segments(&disk)[0], |bytes| bytes[12 + 685 + 100] ^= 1);
    let mut out = b"kept".to_vec();
    assert!(matches!(
        opened.store.read(2, &mut out),
        Err(StoreError::Corrupt { seq: 2 })
    ));
    assert_eq!(out, b"kept");
    assert_eq!(verify_live(&mut opened, &[1, 3]), 2);
}

#[test]
fn any_bytes_in_any_file_open_without_a_panic() {
    let mut random = 0x1234_5678_9abc_def0u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..300 {
        let disk = FaultyDisk::new();
        let mut opened = open(&disk);
        fill(&mut opened, 1..=800);
        opened
            .store
            .forget(&(1..=100).chain(300..=310).collect::<Vec<_>>())
            .unwrap();
        opened.store.save_state("identity", b"me").unwrap();
        drop(opened);
        for path in disk.files() {
            let (at, len, fill) = (next() as usize, next() as usize % 5000, next());
            disk.edit(&path, |bytes| {
                let end = bytes.len();
                let at = at % (end + 1);
                for byte in &mut bytes[at..end.min(at + len)] {
                    *byte = if fill % 3 == 0 {
                        0
                    } else {
                        (next() >> 20) as u8
                    };
                }
                if fill % 5 == 0 {
                    bytes.truncate(at);
                }
            });
        }
        let mut opened = open(&disk);
        verify(&mut opened, SIZE);
        let next = opened.next_seq;
        fill(&mut opened, next..=next + 400);
    }
}

#[test]
fn a_directory_in_use_or_out_of_reach_is_a_typed_error() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    let second = open_segment_log(dir.path(), SegmentOptions::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    drop(first);
    open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let error = open_segment_log(&file.join("queue"), SegmentOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_state_saved_without_waiting_survives_the_process_and_needs_no_sync_for_it() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    opened.store.save_state("identity", b"old").unwrap();
    let syncs = disk.syncs();
    opened.store.save_state_soon("identity", b"newer").unwrap();
    opened.store.save_state_soon("identity", b"newest").unwrap();
    assert_eq!(disk.syncs(), syncs);
    assert_eq!(
        opened.store.load_state("identity").unwrap().as_deref(),
        Some(b"newest".as_slice())
    );
    drop(opened);
    let mut opened = open(&disk);
    assert!(opened.recovery.is_clean());
    assert_eq!(
        opened.store.load_state("identity").unwrap().as_deref(),
        Some(b"newest".as_slice())
    );
    opened.store.save_state_soon("identity", b"synced").unwrap();
    sync(&mut opened);
    disk.crash(1);
    drop(opened);
    assert_eq!(
        open(&disk).store.load_state("identity").unwrap().as_deref(),
        Some(b"synced".as_slice())
    );
    let files = disk.files();
    assert!(
        files
            .iter()
            .all(|path| !path.to_string_lossy().ends_with(".new")),
        "{files:?}"
    );
}

#[test]
fn a_torn_state_leaves_the_one_before_it() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    opened.store.save_state("identity", b"old").unwrap();
    opened.store.save_state_soon("identity", b"kept").unwrap();
    opened.store.save_state_soon("identity", b"torn").unwrap();
    drop(opened);
    disk.edit(&dir().join("identity.state.3.new"), |bytes| {
        bytes.truncate(20);
    });
    let mut opened = open(&disk);
    assert_eq!(
        opened.store.load_state("identity").unwrap().as_deref(),
        Some(b"kept".as_slice())
    );
    assert_eq!(opened.recovery.torn_bytes, 20);
}

#[test]
fn a_state_that_must_be_durable_overtakes_one_that_waits() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    opened.store.save_state_soon("consent", b"first").unwrap();
    let point = opened.store.sync_point().unwrap();
    opened.store.save_state("consent", b"second").unwrap();
    point.wait().unwrap();
    disk.crash(3);
    drop(opened);
    assert_eq!(
        open(&disk).store.load_state("consent").unwrap().as_deref(),
        Some(b"second".as_slice())
    );
}

#[cfg(unix)]
#[test]
fn the_files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    opened.store.save_state("identity", b"me").unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        assert_eq!(
            entry.unwrap().metadata().unwrap().permissions().mode() & 0o077,
            0
        );
    }
}

#[test]
fn a_store_that_let_go_is_taken_up_again_by_the_next_write() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=3);
    assert!(opened.store.release().unwrap());
    // Free for another, who is not asked for here.
    assert!(disk.lock(&dir().join("lock")).unwrap().is_some());
    opened.store.forget(&[2]).unwrap();
    let mut out = Vec::new();
    assert!(opened.store.read(1, &mut out).unwrap());
    assert!(disk.lock(&dir().join("lock")).unwrap().is_some());
    fill(&mut opened, 4..=4);
    assert!(disk.lock(&dir().join("lock")).unwrap().is_none());
    sync(&mut opened);
    drop(opened);
    let seqs: Vec<u64> = open(&disk).events.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 3, 4]);
}

#[test]
fn what_was_written_before_a_store_let_go_survives_a_power_cut() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    fill(&mut opened, 1..=3);
    opened.store.save_state_soon("identity", b"me").unwrap();
    opened.store.release().unwrap();
    disk.crash(7);
    let mut opened = open(&disk);
    assert_eq!(opened.events.len(), 3);
    assert_eq!(opened.store.load_state("identity").unwrap().unwrap(), b"me");
}

#[test]
fn a_store_that_let_go_writes_nothing_while_or_after_another_has_the_directory() {
    let disk = FaultyDisk::new();
    let mut first = open(&disk);
    fill(&mut first, 1..=3);
    first.store.release().unwrap();
    let mut second = open(&disk);
    let refused = first.store.append(4, 0, &body(4, SIZE)).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    second.store.forget(&[1, 2]).unwrap();
    fill(&mut second, 4..=4);
    drop(second);
    for _ in 0..2 {
        let refused = first.store.append(4, 0, &body(4, SIZE)).unwrap_err();
        let superseded = matches!(refused, StoreError::Superseded { .. });
        assert!(superseded, "{refused}");
    }
    assert!(first.store.save_state("identity", b"x").is_err());
    assert!(first.store.clear().is_err());
    first.store.forget(&[3]).unwrap();
    drop(first);
    let seqs: Vec<u64> = open(&disk).events.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [3, 4]);
}

/// Room that was found ahead is no length and no event: what opens is what was appended.
#[cfg(target_os = "linux")]
#[test]
fn a_busy_segment_has_its_room_before_its_events_and_a_full_or_drained_one_gives_back_what_it_did_not_need()
 {
    use std::os::unix::fs::MetadataExt;

    let blocks = |dir: &Path| -> u64 {
        let files = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        files
            .map(|file| file.metadata().unwrap().blocks() * 512)
            .sum()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    fill(&mut opened, 1..=3);
    assert!(blocks(dir.path()) < 64 * 1024, "a small queue takes little");
    fill(&mut opened, 4..=20);
    assert!(blocks(dir.path()) >= 256 * 1024, "a busy one has room");
    assert!(opened.store.stats().disk_bytes < 20_000);
    drop(opened);

    let mut opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    assert_eq!(verify_live(&mut opened, &(1..=20).collect::<Vec<_>>()), 20);
    // A large one that does not fit ends the segment early.
    opened.store.append(21, 0, &body(21, 250_000)).unwrap();
    assert!(blocks(dir.path()) < 300 * 1024, "{}", blocks(dir.path()));
    sync(&mut opened);
    opened.store.forget(&(1..=21).collect::<Vec<_>>()).unwrap();
    assert!(blocks(dir.path()) < 64 * 1024, "{}", blocks(dir.path()));
    drop(opened);
    let opened = open_segment_log(dir.path(), SegmentOptions::default()).unwrap();
    assert_eq!((opened.events.len(), opened.next_seq), (0, 22));
}
