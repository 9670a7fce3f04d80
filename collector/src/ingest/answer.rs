//! What senders hear.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use headwater_model::json::{Object, Value, write_string};

use super::pixel::GIF;
use super::refusal::Refusal;
use super::scan::{MAX_MESSAGE_ID, Scanned};
use crate::etag;
use crate::log::{Reason, Receipt, Verdict};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What Segment's API says to everything it took.
pub(super) fn success() -> Response<Body> {
    json(StatusCode::OK, Body::from(r#"{"success":true}"#))
}

/// Seconds for which a settings document may be kept. SDKs ask when they start: most starts are spared the wait, and a wrong
/// document, a disabled source, a new host are out of the way within minutes.
const FRESH: u32 = 300;

/// What of a request decided which document it gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// A header held the write key.
    pub(super) by_header: bool,
    /// The path held it.
    pub(super) by_address: bool,
    /// The document leads to the host that the request was sent to.
    pub(super) by_host: bool,
}

/// A settings document. A shared cache may keep it where the address alone decides what it says.
pub(super) fn document(request: &HeaderMap, document: &Object, asked: Asked) -> Response<Body> {
    let mut out = Vec::with_capacity(2048);
    document.write(&mut out);
    let tag = etag::of(&out);
    let mut answer = if etag::is_known(request, &tag) {
        let mut unchanged = Response::new(Body::empty());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        json(StatusCode::OK, Body::from(out))
    };
    let headers = answer.headers_mut();
    let for_one = asked.by_header || asked.by_host;
    let scope = if for_one { "private" } else { "public" };
    if let Ok(value) = HeaderValue::from_str(&format!("{scope}, max-age={FRESH}")) {
        headers.insert(CACHE_CONTROL, value);
    }
    if !asked.by_address {
        headers.append(VARY, HeaderValue::from_static("Authorization, X-Write-Key"));
    }
    if asked.by_host {
        headers.append(
            VARY,
            HeaderValue::from_static("Host, X-Forwarded-Host, X-Forwarded-Proto"),
        );
    }
    headers.insert(ETAG, tag);
    answer
}

/// Bytes of `rejected` in an answer: some five hundred entries, more than anybody reads. Without a bound 131 bytes of
/// gzip ask for four megabytes.
const MAX_REJECTED_BYTES: usize = 64 * 1024;

/// What became of each event: `{"success":true,"accepted":1,"duplicates":0,"rejected":[{index,messageId,code,message}]}`,
/// and `"moreRejected":N` when the list does not hold the last N.
pub(super) fn tally(receipt: &Receipt, scanned: &Scanned<'_>, body: &[u8]) -> Response<Body> {
    let tally = receipt.tally();
    let known = receipt
        .events
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| match slot.verdict {
            Verdict::Rejected(reason) => Some((index, reason)),
            _ => None,
        });
    let first_beyond = receipt.events.len();
    let beyond =
        (0..scanned.beyond as usize).map(|more| (first_beyond + more, Reason::TooManyEvents));
    let mut rejected: Vec<u8> = Vec::new();
    let mut more: u64 = 0;
    for (index, reason) in known.chain(beyond) {
        if more > 0 {
            more += 1;
            continue;
        }
        // One that is too long is told by its index alone.
        let id = scanned
            .message_id(body, index)
            .filter(|id| id.len() <= MAX_MESSAGE_ID)
            .map_or(Value::Null, |id| Value::from(&*id));
        let entry: Object = [
            ("index", Value::from(index as u64)),
            ("messageId", id),
            ("code", Value::from(reason.code())),
            ("message", Value::from(reason.message())),
        ]
        .into_iter()
        .collect();
        let before = rejected.len();
        if before > 0 {
            rejected.push(b',');
        }
        entry.write(&mut rejected);
        if rejected.len() > MAX_REJECTED_BYTES {
            rejected.truncate(before);
            more = 1;
        }
    }
    let mut out = format!(
        r#"{{"success":true,"accepted":{},"duplicates":{},"rejected":["#,
        tally.accepted, tally.duplicates
    )
    .into_bytes();
    out.append(&mut rejected);
    out.push(b']');
    if more > 0 {
        out.extend_from_slice(format!(r#","moreRejected":{more}"#).as_bytes());
    }
    out.push(b'}');
    json(StatusCode::OK, Body::from(out))
}

/// `{"success":false,"error":{code,message},code,message}`. Both stand twice: the error object is ours, and
/// segment-analytics-python reads the fields of the whole, and calls what has none of them "unknown".
pub(crate) fn error_text(code: &str, message: &str) -> Vec<u8> {
    let mut told = Vec::with_capacity(256);
    told.extend_from_slice(b"\"code\":");
    write_string(&mut told, code);
    told.extend_from_slice(b",\"message\":");
    write_string(&mut told, message);
    [
        b"{\"success\":false,\"error\":{",
        told.as_slice(),
        b"},",
        &told,
        b"}",
    ]
    .concat()
}

/// The refusal with its status, and when to come again.
pub(super) fn refusal(refusal: &Refusal) -> Response<Body> {
    let text = error_text(refusal.code(), &refusal.to_string());
    let mut answer = json(refusal.status(), Body::from(text));
    if let Some(seconds) = refusal.retry_after() {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Refusal::Method(allowed) = refusal {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allowed));
    }
    answer
}

/// The picture.
pub(super) fn gif() -> Response<Body> {
    let mut answer = Response::new(Body::from(GIF));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn json(status: StatusCode, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}
