//! `/_events`: server-sent events.
//!
//! `event: good|bad|duplicate` carries what `/_inspect` lists, with its `id`. `event: stats` comes at once and every
//! second: `{accepted, duplicates, rejected, skippedBytes, logBytes, explains}`; `explains` says whether
//! `/admin/v1/events/{messageId}` tells where an event is. `event: skipped` with `{count}` says that the reader
//! was too slow and lost that many. `?recent=N` sends the latest N first, oldest of them first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;

use crate::app::App;
use crate::live::{Live, Reader, Shown};
use crate::log::EventLog;

pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response<Body> {
    let Some(live) = app.live.clone() else {
        return super::json(StatusCode::NOT_FOUND, b"{}".to_vec());
    };
    let recent = parameters
        .get("recent")
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    let Some(place) = live.reader_place() else {
        return super::too_many_readers();
    };
    let (reader, texts) = place.open(None);
    tokio::spawn(feed(app, live, recent, reader));
    let mut response = Response::new(Body::new(texts));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends when the reader is gone, which the statistics of each second bring to light. They come behind the recent events.
async fn feed(app: Arc<App>, live: Arc<Live>, recent: usize, reader: Reader) {
    let newest = live.place_before(0);
    let mut place = live.place_before(recent);
    while let Some((gone, shown)) = live.behind(place)
        && shown.id <= newest
    {
        place = shown.id;
        if !hand(&reader, gone, &shown).await {
            return;
        }
    }
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        let is_there = tokio::select! {
            biased;
            () = app.closing() => return,
            _ = second.tick() => reader.hand(stats(&app, &live)).await,
            (gone, shown) = live.after(place) => {
                place = shown.id;
                hand(&reader, gone, &shown).await
            }
        };
        if !is_there {
            return;
        }
    }
}

async fn hand(reader: &Reader, gone: u64, shown: &Shown) -> bool {
    (gone == 0 || reader.hand(skipped(gone)).await) && reader.hand(text(shown)).await
}

fn skipped(count: u64) -> Bytes {
    format!("event: skipped\ndata: {{\"count\":{count}}}\n\n").into()
}

fn text(shown: &Shown) -> Bytes {
    let head = format!("event: {}\nid: {}\ndata: ", shown.sort.name(), shown.id);
    [head.as_bytes(), &shown.json, b"\n\n"].concat().into()
}

fn stats(app: &App, live: &Live) -> Bytes {
    let (tally, status) = (live.tally(), app.log.status());
    format!(
        "event: stats\ndata: {{\"accepted\":{},\"duplicates\":{},\"rejected\":{},\"skippedBytes\":{},\"logBytes\":{},\"explains\":{}}}\n\n",
        tally.accepted,
        tally.duplicates,
        tally.rejected,
        live.skipped_bytes(),
        status.end.0.saturating_sub(status.first.0),
        app.explains_events(),
    )
    .into()
}
