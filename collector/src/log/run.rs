//! Claims that moved to disk: sorted, immutable files of fingerprints.
//!
//! Fingerprints are uniformly distributed, so a filter of ten bits a claim turns most questions away in memory and a
//! table of each page's first fingerprint finds the only page that can hold the rest: at most one 4 KB read a question.
//! A run is a cache of what the log says: it needs no checksum of its own, no fsync, and is thrown away at start.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};

use super::Claim;

/// Fingerprints in a page: 4 KB.
const PAGE: usize = 256;
const CLAIM: usize = 16;
/// Claims written at once.
const CHUNK: usize = 64 * 1024;
/// Claims read at once from each run of a merge.
const CURSOR: usize = 4 * 1024;

/// A sorted file of claims.
#[derive(Debug)]
pub(super) struct Run {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: usize,
    /// The upper half of each page's first fingerprint.
    fences: Vec<u64>,
    filter: Option<Filter>,
    /// When the newest of its claims was made.
    pub(super) newest: Millis,
    /// How many merges made it.
    pub(super) tier: u32,
}

impl Run {
    /// Writes `claims`, which are sorted, to a new file at `path`.
    pub(super) fn write(
        disk: Arc<dyn Disk>,
        path: &Path,
        claims: &[u128],
        newest: Millis,
        with_filter: bool,
    ) -> io::Result<Self> {
        let mut writer = Writer::begin(disk, path, claims.len(), with_filter)?;
        for claim in claims {
            writer.push(*claim)?;
        }
        writer.finish(newest, 0)
    }

