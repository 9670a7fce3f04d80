//! The live debugger page on `/`: hand-written HTML, CSS and ES modules, compiled into the binary.
//!
//! Invariant: the page loads nothing from anywhere else and runs no inline code; the policy sent with it makes the
//! browser hold it to that, so a hostile event name that slipped through as markup would still do nothing.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;

use crate::etag;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Route, content type and content of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("index.html")),
    ("/_page/page.css", CSS, include_str!("page.css")),
    ("/_page/page.js", SCRIPT, include_str!("page.js")),
    ("/_page/connect.js", SCRIPT, include_str!("connect.js")),
    ("/_page/detail.js", SCRIPT, include_str!("detail.js")),
    ("/_page/dom.js", SCRIPT, include_str!("dom.js")),
    ("/_page/json.js", SCRIPT, include_str!("json.js")),
    ("/_page/ledger.js", SCRIPT, include_str!("ledger.js")),
    ("/_page/list.js", SCRIPT, include_str!("list.js")),
    ("/_page/meter.js", SCRIPT, include_str!("meter.js")),
    ("/_page/stream.js", SCRIPT, include_str!("stream.js")),
    ("/_page/summary.js", SCRIPT, include_str!("summary.js")),
    ("/_page/way.js", SCRIPT, include_str!("way.js")),
];

/// The page's routes: `GET /` and its files below `/_page/`. They hold no data and need no token; what the page shows
/// comes from `/_events`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .iter()
        .fold(Router::new(), |router, &(route, content_type, content)| {
            let tag = etag::of(content.as_bytes());
            router.route(
                route,
                get(async move |headers: HeaderMap| answer(&headers, content_type, content, &tag)),
            )
        })
}

fn answer(
    request: &HeaderMap,
    content_type: &'static str,
    content: &'static str,
    tag: &HeaderValue,
) -> Response<Body> {
    let mut response = if etag::is_known(request, tag) {
        let mut unchanged = Response::new(Body::empty());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        Response::new(Body::from(content))
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        // Asked for each time and answered 304, so that a new version of the binary never meets an old page.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ETAG, tag.clone());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_is_answered_without_the_content() {
        let tag = etag::of(b"x");
        let mut request = HeaderMap::new();
        assert_eq!(answer(&request, HTML, "x", &tag).status(), StatusCode::OK);
        request.insert(
            header::IF_NONE_MATCH,
            HeaderValue::from_str(&format!("\"other\", W/{}", tag.to_str().unwrap())).unwrap(),
        );
        assert_eq!(
            answer(&request, HTML, "x", &tag).status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn every_file_that_a_file_names_is_served() {
        for (_, _, content) in FILES {
            for name in content
                .split('\'')
                .filter_map(|part| part.strip_prefix("./"))
            {
                assert!(
                    FILES
                        .iter()
                        .any(|(route, _, _)| *route == format!("/_page/{name}")),
                    "{name}"
                );
            }
            for name in content
                .split('"')
                .filter(|part| part.starts_with("/_page/"))
            {
                assert!(FILES.iter().any(|(route, _, _)| route == &name), "{name}");
            }
        }
    }

    #[test]
    fn no_file_names_another_machine_or_builds_markup_from_text() {
        for (route, _, content) in FILES {
            for banned in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "onclick=\"",
                "style=\"",
            ] {
                assert!(!content.contains(banned), "{route} has {banned}");
            }
            for address in content
                .split("http")
                .skip(1)
                .filter_map(|rest| rest.strip_prefix("s://").or(rest.strip_prefix("://")))
            {
                assert!(
                    address.starts_with("www.w3.org/") || address.starts_with(['"', '\'', '$']),
                    "{route}: {address:.40}"
                );
            }
        }
    }
}
