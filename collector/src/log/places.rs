//! Which of a segment's records are at home in it, and which were read before.
//!
//! A record says at which position it was written ([`record`](super::record)). As long as nothing happened to the file,
//! that is where it lies. When bytes were put in or lost before it, it still belongs where it says; a copy of a record, or
//! one that strayed in from another segment, is told by that, too. So every record is read once, under its own position.

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU32;

use headwater_store::disk::DiskFile;
use headwater_store::frame::{FILE_HEADER, Found, Scanner};

use super::Position;
use super::readable::Readable;
use super::shape::Records;

/// Positions are kept to their lower 32 bits: a record that lies so far before the segment is told from one in it.
const BEHIND: u64 = 1 << 31;

/// The places of one segment's records, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Places {
    base: Position,
    /// The next segment begins so many bytes after this one.
    limit: Option<u64>,
    /// The furthest place that was read, and all of them once one was not behind it.
    furthest: u64,
    seen: Option<HashSet<u64>>,
}

impl Places {
    /// Those of the segment at `base`; `next` is where the next one begins.
    pub(super) fn new(base: Position, next: Option<Position>) -> Self {
        Self {
            base,
            limit: next.map(|next| next.0.saturating_sub(base.0)),
            furthest: 0,
            seen: None,
        }
    }

    /// Where in the segment the record at offset `at` belongs; `None` when it belongs to another one.
    pub(super) fn home(&self, at: u64, place: Option<NonZeroU32>) -> Option<u64> {
        let Some(place) = place else {
            return Some(at);
        };
        let home = u64::from(place.get().wrapping_sub(self.base.0 as u32));
        let end = self.limit.unwrap_or(BEHIND);
        (FILE_HEADER as u64..end).contains(&home).then_some(home)
    }

    /// Whether the segment ends at offset `at` as it was written; of the last one nobody else knows.
    pub(super) fn ends_at(&self, at: u64) -> bool {
        self.limit.is_none_or(|limit| limit == at)
    }

    /// As [`home`](Self::home), and `None` also when the same place was read before; notes it as read.
    pub(super) fn admit(
        &mut self,
        file: &dyn DiskFile,
        at: u64,
        place: Option<NonZeroU32>,
    ) -> io::Result<Option<u64>> {
        let home = self.home(at, place);
        let Some(home) = home else {
            return Ok(None);
        };
        if place.is_none() {
            return Ok(Some(home));
        }
        if home <= self.furthest && self.seen.is_none() {
            self.seen = Some(self.before(file, at)?);
        }
        let new = self.seen.as_mut().is_none_or(|seen| seen.insert(home));
        self.furthest = self.furthest.max(home);
        Ok(new.then_some(home))
    }

    /// The places of the records that lie before offset `end`.
    fn before(&self, file: &dyn DiskFile, end: u64) -> io::Result<HashSet<u64>> {
        let mut seen = HashSet::new();
        // The header costs a few bytes of search.
        let mut scanner = Scanner::new(file, 0, &Records)?;
        loop {
            match scanner.advance()? {
                Found::Frame { at, kind, body } if at < end => {
                    if let Some(found) = Readable::of(kind, body)
                        && let Some(home) = self.home(at, found.place())
                    {
                        seen.insert(home);
                    }
                }
                Found::Damage { to, .. } if to < end => {}
                _ => return Ok(seen),
            }
        }
    }
}
