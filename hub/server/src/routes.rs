//! What the hub answers, under `/admin/v1`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use headwater_collector::app::App;
use headwater_collector::log::{Next, Place};
use headwater_delivery::run::{Hub, events};
use headwater_delivery::state::Known;
use headwater_govern::stages::{ConnectionOutcome, SourceOutcome, Trace, connection_stage};
use headwater_model::json::{Object, Value};
use headwater_profiles::{FjallStore, Profiles};
use headwater_workspace::{PreviewError, preview};

use crate::hub::PROFILES;

/// The longest question to a preview, in bytes; an event has at most 32 KiB.
const MAX_QUESTION: usize = 256 * 1024;

/// What the routes share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    store: FjallStore,
}

impl Shared {
    pub(crate) fn new(hub: Hub, store: FjallStore) -> Shared {
        Shared(Arc::new(Inner { hub, store }))
    }
}

pub(crate) fn router(shared: Shared) -> Router<Arc<App>> {
    Router::new()
        .route("/admin/v1/workspace", get(workspace))
        .route("/admin/v1/connections", get(connections))
        .route("/admin/v1/warehouses", get(warehouses))
        .route("/admin/v1/profiles", get(profiles))
        .route("/admin/v1/events/{message_id}", get(event))
        .route("/admin/v1/profiles/{user}", get(profile))
        .route(
            "/admin/v1/preview",
            post(show).layer(DefaultBodyLimit::max(MAX_QUESTION)),
        )
        .with_state(shared)
}

fn json(status: StatusCode, value: impl Into<Value>) -> Response {
    (
        status,
        [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ],
        value.into().to_vec(),
    )
        .into_response()
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let mut error = Object::new();
    error.insert("code", code);
    error.insert("message", message);
    let mut body = Object::new();
    body.insert("error", error);
    json(status, body)
}

/// Runs a question that reads the disk.
async fn ask(question: impl FnOnce() -> Result<Response, String> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(question).await {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => {
            tracing::error!(problem, "cannot answer");
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "unavailable",
                "the hub's data cannot be read; its log says why",
            )
        }
        Err(_) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unavailable",
            "the question was not answered",
        ),
    }
}

async fn workspace(State(Shared(inner)): State<Shared>) -> Response {
    let rules = inner.hub.rules.borrow().clone();
    let mut answer = Object::new();
    answer.insert("name", rules.name.as_str());
    answer.insert("version", rules.version.as_str());
    let sources: Value = rules
        .sources
        .iter()
        .map(|source| {
            let mut one = Object::new();
            one.insert("id", source.id.as_str());
            one.insert("name", source.name.as_str());
            one.insert("enabled", source.file.enabled);
            one.insert("plan", source.file.plan.clone());
            Value::Object(one)
        })
        .collect();
    answer.insert("sources", sources);
    json(StatusCode::OK, answer)
}

/// Each connection's counts, cursor and newest dead letters.
async fn connections(State(Shared(inner)): State<Shared>) -> Response {
    ask(move || {
        let hub = &inner.hub;
        let rules = hub.rules.borrow().clone();
        let mut all = Vec::new();
        for connection in &rules.connections {
            let mut state = hub
                .state
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let id = connection.id.as_str();
            let counts = state.counts(id).map_err(|error| error.to_string())?;
            let saved = state
                .load(id, hub.log_id)
                .map_err(|error| error.to_string())?
                .unwrap_or_default();
            let dead = state.dead(id, 20).map_err(|error| error.to_string())?;
            drop(state);
            let mut one = Object::new();
            one.insert("id", id);
            one.insert("name", connection.name.as_str());
            one.insert("source", connection.source.as_str());
            one.insert("destination", connection.destination.name.as_str());
            one.insert("enabled", connection.enabled);
            one.insert("cursor", saved.cursor.to_string());
            let end = hub.log.status().end;
            let behind = hub.log.between(saved.cursor.position, end);
            one.insert("behind_bytes", behind);
            one.insert("retrying", saved.retry.len());
            let counted: Value = counts
                .0
                .iter()
                .map(|((outcome, reason), events)| {
                    let mut count = Object::new();
                    count.insert("outcome", outcome.as_str());
                    count.insert("reason", reason.as_str());
                    count.insert("events", *events);
                    Value::Object(count)
                })
                .collect();
            one.insert("counts", counted);
            let letters: Value = dead
                .iter()
                .map(|dead| {
                    let mut letter = Object::new();
                    letter.insert("place", dead.place.to_string());
                    letter.insert("attempts", dead.attempts);
                    letter.insert("reason", dead.reason.as_str());
                    letter.insert("status", dead.status.map(u32::from));
                    Value::Object(letter)
                })
                .collect();
            one.insert("dead", letters);
            all.push(Value::Object(one));
        }
        let mut answer = Object::new();
        answer.insert("connections", Value::Array(all));
        Ok(json(StatusCode::OK, answer))
    })
    .await
}

