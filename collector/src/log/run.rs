//! Claims that moved to disk: sorted, immutable files of fingerprints.
//!
//! ```text
//! file = page*
//! page = 255 claims   u128, little endian, ascending; zeros behind the last one of the file
//!        run          u64   which run the page belongs to
//!        index        u32   which page of it
//!        crc32        u32   over the 4,092 bytes before
//! ```
//!
//! Fingerprints are uniformly distributed, so a filter of ten bits a claim turns most questions away in memory and a
//! table of each page's first fingerprint finds the only page that can hold the rest: at most one 4 KB read a question.
//!
//! A run is a cache of what the log says: it needs no fsync and is thrown away at start. What is read of it counts only
//! with its checksum, and only in its place. A page that is cut, damaged or another's puts the run in doubt: it goes on
//! to say no where its filter or a good page does, and does not say anything else until it is built again from the
//! records between [`Extent`]'s ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};

use super::filter::{Filter, upper};
use super::{Claim, Extent, UnknownClaim};

/// The file extension of runs.
pub(super) const RUN: &str = ".claims";

/// Bytes of a page: what one read of the page cache or of a disk's block gives.
const PAGE_BYTES: usize = 4096;
const CLAIM: usize = 16;
/// Which run, which page, and the checksum.
const TRAILER: usize = 16;
/// Claims in a page.
const PAGE: usize = (PAGE_BYTES - TRAILER) / CLAIM;
/// Pages written at once: a megabyte.
const CHUNK: usize = 256;
/// Pages read at once from each run of a merge.
const CURSOR: usize = 16;

/// A sorted file of claims.
#[derive(Debug)]
pub(super) struct Run {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    number: u64,
    len: usize,
    /// The upper half of each page's first fingerprint.
    fences: Vec<u64>,
    filter: Option<Filter>,
    doubt: AtomicBool,
    /// When the newest of its claims was made, how many merges made it, and where the records are that it is made of.
    pub(super) origin: Origin,
}

/// What a run is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// When the newest of its claims was made.
    pub(super) newest: Millis,
    /// How many merges made it.
    pub(super) tier: u32,
    /// Where the records lie that made its claims.
    pub(super) extent: Extent,
}

/// Where a run goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    /// Unlike that of any other run of this process.
    pub(super) number: u64,
    pub(super) with_filter: bool,
}

impl Run {
    /// Writes `claims`, which are sorted, to a new file.
    pub(super) fn write(place: Place, claims: &[u128], origin: Origin) -> io::Result<Self> {
        let mut writer = Writer::begin(place, claims.len())?;
        for claim in claims {
            writer.push(*claim)?;
        }
        writer.finish(origin)
    }

    /// Writes one run of several. They stay as they are.
    pub(super) fn merge(place: Place, runs: &[Arc<Run>]) -> io::Result<Self> {
        let len = runs.iter().map(|run| run.len).sum();
        let mut writer = Writer::begin(place, len)?;
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
        let mut origin = Origin::default();
        for run in runs {
            origin.newest = origin.newest.max(run.origin.newest);
            origin.tier = origin.tier.max(run.origin.tier + 1);
            origin.extent.cover(&run.origin.extent);
        }
        writer.finish(origin)
    }

