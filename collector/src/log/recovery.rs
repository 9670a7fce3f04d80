//! Opening a log that an earlier process left: which segments there are, where to go on, which claims hold.
//!
//! Rules.
//! - The claims are those of the records that can be read, whole, by their checksums: what is lost is new when its sender
//!   sends it again. So the segments of the window are read from end to end.
//! - Nothing is cut off but a tail that has the shape of an unfinished write (see [`headwater_store::frame::Found::Torn`]).
//! - Nothing is appended to a segment that is damaged: it stays as it is, and the log goes on in a new one. What lies behind
//!   its last good record is copied to a file of its own, which no retention removes.
//! - Where the disk has no room for a new segment, the log opens all the same: it is read, and refuses events until there is.
//! - Each stretch of damage is told with its file and its bytes, at each start.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, FILE_HEADER, FileHeader, Found, HEADER, Scanner};

use super::archive;
use super::claims::ClaimIndex;
use super::committer::Active;
use super::places::Places;
use super::readable::Readable;
use super::segments::{self, Sealed, Witness};
use super::shape::Records;
use super::{Control, Note, Position, Topic};

/// Segments hold claims somewhat longer than the window: a record's time is its request's, a claim's that of its group.
const HOUR_MS: i64 = 3_600_000;

/// How much of a damaged tail is copied at once.
const COPY: usize = 256 * 1024;

/// What was found when the folder was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that are there.
    pub segments: usize,
    /// Claims that were rebuilt.
    pub claims: u64,
    /// Bytes of an unfinished write that were cut off.
    pub torn_bytes: u64,
    /// What is damaged, in the segments that were read.
    pub damage: Vec<Damage>,
    /// Segments of another format version, left as they are.
    pub foreign: Vec<String>,
}

/// Bytes of a segment that hold no record which can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub path: PathBuf,
    /// The bytes in it; beyond its end when it is shorter than it was.
    pub bytes: Range<u64>,
    /// Where a copy of them lies, if one was made.
    pub set_aside: Option<PathBuf>,
}

/// Reads what is there: all of the segments that hold claims within the window, and of the last one.
///
/// Which segments hold claims within the window is told by the first records of all, and a record counts as no older than
/// those before it: a clock that was set back for a while forgets nothing. The window ends at the newest of these records
/// and not at `now`, which a clock that is wrong at start could put anywhere.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    claims: &mut ClaimIndex,
    now: Millis,
) -> io::Result<(Vec<Sealed>, Active, Recovery, Vec<Control>)> {
    let bases = archive::list(&**disk, dir)?;
    let mut firsts = Vec::with_capacity(bases.len());
    for base in &bases {
        let opened = archive::open(&**disk, dir, *base)?;
        firsts.push(match opened.times {
            Some((first, _)) => first,
            None => segments::first_received(&*opened.file)?,
        });
    }
    let reference = firsts.iter().flatten().max().map_or(now, |at| now.min(*at));
    let mut opening = Opening {
        disk: &**disk,
        dir,
        now,
        window: claims.window_ms().saturating_add(HOUR_MS),
        reference,
        claims,
        sealed: Vec::with_capacity(bases.len()),
        deletions: Vec::new(),
        goes_on: None,
        recovery: Recovery {
            segments: bases.len(),
            ..Recovery::default()
        },
    };
    let mut active = None;
    for (index, base) in bases.iter().copied().enumerate() {
        let segment = opening.open(base)?;
        match bases.get(index + 1) {
            Some(next) => opening.seal(&segment, *next, bound(&firsts, index))?,
            None => active = opening.go_on(segment)?,
        }
    }
    let active = match active {
        Some(active) => active,
        None => opening.begin()?,
    };
    let Opening {
        sealed,
        recovery,
        deletions,
        ..
    } = opening;
    claims.rotate(reference);
    Ok((sealed, active, recovery, deletions))
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    now: Millis,
    /// How far before `reference` a segment with claims can end.
    window: i64,
    reference: Millis,
    claims: &'a mut ClaimIndex,
    sealed: Vec<Sealed>,
    /// Those among the control records that were read.
    deletions: Vec<Control>,
    /// Where a new segment begins, when not where the last one ends.
    goes_on: Option<Position>,
    recovery: Recovery,
}

struct Segment {
    base: Position,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    header: FileHeader,
    len: u64,
    archived: Option<u64>,
    /// When its newest record was received, where its archive says so.
    newest: Option<Millis>,
}

/// What reading a segment came to.
#[derive(Default)]
struct Contents {
    damage: Vec<Range<u64>>,
    /// Where an unfinished write begins.
    torn: Option<u64>,
    /// Where the last place ends that a record was written to.
    end: u64,
    newest: Option<Millis>,
}

impl Contents {
    fn damaged(&mut self, bytes: Range<u64>) {
        match self.damage.last_mut() {
            Some(last) if last.end >= bytes.start => last.end = last.end.max(bytes.end),
            _ => self.damage.push(bytes),
        }
    }
}

