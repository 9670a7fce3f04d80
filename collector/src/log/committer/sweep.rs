//! Retention.

use std::io;

use headwater_model::time::Millis;

use super::super::segments::{self, Witness};
use super::Committer;

/// How many segments of an earlier process are read for their age in one sweep: each costs some tens of milliseconds, in
/// which no group is written.
const ASKED_A_SWEEP: u32 = 2;

/// What retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them held claims that are within the window still: forgotten at the next start.
    pub early: u64,
}

impl Committer {
    /// Removes segments that are older, or more, than the options keep. The active one always stays.
    ///
    /// # Errors
    /// When a file cannot be read or removed; what was removed before stays removed.
    pub fn sweep(&mut self, now: Millis) -> io::Result<Swept> {
        let mut swept = Swept::default();
        let outcome = self
            .sweep_by_size(now, &mut swept)
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

    fn sweep_by_age(&mut self, now: Millis, swept: &mut Swept) -> io::Result<()> {
        let Some(age) = self.options.retain_ms else {
            return Ok(());
        };
        let mut index = 0;
        let mut asked = 0;
        while let Some(segment) = self.sealed.get_mut(index) {
            if now.since(segment.newest) <= age {
                break;
            }
            match segment.witness {
                Witness::Itself => self.remove_segment(index, now, swept)?,
                Witness::Nobody => index += 1,
                Witness::Others if asked == ASKED_A_SWEEP => break,
                Witness::Others => {
                    asked += 1;
                    let path = self.dir.join(segments::name(segment.base));
                    match segments::newest_received(&*self.disk, &path)? {
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
        let removed = self
            .disk
            .remove(&self.dir.join(segments::name(segment.base)));
        if let Err(error) = removed {
            // One that is gone already is as good as removed.
            if error.kind() != io::ErrorKind::NotFound {
                self.sealed.insert(index, segment);
                return Err(error);
            }
        }
        swept.segments += 1;
        swept.bytes += segment.len;
        swept.early += u64::from(now.since(segment.newest) <= self.options.dedupe_ms);
        Ok(())
    }
}
