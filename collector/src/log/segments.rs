//! The log's files: `log/00000000000000000000.log`, named by the position of their first byte.
//!
//! A position is the name's number plus the offset in the file, so the next file's name is where this one ends, and a
//! reader needs no index. A file begins with [`headwater_store::frame`]'s header.

use std::io;
use std::path::Path;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, FILE_HEADER, FileHeader, Found, HEADER, Scanner};

use super::archive::{self, Opened};
use super::places::Places;
use super::readable::Readable;
use super::record::{self, Head};
use super::shape::Records;
use super::{Position, RECORD_KIND};

pub(super) const MAGIC: [u8; 7] = *b"HWEVLOG";
pub(super) const VERSION: u8 = 1;
const SUFFIX: &str = ".log";

/// The name of the segment that begins at `base`.
pub(super) fn name(base: Position) -> String {
    format!("{:020}{SUFFIX}", base.0)
}

/// The positions at which segments in `dir` begin, oldest first; files with other names are left alone.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<Position>> {
    let mut bases: Vec<Position> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| {
            name.strip_suffix(SUFFIX)
                .filter(|digits| digits.len() == 20)?
                .parse()
                .ok()
        })
        .map(Position)
        .collect();
    bases.sort_unstable();
    Ok(bases)
}

/// One segment that is no longer appended to.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) base: Position,
    pub(super) len: u64,
    /// When its newest record was received, as far as known.
    pub(super) newest: Millis,
    pub(super) witness: Witness,
    /// Bytes of its archive file; `None` while it is hot.
    pub(super) archived: Option<u64>,
    /// Its ids are written.
    pub(super) indexed: bool,
}

impl Sealed {
    /// Bytes that it takes of the disk.
    pub(super) fn stored(&self) -> u64 {
        self.archived.unwrap_or(self.len)
    }
}

/// On whose word a segment's age is known. Nothing is removed for its age on another's word alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// Its own records, by their checksums.
    Itself,
    /// The segments around it; its own records were not read yet.
    Others,
    /// It has no record that could be read: another version's, or all damaged.
    Nobody,
}

/// When the newest readable record of the segment at `base` was received; `log` is the log's folder.
pub(super) fn newest_received(
    disk: &dyn Disk,
    log: &Path,
    base: Position,
) -> io::Result<Option<Millis>> {
    let Opened { file, header, .. } = archive::open(disk, log, base)?;
    if matches!(header, FileHeader::OtherVersion(_) | FileHeader::Short) {
        return Ok(None);
    }
    let mut newest = None;
    if !visit_heads(&*file, &mut |head| newest = newest.max(Some(head.received)))? {
        // Also copies of records of another segment: they are no younger than what they lie among.
        let mut scanner = Scanner::new(&*file, begin(header), &Records)?;
        loop {
            match scanner.advance()? {
                Found::Frame { kind, body, .. } => {
                    if let Some(found) = Readable::of(kind, body) {
                        newest = newest.max(Some(found.received()));
                    }
                }
                Found::Damage { .. } | Found::Torn { .. } => {}
                Found::End => break,
            }
        }
    }
    Ok(newest)
}

/// Where the first frame is looked for: behind the header, or anywhere when bytes of the header are missing or wrong.
pub(super) fn begin(header: FileHeader) -> u64 {
    match header {
        FileHeader::Good => FILE_HEADER as u64,
        FileHeader::OtherVersion(_) | FileHeader::Short | FileHeader::Damaged => 0,
    }
}

/// Visits the records of the segment at `base` that can be read, body and all, each once with the place in the segment
/// where it belongs; `next` is where the next segment begins.
pub(super) fn visit_readable(
    file: &dyn DiskFile,
    base: Position,
    next: Option<Position>,
    visit: &mut dyn FnMut(u64, Head),
) -> io::Result<()> {
    let mut places = Places::new(base, next);
    // The header costs a few bytes of search.
    let mut scanner = Scanner::new(file, 0, &Records)?;
    loop {
        match scanner.advance()? {
            Found::Frame { at, kind, body } => {
                if let Some(found) = Readable::of(kind, body)
                    && let Some(home) = places.admit(file, at, found.place())?
                    && let Readable::Record(head, _) = found
                {
                    visit(home, head);
                }
            }
            Found::Damage { .. } | Found::Torn { .. } => {}
            Found::End => return Ok(()),
        }
    }
}

