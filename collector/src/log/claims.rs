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
//!
//! Generations and runs know which stretch of the log they were made of. One that is *in doubt*, since its file is
//! damaged or records of its stretch are lost ([`ClaimIndex::doubt`]), is built again from that stretch. Until then it
//! answers only what it knows for certain; the rest is [`UnknownClaim`], and never a guess.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use thiserror::Error;

use super::generation::Generation;
use super::run::{RUN, Run};
use super::spill::{Made, SpillJob, Spilled, Work};
use super::{Claim, Extent, Head, Position};

const HOUR_MS: i64 = 3_600_000;

/// Runs of one size that are merged; more would mean fewer writes and more questions.
const FAN: usize = 8;

/// Parts of the window within which runs are merged: more would keep claims less long, in more runs.
const PARTS: i64 = 8;

/// Memory that all runs' filters may take; runs beyond it do without, at one 4 KB read a question.
const FILTER_BYTES: usize = 32 << 20;

/// The claims within the window.
#[derive(Debug)]
pub struct ClaimIndex {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The folder of the log that the claims are those of.
    log: PathBuf,
    window_ms: i64,
    memory: usize,
    active: Generation,
    /// Oldest first.
    sealed: VecDeque<Arc<Generation>>,
    spilling: bool,
    /// The latest spill could not be written.
    spill_failed: bool,
    /// Oldest first.
    runs: Vec<Arc<Run>>,
    merging: bool,
    /// Not again before the next spill worked: the disk may be full.
    merge_failed: bool,
    rebuilding: bool,
    /// Parts that were built again.
    rebuilt: u64,
    latest: Millis,
    numbers: u64,
}

/// Whether a claim is taken cannot be told before a part of the index is built again from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "claims under `claims/` are damaged and are being built again from the log; nothing is lost, send it again"
)]
pub struct UnknownClaim;

