//! Reads the log from any position, in any process, while it is written or not.
//!
//! A reader opens files for itself and takes no lock. It judges what it finds as recovery does: damage is passed over and
//! told ([`Next::Skipped`]); what is deleted it does not show ([`redaction`](super::redaction)); at the end of the last segment a frame that is not whole yet is simply not there yet. A record
//! is read once and under the position at which it was written, wherever in its segment it lies now
//! ([`places`](super::places)). What one position cannot say is how far a segment was read whose records changed their
//! order: who goes on within such a one from a position misses those that were put behind it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, Decoded, FILE_HEADER, FileHeader, Found, HEADER, Scanner};

use super::archive::{self, Opened};
use super::places::Places;
use super::readable::Readable;
use super::redaction::Watch;
use super::shape::Records;
use super::{Control, Note, Position, Stored, segments};

/// What a reader came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A request's record.
    Record(Stored),
    /// A control record.
    Control(Control),
    /// Bytes that hold no record this version can read: damage, another version, or removed by retention.
    Skipped {
        /// Where the stretch begins.
        from: Position,
        /// Where reading goes on.
        to: Position,
    },
    /// Nothing more now.
    End,
}

/// A reader; [`advance`](Self::advance) goes forward only.
#[derive(Debug)]
pub struct LogReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    at: Position,
    /// Where it began.
    from: Position,
    segment: Option<Segment>,
    /// Where the segment begins that is to be entered, when that is not for `at` to say.
    next: Option<Position>,
    /// What lies beyond is not durable yet; only the writing process knows.
    durable: Option<Arc<AtomicU64>>,
    buffer: Vec<u8>,
    /// What is not to be shown.
    watch: Watch,
}

/// The segment that is being read.
#[derive(Debug)]
struct Segment {
    base: Position,
    file: Arc<dyn DiskFile>,
    /// Where in the file the next frame is looked for.
    offset: u64,
    /// Records whose place lies before it were read by an earlier reader.
    floor: u64,
    places: Places,
}

/// Room that is kept for the next record; most are smaller.
const CHUNK: usize = 256 * 1024;

