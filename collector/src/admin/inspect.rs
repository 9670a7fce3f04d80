//! `/_inspect`: what came in, for tests and for the curious.
//!
//! `all` counts: `{total, good, bad, accepted, duplicates, rejected, skippedBytes}` (`good` is `accepted`, `bad` is
//! `rejected`). `good` and `bad` list the latest, newest first:
//! `{items: [{id, kind, receivedAt, source, type, event, code?, message?, cut?}]}`, filtered by `source`, `type`, `event`,
//! `messageId`, `userId` and `anonymousId`, no more than `limit`. Of an event over 48 KB `event` has the fields that name
//! it and `cut` its size and beginning: `{bytes, head}`. `reset` forgets and answers as `all`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use headwater_model::json::Object;

use crate::app::App;
use crate::live::{Live, Reader, Shown, Sort};
use crate::log::EventLog;

type Filters = Query<HashMap<String, String>>;

pub(super) async fn all(State(app): State<Arc<App>>) -> Response<Body> {
    match caught_up(&app).await {
        Some(live) => counts(live),
        None => absent(),
    }
}

pub(super) async fn good(State(app): State<Arc<App>>, Query(filters): Filters) -> Response<Body> {
    list(&app, Sort::Good, &filters).await
}

pub(super) async fn bad(State(app): State<Arc<App>>, Query(filters): Filters) -> Response<Body> {
    list(&app, Sort::Bad, &filters).await
}

pub(super) async fn reset(State(app): State<Arc<App>>) -> Response<Body> {
    match caught_up(&app).await {
        Some(live) => {
            live.reset();
            counts(live)
        }
        None => absent(),
    }
}

/// What was acknowledged before the question is in the answer.
async fn caught_up(app: &App) -> Option<&Arc<Live>> {
    let live = app.live.as_ref()?;
    live.caught_up(app.log.status().end).await;
    Some(live)
}

fn counts(live: &Live) -> Response<Body> {
    let tally = live.tally();
    let document: Object = [
        ("total", tally.accepted + tally.rejected),
        ("good", tally.accepted),
        ("bad", tally.rejected),
        ("accepted", tally.accepted),
        ("duplicates", tally.duplicates),
        ("rejected", tally.rejected),
        ("skippedBytes", live.skipped_bytes()),
    ]
    .into_iter()
    .collect();
    let mut out = Vec::new();
    document.write(&mut out);
    super::json(StatusCode::OK, out)
}

/// Bytes that are handed to the connection at a time.
const PIECE: usize = 64 << 10;

async fn list(app: &App, sort: Sort, filters: &HashMap<String, String>) -> Response<Body> {
    let Some(live) = caught_up(app).await else {
        return absent();
    };
    let limit = filters
        .get("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(usize::MAX);
    let Some(place) = live.list_place().await else {
        return super::too_many_readers();
    };
    let listed = live.list(sort, |name| filters.get(name).map(String::as_str), limit);
    let commas = listed.len().saturating_sub(1);
    let bytes = listed.iter().map(|shown| shown.json.len()).sum::<usize>();
    let bytes = OPEN.len() + bytes + commas + CLOSE.len();
    let (reader, texts) = place.open(Some(bytes as u64));
    tokio::spawn(send(listed, reader));
    let mut response = Response::new(Body::new(texts));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const OPEN: &[u8] = b"{\"items\":[";
const CLOSE: &[u8] = b"]}";

/// Sends a list in pieces, as fast as it is taken.
async fn send(listed: Vec<Arc<Shown>>, reader: Reader) {
    let mut piece = OPEN.to_vec();
    for (index, shown) in listed.into_iter().enumerate() {
        if index > 0 {
            piece.push(b',');
        }
        piece.extend_from_slice(&shown.json);
        if piece.len() >= PIECE && !reader.hand(std::mem::take(&mut piece).into()).await {
            return;
        }
    }
    piece.extend_from_slice(CLOSE);
    reader.hand(piece.into()).await;
}

fn absent() -> Response<Body> {
    super::json(StatusCode::NOT_FOUND, b"{}".to_vec())
}
