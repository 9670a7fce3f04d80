//! The default backend: a log of segments, each an append-only file of checksummed frames (`format.rs` has the layout).
//!
//! - An append is one write at the end of the youngest segment; nothing is ever changed in place.
//! - Forgetting appends a note; the oldest segment's file goes as soon as no live event is in it, so a drained backlog
//!   gives its space back at once. An old event that stays while thousands pass is moved to the youngest segment.
//! - A write that fails is cut off again, so the log stays good and works as soon as the disk does.
//! - The directory is locked while the store is open.
//!
//! Invariant: what a crash can leave (a torn tail, names without contents, a segment without the next) opens to the
//! events that were durable, less those whose forgetting was durable.
//!
//! iOS kills an app that is suspended while it holds a lock in a shared (app-group) container: `release` lets go of it
//! (`hold.rs`).

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Disk, DiskFile, RealDisk};
use crate::frame::{self, FILE_HEADER, HEADER};
use crate::port::{Bodies, EventStore, Opened, Seq, Stats, StoreError, SyncPoint, check_size};

mod compact;
mod format;
mod hold;
mod index;
mod numbers;
mod open;
mod read;
mod room;
mod state;

use format::{BELOW, EVENT, EVENT_HEAD, GAP, GAPS, MAGIC, RANGE, RANGES, VERSION, segment_path};
use index::{Index, Slot};

/// The buffer for one frame is given back beyond this many bytes, so that one large event does not stay in memory.
const SCRATCH_KEPT: usize = 64 * 1024;

/// Settings of a segment log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentOptions {
    /// Bytes after which a new segment begins. Default 256 KiB: about 370 events of 700 bytes, small enough that a drained
    /// queue is small, large enough that creating files costs nothing by the event. Clamped to 4 KiB – 64 MiB.
    pub segment_bytes: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 256 * 1024,
        }
    }
}

/// Opens the log in `dir` (created when absent) on the operating system's filesystem.
///
/// # Errors
/// [`StoreError::InUse`] when another store has it open; [`StoreError::Io`] and [`StoreError::Full`]. Damage is no error:
/// see [`Opened::recovery`].
pub fn open_segment_log(dir: &Path, options: SegmentOptions) -> Result<Opened, StoreError> {
    open_segment_log_on(Arc::new(RealDisk), dir, options)
}

/// As [`open_segment_log`], on any [`Disk`].
///
/// # Errors
/// As [`open_segment_log`].
pub fn open_segment_log_on(
    disk: Arc<dyn Disk>,
    dir: &Path,
    options: SegmentOptions,
) -> Result<Opened, StoreError> {
    open::open(disk, dir, options)
}

#[derive(Debug)]
struct SegmentLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    index: Index,
    /// The youngest segment's file, the only one that is written.
    active: Arc<dyn DiskFile>,
    /// Bytes of it that are good; more may follow after a failed write whose cutting failed too.
    tail_broken: bool,
    room: room::Room,
    next_seq: Seq,
    /// Reused for each frame, so that appending allocates nothing.
    scratch: Vec<u8>,
    /// The old segment that was read last: reading goes in order.
    reader: Option<(Seq, Arc<dyn DiskFile>)>,
    /// Forgets that a full disk did not take: whether there is a front run, and the rest.
    owed_below: bool,
    owed_ranges: Vec<(Seq, u32)>,
    /// Numbers of lost events that were reported, to be noted, so that they are reported once.
    owed_gaps: Vec<(Seq, Seq)>,
    /// Files without live events that are still there, each with the count of changes that must be durable before it goes.
    doomed: VecDeque<(u64, PathBuf)>,
    /// The count of changes when events were last moved: what held them goes only once their copies are durable.
    moved: u64,
    states: state::States,
    sync: Unsynced,
    /// Released last: fields drop in order.
    hold: hold::Hold,
}

/// What the next sync point must cover. `changes` counts every write and every change of names; `synced` is how many of
/// them are known to be durable.
#[derive(Debug, Default)]
struct Unsynced {
    changes: u64,
    synced: Arc<AtomicU64>,
    active_changed: u64,
    names_changed: u64,
    /// Full segments with the count at their last write. By name: a burst may seal more than there are descriptors.
    sealed: VecDeque<(u64, Seq)>,
}

impl SegmentLog {
    fn path(&self, first: Seq) -> PathBuf {
        segment_path(&self.dir, first)
    }

