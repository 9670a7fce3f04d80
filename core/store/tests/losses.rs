//! What is lost is told with its exact count, once.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::{Disk, FaultyDisk};
use headwater_store::testing::{body, verify};
use headwater_store::{Opened, SegmentOptions, open_segment_log_on};

const SIZE: usize = 660;
/// Bytes of one event on the disk.
const FRAME: usize = 9 + 16 + SIZE;

fn open(disk: &FaultyDisk) -> Opened {
    let disk = Arc::new(disk.clone());
    open_segment_log_on(disk, Path::new("/queue"), SegmentOptions::default()).unwrap()
}

fn filled(events: u64) -> FaultyDisk {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    for seq in 1..=events {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
    }
    disk
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    let files = disk.files().into_iter();
    files
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect()
}

/// Opens it, expects this loss to be told, and that it is told at no later opening.
fn lost(disk: &FaultyDisk, count: u64) {
    let mut opened = open(disk);
    assert_eq!(opened.recovery.lost_events, count, "{:?}", opened.recovery);
    let live = verify(&mut opened, SIZE).len() as u64;
    let next = opened.next_seq;
    opened.store.append(next, 0, &body(next, SIZE)).unwrap();
    opened.store.sync_point().unwrap().wait().unwrap();
    drop(opened);
    let mut opened = open(disk);
    assert!(opened.recovery.is_clean(), "{:?}", opened.recovery);
    assert_eq!(verify(&mut opened, SIZE).len() as u64, live + 1);
}

#[test]
fn a_sealed_segment_that_was_cut_is_told_with_the_exact_count_of_its_events() {
    for (cut, count) in [
        (12, 382),
        (0, 382),
        (12 + FRAME, 381),
        (12 + 100 * FRAME + 7, 282),
        (12 + 300 * FRAME, 82),
    ] {
        let disk = filled(3000);
        disk.edit(&segments(&disk)[2], |bytes| bytes.truncate(cut));
        lost(&disk, count);
    }
}

#[test]
fn noise_over_two_records_is_told_as_two() {
    for file in [0, 3, 7] {
        let disk = filled(3000);
        disk.edit(&segments(&disk)[file], |bytes| {
            let from = 12 + 20 * FRAME + 300;
            bytes[from..from + FRAME].fill(0xa7);
        });
        lost(&disk, 2);
    }
}

#[test]
fn a_segment_that_is_gone_is_told_with_the_exact_count_of_its_events() {
    let disk = filled(3000);
    disk.remove(&segments(&disk)[4]).unwrap();
    lost(&disk, 382);
}

#[test]
fn a_segment_that_is_set_aside_is_told_with_the_exact_count_of_its_events() {
    let disk = filled(3000);
    disk.edit(&segments(&disk)[4], |bytes| bytes.fill(0x55));
    let opened = open(&disk);
    assert_eq!(opened.recovery.set_aside.len(), 1);
    assert_eq!(opened.recovery.lost_events, 382);
}

#[test]
fn the_last_event_is_told_when_any_of_its_bits_but_those_of_its_number_was_hit() {
    let disk = filled(400);
    let last = segments(&disk).pop().unwrap();
    let end = disk.contents(&last).unwrap().len();
    for at in (0..9).chain(17..40) {
        let disk = filled(400);
        disk.edit(&last, |bytes| bytes[end - FRAME + at] ^= 2);
        lost(&disk, 1);
    }
}

#[test]
fn forgotten_events_and_numbers_that_were_left_out_are_no_loss() {
    let disk = FaultyDisk::new();
    let mut opened = open(&disk);
    for seq in (1..=3000).filter(|seq| seq % 7 != 0) {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
        if seq % 3 == 0 {
            opened.store.forget(&[seq]).unwrap();
        }
    }
    // A number far ahead, too.
    opened
        .store
        .append(1 << 60, 0, &body(1 << 60, SIZE))
        .unwrap();
    drop(opened);
    assert!(open(&disk).recovery.is_clean());
    disk.edit(&segments(&disk)[3], |bytes| bytes[2000] ^= 1);
    assert!(open(&disk).recovery.lost_events <= 1);
}

#[test]
fn on_a_full_disk_a_loss_is_told_all_the_same_and_noted_when_there_is_room() {
    let disk = filled(3000);
    disk.edit(&segments(&disk)[2], |bytes| bytes.truncate(12 + FRAME));
    disk.set_capacity(Some(disk.used()));
    assert_eq!(open(&disk).recovery.lost_events, 381);
    disk.set_capacity(None);
    lost(&disk, 381);
}
