//! Events as they come: a bounded memory of the latest, and a feed for whoever watches.
//!
//! A follower reads the log behind the acknowledgements, so watching never slows taking in; when it falls too far
//! behind it skips ahead and says so. What is not in the log (refused requests, pure retries) is told by [`Notice`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_model::event::EventType;
use headwater_model::json::{self, Limits, Object, Value};
use headwater_model::time::Millis;
use tokio::sync::{broadcast, watch};

use crate::ingest::Refusal;
use crate::log::{EventLog, Next, Position, Stored, Tally};
use crate::metrics::Metrics;
use crate::read;

/// Events kept of each kind.
const KEPT: usize = 1000;
/// Bytes of events kept in all.
const KEPT_BYTES: usize = 8 << 20;
/// Events a watcher may be behind before it loses some.
const FEED: usize = 512;
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

/// Something to show.
#[derive(Debug)]
pub struct Shown {
    /// Counts up; never used twice.
    pub id: u64,
    /// What became of it.
    pub sort: Sort,
    /// The source, if known.
    pub source: String,
    /// The type, if there is one.
    pub kind: Option<EventType>,
    /// The JSON text of all of it.
    pub json: String,
}

/// Something that is not in the log.
#[derive(Debug)]
pub struct Notice {
    sort: Sort,
    received: Millis,
    source: String,
    kind: Option<EventType>,
    document: Object,
}

impl Notice {
    /// A request that was refused as a whole.
    pub(crate) fn refused(refusal: &Refusal, received: Millis) -> Self {
        let document = [
            ("code", Value::from(refusal.code())),
            ("message", Value::from(refusal.to_string())),
        ];
        let document = document.into_iter().collect();
        Self {
            sort: Sort::Bad,
            received,
            source: String::new(),
            kind: None,
            document,
        }
    }

    /// An event that came again, as it was sent.
    pub(crate) fn duplicate(
        source: &str,
        implied: Option<EventType>,
        event: &[u8],
        received: Millis,
    ) -> Self {
        let event = json::parse(event, &Limits::default()).unwrap_or(Value::Null);
        let kind = implied.or_else(|| {
            event
                .get("type")
                .and_then(Value::as_str)
                .and_then(EventType::parse)
        });
        let document = [("event", event)].into_iter().collect();
        Self {
            sort: Sort::Duplicate,
            received,
            source: source.to_owned(),
            kind,
            document,
        }
    }
}

/// The memory and the feed.
#[derive(Debug)]
pub struct Live {
    metrics: Arc<Metrics>,
    kept: Mutex<Kept>,
    feed: broadcast::Sender<Arc<Shown>>,
    /// How far the follower has come.
    reached: watch::Sender<u64>,
    skipped: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    bytes: usize,
    shown: VecDeque<Arc<Shown>>,
    baseline: Tally,
}

impl Live {
    pub(crate) fn new(metrics: Arc<Metrics>, from: Position) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            kept: Mutex::default(),
            feed: broadcast::channel(FEED).0,
            reached: watch::channel(from.0).0,
            skipped: AtomicU64::new(0),
        })
    }

    /// Follows the log until it closes.
    pub(crate) async fn follow(self: Arc<Self>, log: Arc<dyn EventLog>) {
        let mut from = Position(*self.reached.borrow());
        while log.grown_beyond(from).await {
            let end = log.status().end;
            if end.0.saturating_sub(from.0) > BEHIND {
                self.skipped.fetch_add(end.0 - from.0, Ordering::Relaxed);
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
        let start = reader.position().0;
        while reader.position().0 - start < STRIDE {
            match reader.advance()? {
                Next::Record(stored) => self.show(&stored),
                Next::Skipped { .. } => {}
                Next::End => break,
            }
        }
        Ok(reader.position())
    }

    fn show(&self, stored: &Stored) {
        for item in read::items(stored) {
            let sort = match item.verdict {
                verdict if verdict.is_accepted() => Sort::Good,
                // Told by a notice already.
                crate::log::Verdict::Duplicate => continue,
                _ => Sort::Bad,
            };
            let mut document = Object::new();
            if let Some(reason) = item.reason() {
                document.insert("code", reason.code());
                document.insert("message", reason.message());
            }
            document.insert("event", item.event);
            let source = stored.head.source.clone();
            self.push(Notice {
                sort,
                received: stored.head.received,
                source,
                kind: item.kind,
                document,
            });
        }
    }

    pub(crate) fn notice(&self, notice: Notice) {
        self.push(notice);
    }

    fn push(&self, notice: Notice) {
        let Notice {
            sort,
            received,
            source,
            kind,
            document,
        } = notice;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.next += 1;
        let id = kept.next;
        let mut whole = Object::new();
        whole.insert("id", id);
        whole.insert("kind", sort.name());
        whole.insert("receivedAt", received.to_string());
        whole.insert("source", source.as_str());
        whole.insert(
            "type",
            kind.map_or(Value::Null, |kind| Value::from(kind.as_str())),
        );
        whole.extend(document);
        let mut json = Vec::new();
        whole.write(&mut json);
        let json = String::from_utf8(json).unwrap_or_default();
        let shown = Arc::new(Shown {
            id,
            sort,
            source,
            kind,
            json,
        });
        kept.bytes += shown.json.len();
        kept.shown.push_back(Arc::clone(&shown));
        while kept.shown.len() > KEPT || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.shown.pop_front() else {
                break;
            };
            kept.bytes -= oldest.json.len();
        }
        drop(kept);
        // Nobody may be watching.
        let _ = self.feed.send(shown);
    }

    /// A feed of what comes from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Shown>> {
        self.feed.subscribe()
    }

    /// What is kept, newest first.
    #[must_use]
    pub fn latest(&self) -> Vec<Arc<Shown>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shown
            .iter()
            .rev()
            .cloned()
            .collect()
    }

    /// Events since the last [`reset`](Self::reset), all of them, whether kept or not.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let baseline = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .baseline;
        let now = self.metrics.tally();
        Tally {
            accepted: now.accepted - baseline.accepted,
            duplicates: now.duplicates - baseline.duplicates,
            rejected: now.rejected - baseline.rejected,
        }
    }

    /// Bytes of log that were not shown, because they came too fast.
    #[must_use]
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Counts a watcher's loss.
    pub(crate) fn lost(&self, events: u64) {
        self.metrics
            .live_dropped
            .fetch_add(events, Ordering::Relaxed);
    }

    /// Forgets what is kept and counts from zero. The log is not touched.
    pub fn reset(&self) {
        let tally = self.metrics.tally();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.baseline = tally;
        kept.shown.clear();
        kept.bytes = 0;
    }

    /// Waits until the follower has come as far as `position`, a second at most.
    pub(crate) async fn caught_up(&self, position: Position) {
        let mut reached = self.reached.subscribe();
        let waited = reached.wait_for(|reached| *reached >= position.0);
        let _ = tokio::time::timeout(Duration::from_secs(1), waited).await;
    }
}