/// Creates the segment at `base`, durable once this returns.
pub(super) fn create(disk: &dyn Disk, dir: &Path, base: Position) -> io::Result<Arc<dyn DiskFile>> {
    let path = dir.join(name(base));
    let file = match disk.create(&path) {
        Ok(file) => file,
        // An earlier attempt got this far and failed: nothing in it was ever acknowledged.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = disk.open(&path)?;
            file.truncate(0)?;
            file
        }
        Err(error) => return Err(error),
    };
    file.append(&frame::file_header(MAGIC, VERSION))?;
    file.sync_data()?;
    disk.sync_dir(dir)?;
    Ok(file)
}

/// Opens a segment and reads its header.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<(Arc<dyn DiskFile>, FileHeader)> {
    opened(disk.open(path)?)
}

/// Reads the header of a segment that is open.
pub(super) fn opened(file: Arc<dyn DiskFile>) -> io::Result<(Arc<dyn DiskFile>, FileHeader)> {
    let mut bytes = [0; FILE_HEADER];
    let read = file.read_at(0, &mut bytes)?;
    let header = frame::check_file_header(bytes.get(..read).unwrap_or_default(), MAGIC, VERSION);
    Ok((file, header))
}

/// Visits the heads of a segment without reading its bodies. `false` when something does not add up: the caller then
/// scans the whole file, which recovers what is around the damage.
fn visit_heads(file: &dyn DiskFile, visit: &mut dyn FnMut(Head)) -> io::Result<bool> {
    let len = file.len()?;
    let mut at = FILE_HEADER as u64;
    // Most heads of batches fit; a larger one costs a second read.
    let mut buffer = vec![0; 4096];
    while at < len {
        let read = file.read_at(at, &mut buffer)?;
        let Some(prefix) = buffer
            .get(..read)
            .and_then(|bytes| bytes.first_chunk::<{ HEADER + 4 }>())
        else {
            return Ok(false);
        };
        let [l0, l1, l2, l3, _, _, _, _, kind, rest @ ..] = *prefix;
        let body = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let next = at + HEADER as u64 + body;
        if next > len || body == 0 {
            return Ok(false);
        }
        if kind == RECORD_KIND {
            let Some(head_len) =
                record::head_len(&rest).filter(|head_len| *head_len as u64 <= body)
            else {
                return Ok(false);
            };
            let want = HEADER + head_len;
            if want > read {
                if want > buffer.len() {
                    buffer.resize(want, 0);
                }
                if file.read_at(at, &mut buffer)? < want {
                    return Ok(false);
                }
            }
            match record::decode_head(buffer.get(HEADER..want).unwrap_or_default()) {
                Ok((head, _)) => visit(head),
                Err(record::RecordError::Unknown(_)) => {}
                Err(record::RecordError::Head) => return Ok(false),
            }
        }
        at = next;
    }
    Ok(true)
}

/// When the first record of a segment was received, if the checksum of its head says that this is what was written.
pub(super) fn first_received(file: &dyn DiskFile) -> io::Result<Option<Millis>> {
    let mut bytes = vec![0; 4096];
    let mut read = file.read_at(FILE_HEADER as u64, &mut bytes)?;
    let Some(head_len) = bytes
        .get(HEADER..read)
        .filter(|_| bytes.get(HEADER - 1) == Some(&RECORD_KIND))
        .and_then(record::head_len)
    else {
        return Ok(None);
    };
    if HEADER + head_len > read {
        bytes.resize(HEADER + head_len, 0);
        read = file.read_at(FILE_HEADER as u64, &mut bytes)?;
    }
    let head = record::decode_head(bytes.get(HEADER..read).unwrap_or_default());
    Ok(head.ok().map(|(head, _)| head.received))
}
