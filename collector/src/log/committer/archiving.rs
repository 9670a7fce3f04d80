//! What is hot becomes archive.

use std::io;
use std::sync::Arc;

use super::super::Position;
use super::super::archive::{self, ArchiveError, ArchiveJob, Archiving};
use super::super::clock::Moment;
use super::super::ids::{self, IdsJob, Indexed};
use super::super::segments::{self, Witness};
use super::Committer;

impl Committer {
    /// The job that moves the oldest segment which is old enough into the archive; one may be under way at a time. Age is
    /// what the wall clock says: a clock that is wrong archives early or late, and takes nothing away.
    pub fn archive_job(&mut self, now: impl Into<Moment>) -> Option<ArchiveJob> {
        let hot = self.options.hot_ms?;
        let now = now.into();
        // Deletions take the place of segments, too.
        if self.archiving.is_some() || self.is_rewriting() {
            return None;
        }
        let segment = self.sealed.iter().find(|segment| {
            segment.archived.is_none()
                && segment.witness != Witness::Nobody
                && now.wall.since(segment.newest) >= hot
        })?;
        self.archiving = Some(segment.base);
        Some(ArchiveJob {
            disk: Arc::clone(&self.disk),
            log: self.dir.clone(),
            base: segment.base,
            len: segment.len,
        })
    }

    /// Takes over what a job wrote, and removes the hot segment. Returns whether one moved: retention may have taken it
    /// meanwhile.
    ///
    /// # Errors
    /// Why it stays hot; a later job tries again.
    pub fn adopt_archive(&mut self, archiving: Archiving) -> Result<bool, ArchiveError> {
        self.archiving = None;
        let base = archiving.base;
        let stored = archiving.outcome?;
        let segment = self.sealed.iter_mut().find(|segment| segment.base == base);
        let Some(segment) = segment else {
            archive::remove(&*self.disk, &self.dir, base)?;
            return Ok(false);
        };
        match self.disk.remove(&self.dir.join(segments::name(base))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        segment.archived = Some(stored.bytes);
        if let Some(newest) = stored.newest {
            segment.newest = newest;
            segment.witness = Witness::Itself;
        }
        // Should this not last, both are there after a crash, and the hot one counts.
        self.disk.sync_dir(&self.dir)?;
        Ok(true)
    }

    /// The job that writes where the ids of a sealed segment lie, newest segment first; one may be under way at a time.
    pub fn ids_job(&mut self) -> Option<IdsJob> {
        if self.indexing {
            return None;
        }
        let end = self.active.base;
        let following = self.sealed.iter().skip(1).map(|segment| segment.base);
        let mut pairs: Vec<(usize, Position)> = following.chain([end]).enumerate().collect();
        pairs.reverse();
        for (index, next) in pairs {
            let Some(segment) = self.sealed.get_mut(index) else {
                continue;
            };
            if segment.indexed || segment.witness == Witness::Nobody {
                continue;
            }
            if ids::is_there(&*self.disk, &self.dir, segment.base) {
                segment.indexed = true;
                continue;
            }
            self.indexing = true;
            return Some(IdsJob {
                disk: Arc::clone(&self.disk),
                log: self.dir.clone(),
                base: segment.base,
                next,
            });
        }
        None
    }

    /// Takes over what a job wrote.
    ///
    /// # Errors
    /// The disk's own; until a later job succeeds the segment is read when somebody asks for an id.
    pub fn adopt_ids(&mut self, indexed: Indexed) -> io::Result<()> {
        self.indexing = false;
        indexed.outcome?;
        match self
            .sealed
            .iter_mut()
            .find(|segment| segment.base == indexed.base)
        {
            Some(segment) => segment.indexed = true,
            None => ids::remove(&*self.disk, &self.dir, indexed.base),
        }
        Ok(())
    }

    /// How many segments are archived, and the bytes of their files.
    #[must_use]
    pub fn archived(&self) -> (u64, u64) {
        let archived = self.sealed.iter().filter_map(|segment| segment.archived);
        archived.fold((0, 0), |(count, bytes), stored| (count + 1, bytes + stored))
    }
}