/// How far each warehouse is.
async fn warehouses(State(Shared(inner)): State<Shared>) -> Response {
    let rules = inner.hub.rules.borrow().clone();
    let all: Value = rules
        .warehouses
        .iter()
        .map(|warehouse| {
            let mut one = Object::new();
            one.insert("id", warehouse.id.as_str());
            one.insert("name", warehouse.name.as_str());
            one.insert("path", warehouse.path.as_str());
            one.insert("enabled", warehouse.enabled);
            progress(&inner.hub, warehouse.id.as_str(), &mut one);
            Value::Object(one)
        })
        .collect();
    let mut answer = Object::new();
    answer.insert("warehouses", all);
    json(StatusCode::OK, answer)
}

/// How far profiles are.
async fn profiles(State(Shared(inner)): State<Shared>) -> Response {
    let mut answer = Object::new();
    progress(&inner.hub, PROFILES, &mut answer);
    json(StatusCode::OK, answer)
}

/// How far a consumer of all events is: where, how much of the log lies beyond, what all loads brought, when the last one
/// of this process was, and why it fails, if it does.
fn progress(hub: &Hub, name: &str, answer: &mut Object) {
    let stand = hub.stands.of(name).unwrap_or_default();
    let end = hub.log.status().end;
    answer.insert("progress", stand.progress.to_string());
    answer.insert(
        "behind_bytes",
        hub.log.between(stand.progress.position, end),
    );
    answer.insert("rows", stand.totals.new);
    answer.insert("rejected", stand.totals.rejected);
    answer.insert("loaded_at", stand.loaded_at);
    answer.insert("failures", stand.failures);
    answer.insert("failing", stand.failing);
}

async fn profile(State(Shared(inner)): State<Shared>, Path(user): Path<String>) -> Response {
    ask(move || {
        let traits = inner.hub.rules.borrow().traits.clone();
        let profiles = Profiles::new(inner.store.clone(), traits);
        let traits = profiles.traits(&user).map_err(|error| error.to_string())?;
        let mut answer = Object::new();
        answer.insert("user_id", user);
        answer.insert("traits", traits);
        Ok(json(StatusCode::OK, answer))
    })
    .await
}

