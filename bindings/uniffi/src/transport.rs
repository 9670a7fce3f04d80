//! The platform's HTTP.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::Header;
use crate::error::ForeignError;

/// One request, to be carried out as it is: no redirects, no retries, no cookies, no cache.
#[derive(Clone, uniffi::Record)]
pub struct Request {
    /// Its number, unique in the client; what [`Transport::cancel`] names.
    pub id: u64,
    /// `GET` or `POST`.
    pub method: String,
    /// Where.
    pub url: String,
    /// Its headers, `Content-Type` and `Content-Encoding` among them.
    pub headers: Vec<Header>,
    /// Its body, compressed already where the headers say so.
    pub body: Vec<u8>,
    /// How long it may take in all, milliseconds.
    pub timeout_ms: u64,
    /// How much of the answer's body is wanted, bytes; 0: only the status counts.
    pub answer_limit: u64,
}

/// Without the address, headers and body: they hold the write key and what users did.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Carries requests out, in the host's language.
#[uniffi::export(foreign)]
pub trait Transport: Send + Sync {
    /// Starts a request and returns at once. `reply` is answered once, from any thread; let go of unanswered, it counts
    /// as no answer, and so does a throw.
    ///
    /// # Errors
    /// The request could not be started.
    fn send(&self, request: Request, reply: Arc<Reply>) -> Result<(), ForeignError>;

    /// Nobody waits for this request any more.
    ///
    /// # Errors
    /// Ignored.
    fn cancel(&self, id: u64) -> Result<(), ForeignError>;
}

/// The way back for one request's answer. What comes after the first is ignored.
#[derive(Debug, uniffi::Object)]
pub struct Reply(Mutex<Option<headwater::Reply>>);

#[uniffi::export]
impl Reply {
    /// The hub answered: the status (three digits), the `Retry-After` and `Location` headers as they came, and the body up
    /// to the limit.
    pub fn answer(
        &self,
        status: u16,
        retry_after: Option<String>,
        location: Option<String>,
        body: Vec<u8>,
    ) {
        if let Some(reply) = self.take() {
            reply.answer(headwater::Response {
                status,
                retry_after,
                location,
                body,
            });
        }
    }

    /// No answer came: refused, reset, timed out, no network.
    pub fn no_answer(&self) {
        if let Some(reply) = self.take() {
            reply.no_answer();
        }
    }
}

impl Reply {
    fn take(&self) -> Option<headwater::Reply> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The host's transport, as the client knows transports.
pub(crate) struct Foreign(pub(crate) Arc<dyn Transport>);

impl headwater::Transport for Foreign {
    fn send(&self, request: headwater::Request, reply: headwater::Reply) {
        let reply = Arc::new(Reply(Mutex::new(Some(reply))));
        let request = Request {
            id: request.id,
            method: request.method.to_owned(),
            url: request.url,
            headers: request
                .headers
                .into_iter()
                .map(|(name, value)| Header { name, value })
                .collect(),
            body: request.body,
            timeout_ms: millis(request.timeout),
            answer_limit: request.answer_limit as u64,
        };
        if self.0.send(request, Arc::clone(&reply)).is_err() {
            reply.no_answer();
        }
    }

    fn cancel(&self, id: u64) {
        let _ = self.0.cancel(id);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
