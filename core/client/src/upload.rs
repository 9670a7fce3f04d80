//! Carrying out an upload: the body from the store, compressed, sent, answered.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_engine::{HttpOutcome, Input, Upload};
use headwater_model::id::Seq;
use reqwest::header::{CONTENT_ENCODING, RETRY_AFTER};

use crate::host::Shared;

/// Events read under one lock: some tens of microseconds, the longest that a call waits for the worker.
const READ_AT_A_TIME: usize = 32;
/// Of zlib's nine levels: JSON shrinks to nearly what level 6 makes of it, for less than half of the time.
const GZIP_LEVEL: u32 = 3;
/// Answers are read to their end, so that the connection can be used again, but not past this.
const ANSWER_READ: usize = 64 * 1024;
/// Nor for longer than this: the status says all, and a batch that the hub took must not be sent again because the rest
/// of its answer dawdles.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// The largest settings document that the engine takes, and a byte: one that is larger is told from one that fits.
const SETTINGS_READ: usize = (1 << 20) + 1;

/// Tries at one event that the disk fails on; then it counts as lost, so that it cannot hold back the rest for ever.
const READ_TRIES: u32 = 3;

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

pub(crate) async fn upload(
    shared: Arc<Shared>,
    http: reqwest::Client,
    upload: Upload,
    unread: Arc<Unread>,
) {
    let outcome = match read_body(&shared, &upload, &unread) {
        Body::Ready(body) => send(&http, &upload, body).await,
        Body::Lost(seqs) => HttpOutcome::Unreadable(seqs),
        Body::NotNow => HttpOutcome::NoAnswer,
    };
    shared.feed(Input::Http {
        request: upload.request,
        outcome,
    });
}

fn read_body(shared: &Shared, upload: &Upload, unread: &Unread) -> Body {
    let mut body = Vec::with_capacity(upload.body_bytes);
    body.extend_from_slice(&upload.prefix);
    let mut lost = Vec::new();
    let mut first = true;
    for chunk in upload.seqs.chunks(READ_AT_A_TIME) {
        let (mut seqs, mut at) = (chunk.iter(), None);
        let read = shared.read(chunk, |read| {
            let start = body.len();
            if !first {
                body.push(b',');
            }
            at = seqs.next().copied();
            if read(&mut body) {
                first = false;
            } else {
                body.truncate(start);
                lost.extend(at);
            }
        });
        if read.is_err() {
            return match at.filter(|seq| unread.failed(*seq)) {
                Some(seq) => Body::Lost(vec![seq]),
                None => Body::NotNow,
            };
        }
    }
    if !lost.is_empty() {
        return Body::Lost(lost);
    }
    // The store is closed: the client is going away, and the events stay for the next one.
    if first {
        return Body::NotNow;
    }
    body.extend_from_slice(&upload.suffix);
    Body::Ready(body)
}

async fn send(http: &reqwest::Client, upload: &Upload, body: Vec<u8>) -> HttpOutcome {
    let mut request = http.post(&upload.url);
    for (name, value) in &upload.headers {
        request = request.header(name, value);
    }
    let compressed = if upload.gzip { gzip(&body) } else { None };
    request = match compressed {
        Some(compressed) => request.header(CONTENT_ENCODING, "gzip").body(compressed),
        None => request.body(body),
    };
    let limit = Duration::from_millis(upload.timeout);
    let Ok(Ok(mut response)) = tokio::time::timeout(limit, request.send()).await else {
        return HttpOutcome::NoAnswer;
    };
    let outcome = HttpOutcome::Answered {
        status: response.status().as_u16(),
        retry_after: response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    };
    let _ = tokio::time::timeout(ANSWER_TIME.min(limit), async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > ANSWER_READ {
                break;
            }
        }
    })
    .await;
    outcome
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(body.len() / 4 + 64),
        Compression::new(GZIP_LEVEL),
    );
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

pub(crate) async fn fetch_settings(
    shared: Arc<Shared>,
    http: reqwest::Client,
    url: String,
    limit: Duration,
) {
    let answer = tokio::time::timeout(limit, fetch(&http, &url))
        .await
        .ok()
        .flatten();
    shared.feed(Input::SettingsFetched(answer));
}

async fn fetch(http: &reqwest::Client, url: &str) -> Option<(u16, Vec<u8>)> {
    let mut response = http.get(url).send().await.ok()?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() >= SETTINGS_READ {
            break;
        }
    }
    Some((status, body))
}
