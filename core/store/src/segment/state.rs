//! The small named states: one file each, replaced as a whole, in two steps.
//!
//! ```text
//! save:     KEY.state.N.new is written          in the operating system's hands, like an append
//! promote:  it is synced, renamed to KEY.state, and the name synced          durable
//! ```
//! N grows with each save, so a save meanwhile never meets the file that is being synced. After a crash the youngest
//! whole file counts: a `.new` that is torn leaves what was there before it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{NEW_END, STATE, STATE_END, STATE_MAGIC, VERSION};
use crate::disk::Disk;
use crate::frame::{self, Decoded, FILE_HEADER, FileHeader};
use crate::port::{StoreError, check_key, check_size};

/// What a state file holds.
pub(super) enum Found {
    Absent,
    Value(Vec<u8>),
    OtherVersion(u8),
    Damaged,
}

/// The states of one directory.
#[derive(Debug)]
pub(super) struct States {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    last: u64,
    waiting: Arc<Waiting>,
}

/// What was saved and not promoted yet.
#[derive(Debug, Default)]
struct Waiting {
    /// Keys and numbers, in order.
    list: Mutex<Vec<(String, u64)>>,
    /// Held while states are promoted, so that an older one never takes the place of a younger; saving goes on meanwhile.
    /// True once the store is closed: then the names are the next store's to change.
    promoting: Mutex<bool>,
}

/// A sync that still waits its turn makes durable what is there, and renames nothing any more.
impl Drop for States {
    fn drop(&mut self) {
        *self.waiting.promoting() = true;
    }
}

fn path_of(dir: &Path, key: &str) -> PathBuf {
    dir.join(format!("{key}{STATE_END}"))
}

fn new_path(dir: &Path, key: &str, number: u64) -> PathBuf {
    dir.join(format!("{key}{STATE_END}.{number}{NEW_END}"))
}

/// The key and number in the name of a state that was not promoted, `None` for any other file.
pub(super) fn parse_new_name(name: &str) -> Option<(&str, u64)> {
    let (state, number) = name.strip_suffix(NEW_END)?.rsplit_once('.')?;
    Some((state.strip_suffix(STATE_END)?, number.parse().ok()?))
}

impl States {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &Path) -> States {
        States {
            disk,
            dir: dir.to_owned(),
            last: 0,
            waiting: Arc::default(),
        }
    }

    /// Writes a state; [`promoter`](States::promoter) makes it durable.
    pub(super) fn save(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_size(value)?;
        let mut bytes = frame::file_header(STATE_MAGIC, VERSION).to_vec();
        frame::encode_into(&mut bytes, STATE, &[value]).map_err(|_| StoreError::TooLarge {
            size: value.len(),
            limit: frame::MAX_BODY,
        })?;
        self.last += 1;
        let path = new_path(&self.dir, key, self.last);
        let file = self
            .disk
            .create(&path)
            .map_err(|error| StoreError::io("create", &path, error))?;
        if let Err(error) = file.append(&bytes) {
            let _ = self.disk.remove(&path);
            return Err(StoreError::io("write", &path, error));
        }
        self.waiting.list().push((key.to_owned(), self.last));
        Ok(())
    }

    /// Makes the states saved so far durable, when called; `None` when there is nothing to do.
    pub(super) fn promoter(
        &self,
    ) -> Option<impl FnOnce() -> Result<(), StoreError> + Send + 'static> {
        let upto = self.last;
        let any = !self.waiting.list().is_empty();
        let (disk, dir) = (Arc::clone(&self.disk), self.dir.clone());
        let waiting = Arc::clone(&self.waiting);
        any.then_some(move || waiting.promote(&*disk, &dir, upto))
    }

    /// Saves and promotes.
    pub(super) fn save_durably(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.save(key, value)?;
        let number = self.last;
        let promoted = self.promoter().map_or(Ok(()), |promote| promote());
        if promoted.is_err() {
            // A call that failed has no effect.
            self.waiting.remove(key, number);
            let _ = self.disk.remove(&new_path(&self.dir, key, number));
        }
        promoted
    }

    pub(super) fn load(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        let number = self
            .waiting
            .list()
            .iter()
            .rfind(|(known, _)| known == key)
            .map(|(_, number)| *number);
        let new = match number {
            Some(number) => read(&*self.disk, &new_path(&self.dir, key, number))?,
            None => Found::Absent,
        };
        let found = match new {
            // It may just have been promoted.
            Found::Absent => read(&*self.disk, &path_of(&self.dir, key))?,
            found => found,
        };
        match found {
            Found::Absent => Ok(None),
            Found::Value(value) => Ok(Some(value)),
            Found::OtherVersion(_) | Found::Damaged => Err(StoreError::CorruptState {
                key: key.to_owned(),
            }),
        }
    }
}