    /// How many claims it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes its filter takes in memory.
    pub(super) fn filter_bytes(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::bytes)
    }

    /// Whether something of it could not be read, or of the records that it is made of.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Relaxed)
    }

    /// From now on it is to be built again.
    pub(super) fn put_in_doubt(&self) {
        self.doubt.store(true, Ordering::Relaxed);
    }

    /// Whether it holds the claim.
    pub(super) fn contains(&self, claim: Claim) -> Result<bool, UnknownClaim> {
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
        let mut page = [0; PAGE_BYTES];
        for index in first..last {
            let claims = self
                .read(index, &mut page)
                .and_then(|()| self.claims(index, &page))
                .map_err(|_| {
                    self.put_in_doubt();
                    UnknownClaim
                })?;
            if claims
                .binary_search_by_key(&claim.0, |bytes| u128::from_le_bytes(*bytes))
                .is_ok()
            {
                return if self.is_in_doubt() {
                    Err(UnknownClaim)
                } else {
                    Ok(true)
                };
            }
        }
        Ok(false)
    }

    /// Fills `pages` from page `index` on.
    fn read(&self, index: usize, pages: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_at((index * PAGE_BYTES) as u64, pages)?;
        if read < pages.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The claims of a page that was read as number `index`, if it is what was written there.
    fn claims<'page>(&self, index: usize, page: &'page [u8]) -> io::Result<&'page [[u8; CLAIM]]> {
        let count = PAGE.min(self.len - index * PAGE);
        let body = page.get(..PAGE_BYTES - TRAILER).unwrap_or_default();
        if page.get(PAGE_BYTES - TRAILER..) != Some(&trailer(body, self.number, index)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (claims, _) = body.as_chunks::<CLAIM>();
        Ok(claims.get(..count).unwrap_or_default())
    }
}

fn trailer(body: &[u8], run: u64, index: usize) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..8].copy_from_slice(&run.to_le_bytes());
    trailer[8..12].copy_from_slice(&(index as u32).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(body);
    crc.update(&trailer[..12]);
    trailer[12..].copy_from_slice(&crc.finalize().to_le_bytes());
    trailer
}

/// A run that is being written; without [`finish`](Self::finish) its file goes.
struct Writer {
    /// What the run will be; dropping it removes the file.
    run: Run,
    buffer: Vec<u8>,
}

