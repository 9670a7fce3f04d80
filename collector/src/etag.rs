//! Entity tags: a document that the asker has already is not sent again.

use std::hash::Hasher;

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use siphasher::sip::SipHasher13;

/// The strong tag of a content, the same in every process.
pub(crate) fn of(content: &[u8]) -> HeaderValue {
    let mut hasher = SipHasher13::new();
    hasher.write(content);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Whether the request names this tag. A weak form of it is as good (RFC 9110 §13.1.2).
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    request.get_all(IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default().split(',');
        tags.map(str::trim)
            .any(|each| each == "*" || each.trim_start_matches("W/").as_bytes() == tag.as_bytes())
    })
}