/// What rules do to a sample event. Many rules and a large event take a while, which is no reason for others to wait.
async fn show(State(Shared(inner)): State<Shared>, question: Bytes) -> Response {
    ask(move || {
        let rules = inner.hub.rules.borrow().clone();
        Ok(match preview(&rules, &question) {
            Ok(answer) => json(StatusCode::OK, answer),
            Err(problem) => {
                let (status, code) = match problem {
                    PreviewError::Question(_) => (StatusCode::BAD_REQUEST, "bad_request"),
                    PreviewError::Unknown(_) => (StatusCode::NOT_FOUND, "not_found"),
                    PreviewError::Rule(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_rule"),
                };
                error(status, code, &problem.to_string())
            }
        })
    })
    .await
}

/// Where an event is: what its source made of it, and what became of it at each connection.
async fn event(State(Shared(inner)): State<Shared>, Path(message_id): Path<String>) -> Response {
    ask(move || {
        let hub = &inner.hub;
        let rules = hub.rules.borrow().clone();
        let found = hub
            .log
            .find(&message_id)
            .map_err(|error| error.to_string())?;
        for position in found {
            let mut reader = hub.log.read(position);
            let stored = match reader.advance().map_err(|error| error.to_string())? {
                Next::Record(stored) if stored.position == position => stored,
                // Retention, or damage, was faster.
                _ => continue,
            };
            for (event, trace) in events(&rules, &stored, 0, true) {
                if event.message_id() == message_id {
                    return Ok(json(StatusCode::OK, way(hub, &event, &trace)?));
                }
            }
        }
        Ok(error(
            StatusCode::NOT_FOUND,
            "not_found",
            "no accepted event of the log, its archive included, has this messageId",
        ))
    })
    .await
}

fn way(hub: &Hub, event: &headwater_delivery::run::Event, trace: &Trace) -> Result<Object, String> {
    let rules = hub.rules.borrow().clone();
    let mut answer = Object::new();
    answer.insert("message_id", event.message_id());
    answer.insert("place", event.place.to_string());
    answer.insert("source", event.source.as_str());
    let source = rules
        .sources
        .iter()
        .find(|source| source.id.as_str() == event.source);
    answer.insert("source_name", source.map(|source| source.name.clone()));
    answer.insert("received_at", event.event().get("receivedAt").cloned());
    answer.insert("version", rules.version.as_str());
    answer.insert("source_stage", trace.to_json());
    let blocked = match &event.outcome {
        SourceOutcome::Blocked { reason, .. } => Some(reason.as_str()),
        SourceOutcome::Passed(_) => None,
    };
    answer.insert("blocked", blocked);
    let mut ways = Vec::new();
    for connection in rules
        .connections
        .iter()
        .filter(|connection| connection.source.as_str() == event.source)
    {
        let mut one = Object::new();
        one.insert("id", connection.id.as_str());
        one.insert("name", connection.name.as_str());
        let mut trace = Trace::default();
        let now = match &event.outcome {
            SourceOutcome::Blocked { .. } => "blocked",
            SourceOutcome::Passed(_) if !connection.enabled => "disabled",
            SourceOutcome::Passed(passed) => {
                match connection_stage(&connection.rules, passed, Some(&mut trace)) {
                    ConnectionOutcome::Dropped(_) => "dropped",
                    ConnectionOutcome::Deliver(_) => "deliver",
                }
            }
        };
        let id = connection.id.as_str();
        let (verdict, decided_by) = stand(hub, id, event.place, now, &rules.version)?;
        one.insert("verdict", verdict);
        one.insert("decided_by", decided_by);
        one.insert("stage", trace.to_json());
        let attempts: Value = hub
            .seen
            .of(connection.id.as_str(), event.place)
            .iter()
            .map(|attempt| {
                let mut one = Object::new();
                one.insert("at", attempt.at);
                one.insert("outcome", attempt.outcome);
                one.insert("reason", attempt.reason.as_str());
                Value::Object(one)
            })
            .collect();
        one.insert("attempts", attempts);
        ways.push(Value::Object(one));
    }
    answer.insert("connections", Value::Array(ways));
    Ok(answer)
}

/// What became of an event at a connection, and the version that decided it, where it is known: what was written down, and
/// what the rules of then say. The rules of other versions are not kept yet; of their events the attempts that were seen tell.
fn stand(
    hub: &Hub,
    connection: &str,
    place: Place,
    now: &str,
    version: &str,
) -> Result<(String, Option<String>), String> {
    let known = hub
        .state
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .known(connection, hub.log_id, place)
        .map_err(|error| error.to_string())?;
    let seen = || hub.seen.of(connection, place).pop();
    let verdict = match known {
        Known::Retrying(_) => "retrying".to_owned(),
        Known::Dead(_) => "dead".to_owned(),
        Known::Ended(ended) => ended.outcome,
        Known::Decided(by) => {
            let verdict = match (now, seen()) {
                ("deliver", _) if by.as_deref() == Some(version) => "delivered",
                (now, _) if by.as_deref() == Some(version) => now,
                (_, Some(attempt)) => attempt.outcome,
                (_, None) => "decided",
            };
            return Ok((verdict.to_owned(), by));
        }
        Known::Waiting => match (now, seen()) {
            ("deliver", Some(attempt)) => attempt.outcome.to_owned(),
            ("deliver", None) => "waiting".to_owned(),
            (now, _) => now.to_owned(),
        },
    };
    Ok((verdict, None))
}
