//! A connection's bytes, with a limit to how long the peer may let an answer lie.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::activity::Activity;

/// What a peer must take of a longer answer to get another `write_timeout_ms`. A byte now and then would hold a
/// connection for as long as its owner likes; with this, ten seconds for 4 KiB, it reads at 400 bytes a second at least.
const PROGRESS: usize = 4 * 1024;

/// The stream.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    limit: Duration,
    /// Set while the peer does not take what is written: when that becomes too long.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since the deadline was set.
    taken: usize,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, limit: Duration) -> Self {
        Self {
            stream,
            activity,
            limit,
            deadline: None,
            taken: 0,
        }
    }

    /// What a write of `offered` bytes came to.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                self.taken += count;
                if count == offered || self.taken >= PROGRESS {
                    self.deadline = None;
                    self.activity.set_blocked(false);
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                if self.deadline.is_none() {
                    self.taken = 0;
                    self.activity.set_blocked(true);
                }
                let limit = self.limit;
                let deadline = self.deadline.get_or_insert_with(|| {
                    Box::pin(tokio::time::sleep_until(Instant::now() + limit))
                });
                ready!(deadline.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the peer does not take its answer",
                )))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = parts.iter().map(|part| part.len()).sum();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(context, offered, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_write_that_nobody_takes_fails() {
        let (near, _far) = tokio::io::duplex(1024);
        let activity = Activity::begin();
        let mut stream = Watched::new(near, Arc::clone(&activity), Duration::from_millis(20));
        let error = stream.write_all(&[0; 100_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(activity.resting_since(), None);
    }

    #[tokio::test]
    async fn each_stretch_of_waiting_has_the_whole_limit() {
        let limit = Duration::from_millis(500);
        let (near, mut far) = tokio::io::duplex(PROGRESS);
        let activity = Activity::begin();
        let mut stream = Watched::new(near, Arc::clone(&activity), limit);
        let reading = tokio::spawn(async move {
            let mut total = 0;
            let mut buffer = [0; PROGRESS];
            while let Ok(count) = far.read(&mut buffer).await
                && count > 0
            {
                total += count;
                tokio::time::sleep(limit / 10).await;
            }
            total
        });
        // Twice the limit in all, a tenth of it a stretch; then a pause beyond it, and another stretch.
        stream.write_all(&[0; 20 * PROGRESS]).await.unwrap();
        assert!(activity.resting_since().is_some());
        tokio::time::sleep(limit * 2).await;
        stream.write_all(&[0; 2 * PROGRESS]).await.unwrap();
        drop(stream);
        assert_eq!(reading.await.unwrap(), 22 * PROGRESS);
    }

    #[tokio::test]
    async fn a_peer_that_takes_a_byte_now_and_then_is_closed() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut stream = Watched::new(near, Activity::begin(), Duration::from_millis(100));
        tokio::spawn(async move {
            while far.read_exact(&mut [0; 1]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let error = stream.write_all(&[0; 100_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