impl ClaimIndex {
    /// An empty index whose runs lie in `dir`, of the log in the folder `log`. Runs of an earlier process, in whatever
    /// format, are removed: the log says it all.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        log: PathBuf,
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
            log,
            window_ms,
            memory: memory.max(2),
            active: Generation::default(),
            sealed: VecDeque::new(),
            spilling: false,
            spill_failed: false,
            runs: Vec::new(),
            merging: false,
            merge_failed: false,
            rebuilding: false,
            rebuilt: 0,
            latest: Millis(i64::MIN),
            numbers: 0,
        })
    }

    /// Takes the claim; `false` when it was taken within the window.
    ///
    /// # Errors
    /// When nobody knows before something is built again; then the claim is not taken.
    pub fn claim(&mut self, claim: Claim, now: Millis) -> Result<bool, UnknownClaim> {
        if self.active.contains(claim) {
            return Ok(false);
        }
        let mut unknown = None;
        for generation in &self.sealed {
            if generation.contains(claim) {
                if !generation.is_in_doubt() {
                    return Ok(false);
                }
                unknown = Some(UnknownClaim);
            }
        }
        for run in self.runs.iter().rev() {
            match run.contains(claim) {
                Ok(true) => return Ok(false),
                Ok(false) => {}
                Err(doubt) => unknown = Some(doubt),
            }
        }
        match unknown {
            Some(doubt) => Err(doubt),
            None => Ok(self.active.take(claim, now)),
        }
    }

    /// Says where the records lie that made the claims taken since the last [`rotate`](Self::rotate).
    pub fn written(&mut self, extent: Extent) {
        if self.active.len() > 0 {
            self.active.extent.cover(&extent);
        }
    }

    /// Says that records of this stretch of the log are lost, or that more can be read than before: whatever was made of
    /// it is built again, so that the claims of lost records are free. Call it between groups, never within one.
    pub fn doubt(&mut self, lost: Extent) {
        if self.active.extent.meets(&lost) {
            self.seal_active();
        }
        for generation in &self.sealed {
            if generation.extent.meets(&lost) {
                generation.put_in_doubt();
            }
        }
        for run in &self.runs {
            if run.origin.extent.meets(&lost) {
                run.put_in_doubt();
            }
        }
    }

    /// How many parts of the index wait to be built again.
    #[must_use]
    pub fn in_doubt(&self) -> usize {
        let generations = self
            .sealed
            .iter()
            .filter(|generation| generation.is_in_doubt());
        let runs = self.runs.iter().filter(|run| run.is_in_doubt());
        generations.count() + runs.count()
    }

    /// How many parts were built again so far.
    #[must_use]
    pub fn rebuilt(&self) -> u64 {
        self.rebuilt
    }

    /// Whether twice as many claims are in memory as should be: then a job is worth waiting for.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.len().0 > 2 * self.memory
    }

    /// Whether memory is overfull and the disk does not take what is too much.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.spill_failed && self.is_overfull()
    }

    /// Takes the claims of a record that lies at `position` in the log, if it was received within the window before
    /// `now`; records come in the order of the log, and one counts as no older than those before it. The claims of one
    /// source and messageId come once within the window, so nothing is looked up. Keeps the memory bound by itself.
    /// Returns how many claims count.
    ///
    /// Call it for records that can be read and for no others: what is lost must not be refused when it is sent again.
    pub fn restore(&mut self, position: Position, head: &Head, now: Millis) -> u64 {
        let at = self.latest.max(head.received).min(now);
        self.latest = at;
        if now.since(at) > self.window_ms {
            return 0;
        }
        let mut count = 0;
        for slot in &head.events {
            if slot.verdict.is_claimed() {
                self.active.take(slot.claim, at);
                count += 1;
            }
        }
        self.written(Extent::new(position.0, position.0 + 1));
        self.seal(at);
        while let Some(job) = self.spill_job() {
            if self.adopt(job.run()).is_err() {
                break;
            }
        }
        count
    }

    /// The latest time that this was told.
    #[must_use]
    pub fn latest(&self) -> Millis {
        self.latest
    }

    /// How long claims are kept, in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// Gives back a claim that was taken since the last [`rotate`](Self::rotate).
    pub fn release(&mut self, claim: Claim) {
        self.active.release(claim);
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
        self.runs.retain(|run| !expired(run.origin.newest));
        self.latest = now;
        self.seal(now);
    }

    fn seal(&mut self, now: Millis) {
        let count = self.active.len();
        if count > 0 && (count >= self.memory / 2 || now.since(self.active.oldest) >= HOUR_MS) {
            self.seal_active();
        }
    }

    fn seal_active(&mut self) {
        self.sealed
            .push_back(Arc::new(std::mem::take(&mut self.active)));
    }

    /// The job that builds again what is in doubt, or brings memory back under its bound, or else one that makes fewer
    /// runs of many; one of each kind may be under way.
    pub fn spill_job(&mut self) -> Option<SpillJob> {
        let work = self.next_work()?;
        let (claims, replaced) = match &work {
            Work::Spill(generation) => (generation.len(), 0),
            Work::Merge(runs) => (
                runs.iter().map(|run| run.len()).sum(),
                runs.iter().map(|run| run.filter_bytes()).sum(),
            ),
            Work::RebuildGeneration(..) => (0, 0),
            Work::RebuildRun(run, _) => (run.len(), run.filter_bytes()),
        };
        let filters: usize = self.runs.iter().map(|run| run.filter_bytes()).sum();
        self.numbers += 1;
        Some(SpillJob {
            disk: Arc::clone(&self.disk),
            dir: self.dir.clone(),
            number: self.numbers,
            with_filter: filters - replaced + claims * 10 / 8 <= FILTER_BYTES,
            most: self.memory / 2,
            work,
        })
    }

    fn next_work(&mut self) -> Option<Work> {
        if !self.rebuilding
            && let Some(work) = self.doubtful()
        {
            self.rebuilding = true;
            return Some(work);
        }
        let sealed: usize = self.sealed.iter().map(|generation| generation.len()).sum();
        if !self.spilling && sealed + self.memory / 2 > self.memory {
            let generation = self.sealed.front().filter(|front| !front.is_in_doubt())?;
            self.spilling = true;
            return Some(Work::Spill(Arc::clone(generation)));
        }
        if self.merging || self.merge_failed || self.runs.iter().any(|run| run.is_in_doubt()) {
            return None;
        }
        let runs = self.runs.get(self.mergeable()?)?.to_vec();
        self.merging = true;
        Some(Work::Merge(runs))
    }

    /// What is to be built again next.
    fn doubtful(&self) -> Option<Work> {
        let mut generations = self.sealed.iter();
        if let Some(generation) = generations.find(|generation| generation.is_in_doubt()) {
            let generation = Arc::clone(generation);
            return Some(Work::RebuildGeneration(generation, self.log.clone()));
        }
        let run = self.runs.iter().find(|run| run.is_in_doubt())?;
        Some(Work::RebuildRun(Arc::clone(run), self.log.clone()))
    }

    /// Neighbours that should be one run.
    fn mergeable(&self) -> Option<Range<usize>> {
        let part = |at: Millis| at.0.div_euclid((self.window_ms / PARTS).max(1));
        let mut start = 0;
        for group in self
            .runs
            .chunk_by(|left, right| part(left.origin.newest) == part(right.origin.newest))
        {
            let over = group
                .first()
                .is_some_and(|run| part(run.origin.newest) < part(self.latest));
            if over && group.len() > 1 {
                return Some(start..start + group.len());
            }
            let mut from = start;
            for equal in group.chunk_by(|left, right| left.origin.tier == right.origin.tier) {
                if equal.len() >= FAN {
                    return Some(from..from + equal.len());
                }
                from += equal.len();
            }
            start += group.len();
        }
        None
    }

    /// Takes over what a job made.
    ///
    /// # Errors
    /// What the job met. Nothing is lost: the claims stay where they were, and a later [`spill_job`](Self::spill_job)
    /// tries again.
    pub fn adopt(&mut self, spilled: Spilled) -> io::Result<()> {
        match spilled.work {
            Work::Spill(generation) => {
                self.spilling = false;
                self.spill_failed = spilled.made.is_err();
                let runs = runs(spilled.made)?;
                self.merge_failed = false;
                let is_front = self
                    .sealed
                    .front()
                    .is_some_and(|front| Arc::ptr_eq(front, &generation));
                // One that came into doubt meanwhile is built again before it goes to disk.
                if is_front && !generation.is_in_doubt() {
                    self.sealed.pop_front();
                    self.runs.extend(runs);
                }
            }
            Work::Merge(parts) => {
                self.merging = false;
                // One that met damage is tried again once that is built again.
                if spilled.made.is_err() && parts.iter().any(|part| part.is_in_doubt()) {
                    return Ok(());
                }
                self.merge_failed = spilled.made.is_err();
                let merged = runs(spilled.made)?;
                if !parts.iter().any(|part| part.is_in_doubt()) {
                    self.replace_runs(&parts, merged);
                }
            }
            Work::RebuildGeneration(old, _) => {
                self.rebuilding = false;
                if let Made::Generation(new) = spilled.made?
                    && let Some(place) = self
                        .sealed
                        .iter_mut()
                        .find(|generation| Arc::ptr_eq(generation, &old))
                {
                    *place = Arc::new(new);
                    self.rebuilt += 1;
                }
            }
            Work::RebuildRun(old, _) => {
                self.rebuilding = false;
                let new = runs(spilled.made)?;
                self.merge_failed = false;
                self.replace_runs(&[old], new);
                self.rebuilt += 1;
            }
        }
        Ok(())
    }

    /// Puts `new` where `parts` are, or what is left of them: some may have expired meanwhile, and spills go to the end,
    /// nothing in between.
    fn replace_runs(&mut self, parts: &[Arc<Run>], new: Vec<Arc<Run>>) {
        let is_part = |run: &Arc<Run>| parts.iter().any(|part| Arc::ptr_eq(part, run));
        if let Some(place) = self.runs.iter().position(is_part) {
            self.runs.retain(|run| !is_part(run));
            self.runs.splice(place..place, new);
        }
    }

    /// Claims in memory, and on disk.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        let sealed: usize = self.sealed.iter().map(|generation| generation.len()).sum();
        (
            self.active.len() + sealed,
            self.runs.iter().map(|run| run.len()).sum(),
        )
    }

    /// Whether nothing is claimed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}

fn runs(made: io::Result<Made>) -> io::Result<Vec<Arc<Run>>> {
    Ok(match made? {
        Made::Runs(runs) => runs.into_iter().map(Arc::new).collect(),
        Made::Generation(_) => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Fingerprinter;
    use headwater_store::disk::RealDisk;

    const WINDOW: i64 = 24 * HOUR_MS;

    fn index(dir: &tempfile::TempDir, memory: usize) -> ClaimIndex {
        let log = dir.path().join("log");
        let runs = dir.path().join("claims");
        ClaimIndex::open(Arc::new(RealDisk), runs, log, WINDOW, memory).unwrap()
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
        assert_eq!(
            std::fs::read_dir(dir.path().join("claims"))
                .unwrap()
                .count(),
            0
        );
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
            std::fs::read_dir(dir.path().join("claims"))
                .unwrap()
                .count(),
            index.runs.len(),
            "no file without its run"
        );
    }
}