    /// Writes one run of several, at `path`. They stay as they are.
    pub(super) fn merge(
        disk: Arc<dyn Disk>,
        path: &Path,
        runs: &[Arc<Run>],
        with_filter: bool,
    ) -> io::Result<Self> {
        let len = runs.iter().map(|run| run.len).sum();
        let mut writer = Writer::begin(disk, path, len, with_filter)?;
        let mut cursors: Vec<Cursor<'_>> = runs.iter().map(|run| Cursor::new(run)).collect();
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, cursor) in cursors.iter_mut().enumerate() {
            heads.extend(cursor.next()?.map(|claim| Reverse((claim, index))));
        }
        while let Some(Reverse((claim, index))) = heads.pop() {
            writer.push(claim)?;
            if let Some(cursor) = cursors.get_mut(index) {
                heads.extend(cursor.next()?.map(|claim| Reverse((claim, index))));
            }
        }
        let newest = runs.iter().map(|run| run.newest).max().unwrap_or_default();
        let tier = runs.iter().map(|run| run.tier).max().unwrap_or_default();
        writer.finish(newest, tier + 1)
    }

    /// How many claims it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes its filter takes in memory.
    pub(super) fn filter_bytes(&self) -> usize {
        self.filter
            .as_ref()
            .map_or(0, |filter| filter.words.len() * 8)
    }

    /// Whether it holds the claim.
    pub(super) fn contains(&self, claim: Claim) -> io::Result<bool> {
        if self
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.may_hold(claim.0))
        {
            return Ok(false);
        }
        let half = upper(claim.0);
        // Pages whose first upper half equals ours may begin in the page before.
        let first = self
            .fences
            .partition_point(|fence| *fence < half)
            .saturating_sub(1);
        let last = self.fences.partition_point(|fence| *fence <= half);
        let mut page = [0; PAGE * CLAIM];
        for index in first..last {
            let read = self
                .file
                .read_at((index * PAGE * CLAIM) as u64, &mut page)?;
            let expected = PAGE.min(self.len - index * PAGE) * CLAIM;
            if read < expected {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (claims, _) = page.as_chunks::<CLAIM>();
            let claims = claims.get(..expected / CLAIM).unwrap_or_default();
            if claims
                .binary_search_by_key(&claim.0, |bytes| u128::from_le_bytes(*bytes))
                .is_ok()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A run that is being written; without [`finish`](Self::finish) its file goes.
struct Writer {
    /// What the run will be; dropping it removes the file.
    run: Run,
    buffer: Vec<u8>,
}

impl Writer {
    fn begin(
        disk: Arc<dyn Disk>,
        path: &Path,
        expected: usize,
        with_filter: bool,
    ) -> io::Result<Self> {
        let file = disk.create(path)?;
        Ok(Self {
            run: Run {
                disk,
                path: path.to_owned(),
                file,
                len: 0,
                fences: Vec::with_capacity(expected.div_ceil(PAGE)),
                filter: with_filter.then(|| Filter::sized(expected)),
                newest: Millis::default(),
                tier: 0,
            },
            buffer: Vec::with_capacity(CHUNK.min(expected) * CLAIM),
        })
    }

    fn push(&mut self, claim: u128) -> io::Result<()> {
        if self.run.len.is_multiple_of(PAGE) {
            self.run.fences.push(upper(claim));
        }
        if let Some(filter) = &mut self.run.filter {
            filter.insert(claim);
        }
        self.run.len += 1;
        self.buffer.extend_from_slice(&claim.to_le_bytes());
        if self.buffer.len() >= CHUNK * CLAIM {
            self.run.file.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn finish(mut self, newest: Millis, tier: u32) -> io::Result<Run> {
        self.run.file.append(&self.buffer)?;
        self.run.newest = newest;
        self.run.tier = tier;
        Ok(self.run)
    }
}

/// Reads a run from its first claim to its last.
struct Cursor<'a> {
    run: &'a Run,
    read: usize,
    buffer: Vec<u8>,
    taken: usize,
}

impl<'a> Cursor<'a> {
    fn new(run: &'a Run) -> Self {
        Self {
            run,
            read: 0,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<u128>> {
        if self.taken == self.buffer.len() {
            let wanted = (self.run.len - self.read).min(CURSOR);
            if wanted == 0 {
                return Ok(None);
            }
            self.buffer.resize(wanted * CLAIM, 0);
            let offset = (self.read * CLAIM) as u64;
            if self.run.file.read_at(offset, &mut self.buffer)? < self.buffer.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read += wanted;
            self.taken = 0;
        }
        let claim = self
            .buffer
            .get(self.taken..)
            .and_then(<[u8]>::first_chunk::<CLAIM>);
        self.taken += CLAIM;
        Ok(claim.map(|bytes| u128::from_le_bytes(*bytes)))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A file that stays behind costs space until the next start, which removes it.
        let _ = self.disk.remove(&self.path);
    }
}

fn upper(claim: u128) -> u64 {
    (claim >> 64) as u64
}

/// A Bloom filter in blocks of a cache line: one miss a question, about 1.5 % false alarms.
#[derive(Debug)]
struct Filter {
    words: Vec<u64>,
}

/// 64-bit words in a block.
const BLOCK: usize = 8;
/// Bits set for a claim.
const PROBES: u32 = 5;

impl Filter {
    fn sized(claims: usize) -> Self {
        let blocks = (claims * 10).div_ceil(BLOCK * 64).max(1);
        Self {
            words: vec![0; blocks * BLOCK],
        }
    }

    fn insert(&mut self, claim: u128) {
        let start = self.block(claim);
        for (word, bit) in probes(claim) {
            if let Some(word) = self.words.get_mut(start + word) {
                *word |= bit;
            }
        }
    }

    fn may_hold(&self, claim: u128) -> bool {
        let start = self.block(claim);
        probes(claim).all(|(word, bit)| {
            self.words
                .get(start + word)
                .is_some_and(|word| word & bit != 0)
        })
    }

    fn block(&self, claim: u128) -> usize {
        let blocks = (self.words.len() / BLOCK) as u128;
        ((u128::from(upper(claim)) * blocks) >> 64) as usize * BLOCK
    }
}

/// The lower half is independent of the block, which comes from the upper one.
fn probes(claim: u128) -> impl Iterator<Item = (usize, u64)> {
    let low = claim as u64;
    (0..PROBES).map(move |probe| {
        let nine = (low >> (probe * 9)) & 511;
        ((nine >> 6) as usize, 1 << (nine & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Fingerprinter;
    use headwater_store::disk::RealDisk;

    fn claims(range: std::ops::Range<u32>) -> Vec<u128> {
        let source = Fingerprinter::new([3; 16]).source("s");
        let mut claims: Vec<u128> = range.map(|n| source.claim(&n.to_le_bytes()).0).collect();
        claims.sort_unstable();
        claims
    }

    #[test]
    fn a_run_holds_its_claims_and_no_others_with_and_without_its_filter() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (claims(0..10_000), claims(10_000..20_000));
        for with_filter in [true, false] {
            let path = dir.path().join("run");
            let run =
                Run::write(Arc::new(RealDisk), &path, &inside, Millis(0), with_filter).unwrap();
            assert!(
                inside
                    .iter()
                    .all(|claim| run.contains(Claim(*claim)).unwrap())
            );
            assert!(
                !outside
                    .iter()
                    .any(|claim| run.contains(Claim(*claim)).unwrap())
            );
            drop(run);
            assert!(!path.exists(), "a run takes its file with it");
        }
    }

    #[test]
    fn a_merged_run_holds_what_its_parts_held_and_outlives_them() {
        let dir = tempfile::tempdir().unwrap();
        let parts: Vec<_> = [0..3_000, 3_000..3_001, 3_001..20_000]
            .into_iter()
            .enumerate()
            .map(|(index, range)| {
                let path = dir.path().join(index.to_string());
                let newest = Millis(index as i64);
                Arc::new(
                    Run::write(Arc::new(RealDisk), &path, &claims(range), newest, true).unwrap(),
                )
            })
            .collect();
        let path = dir.path().join("merged");
        let merged = Run::merge(Arc::new(RealDisk), &path, &parts, true).unwrap();
        drop(parts);
        assert_eq!(
            (merged.len(), merged.newest, merged.tier),
            (20_000, Millis(2), 1)
        );
        let held = |claim: &u128| merged.contains(Claim(*claim)).unwrap();
        assert!(claims(0..20_000).iter().all(held));
        assert!(!claims(20_000..40_000).iter().any(held));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_filter_turns_most_questions_away() {
        let mut filter = Filter::sized(100_000);
        for claim in claims(0..100_000) {
            filter.insert(claim);
        }
        let alarms = claims(100_000..200_000)
            .iter()
            .filter(|claim| filter.may_hold(**claim))
            .count();
        assert!(alarms < 3_000, "{alarms} false alarms in 100,000");
    }

    #[test]
    fn claims_that_share_their_upper_half_are_found_across_pages() {
        let dir = tempfile::tempdir().unwrap();
        let inside: Vec<u128> = (0..1000).map(|low| (7 << 64) | low).collect();
        let run = Run::write(
            Arc::new(RealDisk),
            &dir.path().join("run"),
            &inside,
            Millis(0),
            true,
        )
        .unwrap();
        assert!(
            inside
                .iter()
                .all(|claim| run.contains(Claim(*claim)).unwrap())
        );
        assert!(!run.contains(Claim((7 << 64) | 1000)).unwrap());
    }
}
