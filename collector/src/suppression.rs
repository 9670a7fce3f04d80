//! Whose events are not taken in: the suppressed ids, decided before anything is stored.
//!
//! The file `suppressions` in the data folder has one line for each id: its keyed fingerprint and when it was added. No id is
//! in it. `headwater suppress` writes it anew, also while a collector runs, which looks at it each second. An id is suppressed
//! as `userId`, `anonymousId` and `previousId` of an event alike.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use headwater_model::time::Millis;
use headwater_store::disk::RealDisk;

use crate::log::{Fingerprinter, Slot, Subject, Verdict, forget, names, replace};

/// The file in the data folder.
const FILE: &str = "suppressions";
/// Its first line.
const FIRST: &str = "headwater suppressions 1";
/// How often a collector looks at it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The fields of an event that name somebody.
const NAMING: [&str; 3] = ["userId", "anonymousId", "previousId"];

/// Suppressed ids, and when each was added.
pub type Suppressed = BTreeMap<Subject, Millis>;

/// Reads the file of a data folder; nobody is suppressed where there is none.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn load(dir: &Path) -> io::Result<Suppressed> {
    let text = match std::fs::read_to_string(dir.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Suppressed::new()),
        Err(error) => return Err(error),
    };
    let damaged = |line: usize| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{}: line {line} is damaged; restore the file from a backup, or remove it and suppress the users again",
                dir.join(FILE).display()
            ),
        )
    };
    let mut lines = text.lines();
    if lines.next() != Some(FIRST) {
        return Err(damaged(1));
    }
    lines
        .enumerate()
        .map(|(index, line)| {
            let read = line.split_once(' ').and_then(|(subject, at)| {
                Some((Subject::parse(subject)?, Millis(at.parse().ok()?)))
            });
            read.ok_or_else(|| damaged(index + 2))
        })
        .collect()
}

/// Replaces the file, durably.
///
/// # Errors
/// The operating system's.
pub fn save(dir: &Path, suppressed: &Suppressed) -> io::Result<()> {
    let mut text = format!("{FIRST}\n");
    for (subject, at) in suppressed {
        text += &format!("{subject} {}\n", at.0);
    }
    replace(&RealDisk, dir, FILE, text.as_bytes())
}

/// What a running collector knows of the file.
#[derive(Debug)]
pub(crate) struct Suppressions {
    dir: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    looked: Option<Instant>,
    /// The file that was read.
    seen: Option<(SystemTime, u64)>,
    /// One that could not be read was told.
    failing: bool,
    suppressed: Arc<Suppressed>,
}

impl Suppressions {
    pub(crate) fn new(dir: &Path) -> Suppressions {
        Suppressions {
            dir: dir.to_owned(),
            held: Mutex::default(),
        }
    }

    /// Who is suppressed now. A file that cannot be read is told, and those that were known before stay.
    pub(crate) fn now(&self) -> Arc<Suppressed> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |looked: &Instant| looked.elapsed() < LOOK_EVERY;
        if held.looked.as_ref().is_some_and(fresh) {
            return Arc::clone(&held.suppressed);
        }
        held.looked = Some(Instant::now());
        let found = std::fs::metadata(self.dir.join(FILE)).ok();
        let found = found.and_then(|file| Some((file.modified().ok()?, file.len())));
        if found != held.seen {
            match load(&self.dir) {
                Ok(suppressed) => {
                    held.seen = found;
                    held.failing = false;
                    held.suppressed = Arc::new(suppressed);
                }
                Err(error) => {
                    if !held.failing {
                        tracing::error!(%error, "those that were suppressed before stay so; it is read again each second");
                    }
                    held.failing = true;
                }
            }
        }
        Arc::clone(&held.suppressed)
    }
}

/// Gives the events of suppressed users their verdict, and the body without their bytes where there are any.
pub(crate) fn cut(
    suppressed: &Suppressed,
    fingerprinter: &Fingerprinter,
    body: &[u8],
    events: &mut [Slot],
) -> Option<Vec<u8>> {
    if suppressed.is_empty() {
        return None;
    }
    let mut out: Option<Vec<u8>> = None;
    for slot in events {
        let start = slot.offset as usize;
        let event = body.get(start..start + slot.len as usize);
        if !names(event.unwrap_or_default(), &NAMING, |id| {
            suppressed.contains_key(&fingerprinter.subject(id))
        }) {
            continue;
        }
        slot.verdict = Verdict::Suppressed;
        forget(out.get_or_insert_with(|| body.to_vec()), slot);
    }
    out
}
