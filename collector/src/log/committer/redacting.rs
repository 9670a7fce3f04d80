//! Deletions: noted, told to the readers, and carried out in the segments.

use std::io;
use std::path::Path;

use headwater_model::json::{self, Limits, Object, Value};
use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use headwater_store::frame::FILE_HEADER;

use super::super::archive;
use super::super::clock::Moment;
use super::super::control::{Control, Note, Topic};
use super::super::redaction::{
    DRAFT, FILE, Redaction, Redactions, RewriteJob, Rewriting, Rewritten, Subject,
};
use super::super::{LogReader, Next, Position, segments};
use super::{CommitError, Committer, Incident};

/// How long deletions are collected before the segments are rewritten, which reads the whole log.
const COLLECTED_MS: i64 = 24 * 3_600_000;

/// One way through the segments.
#[derive(Debug)]
pub(super) struct Pass {
    /// How many deletions it carries out.
    count: usize,
    /// The segments that are still to be looked at, the next one last.
    left: Vec<Position>,
    /// One is being looked at.
    under_way: bool,
}

impl Committer {
    /// Deletes what lies in the log of this user: from now on no reader sees it.
    ///
    /// # Errors
    /// [`CommitError`]; then it may or may not be deleted, and may be asked for again.
    pub fn redact(
        &mut self,
        now: impl Into<Moment>,
        user: &str,
        rewriting: Rewriting,
    ) -> Result<Redaction, CommitError> {
        let now = now.into();
        let subject = self.fingerprinter.subject(user);
        let mut text = Object::new();
        text.insert("subject", subject.to_string());
        let note = Note {
            topic: Topic::Delete,
            text: Value::Object(text).to_vec().into(),
        };
        let redaction = Redaction {
            subject,
            before: self.note(now, &note)?,
            at: now.wall,
            rewritten: false,
        };
        self.redactions.begin(redaction);
        self.redactions.save(&*self.disk, &self.options.dir)?;
        self.at_once |= rewriting == Rewriting::AtOnce;
        Ok(redaction)
    }

    /// All deletions, oldest first.
    #[must_use]
    pub fn redactions(&self) -> &[Redaction] {
        self.redactions.list()
    }

    /// Whether a way through the segments is under way.
    pub(in super::super) fn is_rewriting(&self) -> bool {
        self.pass.is_some()
    }

    /// The next segment that deletions are to be carried out in, to be run on any thread and given to
    /// [`adopt_rewritten`](Self::adopt_rewritten); one at a time.
    ///
    /// # Errors
    /// Why the active segment cannot be closed, or the deletions not be told to be done.
    pub fn rewrite_job(
        &mut self,
        now: impl Into<Moment>,
    ) -> Result<Option<RewriteJob>, CommitError> {
        // One that is on its way into the archive is looked at once it is there.
        if self.archiving.is_some() {
            return Ok(None);
        }
        if self.pass.is_none() && !self.begin_pass(now.into().wall)? {
            return Ok(None);
        }
        let Some(pass) = &mut self.pass else {
            return Ok(None);
        };
        if pass.under_way {
            return Ok(None);
        }
        while let Some(base) = pass.left.pop() {
            let Some(index) = self.sealed.iter().position(|segment| segment.base == base) else {
                continue;
            };
            pass.under_way = true;
            let next = self.sealed.get(index + 1);
            return Ok(Some(RewriteJob {
                disk: std::sync::Arc::clone(&self.disk),
                dir: self.dir.clone(),
                base,
                next: Some(next.map_or(self.active.base, |next| next.base)),
                redactions: self.redactions.clone(),
                fingerprinter: self.fingerprinter.clone(),
            }));
        }
        let count = pass.count;
        self.redactions.set_rewritten(count);
        self.redactions.save(&*self.disk, &self.options.dir)?;
        self.pass = None;
        Ok(None)
    }

