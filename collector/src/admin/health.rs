//! Is the process alive, can it take events, what has it counted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use headwater_model::json::{Object, Value};

use super::json;
use crate::app::App;
use crate::log::EventLog;

/// `GET /healthz`: 200 while the process answers.
pub(super) async fn live() -> Response<Body> {
    json(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
}

/// `GET /readyz`: 200 when events can be made durable, 503 when not, with the reason.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    let status = app.log.status();
    let roomy = status
        .free_bytes
        .is_none_or(|free| free >= app.min_free_bytes);
    let ready = roomy && status.failing.is_none();
    let object = |pairs: Vec<(&str, Value)>| Value::Object(pairs.into_iter().collect::<Object>());
    let document: Object = [
        ("ready", Value::from(ready)),
        (
            "log",
            object(vec![
                ("writable", Value::from(status.failing.is_none())),
                (
                    "error",
                    status
                        .failing
                        .as_ref()
                        .map_or(Value::Null, |error| Value::from(error.to_string())),
                ),
                (
                    "bytes",
                    Value::from(status.end.0.saturating_sub(status.first.0)),
                ),
                ("end", Value::from(status.end.0)),
                (
                    "lastIncident",
                    status.last_incident.map_or(Value::Null, Value::from),
                ),
            ]),
        ),
        (
            "archive",
            object(vec![
                ("segments", Value::from(status.archive_segments)),
                ("bytes", Value::from(status.archive_bytes)),
                (
                    "error",
                    status.archive_failing.map_or(Value::Null, Value::from),
                ),
            ]),
        ),
        (
            "claims",
            object(vec![
                ("inMemory", Value::from(status.claims_in_memory)),
                ("onDisk", Value::from(status.claims_on_disk)),
                ("inDoubt", Value::from(status.claims_in_doubt)),
            ]),
        ),
        (
            "disk",
            object(vec![
                (
                    "freeBytes",
                    status.free_bytes.map_or(Value::Null, Value::from),
                ),
                ("minFreeBytes", Value::from(app.min_free_bytes)),
            ]),
        ),
        (
            "lag",
            object(vec![("waitingRequests", Value::from(status.waiting))]),
        ),
    ]
    .into_iter()
    .collect();
    let mut body = Vec::new();
    document.write(&mut body);
    json(
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        body,
    )
}

/// `GET /metrics`: Prometheus text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let text = crate::metrics::write(&app.metrics, app.log.timings(), &app.log.status());
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
