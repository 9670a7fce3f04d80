//! Asking the whole log for a messageId.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_store::disk::{Disk, DiskFile};

use super::super::{Fingerprinter, LogReader, Next, Position, archive};
use super::file::About;
use super::{given, given_key, key, keys, path};

/// Finds where a messageId may lie: in the segments that have ids, and, read from the log, in those that have none yet.
#[derive(Debug)]
pub(in super::super) struct Finder {
    disk: Arc<dyn Disk>,
    /// The data folder, and the log's in it.
    dir: PathBuf,
    log: PathBuf,
    fingerprinter: Fingerprinter,
    durable: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    about: HashMap<Position, Arc<About>>,
    /// The segment that is being written, as far as it was read.
    last: Option<Scanned>,
}

/// A segment without ids, as far as it was read.
#[derive(Debug)]
struct Scanned {
    base: Position,
    to: Position,
    keys: Vec<(u64, Position)>,
    sources: BTreeSet<String>,
}

impl Finder {
    pub(in super::super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        fingerprinter: Fingerprinter,
        durable: Arc<AtomicU64>,
    ) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
            log: dir.join("log"),
            fingerprinter,
            durable,
            state: Mutex::new(State::default()),
        }
    }

    /// The positions of records that may hold an accepted event with this messageId, newest segments first; where none of
    /// those with ids has it, the others are read. Whoever asks compares.
    pub(in super::super) fn find(&self, message_id: &str) -> io::Result<Vec<Position>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bases = archive::list(&*self.disk, &self.log)?;
        let known = |base: &Position| bases.binary_search(base).is_ok();
        state.about.retain(|base, _| known(base));
        let given = given(message_id).map(given_key);
        let claimed = |source: &str| {
            let source = self.fingerprinter.source(source);
            key(source.claim(message_id.as_bytes()))
        };
        let mut by_source: HashMap<String, u64> = HashMap::new();
        let (mut found, mut without) = (Vec::new(), Vec::new());
        for (index, base) in bases.iter().copied().enumerate().rev() {
            let asked = self.about(&mut state, base).and_then(|(about, file)| {
                for source in &about.sources {
                    let key = *by_source
                        .entry(source.clone())
                        .or_insert_with(|| claimed(source));
                    about.find(&*file, key, &mut found)?;
                }
                given.map_or(Ok(()), |key| about.find(&*file, key, &mut found))
            });
            if asked.is_err() {
                state.about.remove(&base);
                without.push((base, bases.get(index + 1).copied()));
            }
        }
        if found.is_empty() {
            for (base, next) in without {
                let scanned = match state.last.take() {
                    Some(last) if last.base == base => last,
                    last => {
                        state.last = last;
                        Scanned {
                            base,
                            to: base,
                            keys: Vec::new(),
                            sources: BTreeSet::new(),
                        }
                    }
                };
                let scanned = self.read_on(scanned, next)?;
                let mut asked: Vec<u64> =
                    scanned.sources.iter().map(|name| claimed(name)).collect();
                asked.extend(given);
                let matching = scanned.keys.iter().filter(|(key, _)| asked.contains(key));
                found.extend(matching.map(|(_, position)| *position));
                if next.is_none() {
                    state.last = Some(scanned);
                }
            }
        }
        found.dedup();
        Ok(found)
    }

    fn about(
        &self,
        state: &mut State,
        base: Position,
    ) -> io::Result<(Arc<About>, Arc<dyn DiskFile>)> {
        let file = self.disk.open(&path(&self.log, base))?;
        let about = match state.about.get(&base) {
            Some(about) => Arc::clone(about),
            None => {
                let about = Arc::new(About::read(&*file, base)?);
                state.about.insert(base, Arc::clone(&about));
                about
            }
        };
        Ok((about, file))
    }

    /// Reads a segment that has no ids to its end, or as far as it is durable.
    fn read_on(&self, mut scanned: Scanned, next: Option<Position>) -> io::Result<Scanned> {
        let mut reader = LogReader::new(Arc::clone(&self.disk), &self.dir, scanned.to)
            .until(Arc::clone(&self.durable));
        while next.is_none_or(|next| reader.position() < next) {
            match reader.advance()? {
                Next::Record(record) => {
                    if next.is_some_and(|next| record.position >= next) {
                        break;
                    }
                    let position = record.position;
                    let found = keys(&record.head).map(|(key, _)| (key, position));
                    scanned.keys.extend(found);
                    if !scanned.sources.contains(&record.head.source) {
                        scanned.sources.insert(record.head.source);
                    }
                }
                Next::Control(_) | Next::Skipped { .. } => {}
                Next::End => break,
            }
        }
        scanned.to = reader.position();
        Ok(scanned)
    }
}
