//! What others do to the log's files while it runs: removed, moved, cut, appended to.
//!
//! Before a group is written and before it is answered, one `stat` each says whether the path of the active segment
//! still leads to the file that is held open, at the length that it should have. Each second the folder, its lock, its
//! key and the sealed segments are looked at, too.
//!
//! - The active segment is gone from its path (removed, moved, replaced): the file that is held open has every byte, and
//!   is written again to its path. What lies there instead is kept, as `NAME.aside`.
//! - It is shorter than what was acknowledged: what was cut off is lost and said so; its claims are free, so that it can
//!   be sent again.
//! - It is longer: somebody appends to it. What they wrote is left alone.
//!
//! In each case the log goes on in a new segment, and positions are never used twice. A sealed segment that is removed or
//! cut is not held open by anybody: what it held is lost and said so, and its claims are free. A folder that was removed
//! altogether is made again; one that is merely elsewhere is waited for (see [`Folder`](super::super::folder)).

use std::fmt;
use std::io;
use std::path::Path;

use headwater_store::disk::{Disk, Stat};

use super::super::archive;
use super::super::clock::SETTLED_MS;
use super::super::folder::{FolderError, is_missing};
use super::super::{Extent, Position, segments};
use super::{CommitError, Committer};

/// Sealed segments that are looked at each second; 16 GiB of the default size, in about a quarter of a millisecond.
const LOOKED_AT: usize = 256;

/// Bytes copied at once.
const COPIED: usize = 1 << 20;

/// Names that are tried for what is set aside.
const ASIDES: u32 = 1000;

/// Something that others did to the log's files or its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// The active segment was not at its path any more; it was written again there.
    Restored {
        /// The segment.
        segment: String,
        /// Its bytes.
        bytes: u64,
    },
    /// Acknowledged records are lost: segments were cut or removed.
    Lost {
        /// The segment.
        segment: String,
        /// Where the lost bytes begin.
        from: Position,
        /// Where they end.
        to: Position,
    },
    /// Somebody else appended to the active segment.
    Grown {
        /// The segment.
        segment: String,
        /// How many bytes.
        bytes: u64,
    },
    /// A file that was not ours lay where a segment belongs.
    SetAside {
        /// What it is called now.
        name: String,
    },
    /// `lock` was not at its path any more; it is there again.
    Lock,
    /// `key` was not at its path any more; it is there again.
    Key,
    /// The whole folder was removed; it was made again.
    Folder,
    /// `redactions` was damaged; it was made again from the log.
    Redactions {
        /// Deletions that the log tells of.
        found: usize,
    },
    /// The wall clock was set.
    Clock {
        /// By how many milliseconds.
        ms: i64,
    },
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restored { segment, bytes } => write!(
                f,
                "log/{segment} was removed or moved while the collector runs; its {bytes} bytes were written again, \
                 nothing is lost"
            ),
            Self::Lost { segment, from, to } => write!(
                f,
                "{segment} was removed or cut while the collector runs; what lay at positions {from} to {to} is \
                 lost and can be sent again"
            ),
            Self::Grown { segment, bytes } => write!(
                f,
                "somebody else appended {bytes} bytes to log/{segment}; they are left alone, and the log goes on in \
                 a new segment"
            ),
            Self::SetAside { name } => write!(
                f,
                "a file that is not the collector's lay where a segment belongs; it is log/{name} now"
            ),
            Self::Clock { ms } => write!(
                f,
                "the clock was set {} by {} s; no segment is removed for its age by the new time within the next {} \
                 hours",
                if *ms > 0 { "ahead" } else { "back" },
                ms.unsigned_abs() / 1000,
                SETTLED_MS / 3_600_000,
            ),
            Self::Redactions { found } => write!(
                f,
                "`redactions` was damaged and was made again from the log, which tells of {found} deletions; those that \
                 retention removed from the log cover nothing that is left of it. The damaged file is \
                 `redactions.damaged`"
            ),
            Self::Lock => f.write_str(
                "`lock` was removed while the collector runs; it was made again, and no other collector came in",
            ),
            Self::Key => {
                f.write_str("`key` was removed while the collector runs; it was written again")
            }
            Self::Folder => {
                f.write_str("the data folder was removed while the collector runs; it was made again")
            }
        }
    }
}

impl Committer {
    /// Looks at the folder and its files, and mends what can be mended; to be called each second. What it finds refuses
    /// events until a later look finds it gone.
    ///
    /// # Errors
    /// Why events are refused.
    pub fn look(&mut self) -> Result<(), CommitError> {
        self.stand()?;
        self.refusing = self.folder.look(&mut self.incidents)?.err();
        if let Some(error) = &self.refusing {
            return Err((*error).into());
        }
        self.look_at_sealed()?;
        Ok(())
    }

    /// What happened since this was asked last.
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    /// Makes sure that the active segment lies at its path and ends where it should.
    pub(super) fn stand(&mut self) -> Result<(), CommitError> {
        if self.active.dirty {
            // What a failed group may have left behind. A file that is shorter is no longer ours to cut.
            if self.active.file.stat()?.len > self.active.len {
                self.active.file.truncate(self.active.len)?;
                self.active.file.sync_data()?;
            }
            self.active.dirty = false;
        }
        if !self.is_in_place(self.active.len)? {
            self.mend()?;
        }
        if self.must_roll {
            self.roll()?;
            self.must_roll = false;
        }
        Ok(())
    }

