//! `/_events`: server-sent events.
//!
//! `event: good|bad|duplicate` carries what `/_inspect` lists, with its `id`. `event: stats` comes at once and every
//! second: `{accepted, duplicates, rejected, skippedBytes, logBytes}`. `event: skipped` with `{count}` says that the reader
//! was too slow and lost that many. `?recent=N` sends the latest N first, oldest of them first.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::app::App;
use crate::live::{Live, Shown};
use crate::log::EventLog;

/// Texts that wait for one reader; beyond it the broadcast's own bound counts.
const WAITING: usize = 16;

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
    let (texts, received) = mpsc::channel(WAITING);
    tokio::spawn(feed(app, live, recent, texts));
    let mut response = Response::new(Body::new(Texts(received)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends when the reader is gone.
async fn feed(app: Arc<App>, live: Arc<Live>, recent: usize, texts: mpsc::Sender<Bytes>) {
    let mut watched = live.watch();
    let mut last = 0;
    for shown in live.latest().iter().take(recent).rev() {
        last = shown.id;
        if texts.send(text(shown)).await.is_err() {
            return;
        }
    }
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        let text = tokio::select! {
            () = app.closing() => return,
            _ = second.tick() => stats(&app, &live),
            next = watched.recv() => match next {
                Ok(shown) if shown.id <= last => continue,
                Ok(shown) => text(&shown),
                Err(RecvError::Lagged(count)) => {
                    live.lost(count);
                    format!("event: skipped\ndata: {{\"count\":{count}}}\n\n").into()
                }
                Err(RecvError::Closed) => return,
            },
        };
        if texts.send(text).await.is_err() {
            return;
        }
    }
}

fn text(shown: &Shown) -> Bytes {
    format!(
        "event: {}\nid: {}\ndata: {}\n\n",
        shown.sort.name(),
        shown.id,
        shown.json
    )
    .into()
}

fn stats(app: &App, live: &Live) -> Bytes {
    let (tally, status) = (live.tally(), app.log.status());
    format!(
        "event: stats\ndata: {{\"accepted\":{},\"duplicates\":{},\"rejected\":{},\"skippedBytes\":{},\"logBytes\":{}}}\n\n",
        tally.accepted,
        tally.duplicates,
        tally.rejected,
        live.skipped_bytes(),
        status.end.0.saturating_sub(status.first.0),
    )
    .into()
}

/// The receiver as a body.
struct Texts(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Texts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|text| text.map(|text| Ok(Frame::data(text))))
    }
}
