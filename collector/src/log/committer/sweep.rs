//! Retention.

use std::io;

use headwater_model::time::Millis;

use super::super::Position;
use super::super::archive;
use super::super::clock::Moment;
use super::super::ids;
use super::super::segments::{self, Witness};
use super::{Committer, Incident};

/// How many segments of an earlier process are read for their age in one sweep: each costs some tens of milliseconds, in
/// which no group is written.
const ASKED_A_SWEEP: u32 = 2;

/// One sweep removes at most one dedupe window of log, but at least this much.
const LEAST_WINDOW_MS: i64 = 3_600_000;

/// What retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them held claims that are within the window still: forgotten at the next start.
    pub early: u64,
    /// How many of them somebody had still to read.
    pub unread: u64,
}

impl Committer {
    /// Watches the wall clock. When it is set ahead, what this process wrote may have been stamped too early.
    pub(super) fn observe(&mut self, now: Moment) {
        let Some(ms) = self.clock.observe(now) else {
            return;
        };
        self.incidents.push(Incident::Clock { ms });
        let own = self.own;
        for segment in self.sealed.iter_mut().filter(|segment| segment.base >= own) {
            segment.newest = segment.newest.max(now.wall);
        }
        self.active.newest = self.active.newest.max(now.wall);
    }

    /// Where claims are on their way from the one end of the window to the other.
    pub(super) fn claims_time(&self, now: Moment) -> Millis {
        Millis(
            self.claims_from
                .0
                .saturating_add(self.clock.since_opened(now)),
        )
    }

    /// What lies from `position` on is still to be read by somebody: it is not removed for its age. More than
    /// `retain_bytes` is removed all the same.
    pub fn keep_from(&mut self, position: Position) {
        self.needed = position;
    }

    /// Removes segments that are older, or more, than the options keep. The active one always stays. What age means is
    /// in the rules of the module `clock`.
    ///
    /// # Errors
    /// When a file cannot be read or removed; what was removed before stays removed.
    pub fn sweep(&mut self, now: impl Into<Moment>) -> io::Result<Swept> {
        let now = now.into();
        self.observe(now);
        let mut swept = Swept::default();
        let outcome = self
            .sweep_by_size(now.wall, &mut swept)
            .and_then(|()| self.sweep_by_age(now, &mut swept));
        if swept.segments > 0 {
            self.disk.sync_dir(&self.dir)?;
        }
        outcome.map(|()| swept)
    }

    fn sweep_by_size(&mut self, now: Millis, swept: &mut Swept) -> io::Result<()> {
        let most = self.options.retain_bytes.unwrap_or(u64::MAX);
        while self.bytes() > most && !self.sealed.is_empty() {
            self.remove_segment(0, now, swept)?;
        }
        Ok(())
    }

    fn sweep_by_age(&mut self, now: Moment, swept: &mut Swept) -> io::Result<()> {
        let (Some(age), Some(time), Some(newest)) = (
            self.options.retain_ms,
            self.clock.believed(now),
            self.newest,
        ) else {
            return Ok(());
        };
        let time = time.min(newest);
        let window = self.options.dedupe_ms.max(LEAST_WINDOW_MS);
        let mut upto = None;
        let mut index = 0;
        let mut asked = 0;
        while let Some(segment) = self.sealed.get_mut(index) {
            let received = segment.newest;
            let upto = *upto.get_or_insert(Millis(received.0.saturating_add(window)));
            if time.since(received) <= age || received > upto {
                break;
            }
            if segment.base.0 + segment.len > self.needed.0 {
                break;
            }
            match segment.witness {
                Witness::Itself => self.remove_segment(index, time, swept)?,
                Witness::Nobody => index += 1,
                Witness::Others if asked == ASKED_A_SWEEP => break,
                Witness::Others => {
                    asked += 1;
                    match segments::newest_received(&*self.disk, &self.dir, segment.base)? {
                        Some(newest) => {
                            segment.newest = newest;
                            segment.witness = Witness::Itself;
                        }
                        None => segment.witness = Witness::Nobody,
                    }
                }
            }
        }
        Ok(())
    }

    fn remove_segment(&mut self, index: usize, now: Millis, swept: &mut Swept) -> io::Result<()> {
        let segment = self.sealed.remove(index);
        // A crash while it moved may have left both. The archive goes first: what is left of the two is still known.
        let removed = archive::remove(&*self.disk, &self.dir, segment.base).and_then(|()| {
            match segment.archived {
                Some(_) => Ok(()),
                None => self
                    .disk
                    .remove(&self.dir.join(segments::name(segment.base))),
            }
        });
        if let Err(error) = removed {
            // One that is gone already is as good as removed.
            if error.kind() != io::ErrorKind::NotFound {
                self.sealed.insert(index, segment);
                return Err(error);
            }
        }
        ids::remove(&*self.disk, &self.dir, segment.base);
        swept.segments += 1;
        swept.bytes += segment.stored();
        swept.unread += u64::from(segment.base.0 + segment.len > self.needed.0);
        swept.early += u64::from(now.since(segment.newest) <= self.options.dedupe_ms);
        Ok(())
    }
}
