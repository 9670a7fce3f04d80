//! Which (source, messageId) were accepted within the window: exact, bounded in memory, a function of the log.
//!
//! Claims are grouped into generations by time. The active one takes new claims; at half the memory bound, or after an
//! hour, it is sealed; sealed ones beyond the bound are written to disk as a sorted [`Run`]. Runs are merged: eight of
//! one size within an eighth of the window, and all of such an eighth once it is over, so that a question meets some
//! tens of runs at any rate. What expired is dropped as a whole when its newest claim leaves the window, so a claim is
//! kept for the window and at most an eighth of it and an hour longer.
//!
//! Writing a run takes tens of milliseconds, merging some seconds, so each is a [`SpillJob`] that any thread may run
//! while the index goes on answering from what it has; [`ClaimIndex::adopt`] then swaps the one for the other.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;

use super::run::Run;
use super::{Claim, Head, Position, Verdict};

const HOUR_MS: i64 = 3_600_000;

/// Runs of one size that are merged; more would mean fewer writes and more questions.
const FAN: usize = 8;

/// Parts of the window within which runs are merged: more would keep claims less long, in more runs.
const PARTS: i64 = 8;

/// Memory that all runs' filters may take; runs beyond it do without, at one 4 KB read a question.
const FILTER_BYTES: usize = 32 << 20;

/// The file extension of runs.
const RUN: &str = ".claims";

/// Fingerprints are hashes already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

type Set = HashSet<u128, BuildHasherDefault<Identity>>;

/// Claims of one stretch of time.
#[derive(Debug, Default)]
struct Generation {
    claims: Set,
    oldest: Millis,
    newest: Millis,
}

impl Generation {
    /// Whether the claim is new here.
    fn take(&mut self, claim: Claim, at: Millis) -> bool {
        if !self.claims.insert(claim.0) {
            return false;
        }
        if self.claims.len() == 1 {
            self.oldest = at;
            self.newest = at;
        }
        self.newest = self.newest.max(at);
        true
    }
}

/// The claims within the window.
#[derive(Debug)]
pub struct ClaimIndex {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    window_ms: i64,
    memory: usize,
    active: Generation,
    /// Oldest first.
    sealed: VecDeque<Arc<Generation>>,
    spilling: bool,
    /// Oldest first.
    runs: Vec<Arc<Run>>,
    merging: bool,
    /// Not again before the next spill worked: the disk may be full.
    merge_failed: bool,
    latest: Millis,
    numbers: u64,
}

/// A sealed generation on its way to disk, or runs on their way into one.
#[derive(Debug)]
pub struct SpillJob {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    work: Work,
    with_filter: bool,
}

#[derive(Debug)]
enum Work {
    Spill(Arc<Generation>),
    Merge(Vec<Arc<Run>>),
}

/// What came of a [`SpillJob`].
#[derive(Debug)]
pub struct Spilled {
    work: Work,
    run: io::Result<Run>,
}

