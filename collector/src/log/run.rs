//! Claims that moved to disk: one sorted, immutable file of fingerprints.
//!
//! Fingerprints are uniformly distributed, so a filter of ten bits a claim turns most questions away in memory and a
//! table of each page's first fingerprint finds the only page that can hold the rest: at most one 4 KB read a question.
//! A run is a cache of what the log says: it needs no checksum of its own, no fsync, and is thrown away at start.

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
        let file = disk.create(path)?;
        let mut buffer = Vec::with_capacity(CHUNK.min(claims.len()) * CLAIM);
        for chunk in claims.chunks(CHUNK) {
            buffer.clear();
            for claim in chunk {
                buffer.extend_from_slice(&claim.to_le_bytes());
            }
            if let Err(error) = file.append(&buffer) {
                drop(file);
                let _ = disk.remove(path);
                return Err(error);
            }
        }
        let fences = claims
            .iter()
            .step_by(PAGE)
            .map(|claim| upper(*claim))
            .collect();
        let filter = with_filter.then(|| Filter::of(claims));
        Ok(Self {
            disk,
            path: path.to_owned(),
            file,
            len: claims.len(),
            fences,
            filter,
            newest,
        })
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
    fn of(claims: &[u128]) -> Self {
        let blocks = (claims.len() * 10).div_ceil(BLOCK * 64).max(1);
        let mut filter = Self {
            words: vec![0; blocks * BLOCK],
        };
        for claim in claims {
            let start = filter.block(*claim);
            for (word, bit) in probes(*claim) {
                if let Some(word) = filter.words.get_mut(start + word) {
                    *word |= bit;
                }
            }
        }
        filter
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
    fn the_filter_turns_most_questions_away() {
        let filter = Filter::of(&claims(0..100_000));
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