    fn active_first(&self) -> Seq {
        self.index
            .segments
            .back()
            .map_or(self.next_seq, |segment| segment.first)
    }

    fn active_len(&self) -> u64 {
        self.index.segments.back().map_or(0, |segment| segment.len)
    }

    fn failed(&self, action: &'static str, error: io::Error) -> StoreError {
        StoreError::io(action, &self.path(self.active_first()), error)
    }

    /// Starts a new segment at the next sequence number. Without an event or a gap since the active one began, its name
    /// would be the active one's: then nothing happens.
    fn roll(&mut self) -> Result<(), StoreError> {
        let first = self.next_seq;
        let sealed = self.active_first();
        if first <= sealed {
            return Ok(());
        }
        let path = self.path(first);
        let file = create_segment(&*self.disk, &path)
            .map_err(|error| StoreError::io("create", &path, error))?;
        let (end, full) = (self.active_len(), self.segment_bytes);
        self.room.give_back(&*self.active, end, full);
        self.sync.changes += 1;
        if self.sync.active_changed > self.sync.synced.load(Ordering::Acquire) {
            self.sync
                .sealed
                .push_back((self.sync.active_changed, sealed));
        }
        self.sync.active_changed = self.sync.changes;
        self.sync.names_changed = self.sync.changes;
        self.index.push_segment(first, FILE_HEADER as u64);
        // What was written last is read next.
        let full = core::mem::replace(&mut self.active, file);
        if self.reader.is_none() {
            self.reader = Some((sealed, full));
        }
        self.tail_broken = false;
        Ok(())
    }

    fn make_room(&mut self, size: usize) -> Result<(), StoreError> {
        if self.tail_broken {
            match self.active.truncate(self.active_len()) {
                Ok(()) => self.tail_broken = false,
                Err(_) if self.next_seq > self.active_first() => return self.roll(),
                Err(error) => return Err(self.failed("truncate", error)),
            }
        }
        if self.active_len() + size as u64 > self.segment_bytes
            && self.next_seq > self.active_first()
        {
            self.roll()?;
            self.compact();
        }
        let (end, full) = (self.active_len(), self.segment_bytes);
        self.room.ensure(&*self.active, end, size as u64, full);
        Ok(())
    }

    /// Writes the scratch buffer at the end of the active segment; the offset at which it lies.
    fn write_scratch(&mut self) -> Result<u64, StoreError> {
        let at = self.active_len();
        if let Err(error) = self.active.append(&self.scratch) {
            self.tail_broken = self.active.truncate(at).is_err();
            return Err(self.failed("write", error));
        }
        if let Some(active) = self.index.segments.back_mut() {
            active.len += self.scratch.len() as u64;
        }
        self.sync.changes += 1;
        self.sync.active_changed = self.sync.changes;
        Ok(at)
    }