impl ClaimIndex {
    /// An empty index whose runs lie in `dir`; runs of an earlier process are removed.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        window_ms: i64,
        memory: usize,
    ) -> io::Result<Self> {
        disk.create_dir_all(&dir)?;
        for name in disk.list(&dir)? {
            if name.ends_with(RUN) {
                disk.remove(&dir.join(name))?;
            }
        }
        Ok(Self {
            disk,
            dir,
            window_ms,
            memory: memory.max(2),
            active: Generation::default(),
            sealed: VecDeque::new(),
            spilling: false,
            runs: Vec::new(),
            merging: false,
            merge_failed: false,
            latest: Millis(i64::MIN),
            numbers: 0,
        })
    }

    /// Takes the claim; `false` when it was taken within the window.
    ///
    /// # Errors
    /// When a run cannot be read: then nobody knows, and the claim is not taken.
    pub fn claim(&mut self, claim: Claim, now: Millis) -> io::Result<bool> {
        if self
            .sealed
            .iter()
            .any(|generation| generation.claims.contains(&claim.0))
        {
            return Ok(false);
        }
        if !self.runs.is_empty() && !self.active.claims.contains(&claim.0) {
            for run in self.runs.iter().rev() {
                if run.contains(claim)? {
                    return Ok(false);
                }
            }
        }
        Ok(self.active.take(claim, now))
    }

    /// Takes the claims of a record that lies at `position` in the log, if it was received within the window before
    /// `now`; records come in the order of the log, and one counts as no older than those before it. The claims of one
    /// source and messageId come once within the window, so nothing is looked up. Keeps the memory bound by itself.
    /// Returns how many claims count.
    ///
    /// Call it for records that can be read and for no others: what is lost must not be refused when it is sent again.
    pub fn restore(&mut self, position: Position, head: &Head, now: Millis) -> u64 {
        let at = self.latest.max(head.received);
        self.latest = at;
        if now.since(at) > self.window_ms {
            return 0;
        }
        let mut count = 0;
        for slot in &head.events {
            if slot.verdict == Verdict::Accepted {
                self.active.take(slot.claim, at);
                count += 1;
            }
        }
        let _ = position;
        self.seal(at);
        while let Some(job) = self.spill_job() {
            if self.adopt(job.run()).is_err() {
                break;
            }
        }
        count
    }

    /// How long claims are kept, in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// Gives back a claim that was taken since the last [`rotate`](Self::rotate).
    pub fn release(&mut self, claim: Claim) {
        self.active.claims.remove(&claim.0);
    }

    /// Drops what left the window and seals what is full or old. Call it between groups, never within one.
    pub fn rotate(&mut self, now: Millis) {
        let window = self.window_ms;
        let expired = |newest: Millis| now.since(newest) > window;
        if !self.spilling {
            while self
                .sealed
                .front()
                .is_some_and(|generation| expired(generation.newest))
            {
                self.sealed.pop_front();
            }
        }
        self.runs.retain(|run| !expired(run.newest));
        self.latest = now;
        self.seal(now);
    }

    fn seal(&mut self, now: Millis) {
        let count = self.active.claims.len();
        if count > 0 && (count >= self.memory / 2 || now.since(self.active.oldest) >= HOUR_MS) {
            self.sealed
                .push_back(Arc::new(std::mem::take(&mut self.active)));
        }
    }

    /// The job that brings memory back under its bound, or else one that makes fewer runs of many; one of each kind may
    /// be under way.
    pub fn spill_job(&mut self) -> Option<SpillJob> {
        let sealed: usize = self
            .sealed
            .iter()
            .map(|generation| generation.claims.len())
            .sum();
        let work = if !self.spilling && sealed + self.memory / 2 > self.memory {
            let generation = Arc::clone(self.sealed.front()?);
            self.spilling = true;
            Work::Spill(generation)
        } else if !self.merging && !self.merge_failed {
            let runs = self.runs.get(self.mergeable()?)?.to_vec();
            self.merging = true;
            Work::Merge(runs)
        } else {
            return None;
        };
        let (claims, replaced) = match &work {
            Work::Spill(generation) => (generation.claims.len(), 0),
            Work::Merge(runs) => (
                runs.iter().map(|run| run.len()).sum(),
                runs.iter().map(|run| run.filter_bytes()).sum(),
            ),
        };
        let filters: usize = self.runs.iter().map(|run| run.filter_bytes()).sum();
        self.numbers += 1;
        Some(SpillJob {
            disk: Arc::clone(&self.disk),
            path: self.dir.join(format!("{:08}{RUN}", self.numbers)),
            with_filter: filters - replaced + claims * 10 / 8 <= FILTER_BYTES,
            work,
        })
    }

    /// Neighbours that should be one run.
    fn mergeable(&self) -> Option<Range<usize>> {
        let part = |at: Millis| at.0.div_euclid((self.window_ms / PARTS).max(1));
        let mut start = 0;
        for group in self
            .runs
            .chunk_by(|left, right| part(left.newest) == part(right.newest))
        {
            let over = group
                .first()
                .is_some_and(|run| part(run.newest) < part(self.latest));
            if over && group.len() > 1 {
                return Some(start..start + group.len());
            }
            let mut from = start;
            for equal in group.chunk_by(|left, right| left.tier == right.tier) {
                if equal.len() >= FAN {
                    return Some(from..from + equal.len());
                }
                from += equal.len();
            }
            start += group.len();
        }
        None
    }

    /// Takes over what a job wrote.
    ///
    /// # Errors
    /// What the job met. Nothing is lost: the claims stay where they were, and a later [`spill_job`](Self::spill_job)
    /// tries again.
    pub fn adopt(&mut self, spilled: Spilled) -> io::Result<()> {
        match spilled.work {
            Work::Spill(generation) => {
                self.spilling = false;
                let run = spilled.run?;
                self.merge_failed = false;
                if self
                    .sealed
                    .front()
                    .is_some_and(|front| Arc::ptr_eq(front, &generation))
                {
                    self.sealed.pop_front();
                    self.runs.push(Arc::new(run));
                }
            }
            Work::Merge(parts) => {
                self.merging = false;
                self.merge_failed = spilled.run.is_err();
                let run = spilled.run?;
                // Parts may have expired meanwhile, and only a part: spills go to the end, nothing in between.
                let is_part = |run: &Arc<Run>| parts.iter().any(|part| Arc::ptr_eq(part, run));
                if let Some(place) = self.runs.iter().position(is_part) {
                    self.runs.retain(|run| !is_part(run));
                    self.runs.insert(place, Arc::new(run));
                }
            }
        }
        Ok(())
    }

    /// Claims in memory, and on disk.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        let sealed: usize = self
            .sealed
            .iter()
            .map(|generation| generation.claims.len())
            .sum();
        (
            self.active.claims.len() + sealed,
            self.runs.iter().map(|run| run.len()).sum(),
        )
    }

    /// Whether nothing is claimed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}

