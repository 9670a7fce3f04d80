//! Whose events are to be forgotten: the set of deletions, which every reader asks for each record.
//!
//! ```text
//! request ─▶ control record `Delete` in the log ─▶ file `redactions` ─▶ readers see the user's events no more
//!                                                        └─▶ within a day: segments are rewritten (rewrite)
//! ```
//! A deletion names its user by a keyed fingerprint, so that nothing of the user is kept by it, and covers what lies before
//! its control record. What a reader sees of a record and what a rewritten segment holds of it are made by the same
//! function ([`record`]), so nobody can tell whether the segment was rewritten yet. Deletions stay in the set for good:
//! they hold also for what comes back from a backup or lies in an archive.
//!
//! The file is replaced in one step. Where it is damaged, the control records in the log say it again.

mod record;
mod rewrite;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use headwater_store::frame::{self, FILE_HEADER, FileHeader};

use super::{Position, replace};

pub(super) use record::redacted;
pub(super) use rewrite::DRAFT;
pub use rewrite::{RewriteJob, Rewritten};
pub(super) use watch::Watch;

/// The file in the data folder.
pub(super) const FILE: &str = "redactions";

const MAGIC: [u8; 7] = *b"HWREDAC";
const VERSION: u8 = 1;
/// `seen u64, count u64`
const COUNTED: u8 = 1;
/// Some deletions: `subject u128, before u64, at i64, rewritten u8` each.
const SOME: u8 = 2;
const BYTES: usize = 33;
/// Deletions in a frame: some megabytes.
const IN_FRAME: usize = 100_000;

/// The keyed fingerprint of a userId.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(pub u128);

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Subject {
    /// The subject that [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Subject> {
        (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok().map(Subject))
            .flatten()
    }
}

/// One deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redaction {
    /// Whose events.
    pub subject: Subject,
    /// The events before this position.
    pub before: Position,
    /// When it was asked for.
    pub at: Millis,
    /// Whether the log's segments hold none of their bytes any more.
    pub rewritten: bool,
}

/// When segments are rewritten after a deletion. Readers see nothing of the user from the answer on, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewriting {
    /// Within a day and some hours, together with the other deletions of that time: it reads the whole log.
    Daily,
    /// As soon as possible.
    AtOnce,
}

/// All deletions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Redactions {
    list: Vec<Redaction>,
    before: HashMap<Subject, Position>,
    latest: Position,
    /// Control records before it are in the list.
    seen: Position,
}

impl Redactions {
    /// Whether a record at this position may hold something that is to be forgotten.
    pub(super) fn reach(&self, position: Position) -> bool {
        position < self.latest
    }

    /// Whether an event of this subject at this position is to be forgotten.
    pub(super) fn cover(&self, subject: Subject, position: Position) -> bool {
        self.before
            .get(&subject)
            .is_some_and(|before| position < *before)
    }

    /// All of them, oldest first.
    pub(super) fn list(&self) -> &[Redaction] {
        &self.list
    }

    /// Takes one, of which the control record lies at its `before`; `false` when it is there already.
    pub(super) fn add(&mut self, redaction: Redaction) -> bool {
        if redaction.before < self.seen {
            return false;
        }
        self.begin(redaction);
        true
    }

    /// Takes one whose control record was just written. Where an older or a new log lies in the folder, that may be before
    /// others: positions come again then.
    pub(super) fn begin(&mut self, redaction: Redaction) {
        self.seen = self.seen.max(Position(redaction.before.0 + 1));
        self.insert(redaction);
    }

    fn insert(&mut self, redaction: Redaction) {
        let before = self.before.entry(redaction.subject).or_default();
        *before = redaction.before.max(*before);
        self.latest = self.latest.max(redaction.before);
        self.list.push(redaction);
    }

    /// The first `count` are in no segment any more.
    pub(super) fn set_rewritten(&mut self, count: usize) {
        for redaction in self.list.iter_mut().take(count) {
            redaction.rewritten = true;
        }
    }

    /// Those in the file of the data folder `dir`; none where there is no file.
    ///
    /// # Errors
    /// The disk's own, and `InvalidData` when the file is damaged.
    pub(super) fn load(disk: &dyn Disk, dir: &Path) -> io::Result<Self> {
        let file = match disk.open(&dir.join(FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        let read = file.read_at(0, &mut bytes)?;
        bytes.truncate(read);
        Self::decode(&bytes).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the file `redactions` of the data folder is damaged; start the collector on the folder, which makes it \
                 again from the log",
            )
        })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if frame::check_file_header(bytes, MAGIC, VERSION) != FileHeader::Good {
            return None;
        }
        let mut rest = bytes.get(FILE_HEADER..)?;
        let mut all = Self::default();
        let mut counted = None;
        while !rest.is_empty() {
            let frame::Decoded::Frame { kind, body, size } = frame::decode(rest) else {
                return None;
            };
            rest = rest.get(size..)?;
            match kind {
                COUNTED => {
                    let (seen, count) = body.split_first_chunk::<8>()?;
                    all.seen = Position(u64::from_le_bytes(*seen));
                    counted = Some(u64::from_le_bytes(*count.first_chunk()?));
                }
                SOME => {
                    for one in body.chunks(BYTES) {
                        all.insert(decode_one(one)?);
                    }
                }
                _ => return None,
            }
        }
        (counted == Some(all.list.len() as u64)).then_some(all)
    }

    /// Replaces the file, durably.
    pub(super) fn save(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let mut bytes = frame::file_header(MAGIC, VERSION).to_vec();
        let head = [
            self.seen.0.to_le_bytes(),
            (self.list.len() as u64).to_le_bytes(),
        ]
        .concat();
        let framed = |bytes: &mut Vec<u8>, kind: u8, body: &[u8]| {
            frame::encode_into(bytes, kind, &[body]).map_err(io::Error::other)
        };
        framed(&mut bytes, COUNTED, &head)?;
        for some in self.list.chunks(IN_FRAME) {
            let mut body = Vec::with_capacity(some.len() * BYTES);
            for one in some {
                body.extend_from_slice(&one.subject.0.to_le_bytes());
                body.extend_from_slice(&one.before.0.to_le_bytes());
                body.extend_from_slice(&one.at.0.to_le_bytes());
                body.push(u8::from(one.rewritten));
            }
            framed(&mut bytes, SOME, &body)?;
        }
        replace(disk, dir, FILE, &bytes)
    }
}

fn decode_one(bytes: &[u8]) -> Option<Redaction> {
    let (subject, rest) = bytes.split_first_chunk()?;
    let (before, rest) = rest.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let [rewritten @ (0 | 1)] = rest else {
        return None;
    };
    Some(Redaction {
        subject: Subject(u128::from_le_bytes(*subject)),
        before: Position(u64::from_le_bytes(*before)),
        at: Millis(i64::from_le_bytes(*at)),
        rewritten: *rewritten == 1,
    })
}
