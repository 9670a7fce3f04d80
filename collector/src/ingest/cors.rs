//! What browsers must hear before they send, and with every answer.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use axum::body::Body;

/// Named one by one, since `*` means nothing beside credentials.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, content-encoding, x-retry-count, x-write-key, x-collector-strict, anonymousid",
);

/// What SDKs in a page read of an answer: without it a page of another origin sees none of these, and comes back at once.
const READ: HeaderValue = HeaderValue::from_static("retry-after");

/// Lets the page that sent the request read the answer. What it says depends on the page, so a cache must not give one
/// page's answer to another.
pub(super) fn allow(origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
    answer.append(VARY, HeaderValue::from_static("Origin"));
    match origin {
        Some(origin) => {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        None => {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
}

/// The answer to a preflight, the same on every path.
pub(super) fn preflight(headers: &HeaderMap) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let map = answer.headers_mut();
    allow(headers.get(ORIGIN), map);
    map.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, OPTIONS, HEAD"),
    );
    let asked = headers
        .get(ACCESS_CONTROL_REQUEST_HEADERS)
        .filter(|asked| asked.len() <= 1024);
    map.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        asked.cloned().unwrap_or(HEADERS),
    );
    map.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("900"));
    answer
}
