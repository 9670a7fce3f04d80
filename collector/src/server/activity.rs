//! What a connection is doing: a request in hand, an answer on its way out, or nothing, and since when.
//!
//! Hyper's own timers begin once it knows which HTTP is spoken, and HTTP/2 has none for a peer that opens no stream. This
//! clock runs from the accepted connection on and looks only at whole requests, so it holds for both.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// One connection's state, written by its task and read by whoever looks for room.
#[derive(Debug)]
pub(super) struct Activity {
    begun: Instant,
    /// Requests whose answers hyper does not have whole yet.
    in_hand: AtomicUsize,
    /// The peer does not take what is written.
    blocked: AtomicBool,
    /// Milliseconds after `begun` at which the last request ended, or the peer last took an answer.
    rests_since: AtomicU64,
}

impl Activity {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            in_hand: AtomicUsize::new(0),
            blocked: AtomicBool::new(false),
            rests_since: AtomicU64::new(0),
        })
    }

    /// A request begins; it ends when the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InHand {
        self.in_hand.fetch_add(1, Ordering::AcqRel);
        InHand(Arc::clone(self))
    }

    /// The peer stops, or goes on, taking its answer.
    pub(super) fn set_blocked(&self, blocked: bool) {
        if self.blocked.swap(blocked, Ordering::AcqRel) && !blocked {
            self.rest();
        }
    }

    fn rest(&self) {
        let now = self.begun.elapsed().as_millis() as u64;
        self.rests_since.store(now, Ordering::Release);
    }

    /// When the connection was accepted.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Since when no request is in hand; `None` while one is. A peer that does not take its last answer counts as one
    /// without: it could hold its place for as long as it likes.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        if self.in_hand.load(Ordering::Acquire) > 0 {
            return None;
        }
        Some(self.begun + Duration::from_millis(self.rests_since.load(Ordering::Acquire)))
    }

    /// Since when nothing at all is to be done; `None` while something is.
    pub(super) fn resting_since(&self) -> Option<Instant> {
        self.idle_since()
            .filter(|_| !self.blocked.load(Ordering::Acquire))
    }

    /// Resolves when nothing was in hand for `limit`.
    pub(super) async fn rested(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let until = self.resting_since().unwrap_or(now) + limit;
            if until <= now {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A request in hand.
#[derive(Debug)]
pub(super) struct InHand(Arc<Activity>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.rest();
        self.0.in_hand.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body, which ends its request when hyper has all of it.
#[derive(Debug)]
pub(super) struct Answered {
    body: Body,
    _in_hand: InHand,
}

impl Answered {
    pub(super) fn new(body: Body, in_hand: InHand) -> Self {
        Self {
            body,
            _in_hand: in_hand,
        }
    }
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_rests_from_its_beginning_until_a_request_and_again_after_it() {
        let activity = Activity::begin();
        assert_eq!(activity.resting_since(), Some(activity.begun));
        let first = activity.request();
        let second = activity.request();
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(first);
        assert_eq!(activity.resting_since(), None);
        drop(second);
        activity.rested(Duration::from_millis(20)).await;
        assert!(activity.resting_since() > Some(activity.begun));
    }

    #[tokio::test]
    async fn a_peer_that_does_not_take_its_answer_does_not_rest() {
        let activity = Activity::begin();
        activity.set_blocked(true);
        assert_eq!(activity.resting_since(), None);
        assert!(activity.idle_since().is_some(), "it may be asked to go");
        activity.set_blocked(false);
        assert!(activity.resting_since().is_some());
    }
}
