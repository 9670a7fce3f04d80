//! `/admin/v1/redactions`: whose events are deleted.
//!
//! `POST {"userId": "u-1", "rewrite": "daily" | "at_once"}` answers 202 once no reader sees the user's events any more:
//! `{"subject", "before", "at", "rewritten"}`, where `subject` is a keyed fingerprint and not the id. `rewrite` says when
//! the bytes leave the log's files; without it within a day, with the other deletions of that time. `GET` lists all of
//! them, newest first: `{"redactions": [...]}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use headwater_model::json::{self, Limits, Object, Value};
use headwater_model::time::Millis;

use super::{error, json as answer};
use crate::app::App;
use crate::log::{AppendError, EventLog, Redaction, Rewriting};

/// The path.
pub(super) const PATH: &str = "/admin/v1/redactions";

/// The largest body: a userId has at most some hundred bytes.
const MAX_BODY: usize = 64 << 10;

/// The most deletions that one list holds.
const LISTED: usize = 1000;

pub(super) async fn add(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let Ok(body) = axum::body::to_bytes(request.into_body(), MAX_BODY).await else {
        return wrong("the body must be JSON of at most 64 KiB");
    };
    let parsed = json::parse(&body, &Limits::default());
    let Ok(Value::Object(asked)) = &parsed else {
        return wrong("the body must be a JSON object like {\"userId\":\"u-1\"}");
    };
    let Some(user) = asked
        .get("userId")
        .and_then(text)
        .filter(|user| !user.is_empty())
    else {
        return wrong("`userId` must be a string that is not empty, or a number");
    };
    let rewriting = match asked.get("rewrite").map(|rewrite| rewrite.as_str()) {
        None | Some(Some("daily")) => Rewriting::Daily,
        Some(Some("at_once")) => Rewriting::AtOnce,
        Some(_) => return wrong("`rewrite` must be \"daily\" or \"at_once\""),
    };
    if asked
        .iter()
        .any(|(key, _)| !matches!(key, "userId" | "rewrite"))
    {
        return wrong("only `userId` and `rewrite` may be given");
    }
    match app.log.redact(&user, rewriting).await {
        Ok(redaction) => {
            if let Some(live) = &app.live {
                live.forget_user(&user, app.log.status().end).await;
            }
            answer(StatusCode::ACCEPTED, described(&redaction).to_vec())
        }
        Err(AppendError::Full) => unavailable("the disk is full; make room and ask again"),
        Err(_) => unavailable("the log cannot be written at the moment; ask again"),
    }
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Response<Body> {
    let log = Arc::clone(&app.log);
    let Ok(Ok(all)) = tokio::task::spawn_blocking(move || log.redactions()).await else {
        return unavailable("the deletions cannot be read at the moment; ask again");
    };
    let listed: Value = all.iter().rev().take(LISTED).map(described).collect();
    let mut document = Object::new();
    document.insert("redactions", listed);
    answer(StatusCode::OK, Value::Object(document).to_vec())
}

fn text(value: &Value) -> Option<String> {
    let number = || Some(value.as_number()?.as_str());
    value.as_str().or_else(number).map(str::to_owned)
}

fn described(redaction: &Redaction) -> Value {
    let mut one = Object::new();
    one.insert("subject", redaction.subject.to_string());
    one.insert("before", redaction.before.to_string());
    one.insert("at", Millis::to_string(&redaction.at));
    one.insert("rewritten", redaction.rewritten);
    Value::Object(one)
}

fn wrong(message: &str) -> Response<Body> {
    error(StatusCode::BAD_REQUEST, "bad_request", message)
}

fn unavailable(message: &str) -> Response<Body> {
    error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}