impl Opening<'_> {
    fn open(&self, base: Position) -> io::Result<Segment> {
        let opened = archive::open(self.disk, self.dir, base)?;
        Ok(Segment {
            base,
            len: opened.file.len()?,
            path: opened.path,
            file: opened.file,
            header: opened.header,
            archived: opened.archived,
            newest: opened.times.and_then(|(_, newest)| newest),
        })
    }

    /// Takes stock of a segment that another one follows.
    fn seal(&mut self, segment: &Segment, next: Position, bound: Option<Millis>) -> io::Result<()> {
        if self.is_foreign(segment) {
            return Ok(());
        }
        let relevant = bound.is_none_or(|bound| self.reference.since(bound) <= self.window);
        let mut contents = if relevant {
            self.read(segment, Some(next))?
        } else {
            Contents::default()
        };
        let full = next.0 - segment.base.0;
        if let Some(torn) = contents.torn {
            contents.damaged(torn..segment.len);
        }
        if segment.header == FileHeader::Short {
            contents.damage.clear();
            contents.damaged(0..full);
        } else if segment.len < full {
            contents.damaged(segment.len..full);
        }
        let own = contents.newest.or(segment.newest);
        let witness = match (own, relevant) {
            (Some(_), _) => Witness::Itself,
            (None, true) => Witness::Nobody,
            (None, false) => Witness::Others,
        };
        let newest = own.or(bound).unwrap_or(self.now);
        self.tell(segment, contents.damage, false);
        self.sealed.push(Sealed {
            base: segment.base,
            len: segment.len,
            newest,
            witness,
            archived: segment.archived,
            indexed: false,
        });
        Ok(())
    }

    /// Goes on at the end of the last segment; `None` when a new one is to begin behind those that are sealed.
    fn go_on(&mut self, mut segment: Segment) -> io::Result<Option<Active>> {
        if self.is_foreign(&segment) {
            return Ok(None);
        }
        if segment.archived.is_some() {
            let next = Position(segment.base.0 + segment.len);
            let newest = segment.newest;
            return self.seal(&segment, next, newest).map(|()| None);
        }
        if segment.header != FileHeader::Good && is_begun(&segment)? {
            self.goes_on = Some(segment.base);
            return Ok(None);
        }
        let mut contents = self.read(&segment, None)?;
        if let Some(torn) = contents.torn {
            segment.file.truncate(torn)?;
            segment.file.sync_data()?;
            self.recovery.torn_bytes += segment.len - torn;
            segment.len = torn;
        }
        if segment.header == FileHeader::Short {
            contents.damaged(0..segment.len);
        } else if contents.end > segment.len {
            contents.damaged(segment.len..contents.end);
        }
        if segment.header == FileHeader::Good && contents.damage.is_empty() {
            return Ok(Some(Active {
                base: segment.base,
                len: segment.len,
                file: segment.file,
                newest: contents.newest.unwrap_or_default().max(Millis(0)),
                dirty: false,
                ended: None,
            }));
        }
        self.tell(&segment, contents.damage, true);
        let end = contents.end.max(segment.len).max(FILE_HEADER as u64);
        self.goes_on = Some(Position(segment.base.0 + end));
        self.sealed.push(Sealed {
            base: segment.base,
            len: segment.len,
            newest: contents.newest.unwrap_or(self.now),
            witness: match contents.newest {
                Some(_) => Witness::Itself,
                None => Witness::Nobody,
            },
            archived: None,
            indexed: false,
        });
        Ok(None)
    }

    /// Begins a segment behind all others. Where the disk has no room for it, the last one stays the one that is held open:
    /// nothing is appended to it, events are refused, and what is there can be read.
    fn begin(&mut self) -> io::Result<Active> {
        let last = self.sealed.last();
        let end = last.map_or(0, |segment| {
            segment.base.0 + segment.len.max(FILE_HEADER as u64)
        });
        let base = self.goes_on.unwrap_or(Position(end));
        let error = match segments::create(self.disk, self.dir, base) {
            Ok(file) => {
                return Ok(Active {
                    base,
                    file,
                    len: FILE_HEADER as u64,
                    newest: self.now,
                    dirty: false,
                    ended: None,
                });
            }
            Err(error) => error,
        };
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let held = |last: &Sealed| full && last.archived.is_none();
        let Some(last) = self.sealed.pop().filter(held) else {
            return Err(error);
        };
        Ok(Active {
            file: self.open(last.base)?.file,
            base: last.base,
            len: base.0 - last.base.0,
            newest: last.newest,
            dirty: false,
            ended: Some(last.witness),
        })
    }

    fn is_foreign(&mut self, segment: &Segment) -> bool {
        let foreign = matches!(segment.header, FileHeader::OtherVersion(_));
        if foreign {
            let (hot, archived) = archive::names(segment.base);
            self.recovery.foreign.push(match segment.archived {
                Some(_) => archived,
                None => hot,
            });
            self.sealed.push(Sealed {
                base: segment.base,
                len: segment.len,
                newest: self.now,
                witness: Witness::Nobody,
                archived: segment.archived,
                indexed: false,
            });
        }
        foreign
    }

    /// Reads a segment from end to end and restores the claims of its records.
    fn read(&mut self, segment: &Segment, next: Option<Position>) -> io::Result<Contents> {
        let file = &*segment.file;
        let mut contents = Contents::default();
        let mut places = Places::new(segment.base, next);
        let mut moved = None;
        let mut scanner = Scanner::new(file, segments::begin(segment.header), &Records)?;
        loop {
            let (at, kind, body) = match scanner.advance()? {
                Found::Frame { at, kind, body } => (at, kind, body),
                Found::Damage { from, to } => {
                    contents.damaged(from..to);
                    continue;
                }
                // The header was durable before the first write.
                Found::Torn { from, to } if segment.header != FileHeader::Good => {
                    contents.damaged(from..to);
                    continue;
                }
                Found::Torn { from, .. } => {
                    contents.torn = Some(from);
                    continue;
                }
                Found::End => break,
            };
            let Some(found) = Readable::of(kind, body) else {
                continue;
            };
            let size = (HEADER + body.len()) as u64;
            match places.admit(file, at, found.place())? {
                Some(home) => {
                    if home != at {
                        moved = moved.or(Some(at..at + size));
                    }
                    contents.end = contents.end.max(home + size);
                    contents.newest = contents.newest.max(Some(found.received()));
                    let position = Position(segment.base.0 + home);
                    match &found {
                        Readable::Record(head, _) => {
                            self.recovery.claims +=
                                self.claims.restore(position, head, self.reference);
                        }
                        Readable::Control(head, len) if head.topic == Topic::Delete => {
                            let text = body.get(*len..).unwrap_or_default();
                            self.deletions.push(Control {
                                position,
                                received: head.received,
                                note: Note {
                                    topic: head.topic,
                                    text: Bytes::copy_from_slice(text),
                                },
                            });
                        }
                        Readable::Control(..) => {}
                    }
                }
                // A copy of a record that is elsewhere.
                None => contents.damaged(at..at + size),
            }
        }
        // Bytes went missing between two records, or records changed their order.
        if contents.damage.is_empty() {
            contents.damage.extend(moved);
        }
        Ok(contents)
    }

    /// Notes the damage; of the last segment, a copy of what lies behind its last record is kept.
    fn tell(&mut self, segment: &Segment, damage: Vec<Range<u64>>, last: bool) {
        for bytes in damage {
            let tail = last && bytes.start < segment.len && bytes.end >= segment.len;
            let set_aside = tail.then(|| set_aside(self.disk, segment, bytes.start).ok());
            self.recovery.damage.push(Damage {
                path: segment.path.clone(),
                bytes,
                set_aside: set_aside.flatten(),
            });
        }
    }
}

