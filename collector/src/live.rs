//! Events as they come: a bounded memory of the latest, and a feed for whoever watches.
//!
//! A follower reads the log behind the acknowledgements, so watching never slows taking in; when it falls too far
//! behind it skips ahead and says so. What is not in the log (refused requests, pure retries) is told by [`Notice`].

mod kept;
mod reader;
mod shown;

use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::event::EventType;
use headwater_model::time::Millis;
use tokio::sync::watch;

use crate::ingest::Refusal;
use crate::log::{Entry, EventLog, Next, Position, Stored, Tally, Verdict};
use crate::metrics::Metrics;
use crate::read;

use kept::Kept;
use reader::Places;
pub(crate) use reader::{Place, Reader};
use shown::{Draft, Told};
pub(crate) use shown::{Shown, Wanted};

/// Bytes of log the follower may be behind before it skips ahead.
const BEHIND: u64 = 16 << 20;
/// Bytes the follower reads before it rests.
const STRIDE: u64 = 256 << 10;
const REST: Duration = Duration::from_millis(20);

/// What became of what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Accepted events.
    Good,
    /// Rejected events and refused requests.
    Bad,
    /// Events that were accepted before.
    Duplicate,
}

impl Sort {
    /// The name in streams and paths.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sort::Good => "good",
            Sort::Bad => "bad",
            Sort::Duplicate => "duplicate",
        }
    }
}

/// Something that is not in the log.
#[derive(Debug)]
pub struct Notice {
    told: Told,
    /// Anybody can have sent it.
    is_stranger: bool,
}

impl Notice {
    /// A request that was refused as a whole.
    pub(crate) fn refused(refusal: &Refusal, received: Millis) -> Self {
        Self {
            told: Told {
                sort: Sort::Bad,
                received,
                source: String::new(),
                kind: None,
                reason: Some((refusal.code(), refusal.to_string())),
                event: None,
            },
            is_stranger: true,
        }
    }

    /// An event that came again, as it was sent.
    pub(crate) fn duplicate(
        source: &str,
        implied: Option<EventType>,
        event: &[u8],
        received: Millis,
    ) -> Self {
        Self {
            told: Told {
                sort: Sort::Duplicate,
                received,
                source: source.to_owned(),
                kind: implied,
                reason: None,
                event: Some(event.to_vec()),
            },
            is_stranger: false,
        }
    }
}

/// The memory and the feed.
#[derive(Debug)]
pub struct Live {
    metrics: Arc<Metrics>,
    kept: Mutex<Kept>,
    /// The number of what is newest in it.
    newest: watch::Sender<u64>,
    places: Places,
    /// Of ids and names, by which lists are filtered.
    hasher: RandomState,
    /// How far the follower has come.
    reached: watch::Sender<u64>,
    skipped: AtomicU64,
}