impl Writer {
    fn begin(place: Place, expected: usize) -> io::Result<Self> {
        let path = place.dir.join(format!("{:016}{RUN}", place.number));
        let file = create(&*place.disk, &place.dir, &path)?;
        let pages = expected.div_ceil(PAGE);
        Ok(Self {
            run: Run {
                disk: place.disk,
                path,
                file,
                number: place.number,
                len: 0,
                fences: Vec::with_capacity(pages),
                filter: place.with_filter.then(|| Filter::sized(expected)),
                doubt: AtomicBool::new(false),
                origin: Origin::default(),
            },
            buffer: Vec::with_capacity(CHUNK.min(pages) * PAGE_BYTES),
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
        if self.run.len.is_multiple_of(PAGE) {
            self.end_page();
            if self.buffer.len() >= CHUNK * PAGE_BYTES {
                self.run.file.append(&self.buffer)?;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    fn end_page(&mut self) {
        let start = self.buffer.len() / PAGE_BYTES * PAGE_BYTES;
        self.buffer.resize(start + PAGE_BYTES - TRAILER, 0);
        let body = self.buffer.get(start..).unwrap_or_default();
        let trailer = trailer(body, self.run.number, self.run.fences.len() - 1);
        self.buffer.extend_from_slice(&trailer);
    }

    fn finish(mut self, origin: Origin) -> io::Result<Run> {
        if !self.buffer.len().is_multiple_of(PAGE_BYTES) {
            self.end_page();
        }
        self.run.file.append(&self.buffer)?;
        self.run.origin = origin;
        Ok(self.run)
    }
}

/// A new file; the folder is made again if somebody removed it.
fn create(disk: &dyn Disk, dir: &Path, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
    match disk.create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            disk.create_dir_all(dir)?;
            disk.create(path)
        }
        created => created,
    }
}

/// Reads a run from its first claim to its last.
struct Cursor<'a> {
    run: &'a Run,
    /// Pages read so far.
    read: usize,
    claims: Vec<u128>,
    taken: usize,
}

impl<'a> Cursor<'a> {
    fn new(run: &'a Run) -> Self {
        Self {
            run,
            read: 0,
            claims: Vec::new(),
            taken: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<u128>> {
        if self.taken == self.claims.len() {
            let wanted = (self.run.fences.len() - self.read).min(CURSOR);
            if wanted == 0 {
                return Ok(None);
            }
            // What cannot be read here must not wait for a question to be noticed.
            self.fill(wanted).inspect_err(|_| self.run.put_in_doubt())?;
        }
        let claim = self.claims.get(self.taken).copied();
        self.taken += 1;
        Ok(claim)
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let mut pages = vec![0; wanted * PAGE_BYTES];
        self.run.read(self.read, &mut pages)?;
        self.claims.clear();
        self.taken = 0;
        for page in pages.chunks(PAGE_BYTES) {
            let claims = self.run.claims(self.read, page)?;
            self.claims
                .extend(claims.iter().map(|bytes| u128::from_le_bytes(*bytes)));
            self.read += 1;
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A file that stays behind costs space until the next start, which removes it.
        let _ = self.disk.remove(&self.path);
    }
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

    fn place(dir: &tempfile::TempDir, number: u64) -> Place {
        Place {
            disk: Arc::new(RealDisk),
            dir: dir.path().to_owned(),
            number,
            with_filter: true,
        }
    }

    fn origin(newest: i64, from: u64, to: u64) -> Origin {
        let mut extent = Extent::default();
        extent.cover(&Extent::new(from, to));
        Origin {
            newest: Millis(newest),
            tier: 0,
            extent,
        }
    }

    #[test]
    fn a_run_holds_its_claims_and_no_others_with_and_without_its_filter() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (claims(0..10_000), claims(10_000..20_000));
        for with_filter in [true, false] {
            let place = Place {
                with_filter,
                ..place(&dir, 1)
            };
            let run = Run::write(place, &inside, Origin::default()).unwrap();
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
            let path = run.path.clone();
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
                let origin = origin(index as i64, u64::from(range.start), u64::from(range.end));
                let place = place(&dir, index as u64);
                Arc::new(Run::write(place, &claims(range), origin).unwrap())
            })
            .collect();
        let merged = Run::merge(place(&dir, 9), &parts).unwrap();
        drop(parts);
        assert_eq!(
            (merged.len(), merged.origin.newest, merged.origin.tier),
            (20_000, Millis(2), 1)
        );
        assert_eq!(merged.origin.extent, Extent::new(0, 20_000));
        let held = |claim: &u128| merged.contains(Claim(*claim)).unwrap();
        assert!(claims(0..20_000).iter().all(held));
        assert!(!claims(20_000..40_000).iter().any(held));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn claims_that_share_their_upper_half_are_found_across_pages() {
        let dir = tempfile::tempdir().unwrap();
        let inside: Vec<u128> = (0..1000).map(|low| (7 << 64) | low).collect();
        let run = Run::write(place(&dir, 1), &inside, Origin::default()).unwrap();
        assert!(
            inside
                .iter()
                .all(|claim| run.contains(Claim(*claim)).unwrap())
        );
        assert!(!run.contains(Claim((7 << 64) | 1000)).unwrap());
    }

    #[test]
    fn a_damaged_cut_or_misplaced_page_is_unknown_and_never_wrong() {
        let (inside, outside) = (claims(0..2_000), claims(2_000..40_000));
        type Damage = fn(&mut Vec<u8>);
        let damages: [(&str, Damage); 5] = [
            ("a flipped bit", |bytes| bytes[5_000] ^= 1),
            ("zeros", |bytes| bytes[4_096..8_192].fill(0)),
            ("cut", |bytes| bytes.truncate(6_000)),
            ("emptied", Vec::clear),
            ("pages that changed places", |bytes| {
                let (left, right) = bytes.split_at_mut(4_096);
                left.swap_with_slice(&mut right[..4_096]);
            }),
        ];
        for (name, damage) in damages {
            let dir = tempfile::tempdir().unwrap();
            let run = Run::write(place(&dir, 1), &inside, Origin::default()).unwrap();
            let mut bytes = std::fs::read(&run.path).unwrap();
            damage(&mut bytes);
            std::fs::write(&run.path, bytes).unwrap();
            for claim in &inside {
                assert_ne!(run.contains(Claim(*claim)), Ok(false), "{name}");
            }
            assert!(run.is_in_doubt(), "{name}");
            for claim in &outside {
                assert_ne!(run.contains(Claim(*claim)), Ok(true), "{name}");
            }
            let merged = Run::merge(place(&dir, 2), &[Arc::new(run)]);
            assert!(merged.is_err(), "{name}");
        }
    }
}
