//! Events that are read while others use the store: by whoever holds their bodies, without the store.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;

use headwater_store::disk::{Disk, DiskFile, DiskLock, FaultyDisk, Stat};
use headwater_store::testing::body;
use headwater_store::{Bodies, Opened, SegmentOptions, Seq, StoreError, open_segment_log_on};

const SIZE: usize = 660;

fn dir() -> &'static Path {
    Path::new("/queue")
}

fn open(disk: impl Disk) -> Opened {
    open_segment_log_on(Arc::new(disk), dir(), SegmentOptions::default()).unwrap()
}

fn fill(opened: &mut Opened, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
    }
}

fn bodies(opened: &mut Opened, seqs: impl IntoIterator<Item = u64>) -> Bodies {
    let seqs: Vec<u64> = seqs.into_iter().collect();
    opened.store.bodies(&seqs).unwrap()
}

type Told = Vec<(Seq, Option<Vec<u8>>)>;

fn read(bodies: Bodies) -> (Told, Result<(), (Seq, StoreError)>) {
    let mut told = Vec::new();
    let result = bodies.read(&mut |seq, body| told.push((seq, body.map(<[u8]>::to_vec))));
    (told, result)
}

fn whole(seqs: impl IntoIterator<Item = u64>) -> Told {
    seqs.into_iter()
        .map(|seq| (seq, Some(body(seq, SIZE))))
        .collect()
}

fn first_segment(disk: &FaultyDisk) -> PathBuf {
    let mut files = disk.files();
    files.retain(|path| path.extension().is_some_and(|end| end == "seg"));
    files.sort();
    files.swap_remove(0)
}

#[test]
fn bodies_are_read_in_the_order_in_which_they_were_asked_for_over_many_segments() {
    let mut opened = open(FaultyDisk::new());
    fill(&mut opened, 1..=2_000);
    opened.store.forget(&[3, 4, 900]).unwrap();
    let asked = (1..=2_000).filter(|seq| ![3, 4, 900].contains(seq));
    let (told, result) = read(bodies(&mut opened, asked.clone()));
    assert!(result.is_ok());
    assert_eq!(told, whole(asked));
    let (told, _) = read(bodies(&mut opened, [1_500, 2, 1_999, 1]));
    assert_eq!(told, whole([1_500, 2, 1_999, 1]));
}

#[test]
fn bodies_taken_before_their_segments_were_removed_are_read_all_the_same() {
    let disk = FaultyDisk::new();
    let mut opened = open(disk.clone());
    fill(&mut opened, 1..=1_000);
    let before = first_segment(&disk);
    let taken = bodies(&mut opened, 1..=500);
    opened.store.forget(&(1..=900).collect::<Vec<_>>()).unwrap();
    fill(&mut opened, 1_001..=1_100);
    assert_ne!(first_segment(&disk), before, "the first segment is gone");
    let (told, result) = read(taken);
    assert!(result.is_ok());
    assert_eq!(told, whole(1..=500));
}

#[test]
fn a_damaged_or_missing_event_is_told_as_such_and_its_neighbours_are_read() {
    let disk = FaultyDisk::new();
    let mut opened = open(disk.clone());
    fill(&mut opened, 1..=10);
    opened.store.forget(&[8]).unwrap();
    let hit = body(5, SIZE);
    assert!(disk.edit(&first_segment(&disk), |bytes| {
        let at = bytes.windows(SIZE).position(|bytes| bytes == hit).unwrap();
        bytes[at + 100] ^= 1;
    }));
    let (told, result) = read(bodies(&mut opened, 1..=11));
    assert!(result.is_ok());
    let mut expected = whole(1..=11);
    for lost in [5, 8, 11] {
        expected[lost - 1].1 = None;
    }
    assert_eq!(told, expected);
}

/// A disk on which reading these bytes of any file fails.
#[derive(Clone, Debug)]
struct BadSector(FaultyDisk, Arc<Mutex<Option<(u64, u64)>>>);

#[derive(Debug)]
struct BadFile(Arc<dyn DiskFile>, Arc<Mutex<Option<(u64, u64)>>>);

impl BadSector {
    fn file(&self, file: io::Result<Arc<dyn DiskFile>>) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(BadFile(file?, Arc::clone(&self.1))))
    }
}

impl Disk for BadSector {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.0.create_dir_all(dir)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.file(self.0.create(path))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.file(self.0.open(path))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.0.stat(path)
    }
    fn lock_dir(&self, dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.0.lock_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.0.lock(path)
    }
}

impl DiskFile for BadFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }
    fn append_vectored(&self, parts: &[io::IoSlice<'_>]) -> io::Result<()> {
        self.0.append_vectored(parts)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = offset + buffer.len() as u64;
        match *self.1.lock().unwrap() {
            Some((from, to)) if offset < to && from < end => Err(io::Error::other("bad sector")),
            _ => self.0.read_at(offset, buffer),
        }
    }
    fn stat(&self) -> io::Result<Stat> {
        self.0.stat()
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[test]
fn where_the_disk_fails_the_event_is_named_and_those_before_it_were_read() {
    let disk = BadSector(FaultyDisk::new(), Arc::default());
    let mut opened = open(disk.clone());
    fill(&mut opened, 1..=40);
    let frame = opened.store.stats().disk_bytes / 40;
    *disk.1.lock().unwrap() = Some((frame * 20 + 100, frame * 20 + 200));
    let (told, result) = read(bodies(&mut opened, 1..=40));
    let (seq, error) = result.unwrap_err();
    assert_eq!(seq, 21);
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(told, whole(1..=20));
    *disk.1.lock().unwrap() = None;
    assert_eq!(read(bodies(&mut opened, 1..=40)).0, whole(1..=40));
}
