//! Reads the log from any position, in any process, while it is written or not.
//!
//! A reader opens files for itself and takes no lock. Damage in the middle is passed over and told
//! ([`Next::Skipped`]); at the end of the last segment a frame that is not whole yet is simply not there yet.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, Decoded, FILE_HEADER, FileHeader, HEADER};

use super::{Position, RECORD_KIND, Stored, record, segments};

/// What a reader came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A record.
    Record(Stored),
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
    segment: Option<(Position, Arc<dyn DiskFile>)>,
    /// What lies beyond is not durable yet; only the writing process knows.
    durable: Option<Arc<AtomicU64>>,
    buffer: Vec<u8>,
}

/// Read ahead in one call; most records are smaller.
const CHUNK: usize = 256 * 1024;

impl LogReader {
    /// A reader of the log in the data folder `dir`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, from: Position) -> Self {
        Self {
            disk,
            dir: dir.join("log"),
            at: from,
            segment: None,
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
            let Some((base, file)) = self.segment.clone() else {
                match self.enter()? {
                    Some(found) => return Ok(found),
                    None => continue,
                }
            };
            let offset = self.at.0 - base.0;
            let mut head = [0; HEADER];
            let read = file.read_at(offset, &mut head)?;
            if read == 0 {
                if self.leave(base)? {
                    continue;
                }
                return Ok(Next::End);
            }
            let size = match frame::decode(head.get(..read).unwrap_or_default()) {
                Decoded::NeedMore { size } => size,
                // A frame without a body is whole in its header, and holds no record.
                Decoded::Frame { size, .. } => size,
                Decoded::Corrupt { .. } => return self.damaged(base, &file),
            };
            self.buffer.clear();
            self.buffer.resize(size, 0);
            let read = file.read_at(offset, &mut self.buffer)?;
            match frame::decode(self.buffer.get(..read).unwrap_or_default()) {
                Decoded::Frame { kind, body, size } => {
                    let from = self.at;
                    self.at = Position(from.0 + size as u64);
                    if kind == RECORD_KIND
                        && let Ok((head, len)) = record::decode_head(body)
                    {
                        let body = Bytes::copy_from_slice(body.get(len..).unwrap_or_default());
                        return Ok(Next::Record(Stored {
                            position: from,
                            head,
                            body,
                        }));
                    }
                    return Ok(Next::Skipped { from, to: self.at });
                }
                Decoded::NeedMore { .. } | Decoded::Corrupt { .. } => {
                    return self.damaged(base, &file);
                }
            }
        }
    }

    /// Opens the segment that holds `at`. `Some` when there is something to tell first.
    fn enter(&mut self) -> io::Result<Option<Next>> {
        let bases = match segments::list(&*self.disk, &self.dir) {
            Ok(bases) => bases,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Next::End)),
            Err(error) => return Err(error),
        };
        let Some(first) = bases.first().copied() else {
            return Ok(Some(Next::End));
        };
        let from = self.at;
        let base = bases
            .iter()
            .rev()
            .find(|base| **base <= from)
            .copied()
            .unwrap_or(first);
        let (file, header) = match segments::open(&*self.disk, &self.dir.join(segments::name(base)))
        {
            Ok(opened) => opened,
            // Retention was faster: what is there now is listed again. A name that stays without a file is an error.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let again = segments::list(&*self.disk, &self.dir)?;
                return if again.contains(&base) {
                    Err(error)
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(error),
        };
        let start = Position(base.0 + FILE_HEADER as u64);
        match header {
            FileHeader::Short => return Ok(Some(Next::End)),
            FileHeader::OtherVersion(_) => {
                let to = Position(base.0 + file.len()?);
                if bases.iter().any(|base| *base >= to) {
                    self.at = to;
                    return Ok(Some(Next::Skipped { from, to }));
                }
                return Ok(Some(Next::End));
            }
            FileHeader::Good | FileHeader::Damaged => {}
        }
        self.segment = Some((base, file));
        if self.at < start {
            self.at = start;
            // Between two segments lies only a header; further away, retention took what was there.
            if from < base && from != Position::default() {
                return Ok(Some(Next::Skipped { from, to: start }));
            }
        }
        Ok(None)
    }

    /// Goes on to the next segment, if there is one.
    fn leave(&mut self, base: Position) -> io::Result<bool> {
        let bases = segments::list(&*self.disk, &self.dir)?;
        match bases.iter().find(|next| **next > base) {
            // `at` stays where it is when the next segment begins there; `enter` steps over its header.
            Some(next) => {
                self.at = self.at.max(*next);
                self.segment = None;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Goes on at the next good frame; at the end of the log there may be none yet.
    fn damaged(&mut self, base: Position, file: &Arc<dyn DiskFile>) -> io::Result<Next> {
        let from = self.at;
        let mut next = None;
        frame::scan(&**file, from.0 - base.0, &mut |offset, _, _| {
            next.get_or_insert(offset);
        })?;
        if let Some(offset) = next {
            self.at = Position(base.0 + offset);
            return Ok(Next::Skipped { from, to: self.at });
        }
        if self.leave(base)? {
            return Ok(Next::Skipped { from, to: self.at });
        }
        Ok(Next::End)
    }

    /// Room that the buffer keeps between records; a rare huge one must not stay resident.
    pub fn trim(&mut self) {
        if self.buffer.capacity() > CHUNK {
            self.buffer = Vec::new();
        }
    }
}
