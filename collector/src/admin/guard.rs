//! Who may see events and change what is shown.
//!
//! With a token: whoever shows it, and who shows wrong ones is slowed. Without one, in development, whoever reaches the
//! port, but no page of another site: a browser on this machine reaches it too, and runs what strangers wrote. Such a page
//! is known by the name it calls this machine by (a name of its own that it let point here, "DNS rebinding") or by what
//! the browser says of its site.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;

use super::attempts::Attempts;
use crate::ingest::parameter;
use crate::peer::PeerNetwork;

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The request calls this machine by a name that is not known to be its own.
    Host,
    /// A page of another site asks.
    CrossSite,
    /// No token was shown.
    NoToken,
    /// It is not the token.
    WrongToken,
    /// So many were wrong that this one was not looked at.
    TooMany {
        /// Seconds until one is looked at again.
        seconds: u64,
    },
}

impl Refused {
    /// What is counted, as `/metrics` names it. A request without a token is not: the page begins with one.
    pub(crate) const COUNTED: [&'static str; 4] = [
        "host_not_allowed",
        "cross_site",
        "wrong_admin_token",
        "too_many_attempts",
    ];

    /// Its place in [`COUNTED`](Self::COUNTED).
    pub(crate) fn place(self) -> Option<usize> {
        match self {
            Self::Host => Some(0),
            Self::CrossSite => Some(1),
            Self::NoToken => None,
            Self::WrongToken => Some(2),
            Self::TooMany { .. } => Some(3),
        }
    }

    /// Status, stable name and what to do. Whether a token was wrong or missing is all the same to whoever asks.
    pub(super) fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Host => (
                StatusCode::FORBIDDEN,
                "host_not_allowed",
                "without an admin token events are shown under an IP address, localhost, or the name given with \
                 --host; use one of these, or `headwater serve` with [admin] token",
            ),
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                "cross_site",
                "without an admin token events are not shown to pages of another site; ask from the collector's own \
                 page, or use `headwater serve` with [admin] token",
            ),
            Self::NoToken | Self::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "no_admin_token",
                "send Authorization: Bearer <admin.token>, or ?token=",
            ),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                "too many wrong admin tokens came from this address; try again after the time in Retry-After",
            ),
        }
    }
}

/// The rules and what they remember.
#[derive(Debug)]
pub(crate) struct Guard {
    token: Option<String>,
    /// The host of `server.listen`.
    own_name: String,
    attempts: Mutex<Attempts>,
}

impl Guard {
    /// The rules for a token, if there is one, and the address that the collector listens on.
    pub(crate) fn new(token: Option<String>, listen: &str) -> Self {
        let own_name = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        Self {
            token,
            own_name: own_name.to_owned(),
            attempts: Mutex::default(),
        }
    }

    /// Whether the page's own files may be fetched: they hold no event, but a strange name has no business here.
    pub(super) fn admit_page(&self, parts: &Parts) -> Result<(), Refused> {
        match self.token {
            Some(_) => Ok(()),
            None => self.check_host(parts),
        }
    }

    /// Whether events may be shown, or what is shown be changed. `address` is the sender's.
    pub(super) fn admit(
        &self,
        parts: &Parts,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), Refused> {
        let Some(token) = &self.token else {
            self.check_host(parts)?;
            return check_site(parts);
        };
        let shown = shown_tokens(parts);
        if shown.is_empty() {
            return Err(Refused::NoToken);
        }
        let place = PeerNetwork::of(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = attempts.wait(place, now) {
            attempts.tell(now);
            let seconds = wait.as_secs() + 1;
            return Err(Refused::TooMany { seconds });
        }
        if shown
            .iter()
            .any(|shown| same(shown.as_bytes(), token.as_bytes()))
        {
            return Ok(());
        }
        attempts.failed(place, now);
        attempts.tell(now);
        Err(Refused::WrongToken)
    }

    /// Every name in the request must be this machine's, and there must be one: a browser always sends it.
    fn check_host(&self, parts: &Parts) -> Result<(), Refused> {
        let authority = parts.uri.authority().map(|name| Some(name.as_str()));
        let headers = parts.headers.get_all(HOST).iter();
        let mut names = headers
            .map(|value| value.to_str().ok())
            .chain(authority)
            .peekable();
        let fine =
            names.peek().is_some() && names.all(|name| name.is_some_and(|name| self.is_own(name)));
        if fine { Ok(()) } else { Err(Refused::Host) }
    }

    /// Whether `NAME[:PORT]` is an address, `localhost`, or what the collector was told to listen on. An address is
    /// nobody's name, so no page of another site can have it for its own.
    fn is_own(&self, authority: &str) -> bool {
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(rest) = authority.strip_prefix('[') {
            return rest.split_once(']').is_some_and(|(address, after)| {
                address.parse::<Ipv6Addr>().is_ok()
                    && after.strip_prefix(':').map_or(after.is_empty(), is_port)
            });
        }
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if is_port(port) => name,
            Some(_) => return false,
            None => authority,
        };
        name.parse::<Ipv4Addr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || (!name.is_empty() && name.eq_ignore_ascii_case(&self.own_name))
    }
}

