//! A disk in memory that fails as real ones do, reproducibly: a seed decides what a power cut takes.
//!
//! Model of a crash. Of a file's bytes, those before the last `sync_data` stay; of those after, a part stays, is torn, or
//! is left as zeros. Of the names, those before the last `sync_dir` stay; the changes after it stay up to some point, in
//! order, as in a journalling filesystem. Open files and locks end with the crash.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, DiskLock, FileId, Stat};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// A disk in memory that fails on request. Clones are the same disk.
#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Counts crashes: handles of an earlier one are dead.
    epoch: u64,
    nodes: HashMap<u64, Node>,
    next_node: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Directories; they survive crashes.
    dirs: BTreeSet<PathBuf>,
    journal: Vec<Change>,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    failing_writes: u32,
    failing_syncs: u32,
    failing_truncates: u32,
    /// Changes until the process ends; `None` when it does not.
    changes_left: Option<u64>,
    /// A change was refused since.
    has_ended: bool,
    on_sync: Option<Hook>,
    syncs: u64,
}

#[derive(Default)]
struct Node {
    data: Vec<u8>,
    synced: usize,
}

enum Change {
    Link(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FaultyDisk")
            .field("epoch", &state.epoch)
            .field("files", &state.names)
            .finish_non_exhaustive()
    }
}

impl FaultyDisk {
    /// An empty disk without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the disk holds `bytes` in all its files; `None` is no limit. A write over it is done in part.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// The next `count` appends write half of their bytes and fail.
    pub fn fail_writes(&self, count: u32) {
        self.state().failing_writes = count;
    }

    /// The next `count` syncs, of files or directories, fail and make nothing durable.
    pub fn fail_syncs(&self, count: u32) {
        self.state().failing_syncs = count;
    }

    /// The next `count` truncations fail.
    pub fn fail_truncates(&self, count: u32) {
        self.state().failing_truncates = count;
    }

    /// The process ends after so many more changes of files and names, syncs included: those that follow have no effect and
    /// fail, but for half of the first one if that is an append. `None`: it does not end; the next process begins so.
    pub fn end_after(&self, changes: Option<u64>) {
        let mut state = self.state();
        state.changes_left = changes;
        state.has_ended = false;
    }

    /// Runs `hook` in each file sync, before it takes effect and without any lock: a slow disk, or a look at who waits.
    pub fn on_sync(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.state().on_sync = Some(Arc::new(hook));
    }

    /// How many file syncs succeeded so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Cuts the power: what was not synced is dropped, torn or zeroed as `seed` decides. Open files fail from now on;
    /// faults asked for are forgotten.
    pub fn crash(&self, seed: u64) {
        let mut random = Random(seed);
        let mut state = self.state();
        let state = &mut *state;
        state.epoch += 1;
        let kept = random.below(state.journal.len() as u64 + 1) as usize;
        for change in state.journal.drain(..).take(kept) {
            match change {
                Change::Link(path, node) => {
                    state.durable_names.insert(path, node);
                }
                Change::Rename(from, to) => {
                    if let Some(node) = state.durable_names.remove(&from) {
                        state.durable_names.insert(to, node);
                    }
                }
                Change::Unlink(path) => {
                    state.durable_names.remove(&path);
                }
            }
        }
        state.names = state.durable_names.clone();
        let reachable: BTreeSet<u64> = state.names.values().copied().collect();
        state.nodes.retain(|id, _| reachable.contains(id));
        for id in reachable {
            if let Some(node) = state.nodes.get_mut(&id) {
                node.crash(&mut random);
            }
        }
        state.locks.clear();
        state.failing_writes = 0;
        state.failing_syncs = 0;
        state.failing_truncates = 0;
        state.changes_left = None;
        state.has_ended = false;
    }

    /// The paths of all files.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// A file's bytes; `None` when there is none at `path`.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let node = state.nodes.get(state.names.get(path)?)?;
        Some(node.data.clone())
    }

    /// Changes a file's bytes behind the store's back (flips, cuts, zeros) and makes them durable; `false` when there is
    /// none at `path`.
    pub fn edit(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.state();
        let Some(node) = state
            .names
            .get(path)
            .copied()
            .and_then(|id| state.nodes.get_mut(&id))
        else {
            return false;
        };
        change(&mut node.data);
        node.synced = node.data.len();
        true
    }

    fn handle(&self, state: &State, node: u64) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile {
            disk: self.clone(),
            node,
            epoch: state.epoch,
        })
    }
}