impl Waiting {
    fn list(&self) -> MutexGuard<'_, Vec<(String, u64)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promoting(&self) -> MutexGuard<'_, bool> {
        self.promoting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sync_in_place(&self, disk: &dyn Disk, dir: &Path, upto: u64) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("sync", dir, error);
        for (key, number) in self.list().iter().filter(|(_, number)| *number <= upto) {
            match disk.open(&new_path(dir, key, *number)) {
                // The next store has promoted it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                file => file.and_then(|file| file.sync_data()).map_err(failed)?,
            }
        }
        disk.sync_dir(dir).map_err(failed)
    }

    fn remove(&self, key: &str, number: u64) {
        self.list()
            .retain(|(known, at)| known != key || *at != number);
    }

    /// The oldest that is to be promoted, and whether a younger one of its key is, too.
    fn next(&self, upto: u64) -> Option<(String, u64, bool)> {
        let list = self.list();
        let (key, number) = list.first().filter(|(_, number)| *number <= upto)?;
        let replaced = list
            .iter()
            .skip(1)
            .any(|(later, number)| later == key && *number <= upto);
        Some((key.clone(), *number, replaced))
    }

    /// Each key's youngest up to `upto` becomes the state. What fails stays, for the next time.
    fn promote(&self, disk: &dyn Disk, dir: &Path, upto: u64) -> Result<(), StoreError> {
        let closed = self.promoting();
        if *closed {
            return self.sync_in_place(disk, dir, upto);
        }
        let mut any = false;
        while let Some((key, number, replaced)) = self.next(upto) {
            if replaced {
                // What stands is the last durable one, or the younger one in the operating system's hands.
                let _ = disk.remove(&new_path(dir, &key, number));
            } else {
                rename(disk, dir, &key, number)?;
                any = true;
            }
            self.remove(&key, number);
        }
        if any {
            disk.sync_dir(dir)
                .map_err(|error| StoreError::io("sync", dir, error))?;
        }
        Ok(())
    }
}

fn rename(disk: &dyn Disk, dir: &Path, key: &str, number: u64) -> Result<(), StoreError> {
    let new = new_path(dir, key, number);
    disk.open(&new)
        .and_then(|file| file.sync_data())
        .and_then(|()| disk.rename(&new, &path_of(dir, key)))
        .map_err(|error| StoreError::io("write", &new, error))
}

/// What an opening found under `.new` names: each key's youngest whole one becomes the state, the rest goes. Where nothing
/// of a key is whole, its youngest becomes the state as it is, so that damage is met where all of it is. Answers the bytes
/// of those that were torn and are gone.
pub(super) fn take_over(disk: &dyn Disk, dir: &Path, names: &[String]) -> Result<u64, StoreError> {
    let mut found: Vec<(&str, u64)> = names
        .iter()
        .filter_map(|name| parse_new_name(name))
        .collect();
    found.sort_unstable_by_key(|(key, number)| (*key, u64::MAX - number));
    let mut torn = 0;
    for versions in found.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((key, youngest)) = versions.first() else {
            continue;
        };
        let old = names
            .iter()
            .any(|name| *name == format!("{key}{STATE_END}"));
        let mut kept = None;
        for (_, number) in versions {
            let path = new_path(dir, key, *number);
            match read(disk, &path)? {
                // One of another version is not ours to throw away: it is set aside as a state.
                Found::Value(_) | Found::OtherVersion(_) => {
                    kept = Some(*number);
                    break;
                }
                Found::Damaged => {
                    torn += disk.open(&path).and_then(|file| file.len()).unwrap_or(0);
                }
                Found::Absent => {}
            }
        }
        if kept.is_none() && !old {
            kept = Some(*youngest);
        }
        if let Some(number) = kept {
            rename(disk, dir, key, number)?;
        }
        for (_, number) in versions.iter().filter(|(_, number)| Some(*number) != kept) {
            let path = new_path(dir, key, *number);
            disk.remove(&path)
                .map_err(|error| StoreError::io("clean", &path, error))?;
        }
    }
    if !found.is_empty() {
        disk.sync_dir(dir)
            .map_err(|error| StoreError::io("sync", dir, error))?;
    }
    Ok(torn)
}

pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Found, StoreError> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Absent),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    let failed = |error| StoreError::io("read", path, error);
    let len = usize::try_from(file.len().map_err(failed)?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len.min(FILE_HEADER + frame::HEADER + frame::MAX_BODY)];
    let read = file.read_at(0, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    if let FileHeader::OtherVersion(version) =
        frame::check_file_header(&bytes, STATE_MAGIC, VERSION)
    {
        return Ok(Found::OtherVersion(version));
    }
    match frame::decode(bytes.get(FILE_HEADER..).unwrap_or_default()) {
        Decoded::Frame {
            kind: STATE, body, ..
        } => Ok(Found::Value(body.to_vec())),
        _ => Ok(Found::Damaged),
    }
}