/// Whether a process ended while it made this segment: nothing can be in it.
fn is_begun(segment: &Segment) -> io::Result<bool> {
    let mut bytes = [0; FILE_HEADER];
    let read = segment.file.read_at(0, &mut bytes)?;
    let bytes = bytes.get(..read).unwrap_or_default();
    let header = frame::file_header(segments::MAGIC, segments::VERSION);
    Ok(segment.len <= FILE_HEADER as u64
        && (header.starts_with(bytes) || bytes.iter().all(|byte| *byte == 0)))
}

/// Copies the segment's bytes from `from` to its end into a file beside it.
fn set_aside(disk: &dyn Disk, segment: &Segment, from: u64) -> io::Result<PathBuf> {
    let end = segment.len;
    let mut path = segment.path.clone().into_os_string();
    path.push(format!(".{from}-{end}.damaged"));
    let path = PathBuf::from(path);
    match disk.remove(&path) {
        // What an earlier start began.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copied = copy(disk, segment, from..end, &path);
    if copied.is_err() {
        // Half a copy only takes room, of which there may be none.
        let _ = disk.remove(&path);
    }
    copied.map(|()| path)
}

fn copy(disk: &dyn Disk, segment: &Segment, bytes: Range<u64>, path: &Path) -> io::Result<()> {
    let copy = disk.create(path)?;
    let (mut buffer, mut at) = (vec![0; COPY], bytes.start);
    while at < bytes.end {
        let read = segment.file.read_at(at, &mut buffer)?;
        if read == 0 {
            break;
        }
        copy.append(buffer.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    copy.sync_data()?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

/// The latest time at which a record of segment `index` can have been received, by the first record of the next segment
/// that tells one.
fn bound(firsts: &[Option<Millis>], index: usize) -> Option<Millis> {
    let later = firsts.get(index + 1..)?.iter().position(Option::is_some)?;
    firsts
        .get(..index + 2 + later)?
        .iter()
        .flatten()
        .max()
        .copied()
}
