//! Takes deleted events out of a segment: a copy of it without them, of the same length, which then takes its place.
//!
//! The copy is made on any thread; a segment that is no longer appended to does not change. It is durable before it takes
//! the segment's name in one step, so whatever happens, the segment is there as it was or as it should be.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, FileHeader, Found, HEADER, Scanner};

use super::super::archive::{self, Opened};
use super::super::places::Places;
use super::super::readable::Readable;
use super::super::shape::Records;
use super::super::{Fingerprinter, Position, RECORD_KIND, segments};
use super::{Redactions, redacted};

/// The end of a copy's name.
pub(in super::super) const DRAFT: &str = ".rewrite";

/// Bytes copied at once.
const COPIED: u64 = 1 << 20;

/// One segment that is to be rewritten.
#[derive(Debug)]
pub struct RewriteJob {
    pub(in super::super) disk: Arc<dyn Disk>,
    /// The folder of the segments.
    pub(in super::super) dir: PathBuf,
    pub(in super::super) base: Position,
    /// Where the next segment begins.
    pub(in super::super) next: Option<Position>,
    pub(in super::super) redactions: Redactions,
    pub(in super::super) fingerprinter: Fingerprinter,
}

/// What came of a [`RewriteJob`].
#[derive(Debug)]
pub struct Rewritten {
    pub(in super::super) base: Position,
    /// The copy and its length; `None` when there was nothing to take out.
    pub(in super::super) made: io::Result<Option<(PathBuf, u64)>>,
}

impl RewriteJob {
    /// Reads the segment, and copies it if need be.
    #[must_use]
    pub fn run(self) -> Rewritten {
        let path = self.dir.join(segments::name(self.base) + DRAFT);
        let made = match self.copy(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                // Half of a copy takes room that events need.
                let _ = self.disk.remove(&path);
                Err(error)
            }
            Ok(len) => Ok(len.map(|len| (path, len))),
        };
        Rewritten {
            base: self.base,
            made,
        }
    }

    fn copy(&self, path: &std::path::Path) -> io::Result<Option<u64>> {
        let disk = &*self.disk;
        let Opened { file, header, .. } = archive::open(disk, &self.dir, self.base)?;
        if matches!(header, FileHeader::OtherVersion(_) | FileHeader::Short) {
            return Ok(None);
        }
        let len = file.len()?;
        let places = Places::new(self.base, self.next);
        let mut scanner = Scanner::new(&*file, segments::begin(header), &Records)?;
        let mut copy: Option<Arc<dyn DiskFile>> = None;
        let mut copied = 0;
        loop {
            let (at, kind, body) = match scanner.advance()? {
                Found::Frame { at, kind, body } => (at, kind, body),
                Found::Damage { .. } | Found::Torn { .. } => continue,
                Found::End => break,
            };
            let Some(found @ Readable::Record(..)) = Readable::of(kind, body) else {
                continue;
            };
            // A stray copy of another segment's record goes with what lies here.
            let home = places.home(at, found.place()).unwrap_or(at);
            let position = Position(self.base.0 + home);
            let Some(left) = redacted(&self.redactions, &self.fingerprinter, position, body) else {
                continue;
            };
            let copy = match &copy {
                Some(copy) => copy,
                None => {
                    match disk.remove(path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(error);
                        }
                        _ => {}
                    }
                    copy.insert(disk.create(path)?)
                }
            };
            append(&**copy, &*file, copied, at)?;
            let framed = frame::header(RECORD_KIND, &[&left]).map_err(io::Error::other)?;
            copy.append(&framed)?;
            copy.append(&left)?;
            copied = at + (HEADER + left.len()) as u64;
        }
        let Some(copy) = copy else {
            return Ok(None);
        };
        append(&*copy, &*file, copied, len)?;
        copy.sync_data()?;
        Ok(Some(len))
    }
}

/// Appends the bytes between two offsets of `file`.
fn append(copy: &dyn DiskFile, file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut at = from;
    while at < to {
        let want = usize::try_from((to - at).min(COPIED)).unwrap_or_default();
        buffer.resize(want, 0);
        if file.read_at(at, &mut buffer)? < want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        copy.append(&buffer)?;
        at += want as u64;
    }
    Ok(())
}
