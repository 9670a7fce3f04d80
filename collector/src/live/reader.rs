//! Whoever watches: bounded in number, handed one text at a time, and let go when they take none.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::metrics::Metrics;

/// Readers of the stream at one time. Each holds at most some 200 KB (a text in hand, the connection's buffer), and more
/// people than this do not watch one collector.
const READERS: usize = 64;
/// Lists that are sent at one time. Each may hold all that was kept when it was asked for, 9 MB, so that all of them hold
/// 36 MB.
const LISTS: usize = 4;
/// How long a list waits for its turn: test suites ask for many at once, and each takes milliseconds.
const TURN: Duration = Duration::from_secs(5);
/// How long a reader may take none of what waits for it. By then the buffers of the connection are full; a page that was
/// only asleep connects again.
const STALL: Duration = Duration::from_secs(20);

/// The places there are.
#[derive(Debug)]
pub(super) struct Places {
    readers: Arc<Semaphore>,
    lists: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            readers: Arc::new(Semaphore::new(READERS)),
            lists: Arc::new(Semaphore::new(LISTS)),
        }
    }
}

impl Places {
    /// A place for a reader of the stream, if one is free.
    pub(super) fn reader(&self, metrics: &Arc<Metrics>) -> Option<Place> {
        let permit = Arc::clone(&self.readers).try_acquire_owned().ok()?;
        Some(Place {
            _permit: permit,
            _counted: Some(Counted::one(metrics)),
        })
    }

    /// A place for a list, if one becomes free soon.
    pub(super) async fn list(&self) -> Option<Place> {
        let permit = Arc::clone(&self.lists).acquire_owned();
        let permit = tokio::time::timeout(TURN, permit).await.ok()?.ok()?;
        Some(Place {
            _permit: permit,
            _counted: None,
        })
    }
}

/// A place that is taken; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Option<Counted>,
}

impl Place {
    /// Both ends of an answer, of so many bytes where that is known.
    pub(crate) fn open(self, bytes: Option<u64>) -> (Reader, Texts) {
        let (texts, received) = mpsc::channel(1);
        let reader = Reader {
            texts,
            _place: self,
        };
        (reader, Texts { received, bytes })
    }
}

/// The sending end. The place is free when it is dropped, whatever becomes of the connection.
#[derive(Debug)]
pub(crate) struct Reader {
    texts: mpsc::Sender<Bytes>,
    _place: Place,
}

impl Reader {
    /// Hands over a text; `false` when the reader is gone or takes nothing.
    pub(crate) async fn hand(&self, text: Bytes) -> bool {
        let handed = tokio::time::timeout(STALL, self.texts.send(text)).await;
        matches!(handed, Ok(Ok(())))
    }
}

/// The receiving end, an answer's body.
#[derive(Debug)]
pub(crate) struct Texts {
    received: mpsc::Receiver<Bytes>,
    /// How much is still to come, where that is known.
    bytes: Option<u64>,
}

impl hyper::body::Body for Texts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = std::task::ready!(self.received.poll_recv(context));
        if let (Some(text), Some(left)) = (&text, &mut self.bytes) {
            *left = left.saturating_sub(text.len() as u64);
        }
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// Counts a reader as long as it is there.
#[derive(Debug)]
struct Counted(Arc<Metrics>);

impl Counted {
    fn one(metrics: &Arc<Metrics>) -> Self {
        metrics.live_readers.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(metrics))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.live_readers.fetch_sub(1, Ordering::Relaxed);
    }
}
