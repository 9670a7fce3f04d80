//! Whose events are not taken in: the suppressed ids, decided before anything is stored.
//!
//! The file `suppressions` in the data folder has one line for each id: its keyed fingerprint and when it was added. No id is
//! in it. `headwater suppress` writes it anew, also while a collector runs, which looks at it each second. An id is suppressed
//! as `userId`, `anonymousId` and `previousId` of an event alike.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use headwater_model::json::{Kind, Limits, Scanner};
use headwater_model::time::Millis;

use crate::log::{Fingerprinter, Slot, Subject, Verdict};

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
    let draft = dir.join("suppressions.tmp");
    let mut file = std::fs::File::create(&draft)?;
    writeln!(file, "{FIRST}")?;
    for (subject, at) in suppressed {
        writeln!(file, "{subject} {}", at.0)?;
    }
    file.sync_all()?;
    std::fs::rename(&draft, dir.join(FILE))?;
    std::fs::File::open(dir)?.sync_all()
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
        let range = slot.offset as usize..(slot.offset + slot.len) as usize;
        let event = body.get(range.clone()).unwrap_or_default();
        if !names(event, |id| {
            suppressed.contains_key(&fingerprinter.subject(id))
        }) {
            continue;
        }
        slot.verdict = Verdict::Suppressed;
        let out = out.get_or_insert_with(|| body.to_vec());
        if let Some(event) = out.get_mut(range) {
            event.fill(b' ');
            if let [open, close, ..] = event {
                (*open, *close) = (b'{', b'}');
            }
        }
    }
    out
}

/// Whether an event, which was scanned before, names somebody for whom `is_wanted` holds.
fn names(event: &[u8], is_wanted: impl Fn(&str) -> bool) -> bool {
    let limits = Limits::default()
        .with_max_bytes(event.len())
        .with_max_depth(Limits::DEPTH_CEILING);
    let Ok(mut scanner) = Scanner::new(event, &limits) else {
        return false;
    };
    if scanner.kind().ok() != Some(Kind::Object) {
        return false;
    }
    let mut found = false;
    let _ = scanner.object(|key, scanner| {
        let value = scanner.value()?;
        if matches!(value.kind(), Kind::String | Kind::Number) && NAMING.contains(&&*key.decode()) {
            found |= is_wanted(&value.as_str().unwrap_or_else(|| value.text().into()));
        }
        Ok(())
    });
    found
}
