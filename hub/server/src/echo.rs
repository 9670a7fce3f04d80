//! `headwater echo`: a destination to try a hub with.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query as Parameters, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use headwater_collector::cli::Failure;
use headwater_model::json::{Limits, Object, Value, parse};

/// Requests that are kept to be shown.
const KEPT: usize = 10_000;

/// The largest request in bytes.
const MAX_BODY: usize = 16 << 20;

/// Arguments of `headwater echo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Any POST is a delivery, answered 200. While it runs:
  curl -X POST 'http://127.0.0.1:8799/_fail?status=503&times=5'   the next five are answered 503
  curl -X POST 'http://127.0.0.1:8799/_fail?status=500'           all are, until times=0
  curl http://127.0.0.1:8799/_received                            what came, as JSON
  curl http://127.0.0.1:8799/_ids                                 the ids of what was taken, one a line

The first line on stdout is `listening on http://HOST:PORT`.")]
pub(crate) struct Echo {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, short, default_value_t = 8799)]
    port: u16,
    /// Say nothing of what arrives.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug)]
struct Received {
    path: String,
    id: String,
    status: u16,
    body: Value,
}

#[derive(Debug, Default)]
struct Seen {
    requests: VecDeque<Received>,
    /// Deliveries answered 2xx, and how many different ids they had.
    taken: u64,
    ids: std::collections::HashSet<String>,
    refused: u64,
    fail: Option<(u16, u64)>,
}

#[derive(Clone, Debug)]
struct Stub {
    seen: Arc<Mutex<Seen>>,
    quiet: bool,
}

impl Stub {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Echo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let address = format!("127.0.0.1:{}", self.port);
            let listener = tokio::net::TcpListener::bind(&address)
                .await
                .map_err(|source| Failure::Listen { address, source })?;
            let mut out = std::io::stdout();
            writeln!(out, "listening on http://{}", listener.local_addr()?)?;
            out.flush()?;
            let stub = Stub {
                seen: Arc::default(),
                quiet: self.quiet,
            };
            let routes = Router::new()
                .route("/_ids", get(ids))
                .route("/_received", get(received))
                .route("/_fail", post(fail))
                .fallback(deliver)
                .layer(DefaultBodyLimit::max(MAX_BODY))
                .with_state(stub);
            axum::serve(listener, routes)
                .with_graceful_shutdown(async {
                    let _ = tokio::signal::ctrl_c().await;
                })
                .await?;
            Ok(())
        })
    }
}

async fn deliver(
    State(stub): State<Stub>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let limits = Limits::default().with_max_bytes(MAX_BODY);
    let body = parse(&body, &limits).unwrap_or_else(|error| {
        Value::from(format!("{} bytes that are no JSON: {error}", body.len()))
    });
    let id = headers
        .get("idempotency-key")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let status = {
        let mut seen = stub.seen();
        let status = match &mut seen.fail {
            Some((_, 0)) => {
                seen.fail = None;
                200
            }
            Some((status, times)) => {
                *times = times.saturating_sub(1);
                *status
            }
            None => 200,
        };
        if status < 300 {
            seen.taken += 1;
            seen.ids.insert(id.clone());
        } else {
            seen.refused += 1;
        }
        if seen.requests.len() == KEPT {
            seen.requests.pop_front();
        }
        let received = Received {
            path: uri.path().to_owned(),
            id,
            status,
            body,
        };
        if !stub.quiet {
            let name = received.body.get("event").or(received.body.get("type"));
            let line = format!(
                "{} {} {} {}",
                received.status,
                received.path,
                received.id,
                name.cloned().unwrap_or_default()
            );
            let _ = writeln!(std::io::stdout(), "{}", line.escape_debug());
        }
        seen.requests.push_back(received);
        status
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}

/// The ids of what was taken, one a line.
async fn ids(State(stub): State<Stub>) -> String {
    let mut lines = String::new();
    for id in &stub.seen().ids {
        lines.push_str(id);
        lines.push('\n');
    }
    lines
}

async fn received(State(stub): State<Stub>) -> impl IntoResponse {
    let seen = stub.seen();
    let mut answer = Object::new();
    answer.insert("taken", seen.taken);
    answer.insert("distinct", seen.ids.len());
    answer.insert("refused", seen.refused);
    let requests: Value = seen
        .requests
        .iter()
        .map(|received| {
            let mut request = Object::new();
            request.insert("path", received.path.as_str());
            request.insert("id", received.id.as_str());
            request.insert("status", u32::from(received.status));
            request.insert("body", received.body.clone());
            Value::Object(request)
        })
        .collect();
    answer.insert("requests", requests);
    (
        [("content-type", "application/json")],
        Value::Object(answer).to_vec(),
    )
}

async fn fail(
    State(stub): State<Stub>,
    Parameters(parameters): Parameters<std::collections::HashMap<String, String>>,
) -> (StatusCode, &'static str) {
    let number = |name: &str| {
        parameters
            .get(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let status = number("status").and_then(|status| u16::try_from(status).ok());
    match status {
        Some(status @ 300..=599) => {
            stub.seen().fail = Some((status, number("times").unwrap_or(u64::MAX)));
            (StatusCode::OK, "the next deliveries fail\n")
        }
        _ => (
            StatusCode::BAD_REQUEST,
            "write ?status=503, and times=5 for the next five\n",
        ),
    }
}
