//! Where batches go: an address from what the application or the settings document gave, and the routes under it.
//!
//! | given | device | server |
//! |---|---|---|
//! | `hub.example` | `https://hub.example/v1/b` | `https://hub.example/v1/batch` |
//! | `hub.example/v1` | `https://hub.example/v1/b` | `https://hub.example/v1/batch` |
//! | `proxy.example/segment` | `https://proxy.example/segment/b` | `https://proxy.example/segment/batch` |
//! | `https://hub.example/any/batch` | as it is | as it is |
//!
//! The routes are those that Segment's SDKs for devices (`/b`) and for servers (`/batch`) post to, so that what lets
//! theirs through lets ours through. `tests/vectors/engine/addresses.json` is this table for all languages.

use crate::config::{Mode, NATIVE};
use crate::part::FULL;

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The endpoint is no http or https address.
    #[error(
        "the endpoint must be a host, a host and a path, or an http:// or https:// address, like hub.example/v1; it is {0:?}"
    )]
    Endpoint(String),
}

/// The address that batches are posted under: a prefix, such as `https://hub.example/v1`, or the whole address of a batch
/// route. It may be unknown at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Nobody has said yet where events go: they wait until the settings document does.
    pub const UNKNOWN: Endpoint = Endpoint(String::new());

    /// Checks and takes an address. The scheme may be left out: then it is https, on the loopback http.
    ///
    /// # Errors
    /// When it names no host, or another scheme than http and https.
    pub fn new(address: impl Into<String>) -> Result<Endpoint, ConfigError> {
        let address = address.into();
        match normal(&address) {
            Some(normal) => Ok(Endpoint(normal)),
            None => Err(ConfigError::Endpoint(address)),
        }
    }

    /// The address with its scheme; empty while it is unknown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody said where events go.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// The address of the batch route under it; empty while it is unknown.
    #[must_use]
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn batch_url(&self, mode: Mode) -> String {
        let route = if NATIVE && mode == Mode::Server {
            "/batch"
        } else {
            "/b"
        };
        if self.is_known() {
            under(&self.0, &["/b", "/batch"], route)
        } else {
            String::new()
        }
    }

    /// Where the settings document of a source lies under it.
    #[cfg(feature = "native")]
    #[must_use]
    pub fn settings_url(&self, write_key: &str) -> String {
        let route = ["/projects/", write_key, "/settings"].concat();
        let base = self.0.split('?').next().unwrap_or_default();
        let start = path_at(base);
        let path = base.get(start..).unwrap_or_default();
        let batch = ["/batch", "/b"];
        let shorter = batch.iter().find_map(|end| path.strip_suffix(end));
        let length = start + shorter.unwrap_or(path).len();
        under(base.get(..length).unwrap_or(base), &[], &route)
    }

    /// The same host's `/v1`.
    pub(crate) fn of_host(address: &str) -> Endpoint {
        let host = address.get(..path_at(address)).unwrap_or_default();
        Endpoint::new(host).unwrap_or(Endpoint::UNKNOWN)
    }
}

/// An address as it is used: with its scheme, without a fragment.
fn normal(given: &str) -> Option<String> {
    // A page makes addresses whole by itself: it knows its own.
    if !FULL {
        return given.starts_with("http").then(|| given.to_owned());
    }
    let given = given.split('#').next().unwrap_or_default();
    let (scheme, rest) = match given.find("://") {
        Some(at) => {
            let (scheme, rest) = given.split_at(at);
            let known = ["https", "http"]
                .into_iter()
                .find(|known| scheme.eq_ignore_ascii_case(known))?;
            (known, rest.get(3..)?)
        }
        None if is_loopback(given) => ("http", given),
        None => ("https", given),
    };
    let host = host_of(rest);
    let blank = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'\\';
    if host.is_empty() || host.starts_with(':') || given.bytes().any(blank) {
        return None;
    }
    Some([scheme, "://", rest].concat())
}

/// Host and port of what stands behind a scheme.
fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Whether the host is this machine. TLS is not to be had there.
fn is_loopback(rest: &str) -> bool {
    let host = host_of(rest);
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || name.starts_with("127.") || name == "[::1]"
}

/// Where the path begins, or would.
fn path_at(address: &str) -> usize {
    let start = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(start..).unwrap_or_default();
    start + rest.find(['/', '?']).unwrap_or(rest.len())
}

/// A route under a prefix. A host without a path means its `/v1`; what ends in one of `whole` has its route. Byte by byte:
/// searching a text for characters costs a page more than all else here.
fn under(prefix: &str, whole: &[&str], route: &str) -> String {
    let query = prefix.bytes().position(|byte| byte == b'?');
    let (mut base, query) = match query {
        Some(at) => (prefix.get(..at), prefix.get(at..)),
        None => (Some(prefix), None),
    };
    while let Some(shorter) = base.and_then(|base| base.strip_suffix('/')) {
        base = Some(shorter);
    }
    let base = base.unwrap_or_default();
    // Two stand before the host.
    let slashes = base.bytes().filter(|byte| *byte == b'/').count();
    let mut url = base.to_owned();
    if slashes < 3 {
        url.push_str("/v1");
    }
    if slashes < 3 || !whole.iter().any(|end| base.ends_with(end)) {
        url.push_str(route);
    }
    url.push_str(query.unwrap_or_default());
    url
}

/// An address as it may be told: without user and password, without what stands in its query, cut to
/// [`SHOWN`](crate::redirect::SHOWN).
pub(crate) fn shown(address: &str) -> String {
    // A page's address holds what its own source shows to everybody.
    if !FULL {
        return address.to_owned();
    }
    let base = address.split('?').next().unwrap_or_default();
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = path_at(base).max(start);
    let user = base
        .get(start..end)
        .and_then(|authority| authority.rfind('@'))
        .map_or(start, |at| start + at + 1);
    let parts = [base.get(..start), base.get(user..)];
    let mut text: String = parts.into_iter().flatten().collect();
    // Never in the middle of a character.
    let mut cut = text.len().min(crate::redirect::SHOWN);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text.truncate(cut);
    text
}