    /// The event's frame, behind a note of the numbers that were left out before it; where in the buffer it begins.
    fn encode_event(&mut self, seq: Seq, at_ms: i64, body: &[u8]) -> Result<u64, StoreError> {
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_KEPT);
        if seq > self.next_seq {
            let gap = [self.next_seq.to_le_bytes(), seq.to_le_bytes()].concat();
            frame::encode_into(&mut self.scratch, GAPS, &[&gap]).map_err(too_large)?;
        }
        let begin = self.scratch.len() as u64;
        frame::encode_into(
            &mut self.scratch,
            EVENT,
            &[&seq.to_le_bytes(), &at_ms.to_le_bytes(), body],
        )
        .map_err(too_large)?;
        Ok(begin)
    }

    /// Notes what was forgotten and not yet noted. The front run costs one frame, however long it is.
    fn note_forgotten(&mut self) -> Result<(), StoreError> {
        if !self.owed_below && self.owed_ranges.is_empty() && self.owed_gaps.is_empty() {
            return Ok(());
        }
        let below = self.index.front().unwrap_or(self.next_seq);
        self.owed_ranges
            .retain(|(first, count)| first.saturating_add(u64::from(*count)) > below);
        self.owed_ranges.sort_unstable();
        self.scratch.clear();
        if self.owed_below {
            frame::encode_into(&mut self.scratch, BELOW, &[&below.to_le_bytes()])
                .map_err(too_large)?;
        }
        for ranges in self.owed_ranges.chunks(4096) {
            let mut body = Vec::with_capacity(ranges.len() * RANGE);
            for (first, count) in ranges {
                body.extend_from_slice(&first.to_le_bytes());
                body.extend_from_slice(&count.to_le_bytes());
            }
            frame::encode_into(&mut self.scratch, RANGES, &[&body]).map_err(too_large)?;
        }
        for gaps in self.owed_gaps.chunks(4096) {
            let mut body = Vec::with_capacity(gaps.len() * GAP);
            for (first, end) in gaps {
                body.extend_from_slice(&first.to_le_bytes());
                body.extend_from_slice(&end.to_le_bytes());
            }
            frame::encode_into(&mut self.scratch, GAPS, &[&body]).map_err(too_large)?;
        }
        self.write_scratch()?;
        self.owed_below = false;
        self.owed_ranges.clear();
        self.owed_gaps.clear();
        Ok(())
    }

    /// Removes the oldest segments while no live event is in them, and starts afresh when the queue is empty.
    fn drop_drained(&mut self) {
        if self.index.events == 0 && self.active_len() > self.segment_bytes / 2 {
            if self.next_seq > self.active_first() {
                // On failure (a full disk) the older files go all the same, which makes room for the next try.
                let _ = self.roll();
            } else if self.active.truncate(FILE_HEADER as u64).is_ok() {
                self.room = room::Room::default();
                // Its name alone says all that its notes did.
                if let Some(active) = self.index.segments.back_mut() {
                    active.len = FILE_HEADER as u64;
                }
            }
        }
        while self.index.segments.len() > 1
            && self
                .index
                .segments
                .front()
                .is_some_and(|front| front.live == 0)
        {
            let Some(front) = self.index.segments.pop_front() else {
                break;
            };
            self.doomed.push_back((self.moved, self.path(front.first)));
            if self
                .reader
                .as_ref()
                .is_some_and(|(first, _)| *first == front.first)
            {
                self.reader = None;
            }
        }
        self.remove_doomed();
    }

    fn remove_doomed(&mut self) {
        if self.doomed.is_empty() {
            return;
        }
        let (disk, durable) = (&*self.disk, self.sync.synced.load(Ordering::Acquire));
        // In order, and not past one that stays: a note must outlive what it speaks of.
        let removed = self.doomed.iter().take_while(|(moved, path)| {
            *moved <= durable
                && match disk.remove(path) {
                    Ok(()) => true,
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                }
        });
        let removed = removed.count();
        if removed == 0 {
            return;
        }
        self.doomed.drain(..removed);
        self.sync.changes += 1;
        self.sync.names_changed = self.sync.changes;
    }
}

fn too_large(error: frame::FrameError) -> StoreError {
    let size = match error {
        frame::FrameError::TooLarge { size } => size,
        frame::FrameError::Kind => 0,
    };
    StoreError::TooLarge {
        size,
        limit: frame::MAX_BODY,
    }
}

/// Creates a segment's file with its header, or takes over what an earlier try left of it.
fn create_segment(disk: &dyn Disk, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
    let file = match disk.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = disk.open(path)?;
            if file.len()? > FILE_HEADER as u64 {
                return Err(error);
            }
            file.truncate(0)?;
            file
        }
        created => created?,
    };
    match file.append(&frame::file_header(MAGIC, VERSION)) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = disk.remove(path);
            Err(error)
        }
    }
}

impl EventStore for SegmentLog {
    fn append(&mut self, seq: Seq, at_ms: i64, body: &[u8]) -> Result<(), StoreError> {
        if seq < self.next_seq {
            return Err(StoreError::OutOfOrder {
                seq,
                next: self.next_seq,
            });
        }
        check_size(body)?;
        self.hold.ensure()?;
        self.make_room(HEADER + EVENT_HEAD + body.len())?;
        let begin = self.encode_event(seq, at_ms, body)?;
        let offset = self.write_scratch()? + begin;
        let (Ok(offset), Ok(len)) = (u32::try_from(offset), u32::try_from(body.len())) else {
            return Err(StoreError::TooLarge {
                size: body.len(),
                limit: frame::MAX_BODY,
            });
        };
        self.index.insert(seq, Slot { offset, len });
        self.next_seq = seq.saturating_add(1);
        Ok(())
    }

    fn read(&mut self, seq: Seq, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some((home, slot)) = self.index.get(seq) else {
            return Ok(false);
        };
        self.read_frame(seq, home, slot)?;
        out.extend_from_slice(self.scratch.get(HEADER + EVENT_HEAD..).unwrap_or_default());
        Ok(true)
    }

