//! What operators and developers ask the collector: is it well, what does it count, what comes in.
//!
//! `/healthz`, `/readyz` and `/metrics` are always there and hold no event. `/_inspect/*` and `/_events` show
//! events: in development to everybody, else to whoever shows the admin token; without a token they do not exist, nor
//! does the page on `/` that reads them.

mod events;
mod health;
mod inspect;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{get, post};

use crate::app::App;

/// All routes of the administration.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let open = Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics));
    if app.live.is_none() {
        return open;
    }
    let guarded = Router::new()
        .route("/_inspect/all", get(inspect::all))
        .route("/_inspect/good", get(inspect::good))
        .route("/_inspect/bad", get(inspect::bad))
        .route("/_inspect/reset", post(inspect::reset).get(inspect::reset))
        .route("/_events", get(events::stream))
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), guard));
    open.merge(guarded).merge(page::router())
}

/// Lets the request through when the token is right, or none is asked for. EventSource and links cannot set headers, so
/// `?token=` counts too.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let Some(expected) = &app.admin_token else {
        return next.run(request).await;
    };
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let shown = header.and_then(|value| value.strip_prefix("Bearer "));
    let query = request.uri().query().unwrap_or_default();
    let in_query = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="));
    if shown
        .or(in_query)
        .is_some_and(|shown| same(shown.as_bytes(), expected.as_bytes()))
    {
        return next.run(request).await;
    }
    let message = r#"{"success":false,"error":{"code":"no_admin_token","message":"send Authorization: Bearer <admin.token>, or ?token="},"code":"no_admin_token","message":"send Authorization: Bearer <admin.token>, or ?token="}"#;
    let mut response = json(StatusCode::UNAUTHORIZED, message.as_bytes().to_vec());
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Compares in a time that does not tell how much was right.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |diff, (a, b)| diff | (a ^ b))
            == 0
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