impl LogReader {
    /// A reader of the log in the data folder `dir`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, from: Position) -> Self {
        Self {
            watch: Watch::new(Arc::clone(&disk), dir),
            disk,
            dir: dir.join("log"),
            at: from,
            from,
            segment: None,
            next: None,
            durable: None,
            buffer: Vec::new(),
        }
    }

    /// This reader, ending where `durable` says.
    pub(super) fn until(mut self, durable: Arc<AtomicU64>) -> Self {
        self.durable = Some(durable);
        self
    }

    /// Where the next record is looked for.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// How much log it went through, in bytes, about.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.at.0.saturating_sub(self.from.0)
    }

    /// The next record.
    ///
    /// # Errors
    /// The disk's own. Damage is none.
    pub fn advance(&mut self) -> io::Result<Next> {
        loop {
            if self
                .durable
                .as_ref()
                .is_some_and(|end| self.at.0 >= end.load(Ordering::Acquire))
            {
                return Ok(Next::End);
            }
            let from = self.at;
            let Some(segment) = &mut self.segment else {
                match self.enter()? {
                    Some(found) => return Ok(found),
                    None => continue,
                }
            };
            let read = read_frame(&*segment.file, segment.offset, &mut self.buffer)?;
            if read == 0 {
                if !self.leave()? {
                    return Ok(Next::End);
                }
                if from < self.at {
                    return Ok(Next::Skipped { from, to: self.at });
                }
                continue;
            }
            self.watch.look()?;
            let bytes = self.buffer.get(..read).unwrap_or_default();
            let Decoded::Frame { kind, body, size } = frame::decode(bytes) else {
                return self.damaged();
            };
            let (at, size) = (segment.offset, size as u64);
            segment.offset += size;
            let Some(found) = Readable::of(kind, body) else {
                self.at = from.max(Position(segment.base.0 + segment.offset));
                return Ok(Next::Skipped { from, to: self.at });
            };
            match segment.places.admit(&*segment.file, at, found.place())? {
                Some(home) if home < segment.floor => {}
                Some(home) => {
                    let position = Position(segment.base.0 + home);
                    self.at = from.max(Position(position.0 + size));
                    if let Readable::Record(..) = found
                        && let Some(left) = self.watch.redacted(position, body)
                        && let Some(found) = Readable::of(kind, &left)
                    {
                        return Ok(told(found, position, &left));
                    }
                    return Ok(told(found, position, body));
                }
                // A copy of a record that is elsewhere.
                None => return Ok(Next::Skipped { from, to: from }),
            }
        }
    }

    /// Opens the segment that holds `at`. `Some` when there is something to tell first.
    fn enter(&mut self) -> io::Result<Option<Next>> {
        let bases = match archive::list(&*self.disk, &self.dir) {
            Ok(bases) => bases,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Next::End)),
            Err(error) => return Err(error),
        };
        let from = self.at;
        let wanted = self.next.unwrap_or(from);
        let index = bases
            .partition_point(|base| *base <= wanted)
            .saturating_sub(1);
        let Some(base) = bases.get(index).copied() else {
            return Ok(Some(Next::End));
        };
        let following = bases.get(index + 1).copied();
        let Opened { file, header, .. } = match archive::open(&*self.disk, &self.dir, base) {
            Ok(opened) => opened,
            // Retention was faster: what is there now is listed again. A name that stays without a file is an error.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let again = archive::list(&*self.disk, &self.dir)?;
                return if again.contains(&base) {
                    Err(error)
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(error),
        };
        if matches!(header, FileHeader::OtherVersion(_) | FileHeader::Short) {
            // Of the last one: nothing is in it yet, or a later version writes it.
            let Some(to) = following else {
                return Ok(Some(Next::End));
            };
            self.next = Some(to);
            self.at = from.max(to);
            return Ok(Some(Next::Skipped { from, to: self.at }));
        }
        let (start, begin) = (FILE_HEADER as u64, segments::begin(header));
        let wanted = wanted.0.saturating_sub(base.0).max(start);
        let places = Places::new(base, following);
        let (offset, floor) = if wanted == start {
            (begin, 0)
        } else if lies_at(&*file, wanted, &places)? {
            (wanted, 0)
        } else {
            // Bytes were lost or put in before it: the records say themselves where they belong.
            (begin, wanted)
        };
        self.next = None;
        self.at = from.max(Position(base.0 + start));
        self.segment = Some(Segment {
            base,
            file,
            offset,
            floor,
            places,
        });
        // Between two segments lies only a header; further away, retention took what was there.
        if from < base && from != Position::default() {
            return Ok(Some(Next::Skipped { from, to: self.at }));
        }
        Ok(None)
    }

    /// Goes on to the next segment, if there is one.
    fn leave(&mut self) -> io::Result<bool> {
        let Some(base) = self.segment.as_ref().map(|segment| segment.base) else {
            return Ok(true);
        };
        let bases = archive::list(&*self.disk, &self.dir)?;
        let Some(next) = bases.iter().find(|next| **next > base) else {
            return Ok(false);
        };
        self.at = self.at.max(*next);
        self.next = Some(*next);
        self.segment = None;
        Ok(true)
    }

    /// Goes on at the next good frame; at the end of the log there may be none yet.
    fn damaged(&mut self) -> io::Result<Next> {
        let from = self.at;
        let Some(segment) = &mut self.segment else {
            return Ok(Next::End);
        };
        let mut scanner = Scanner::new(&*segment.file, segment.offset, &Records)?;
        let found = scanner.advance()?;
        let (end, torn) = match found {
            Found::Damage { from: start, to } => {
                let goes_on = match scanner.advance()? {
                    Found::Frame { kind, body, .. } => Some(Readable::of(kind, body)),
                    _ => None,
                };
                if let Some(found) = goes_on {
                    segment.offset = to;
                    let home = match found {
                        Some(found) => segment.places.home(to, found.place()),
                        None => Some(to),
                    };
                    self.at = from.max(Position(segment.base.0 + home.unwrap_or(start)));
                    return Ok(Next::Skipped { from, to: self.at });
                }
                (to, false)
            }
            Found::Torn { to, .. } => (to, true),
            // It was written while we looked.
            Found::Frame { .. } | Found::End => return Ok(Next::Skipped { from, to: from }),
        };
        let (file, offset, base) = (Arc::clone(&segment.file), segment.offset, segment.base);
        if self.leave()? {
            return Ok(Next::Skipped { from, to: self.at });
        }
        // What is being written right now looks no other than what never was finished.
        let mut head = [0; HEADER];
        let read = file.read_at(offset, &mut head)?;
        let head = head.get(..read).unwrap_or_default();
        let open =
            matches!(frame::decode(head), Decoded::NeedMore { size } if offset + size as u64 > end);
        if torn || open {
            return Ok(Next::End);
        }
        if let Some(segment) = &mut self.segment {
            segment.offset = end;
        }
        self.at = from.max(Position(base.0 + end));
        Ok(Next::Skipped { from, to: self.at })
    }

    /// Room that the buffer keeps between records; a rare huge one must not stay resident.
    pub fn trim(&mut self) {
        if self.buffer.capacity() > CHUNK {
            self.buffer = Vec::new();
        }
    }
}

/// What was found at `position`, in a frame with this body.
fn told(found: Readable, position: Position, body: &[u8]) -> Next {
    let rest = |len: usize| Bytes::copy_from_slice(body.get(len..).unwrap_or_default());
    match found {
        Readable::Record(head, len) => Next::Record(Stored {
            position,
            head,
            body: rest(len),
        }),
        Readable::Control(head, len) => Next::Control(Control {
            position,
            received: head.received,
            note: Note {
                topic: head.topic,
                text: rest(len),
            },
        }),
    }
}

/// Reads the frame at `offset`, or what there is of it; the number of bytes.
fn read_frame(file: &dyn DiskFile, offset: u64, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut head = [0; HEADER];
    let read = file.read_at(offset, &mut head)?;
    let head = head.get(..read).unwrap_or_default();
    let size = match frame::decode(head) {
        Decoded::NeedMore { size } => size,
        // A frame without a body is whole in its header, and holds no record.
        Decoded::Frame { .. } | Decoded::Corrupt { .. } => read,
    };
    buffer.clear();
    if size > read {
        buffer.resize(size, 0);
        return file.read_at(offset, buffer);
    }
    buffer.extend_from_slice(head);
    Ok(read)
}

/// Whether the log goes on at `offset` of this file as it was written: with the record that belongs there, or its end.
fn lies_at(file: &dyn DiskFile, offset: u64, places: &Places) -> io::Result<bool> {
    if file.len()? == offset {
        return Ok(places.ends_at(offset));
    }
    let mut buffer = Vec::new();
    let read = read_frame(file, offset, &mut buffer)?;
    Ok(
        match frame::decode(buffer.get(..read).unwrap_or_default()) {
            Decoded::Frame { kind, body, .. } => Readable::of(kind, body)
                .is_none_or(|found| places.home(offset, found.place()) == Some(offset)),
            _ => false,
        },
    )
}