impl State {
    fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|id| self.nodes.get(id))
            .map(|node| node.data.len() as u64)
            .sum()
    }

    fn stat(&self, id: u64, len: u64) -> Stat {
        Stat {
            len,
            id: Some(FileId(0, id)),
            links: self.names.values().filter(|node| **node == id).count() as u64,
        }
    }

    fn room(&self) -> u64 {
        self.capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    /// Counts a change; fails where the process has ended.
    fn change(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => {
                self.has_ended = true;
                Err(io::Error::other("injected: the process has ended"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change()?;
        if self.failing_syncs > 0 {
            self.failing_syncs -= 1;
            return Err(io::Error::other("injected: sync failed"));
        }
        Ok(())
    }
}

impl Node {
    fn crash(&mut self, random: &mut Random) {
        let unsynced = self.data.len() - self.synced;
        match random.below(4) {
            0 => self.data.truncate(self.synced),
            1 => self
                .data
                .truncate(self.synced + random.below(unsynced as u64 + 1) as usize),
            2 => {
                let from = self.synced + random.below(unsynced as u64 + 1) as usize;
                self.data[from..].fill(0);
            }
            _ => {}
        }
        self.synced = self.data.len();
    }
}

/// SplitMix64: small, and the same on every platform.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    node: u64,
    epoch: u64,
}

impl FaultyFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        if state.epoch != self.epoch {
            return Err(io::Error::other("this file was open before the crash"));
        }
        work(&mut state, self.node)
    }
}

/// A file that was removed while it was open has no name but still its bytes, until the crash.
fn node(state: &mut State, id: u64) -> io::Result<&mut Node> {
    state
        .nodes
        .get_mut(&id)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, id| {
            let half = &bytes[..bytes.len() / 2];
            let is_first = !state.has_ended;
            if let Err(ended) = state.change() {
                if is_first {
                    node(state, id)?.data.extend_from_slice(half);
                }
                return Err(ended);
            }
            if state.failing_writes > 0 {
                state.failing_writes -= 1;
                node(state, id)?.data.extend_from_slice(half);
                return Err(io::Error::other("injected: write failed"));
            }
            let room = usize::try_from(state.room()).unwrap_or(usize::MAX);
            let fits = bytes.len().min(room);
            node(state, id)?.data.extend_from_slice(&bytes[..fits]);
            if fits == bytes.len() {
                Ok(())
            } else {
                Err(io::ErrorKind::StorageFull.into())
            }
        })
    }

    fn append_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        self.append(&bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|state, id| {
            let data = &node(state, id)?.data;
            let rest = data
                .get(usize::try_from(offset).unwrap_or(usize::MAX)..)
                .unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn stat(&self) -> io::Result<Stat> {
        self.with(|state, id| {
            let len = node(state, id)?.data.len() as u64;
            Ok(state.stat(id, len))
        })
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|state, id| {
            state.change()?;
            if state.failing_truncates > 0 {
                state.failing_truncates -= 1;
                return Err(io::Error::other("injected: truncate failed"));
            }
            let node = node(state, id)?;
            node.data
                .resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
            node.synced = node.synced.min(node.data.len());
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        // Durable is what was written before the sync began, whatever is appended while it is under way.
        let (hook, length) =
            self.with(|state, id| Ok((state.on_sync.clone(), node(state, id)?.data.len())))?;
        if let Some(hook) = hook {
            hook();
        }
        self.with(|state, id| {
            state.sync()?;
            state.syncs += 1;
            let node = node(state, id)?;
            node.synced = node.synced.max(length.min(node.data.len()));
            Ok(())
        })
    }
}

#[derive(Debug)]
struct FaultyLock {
    disk: FaultyDisk,
    path: PathBuf,
    epoch: u64,
}

impl DiskLock for FaultyLock {
    /// Locks are on paths here.
    fn is_in_place(&self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.epoch == self.epoch {
            state.locks.remove(&self.path);
        }
    }
}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let ancestors = dir.ancestors().map(Path::to_owned);
        let mut state = self.state();
        state.change()?;
        state.dirs.extend(ancestors);
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.room() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.change()?;
        let id = state.next_node;
        state.next_node += 1;
        state.nodes.insert(id, Node::default());
        state.names.insert(path.to_owned(), id);
        state.journal.push(Change::Link(path.to_owned(), id));
        Ok(self.handle(&state, id))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        let id = state
            .names
            .get(path)
            .copied()
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(&state, id))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(dir))
            .filter_map(|path| path.file_name());
        Ok(names
            .filter_map(|name| name.to_str().map(str::to_owned))
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        state
            .journal
            .push(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.journal.push(Change::Unlink(path.to_owned()));
        Ok(())
    }

    /// One journal for the whole disk: syncing a directory syncs all names, as on ext4.
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.sync()?;
        state.journal.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let state = self.state();
        if let Some(id) = state.names.get(path).copied() {
            let len = state.nodes.get(&id).map_or(0, |node| node.data.len());
            return Ok(state.stat(id, len as u64));
        }
        if state.dirs.contains(path) {
            return Ok(Stat {
                len: 0,
                id: None,
                links: 1,
            });
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn lock_dir(&self, dir: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.lock(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let mut state = self.state();
        if !state.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(FaultyLock {
            disk: self.clone(),
            path: path.to_owned(),
            epoch: state.epoch,
        })))
    }
}