    fn bodies(&mut self, seqs: &[Seq]) -> Option<Bodies> {
        Some(self.detached(seqs))
    }

    fn forget(&mut self, seqs: &[Seq]) -> Result<(), StoreError> {
        let mut forgotten: Vec<Seq> = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        while let Some(first) = rest.first().copied() {
            let run = rest
                .iter()
                .zip(first..)
                .take_while(|(seq, next)| *seq == next)
                .count();
            let end = self.index.kill_run(first, first.saturating_add(run as u64));
            forgotten.extend(first..end);
            let mut done = usize::try_from(end - first).unwrap_or(run);
            if done == 0 {
                // An unknown one, or one that lies elsewhere.
                forgotten.extend(self.index.kill(first).then_some(first));
                done = 1;
            }
            rest = rest.get(done..).unwrap_or_default();
        }
        if !forgotten.is_empty() {
            forgotten.sort_unstable();
            let below = self.index.front().unwrap_or(self.next_seq);
            for seq in forgotten {
                if seq < below {
                    self.owed_below = true;
                    continue;
                }
                match self.owed_ranges.last_mut() {
                    Some((first, count))
                        if first.checked_add(u64::from(*count)) == Some(seq)
                            && *count < u32::MAX =>
                    {
                        *count += 1;
                    }
                    _ => self.owed_ranges.push((seq, 1)),
                }
            }
        }
        // Let go of, the files are another's to change; what cannot be noted now stays owed.
        if self.hold.is_held() {
            self.drop_drained();
            // What the disk refuses now stays owed, too; forgetting is what makes room.
            let _ = self.note_forgotten();
        }
        Ok(())
    }

    fn sync_point(&mut self) -> Result<SyncPoint, StoreError> {
        if !self.hold.is_held() {
            // All that was written was made durable before the directory was let go of.
            return Ok(SyncPoint::done());
        }
        match self.note_forgotten() {
            // Appended events must be durable on a full disk too; the notes stay owed.
            Err(StoreError::Full { .. }) => {}
            noted => noted?,
        }
        self.remove_doomed();
        let sync = &mut self.sync;
        let done = sync.synced.load(Ordering::Acquire);
        while sync
            .sealed
            .front()
            .is_some_and(|(changes, _)| *changes <= done)
        {
            sync.sealed.pop_front();
        }
        let upto = sync.changes;
        let promote = self.states.promoter();
        if upto <= done {
            return Ok(promote.map_or_else(SyncPoint::done, SyncPoint::new));
        }
        let sealed: Vec<PathBuf> = sync
            .sealed
            .iter()
            .map(|(_, first)| segment_path(&self.dir, *first))
            .collect();
        let active = (sync.active_changed > done).then(|| Arc::clone(&self.active));
        let names = sync.names_changed > done;
        let (disk, dir, synced) = (
            Arc::clone(&self.disk),
            self.dir.clone(),
            Arc::clone(&sync.synced),
        );
        Ok(SyncPoint::new(move || {
            let failed = |error| StoreError::io("sync", &dir, error);
            for path in sealed {
                match disk.open(&path).and_then(|file| file.sync_data()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result.map_err(failed)?,
                }
            }
            if let Some(active) = active {
                active.sync_data().map_err(failed)?;
            }
            if names {
                disk.sync_dir(&dir).map_err(failed)?;
            }
            synced.fetch_max(upto, Ordering::AcqRel);
            promote.map_or(Ok(()), |promote| promote())
        }))
    }

    fn save_state(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.hold.ensure()?;
        self.states.save_durably(key, value)
    }

    fn save_state_soon(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.hold.ensure()?;
        self.states.save(key, value)
    }

    fn load_state(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.states.load(key)
    }

    fn stats(&self) -> Stats {
        let disk_bytes = self.index.segments.iter().map(|segment| segment.len).sum();
        Stats {
            events: self.index.events,
            bytes: self.index.bytes,
            disk_bytes,
        }
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.hold.ensure()?;
        self.index.kill_range(0, self.next_seq);
        self.owed_below = true;
        self.owed_ranges.clear();
        let rolled = self.roll();
        self.drop_drained();
        let noted = self.note_forgotten();
        rolled.and(noted)
    }

    fn release(&mut self) -> Result<bool, StoreError> {
        self.sync_point()?.wait()?;
        self.hold.release();
        Ok(true)
    }
}
