//! `/_inspect`: what came in, for tests and for the curious.
//!
//! `all` counts: `{total, good, bad, accepted, duplicates, rejected, skippedBytes}` (`good` is `accepted`, `bad` is
//! `rejected`). `good` and `bad` list the latest, newest first:
//! `{items: [{id, kind, receivedAt, source, type, event, code?, message?}]}`, filtered by `source`, `type`, `event`, `messageId`, `userId`
//! and cut by `limit`. `reset` forgets and answers as `all`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use headwater_model::event::EventType;
use headwater_model::json::{self, Limits, Object, Value};

use crate::app::App;
use crate::live::{Live, Shown, Sort};
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

async fn list(app: &App, sort: Sort, filters: &HashMap<String, String>) -> Response<Body> {
    let Some(live) = caught_up(app).await else {
        return absent();
    };
    let limit = filters
        .get("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(usize::MAX);
    let mut out = b"{\"items\":[".to_vec();
    let wanted = live
        .latest()
        .into_iter()
        .filter(|shown| shown.sort == sort && matches(shown, filters))
        .take(limit);
    for (index, shown) in wanted.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(shown.json.as_bytes());
    }
    out.extend_from_slice(b"]}");
    super::json(StatusCode::OK, out)
}

fn matches(shown: &Shown, filters: &HashMap<String, String>) -> bool {
    let fits = |name: &str, value: Option<&str>| {
        filters
            .get(name)
            .is_none_or(|wanted| Some(wanted.as_str()) == value)
    };
    if !fits("source", Some(&shown.source)) || !fits("type", shown.kind.map(EventType::as_str)) {
        return false;
    }
    let inner = ["event", "messageId", "userId", "anonymousId"];
    if !inner.iter().any(|name| filters.contains_key(*name)) {
        return true;
    }
    let parsed = json::parse(shown.json.as_bytes(), &Limits::default()).ok();
    let event = parsed.as_ref().and_then(|whole| whole.get("event"));
    inner.iter().all(|name| {
        fits(
            name,
            event
                .and_then(|event| event.get(name))
                .and_then(Value::as_str),
        )
    })
}

fn absent() -> Response<Body> {
    super::json(StatusCode::NOT_FOUND, b"{}".to_vec())
}