    /// Begins a way through the segments if it is time.
    fn begin_pass(&mut self, now: Millis) -> Result<bool, CommitError> {
        let mut open = self.redactions.list().iter().filter(|one| !one.rewritten);
        let Some(oldest) = open.next() else {
            self.at_once = false;
            return Ok(false);
        };
        if !self.at_once && now.since(oldest.at) < COLLECTED_MS {
            return Ok(false);
        }
        let upto = open
            .map(|one| one.before)
            .fold(oldest.before, Position::max);
        if self.active.base < upto && self.active.len > FILE_HEADER as u64 {
            self.stand()?;
            self.roll()?;
        }
        let bases = self.sealed.iter().map(|segment| segment.base);
        self.pass = Some(Pass {
            count: self.redactions.list().len(),
            left: bases.rev().filter(|base| *base < upto).collect(),
            under_way: false,
        });
        self.at_once = false;
        Ok(true)
    }

    /// Puts what a job made in the place of its segment. Whether there was something to take out.
    ///
    /// # Errors
    /// What the job met, or the disk's own; the segment is as it was, and the next job tries it again.
    pub fn adopt_rewritten(&mut self, rewritten: Rewritten) -> io::Result<bool> {
        let base = rewritten.base;
        let adopted = self.take_place(rewritten);
        if let Some(pass) = &mut self.pass {
            pass.under_way = false;
            if adopted.is_err() {
                pass.left.push(base);
            }
        }
        adopted
    }

    fn take_place(&mut self, rewritten: Rewritten) -> io::Result<bool> {
        let Some((draft, len)) = rewritten.made? else {
            return Ok(false);
        };
        let base = rewritten.base;
        let path = self.dir.join(segments::name(base));
        let mut sealed = self.sealed.iter_mut();
        // Retention may have removed it meanwhile, or somebody changed it.
        let segment = sealed
            .find(|segment| segment.base == base)
            .filter(|segment| match segment.archived {
                Some(_) => segment.len == len,
                None => matches!(self.disk.stat(&path), Ok(there) if there.len == len),
            });
        let Some(segment) = segment else {
            self.disk.remove(&draft)?;
            return Ok(false);
        };
        self.disk.rename(&draft, &path)?;
        self.disk.sync_dir(&self.dir)?;
        // One that was archived is hot again, and goes back as it is now. Where both are, the hot one counts.
        segment.archived = None;
        archive::remove(&*self.disk, &self.dir, base)?;
        Ok(true)
    }
}

/// The deletions of a folder that is opened, with those of `found`, control records of the log's end: a process may have
/// ended between writing one and writing the file.
pub(super) fn open(
    disk: &std::sync::Arc<dyn Disk>,
    dir: &Path,
    found: &[Control],
    incidents: &mut Vec<Incident>,
) -> io::Result<Redactions> {
    let log = dir.join("log");
    for name in disk.list(&log)? {
        if name.ends_with(DRAFT) {
            disk.remove(&log.join(name))?;
        }
    }
    match Redactions::load(&**disk, dir) {
        Ok(mut known) => {
            if add(&mut known, found) > 0 {
                known.save(&**disk, dir)?;
            }
            Ok(known)
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            // Readers refuse to read while it lies there.
            disk.rename(&dir.join(FILE), &dir.join("redactions.damaged"))?;
            let known = from_log(disk, dir)?;
            known.save(&**disk, dir)?;
            incidents.push(Incident::Redactions {
                found: known.list().len(),
            });
            Ok(known)
        }
        Err(error) => Err(error),
    }
}

/// What the control records of the whole log say.
fn from_log(disk: &std::sync::Arc<dyn Disk>, dir: &Path) -> io::Result<Redactions> {
    let mut known = Redactions::default();
    let mut reader = LogReader::new(std::sync::Arc::clone(disk), dir, Position::default());
    loop {
        match reader.advance()? {
            Next::Control(control) => {
                add(&mut known, &[control]);
            }
            Next::Record(_) | Next::Skipped { .. } => {}
            Next::End => return Ok(known),
        }
    }
}

/// Takes the deletions among control records; how many were new.
fn add(known: &mut Redactions, found: &[Control]) -> usize {
    let deletions = found
        .iter()
        .filter(|control| control.note.topic == Topic::Delete)
        .filter_map(|control| {
            let text = json::parse(&control.note.text, &Limits::default()).ok()?;
            Some(Redaction {
                subject: text
                    .get("subject")
                    .and_then(Value::as_str)
                    .and_then(Subject::parse)?,
                before: control.position,
                at: control.received,
                rewritten: false,
            })
        });
    deletions.filter(|one| known.add(*one)).count()
}
