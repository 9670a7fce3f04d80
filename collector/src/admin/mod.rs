//! What operators and developers ask the collector: is it well, what does it count, what comes in.
//!
//! `/healthz`, `/readyz` and `/metrics` are always there and hold no event. `/_inspect/*`, `/_events` and `/admin/v1/*` show
//! events or change what is stored, in development to this machine's own pages and people, else to whoever shows the admin token ([`guard`]);
//! without a token they do not exist, nor does the page on `/` that reads them.

mod attempts;
mod events;
mod guard;
mod health;
mod inspect;
mod page;
mod redactions;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{get, post};

use crate::app::App;
use crate::ingest::client_ip;
pub(crate) use guard::{Guard, Refused};

/// Forgets what is shown.
const RESET: &str = "/_inspect/reset";

/// All routes of the administration; `further` ones are guarded.
pub(crate) fn routes(app: &Arc<App>, further: Router<Arc<App>>) -> Router<Arc<App>> {
    let open = Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics));
    if app.live.is_none() {
        return open.layer(middleware::from_fn(preflight));
    }
    let guarded = Router::new()
        .route("/_inspect/all", get(inspect::all))
        .route("/_inspect/good", get(inspect::good))
        .route("/_inspect/bad", get(inspect::bad))
        .route(RESET, post(inspect::reset))
        .route("/_events", get(events::stream))
        .route(
            redactions::PATH,
            get(redactions::list).post(redactions::add),
        )
        .merge(further)
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), guard));
    let page =
        page::router().route_layer(middleware::from_fn_with_state(Arc::clone(app), guard_page));
    open.merge(guarded)
        .merge(page)
        .layer(middleware::from_fn(preflight))
}

/// Lets the request through, or says why not.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let address = client_ip(&app, &parts);
    match app.guard.admit(&parts, address, Instant::now()) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refuse(&app, refused),
    }
}

/// The same for the files of the page.
async fn guard_page(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match app.guard.admit_page(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refuse(&app, refused),
    }
}

fn refuse(app: &App, refused: Refused) -> Response<Body> {
    app.metrics.admin_refused(refused);
    let (status, code, message) = refused.told();
    let mut response = error(status, code, message);
    let headers = response.headers_mut();
    match refused {
        Refused::NoToken | Refused::WrongToken => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refused::TooMany { seconds } => {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Refused::Host | Refused::CrossSite => {}
    }
    response
}

/// Each reader costs memory, so there is a bound; others come and go.
fn too_many_readers() -> Response<Body> {
    let mut response = error(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_readers",
        "as many readers as there may be watch already; close one, or come again after the time in Retry-After",
    );
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// OPTIONS is answered on every path. No header of CORS is with it, so a browser lets no page go on from here.
async fn preflight(request: Request, next: Next) -> Response<Body> {
    if request.method() != Method::OPTIONS {
        return next.run(request).await;
    }
    let allowed = match request.uri().path() {
        RESET => "POST, OPTIONS",
        redactions::PATH => "GET, HEAD, POST, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// An error as all routes tell it.
fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    json(status, crate::ingest::error_text(code, message))
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