    /// Whether the path of the active segment leads to the file that is open, with `len` bytes.
    pub(super) fn is_in_place(&self, len: u64) -> io::Result<bool> {
        let there = stat(&*self.disk, &self.path)?;
        Ok(there.is_some_and(|there| there.id == self.id && there.len == len))
    }

    /// Takes the group back that was just written, `total` bytes, wherever the file ended before.
    pub(super) fn take_back(&mut self, total: u64) -> io::Result<()> {
        let held = self.active.file.stat()?.len;
        self.active.file.truncate(held.saturating_sub(total))?;
        self.active.file.sync_data()?;
        self.active.dirty = false;
        Ok(())
    }

    /// Puts the active segment right, as far as that can be; a new one is to follow.
    fn mend(&mut self) -> Result<(), CommitError> {
        let held = self.active.file.stat()?;
        if !self.folder.is_in_place()? {
            if held.links > 0 {
                return Err(FolderError::Moved.into());
            }
            self.folder.make_again()??;
            self.incidents.push(Incident::Folder);
        }
        let segment = segments::name(self.active.base);
        let base = self.active.base.0;
        let (kept, len) = (held.len.min(self.active.len), self.active.len);
        let there = stat(&*self.disk, &self.path)?;
        if there.is_none_or(|there| there.id != self.id) {
            self.write_again(kept)?;
            self.incidents.push(Incident::Restored {
                segment: segment.clone(),
                bytes: kept,
            });
        } else if held.len > len {
            self.incidents.push(Incident::Grown {
                segment: segment.clone(),
                bytes: held.len - len,
            });
            // The next segment must begin behind theirs.
            self.active.len = held.len;
        }
        if kept < len {
            self.lose(format!("log/{segment}"), kept, base, len);
        }
        // Also where nothing is lost: readers that hold the old file go on in the next one.
        self.must_roll = true;
        Ok(())
    }

    /// Tells that the bytes of a segment from `kept` to `len` are lost, and frees their claims.
    fn lose(&mut self, segment: String, kept: u64, base: u64, len: u64) {
        let (from, to) = (base + kept, base + len);
        self.claims.doubt(Extent::new(from, to));
        if let Some(Incident::Lost { to: before, .. }) = self.incidents.last_mut()
            && before.0 == from
        {
            *before = Position(to);
            return;
        }
        self.incidents.push(Incident::Lost {
            segment,
            from: Position(from),
            to: Position(to),
        });
    }

    /// Writes the first `len` bytes of the file that is open to where it should lie, and holds that one from now on.
    fn write_again(&mut self, len: u64) -> io::Result<()> {
        self.disk.create_dir_all(&self.dir)?;
        let path = self.path.clone();
        self.set_aside(&path, 0)?;
        let draft = self.dir.join("restored.tmp");
        if !is_missing(&*self.disk, &draft)? {
            self.disk.remove(&draft)?;
        }
        let file = self.disk.create(&draft)?;
        let mut buffer = vec![0; COPIED];
        let mut at = 0;
        while at < len {
            let want = COPIED.min(usize::try_from(len - at).unwrap_or(COPIED));
            let part = buffer.get_mut(..want).unwrap_or_default();
            if self.active.file.read_at(at, part)? < want {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.append(part)?;
            at += want as u64;
        }
        file.sync_data()?;
        self.disk.rename(&draft, &path)?;
        self.disk.sync_dir(&self.dir)?;
        self.id = file.stat()?.id;
        self.active.file = file;
        Ok(())
    }

    /// Gives what lies at `path` another name if it has more than `worthless` bytes.
    pub(super) fn set_aside(&mut self, path: &Path, worthless: u64) -> io::Result<()> {
        if stat(&*self.disk, path)?.is_none_or(|there| there.len <= worthless) {
            return Ok(());
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        for number in 0..ASIDES {
            let aside = match number {
                0 => format!("{name}.aside"),
                _ => format!("{name}.aside-{number}"),
            };
            let to = path.with_file_name(&aside);
            if is_missing(&*self.disk, &to)? {
                self.disk.rename(path, &to)?;
                self.disk.sync_dir(&self.dir)?;
                self.incidents.push(Incident::SetAside { name: aside });
                return Ok(());
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn look_at_sealed(&mut self) -> io::Result<()> {
        for _ in 0..self.sealed.len().min(LOOKED_AT) {
            if self.looked_at >= self.sealed.len() {
                self.looked_at = 0;
            }
            let Some(segment) = self.sealed.get_mut(self.looked_at) else {
                break;
            };
            let (hot, archived) = archive::names(segment.base);
            let (base, len) = (segment.base.0, segment.len);
            let (path, name) = match segment.archived {
                None => (self.dir.join(segments::name(segment.base)), hot),
                Some(_) => (archive::stored_at(&self.dir, segment.base), archived),
            };
            let expected = segment.stored();
            match stat(&*self.disk, &path)? {
                Some(there) if there.len >= expected => self.looked_at += 1,
                Some(there) if segment.archived.is_some() => {
                    // Which records that was is told by who reads it next: the rest of the file still counts.
                    segment.archived = Some(there.len);
                    self.looked_at += 1;
                    self.lose(name, 0, base, len);
                }
                Some(there) => {
                    segment.len = there.len;
                    self.looked_at += 1;
                    self.lose(name, there.len, base, len);
                }
                None => {
                    self.sealed.remove(self.looked_at);
                    self.lose(name, 0, base, len);
                }
            }
        }
        Ok(())
    }
}

fn stat(disk: &dyn Disk, path: &Path) -> io::Result<Option<Stat>> {
    match disk.stat(path) {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
