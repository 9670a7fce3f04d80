//! How requests leave: reqwest by default (feature `http`), or what the application has.

use core::fmt;
use std::time::Duration;

/// One request, to be carried out as it is: no redirects, no retries, no cookies. Those are the engine's to decide.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// Its number, unique in the client; what [`Transport::cancel`] names.
    pub id: u64,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Its headers, `Content-Type` and `Content-Encoding` among them.
    pub headers: Vec<(String, String)>,
    /// Its body, compressed already where the headers say so; empty for `GET`.
    pub body: Vec<u8>,
    /// How long it may take in all.
    pub timeout: Duration,
    /// How much of the answer's body is wanted, bytes; 0: only the status counts.
    pub answer_limit: usize,
}

/// Without the address, headers and body: they hold the write key and what users did.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status, three digits.
    pub status: u16,
    /// The `Retry-After` header as it came.
    pub retry_after: Option<String>,
    /// The `Location` header as it came. A transport follows no redirect by itself.
    pub location: Option<String>,
    /// The body, up to [`Request::answer_limit`].
    pub body: Vec<u8>,
}

/// Carries requests out.
pub trait Transport: Send + Sync + 'static {
    /// Starts a request and returns. `reply` is used once, from any thread, at any time; dropped unused, it counts as
    /// no answer.
    fn send(&self, request: Request, reply: Reply);

    /// Nobody waits for this request any more. Default: it runs to its end.
    fn cancel(&self, id: u64) {
        let _ = id;
    }
}

/// The way back for one request's answer.
pub struct Reply(Option<Box<dyn FnOnce(Option<Response>) + Send>>);

impl Reply {
    pub(crate) fn new(then: impl FnOnce(Option<Response>) + Send + 'static) -> Reply {
        Reply(Some(Box::new(then)))
    }

    /// The hub answered.
    pub fn answer(mut self, response: Response) {
        self.finish(Some(response));
    }

    /// No answer came: refused, reset, timed out, no network.
    pub fn no_answer(mut self) {
        self.finish(None);
    }

    fn finish(&mut self, response: Option<Response>) {
        if let Some(then) = self.0.take() {
            then(response);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.finish(None);
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}
