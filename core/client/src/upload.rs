//! Carrying out what the engine wants sent: the body from the store, compressed, handed to the transport.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_engine::{HttpOutcome, Input, Mode, Upload};
use headwater_model::id::Seq;

use crate::host::Shared;
use crate::transport::{Reply, Request, Transport};

/// Of zlib's nine levels, in device mode: JSON shrinks to nearly what level 6 makes of it, for less than half of the time. A
/// radio pays for each byte.
const DEVICE_GZIP_LEVEL: u32 = 3;
/// In server mode: a seventh more bytes than level 3, in a good quarter of its time, which was a third of what an event cost
/// from the call to the wire. A server at full speed pays for processor time.
const SERVER_GZIP_LEVEL: u32 = 1;
/// The largest settings document that the engine takes, and a byte: one that is larger is told from one that fits.
const SETTINGS_READ: usize = (1 << 20) + 1;
/// Tries at one event that the disk fails on; then it counts as lost, so that it cannot hold back the rest for ever.
const READ_TRIES: u32 = 3;
/// Numbers of requests for settings begin here; the engine numbers its own below.
const SETTINGS: u64 = 1 << 32;

/// The event that could not be read the last time, and how often in a row.
#[derive(Debug, Default)]
pub(crate) struct Unread(Mutex<(Option<Seq>, u32)>);

impl Unread {
    /// Answers whether it is to be given up.
    fn failed(&self, seq: Seq) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != Some(seq) {
            *last = (Some(seq), 0);
        }
        last.1 += 1;
        last.1 >= READ_TRIES
    }
}

enum Body {
    Ready(Vec<u8>),
    /// These events cannot be read any more.
    Lost(Vec<Seq>),
    /// The disk fails at the moment; a later try may succeed.
    NotNow,
}

pub(crate) fn upload(
    shared: &Arc<Shared>,
    transport: &dyn Transport,
    upload: Upload,
    unread: &Unread,
) {
    let id = upload.request;
    let answered = |outcome| Input::Http {
        request: id,
        outcome,
    };
    let body = match read_body(shared, &upload, unread) {
        Body::Ready(body) => body,
        Body::Lost(seqs) => return shared.feed(answered(HttpOutcome::Unreadable(seqs))),
        Body::NotNow => return shared.feed(answered(HttpOutcome::NoAnswer)),
    };
    let mut headers = upload.headers;
    let level = match shared.mode {
        Mode::Server => SERVER_GZIP_LEVEL,
        Mode::Device => DEVICE_GZIP_LEVEL,
    };
    let compressed = if upload.gzip {
        gzip(&body, level)
    } else {
        None
    };
    if compressed.is_some() {
        headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    }
    let request = Request {
        id: u64::from(id),
        method: "POST",
        url: upload.url,
        headers,
        body: compressed.unwrap_or(body),
        timeout: Duration::from_millis(upload.timeout),
        answer_limit: 0,
    };
    let host = Arc::clone(shared);
    let reply = Reply::new(move |response| {
        let outcome = match response {
            Some(response) => HttpOutcome::Answered {
                status: response.status,
                retry_after: response.retry_after,
                location: response.location,
            },
            None => HttpOutcome::NoAnswer,
        };
        host.feed(Input::Http {
            request: id,
            outcome,
        });
    });
    transport.send(request, reply);
}

fn read_body(shared: &Shared, upload: &Upload, unread: &Unread) -> Body {
    let mut body = Vec::with_capacity(upload.body_bytes);
    body.extend_from_slice(&upload.prefix);
    let start = body.len();
    let mut lost = Vec::new();
    let read = shared.read(&upload.seqs, &mut |seq, event| match event {
        Some(event) => {
            if body.len() > start {
                body.push(b',');
            }
            body.extend_from_slice(event);
        }
        None => lost.push(Seq(seq)),
    });
    if let Err((seq, _)) = read {
        return if unread.failed(seq) {
            Body::Lost(vec![seq])
        } else {
            Body::NotNow
        };
    }
    if !lost.is_empty() {
        return Body::Lost(lost);
    }
    // The store is closed: the client is going away, and the events stay for the next one.
    if body.len() == start {
        return Body::NotNow;
    }
    body.extend_from_slice(&upload.suffix);
    Body::Ready(body)
}

fn gzip(body: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(body.len() / 4 + 64),
        Compression::new(level),
    );
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

pub(crate) fn fetch_settings(
    shared: &Arc<Shared>,
    transport: &dyn Transport,
    url: String,
    (number, timeout): (u64, Duration),
) {
    let request = Request {
        id: SETTINGS + number,
        method: "GET",
        url,
        headers: Vec::new(),
        body: Vec::new(),
        timeout,
        answer_limit: SETTINGS_READ,
    };
    let host = Arc::clone(shared);
    let reply = Reply::new(move |response| {
        let answer = response.map(|response| (response.status, response.body));
        host.feed(Input::SettingsFetched(answer));
    });
    transport.send(request, reply);
}
