//! Circles of hubs, where a destination of one sends to a source of the next: each request says how many it came through.

use axum::http::request::Parts;

/// Says how many hubs a request came through; a hub adds one to it with what it sends.
pub const HOPS: &str = "x-headwater-hops";

/// An event may come from one hub to the next so often. More is a circle.
pub const MAX_HOPS: u8 = 3;

/// How many hubs the request came through; what is no number counts as too many, since nobody but a hub says it.
pub(super) fn hops(parts: &Parts) -> u8 {
    let told = parts.headers.get(HOPS);
    told.map_or(0, |told| {
        let number = told.to_str().ok().and_then(|told| told.parse().ok());
        number.unwrap_or(u8::MAX)
    })
}
