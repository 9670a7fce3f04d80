//! Reading events back: one, under the store's lock, or many, without it.
//!
//! Many lie one behind the other in a file nearly always, so they are read with one call for each [`AT_ONCE`] bytes. A file
//! is never changed in place, and an open one can be read after its name is gone: whoever holds the handle needs no lock.

use std::path::PathBuf;
use std::sync::Arc;

use super::format::segment_path;
use super::index::Slot;
use super::{EVENT, EVENT_HEAD, SegmentLog};
use crate::disk::DiskFile;
use crate::frame::{self, Decoded, HEADER};
use crate::port::{Bodies, EachBody, Seq, StoreError};

/// Bytes read with one call: large enough that the call's own cost is nothing by the event, small enough for the
/// processor's cache.
const AT_ONCE: u64 = 64 * 1024;

/// Bytes between two events that are read along rather than skipped: notes of what was forgotten, a few bytes each.
const GAP: u64 = 4 * 1024;

/// Events that are read with one call.
#[derive(Debug)]
struct Run {
    file: Arc<dyn DiskFile>,
    /// Named in errors.
    path: PathBuf,
    start: u64,
    end: u64,
    events: Vec<(Seq, Slot)>,
}

/// In the order in which they were asked for.
#[derive(Debug)]
enum Part {
    Run(Run),
    Missing(Seq),
    /// Its file cannot be opened; no part follows.
    Unopened(Seq, StoreError),
}

fn frame_len(slot: Slot) -> u64 {
    (HEADER + EVENT_HEAD) as u64 + u64::from(slot.len)
}

/// The event in a frame; `None` when the bytes are not what was written.
fn event(seq: Seq, frame: &[u8]) -> Option<&[u8]> {
    match frame::decode(frame) {
        Decoded::Frame {
            kind: EVENT, body, ..
        } if body.starts_with(&seq.to_le_bytes()) => body.get(EVENT_HEAD..),
        _ => None,
    }
}

impl Run {
    /// Whether an event that lies here can be read along.
    fn takes(&mut self, file: &Arc<dyn DiskFile>, seq: Seq, slot: Slot) -> bool {
        let at = u64::from(slot.offset);
        let end = at + frame_len(slot);
        let near = at >= self.end && at - self.end <= GAP && end - self.start <= AT_ONCE;
        if !near || !Arc::ptr_eq(&self.file, file) {
            return false;
        }
        self.end = end;
        self.events.push((seq, slot));
        true
    }

    fn read(&self, buffer: &mut Vec<u8>, each: EachBody<'_>) -> Result<(), (Seq, StoreError)> {
        buffer.resize(usize::try_from(self.end - self.start).unwrap_or(0), 0);
        let Ok(read) = self.file.read_at(self.start, buffer) else {
            return self.read_one_by_one(buffer, each);
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        for (seq, slot) in &self.events {
            let from = usize::try_from(u64::from(slot.offset) - self.start).unwrap_or(usize::MAX);
            let frame = bytes.get(from..).unwrap_or_default();
            each(*seq, event(*seq, frame));
        }
        Ok(())
    }

    /// Where the disk fails, it is known at which event.
    fn read_one_by_one(
        &self,
        buffer: &mut Vec<u8>,
        each: EachBody<'_>,
    ) -> Result<(), (Seq, StoreError)> {
        for (seq, slot) in &self.events {
            buffer.resize(usize::try_from(frame_len(*slot)).unwrap_or(0), 0);
            let read = self.file.read_at(u64::from(slot.offset), buffer);
            let read = read.map_err(|error| (*seq, StoreError::io("read", &self.path, error)))?;
            let frame = buffer.get(..read).unwrap_or_default();
            each(*seq, event(*seq, frame));
        }
        Ok(())
    }
}

impl SegmentLog {
    /// The file of a segment, opened where it is not yet.
    fn file_of(&mut self, home: Seq) -> Result<Arc<dyn DiskFile>, StoreError> {
        if home == self.active_first() {
            return Ok(Arc::clone(&self.active));
        }
        let known = self.reader.take().filter(|(first, _)| *first == home);
        let opened = match known {
            Some(reader) => reader,
            None => {
                let path = self.path(home);
                let file = self.disk.open(&path);
                let file = file.map_err(|error| StoreError::io("open", &path, error))?;
                (home, file)
            }
        };
        Ok(Arc::clone(&self.reader.insert(opened).1))
    }

    /// Puts the frame of an event in the scratch buffer.
    pub(super) fn read_frame(&mut self, seq: Seq, home: Seq, slot: Slot) -> Result<(), StoreError> {
        let file = self.file_of(home)?;
        self.scratch
            .resize(HEADER + EVENT_HEAD + slot.len as usize, 0);
        let read = file.read_at(u64::from(slot.offset), &mut self.scratch);
        let read =
            read.map_err(|error| StoreError::io("read", &segment_path(&self.dir, home), error))?;
        match event(seq, self.scratch.get(..read).unwrap_or_default()) {
            Some(_) => Ok(()),
            None => Err(StoreError::Corrupt { seq }),
        }
    }

    /// Where these events lie, with the files held open.
    pub(super) fn detached(&mut self, seqs: &[Seq]) -> Bodies {
        let mut parts: Vec<Part> = Vec::new();
        let mut last: Option<(Seq, Arc<dyn DiskFile>)> = None;
        for seq in seqs.iter().copied() {
            let Some((home, slot)) = self.index.get(seq) else {
                parts.push(Part::Missing(seq));
                continue;
            };
            let file = match last.take().filter(|(first, _)| *first == home) {
                Some((_, file)) => file,
                None => match self.file_of(home) {
                    Ok(file) => file,
                    Err(error) => {
                        parts.push(Part::Unopened(seq, error));
                        break;
                    }
                },
            };
            let along = match parts.last_mut() {
                Some(Part::Run(run)) => run.takes(&file, seq, slot),
                _ => false,
            };
            if !along {
                let start = u64::from(slot.offset);
                parts.push(Part::Run(Run {
                    file: Arc::clone(&file),
                    path: self.path(home),
                    start,
                    end: start + frame_len(slot),
                    events: vec![(seq, slot)],
                }));
            }
            last = Some((home, file));
        }
        Bodies::new(move |each| {
            let mut buffer = Vec::new();
            for part in parts {
                match part {
                    Part::Run(run) => run.read(&mut buffer, each)?,
                    Part::Missing(seq) => each(seq, None),
                    Part::Unopened(seq, error) => return Err((seq, error)),
                }
            }
            Ok(())
        })
    }
}