impl Live {
    pub(crate) fn new(metrics: Arc<Metrics>, from: Position) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            kept: Mutex::default(),
            newest: watch::channel(0).0,
            places: Places::default(),
            hasher: RandomState::new(),
            reached: watch::channel(from.0).0,
            skipped: AtomicU64::new(0),
        })
    }

    /// Follows the log until it closes.
    pub(crate) async fn follow(self: Arc<Self>, log: Arc<dyn EventLog>) {
        let mut from = Position(*self.reached.borrow());
        while log.grown_beyond(from).await {
            let end = log.status().end;
            let behind = log.between(from, end);
            if behind > BEHIND {
                self.skipped.fetch_add(behind, Ordering::Relaxed);
                from = end;
                self.reached.send_replace(from.0);
                continue;
            }
            let (live, reader) = (Arc::clone(&self), log.read(from));
            let read = tokio::task::spawn_blocking(move || live.take(reader)).await;
            match read {
                Ok(Ok(reached)) => from = reached,
                Ok(Err(error)) => tracing::warn!(%error, "live view cannot read the log"),
                Err(_) => return,
            }
            self.reached.send_replace(from.0);
            tokio::time::sleep(REST).await;
        }
    }

    /// Shows the next stride of the log.
    fn take(&self, mut reader: crate::log::LogReader) -> std::io::Result<Position> {
        while reader.passed() < STRIDE {
            match reader.advance()? {
                Next::Record(stored) => self.show(&stored, false),
                Next::Control(_) | Next::Skipped { .. } => {}
                Next::End => break,
            }
        }
        Ok(reader.position())
    }

    /// Shows the sample of a request that is not in the log, since nobody is known for it.
    pub(crate) fn show_stranger(&self, entry: &Entry) {
        self.show(&entry.unstored(), true);
    }

    fn show(&self, stored: &Stored, is_stranger: bool) {
        for (item, slot) in read::accepted(stored).zip(&stored.head.events) {
            let (sort, event) = match item.verdict {
                verdict if verdict.is_accepted() => {
                    let mut text = Vec::new();
                    item.event.write(&mut text);
                    (Sort::Good, text)
                }
                // Told by a notice already, or nothing is left to show.
                Verdict::Duplicate
                | Verdict::Suppressed
                | Verdict::Redacted
                | Verdict::RedactedUnclaimed => continue,
                _ => (Sort::Bad, stored.event(slot).to_vec()),
            };
            let reason = item.reason();
            self.push(
                Told {
                    sort,
                    received: stored.head.received,
                    source: stored.head.source.clone(),
                    kind: item.kind,
                    reason: reason.map(|reason| (reason.code(), reason.message().to_owned())),
                    event: Some(event),
                },
                is_stranger,
            );
        }
    }

    pub(crate) fn notice(&self, notice: Notice) {
        self.push(notice.told, notice.is_stranger);
    }

    fn push(&self, told: Told, is_stranger: bool) {
        let draft = Draft::of(told, &self.hasher);
        let newest = self.kept().push(draft, is_stranger);
        // Two that come at once may tell out of order: the larger number stays.
        self.newest.send_if_modified(|known| {
            let grown = newest > *known;
            *known = newest.max(*known);
            grown
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for somebody who follows, if one is free.
    pub(crate) fn reader_place(&self) -> Option<Place> {
        self.places.reader(&self.metrics)
    }

    /// A place for a list, if one becomes free soon.
    pub(crate) async fn list_place(&self) -> Option<Place> {
        self.places.list().await
    }

    /// The place behind which lie the `recent` newest.
    pub(crate) fn place_before(&self, recent: usize) -> u64 {
        self.kept().place_before(recent)
    }

    /// What is behind `place`, if it is there, and how many left before it could be read.
    pub(crate) fn behind(&self, place: u64) -> Option<(u64, Arc<Shown>)> {
        let (gone, shown) = self.kept().after(place)?;
        self.metrics.live_dropped.fetch_add(gone, Ordering::Relaxed);
        Some((gone, shown))
    }

    /// The same, as soon as it is there.
    pub(crate) async fn after(&self, place: u64) -> (u64, Arc<Shown>) {
        let mut newest = self.newest.subscribe();
        loop {
            newest.mark_unchanged();
            if let Some(found) = self.behind(place) {
                return found;
            }
            if newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What of `sort` passes the filters, newest first.
    pub(crate) fn list<'a>(
        &self,
        sort: Sort,
        get: impl Fn(&str) -> Option<&'a str>,
        limit: usize,
    ) -> Vec<Arc<Shown>> {
        let wanted = Wanted::of(sort, get, &self.hasher);
        self.kept().list(&wanted, limit)
    }

    /// Events since the last [`reset`](Self::reset), all of them, whether kept or not.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let baseline = self.kept().baseline;
        let now = self.metrics.tally();
        Tally {
            accepted: now.accepted - baseline.accepted,
            duplicates: now.duplicates - baseline.duplicates,
            rejected: now.rejected - baseline.rejected,
            suppressed: now.suppressed - baseline.suppressed,
        }
    }

    /// Forgets what is kept of a user whose events are deleted. What was read before the deletion and lies before `end` is
    /// waited for, so that nothing of it comes in behind.
    pub(crate) async fn forget_user(&self, user: &str, end: Position) {
        self.caught_up(end).await;
        let fields = |name: &str| (name == "userId").then_some(user);
        for sort in [Sort::Good, Sort::Bad, Sort::Duplicate] {
            let theirs = Wanted::of(sort, fields, &self.hasher);
            self.kept().drop_those(&theirs);
        }
    }

    /// Bytes of log that were not shown, because they came too fast.
    #[must_use]
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Forgets what is kept and counts from zero. The log is not touched.
    pub fn reset(&self) {
        let tally = self.metrics.tally();
        self.kept().forget(tally);
    }

    /// Waits until the follower has come as far as `position`, a second at most.
    pub(crate) async fn caught_up(&self, position: Position) {
        let mut reached = self.reached.subscribe();
        let waited = reached.wait_for(|reached| *reached >= position.0);
        let _ = tokio::time::timeout(Duration::from_secs(1), waited).await;
    }
}