impl SpillJob {
    /// Sorts and writes; tens of milliseconds for a million claims.
    #[must_use]
    pub fn run(self) -> Spilled {
        let run = match &self.work {
            Work::Spill(generation) => {
                let mut claims: Vec<u128> = generation.claims.iter().copied().collect();
                claims.sort_unstable();
                Run::write(
                    self.disk,
                    &self.path,
                    &claims,
                    generation.newest,
                    self.with_filter,
                )
            }
            Work::Merge(runs) => Run::merge(self.disk, &self.path, runs, self.with_filter),
        };
        Spilled {
            work: self.work,
            run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Fingerprinter;
    use headwater_store::disk::RealDisk;

    const WINDOW: i64 = 24 * HOUR_MS;

    fn index(dir: &tempfile::TempDir, memory: usize) -> ClaimIndex {
        ClaimIndex::open(Arc::new(RealDisk), dir.path().to_owned(), WINDOW, memory).unwrap()
    }

    fn id(number: u32) -> Claim {
        Fingerprinter::new([0; 16])
            .source("s")
            .claim(&number.to_le_bytes())
    }

    #[test]
    fn a_claim_is_taken_once_within_the_window_and_again_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(&dir, 1000);
        assert!(index.claim(id(1), Millis(0)).unwrap());
        for hour in 0..=24 {
            let now = Millis(hour * HOUR_MS);
            index.rotate(now);
            assert!(!index.claim(id(1), now).unwrap(), "hour {hour}");
        }
        index.rotate(Millis(25 * HOUR_MS));
        assert!(index.claim(id(1), Millis(25 * HOUR_MS)).unwrap());
    }

    #[test]
    fn a_released_claim_can_be_taken_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(&dir, 1000);
        assert!(index.claim(id(1), Millis(0)).unwrap());
        index.release(id(1));
        assert!(index.claim(id(1), Millis(0)).unwrap());
    }

    #[test]
    fn claims_beyond_the_memory_bound_move_to_disk_and_stay_exact() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(&dir, 1000);
        for number in 0..10_000 {
            assert!(index.claim(id(number), Millis(0)).unwrap());
            index.rotate(Millis(0));
            if let Some(job) = index.spill_job() {
                assert!(
                    !index.claim(id(number), Millis(0)).unwrap(),
                    "while the job is under way"
                );
                index.adopt(job.run()).unwrap();
            }
        }
        let (memory, disk) = index.len();
        assert!(memory <= 1000 && memory + disk == 10_000, "{memory} {disk}");
        for number in 0..10_000 {
            assert!(!index.claim(id(number), Millis(0)).unwrap());
        }
        index.rotate(Millis(WINDOW + 1));
        assert_eq!(index.len().1, 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn runs_stay_few_and_exact_over_days_at_any_rate() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(&dir, 200);
        let (each, mut most) = (20_u32, 0);
        // 500 runs a day.
        for step in 0..5_000_u32 {
            let now = Millis(i64::from(step) * (2 * WINDOW / 5_000));
            for number in 0..each {
                assert!(index.claim(id(step * each + number), now).unwrap());
            }
            index.rotate(now);
            while let Some(job) = index.spill_job() {
                let spilled = job.run();
                assert!(
                    !index.claim(id(step * each), now).unwrap(),
                    "while the job is under way"
                );
                index.adopt(spilled).unwrap();
            }
            most = most.max(index.runs.len());
        }
        assert!(most <= 32, "{most} runs");
        let now = Millis(2 * WINDOW);
        for number in 2_500 * each..5_000 * each {
            assert!(!index.claim(id(number), now).unwrap(), "{number}");
        }
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            index.runs.len(),
            "no file without its run"
        );
    }
}
