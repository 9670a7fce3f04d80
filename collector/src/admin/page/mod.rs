//! The live page: what is served on `/`, compiled into the binary.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

/// The page itself.
pub(super) async fn index() -> Response<Body> {
    let mut response = Response::new(Body::from(include_str!("index.html")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// A file that the page needs, under `/_page/`.
pub(super) async fn asset(Path(_path): Path<String>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