/// Refuses what a browser says comes from another site. Whoever is no browser says nothing.
fn check_site(parts: &Parts) -> Result<(), Refused> {
    let headers = &parts.headers;
    let cross_site = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site == "cross-site");
    let authority = parts.uri.authority().map(Authority::as_str);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(authority);
    let is_foreign = |origin: &str| {
        let page = origin.split_once("://").map(|(_, page)| page);
        !page
            .zip(host)
            .is_some_and(|(page, host)| page.eq_ignore_ascii_case(host))
    };
    let foreign = headers
        .get_all(ORIGIN)
        .iter()
        .any(|origin| origin.to_str().map_or(true, is_foreign));
    if cross_site || foreign {
        Err(Refused::CrossSite)
    } else {
        Ok(())
    }
}

/// The token as it was shown: in `Authorization`, or in the query, since EventSource and links cannot set headers. A `+`
/// in a query means a blank to some who write it and a plus to others.
fn shown_tokens(parts: &Parts) -> Vec<String> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim_ascii().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if let Some((_, token)) = header {
        return vec![token.trim_ascii().to_owned()];
    }
    let query = parts.uri.query().unwrap_or_default();
    let literal = query.replace('+', "%2B");
    [query, &literal]
        .iter()
        .filter_map(|query| parameter(query, &["token"]))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::super::attempts::{BURST, EVERY};
    use super::*;

    fn request(token: &str) -> Parts {
        let header = format!("Bearer {token}");
        let request = axum::http::Request::builder().header(AUTHORIZATION, header);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_address_that_guessed_waits_and_is_looked_at_again_afterwards() {
        let guard = Guard::new(Some("right".to_owned()), "127.0.0.1:1");
        let (wrong, right) = (request("wrong"), request("right"));
        let from = Some("2001:db8::1".parse().unwrap());
        let neighbour = Some("2001:db8::2".parse().unwrap());
        let other = Some("2001:db8:0:1::1".parse().unwrap());
        let start = Instant::now();
        for _ in 0..BURST {
            assert_eq!(guard.admit(&wrong, from, start), Err(Refused::WrongToken));
        }
        assert_eq!(
            guard.admit(&right, neighbour, start),
            Err(Refused::TooMany { seconds: 4 })
        );
        assert_eq!(guard.admit(&right, other, start), Ok(()));
        assert_eq!(guard.admit(&right, from, start + EVERY), Ok(()));
        assert_eq!(
            guard.admit(&wrong, from, start + EVERY),
            Err(Refused::WrongToken)
        );
        assert!(guard.admit(&right, from, start + EVERY).is_err());
    }

    #[test]
    fn over_http2_the_name_stands_in_the_target() {
        let guard = Guard::new(None, "127.0.0.1:1");
        let admitted = |uri: &str, origin: Option<&str>| {
            let mut request = axum::http::Request::builder().uri(uri);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            let parts = request.body(()).unwrap().into_parts().0;
            guard.admit(&parts, None, Instant::now())
        };
        let own = "http://127.0.0.1:1/_inspect/all";
        assert_eq!(admitted(own, None), Ok(()));
        assert_eq!(admitted(own, Some("http://127.0.0.1:1")), Ok(()));
        assert_eq!(
            admitted(own, Some("http://evil.example")),
            Err(Refused::CrossSite)
        );
        assert_eq!(
            admitted("http://evil.example/_inspect/all", None),
            Err(Refused::Host)
        );
        assert_eq!(admitted("/_inspect/all", None), Err(Refused::Host));
    }
}
