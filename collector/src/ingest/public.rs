//! Under which address SDKs reach this collector: what settings documents tell them.
//!
//! The configuration says it. Where it does not, the request does, which is a guess: a proxy may have changed `Host`, and
//! whoever asks may write into it what they like. So the guess is https unless it is this machine, since a browser refuses
//! to send from a page on https to plain http, and no cache shares it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use super::refusal::Refusal;
use crate::app::Peer;
use crate::config::{PublicUrl, is_address, is_authority, is_loopback};

const FORWARDED: [&str; 3] = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-for"];

/// What is known of it.
#[derive(Debug)]
pub(crate) struct Public {
    url: Option<PublicUrl>,
    /// In development nothing stands in front that could speak TLS for an address without a name.
    is_dev: bool,
    warned: AtomicBool,
}

/// Where a document leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// `https` or `http`.
    pub(super) protocol: &'static str,
    /// Host, with port and path if need be.
    pub(super) host: String,
    /// The request decided it, so it is no answer for others.
    pub(super) is_guess: bool,
}

impl Public {
    pub(crate) fn new(url: Option<PublicUrl>, is_dev: bool) -> Self {
        Self {
            url,
            is_dev,
            warned: AtomicBool::new(false),
        }
    }

    /// The path under which the routes lie as well, for proxies that pass it on; empty for none.
    pub(super) fn path(&self) -> &str {
        self.url.as_ref().map_or("", PublicUrl::path)
    }

    /// What to tell whoever sent this request; `trusted` is whether a trusted proxy passed it on.
    pub(super) fn address(&self, parts: &Parts, trusted: bool) -> Result<Address, Refusal> {
        if let Some(url) = &self.url {
            return Ok(Address {
                protocol: url.scheme(),
                host: format!("{}{}", url.authority(), url.path()),
                is_guess: false,
            });
        }
        // Of a list the first is what the sender asked for, the others are proxies on the way.
        let forwarded = |name: &str| {
            let value = trusted.then(|| header(parts, name)).flatten()?;
            Some(value.split(',').next().unwrap_or_default().trim())
        };
        let authority = parts.uri.authority().map(Authority::as_str);
        let host = forwarded("x-forwarded-host")
            .or_else(|| header(parts, HOST.as_str()))
            .or(authority)
            .filter(|host| is_authority(host))
            .ok_or(Refusal::Shape("the Host header must be a host name"))?;
        let is_plain = match forwarded("x-forwarded-proto") {
            Some(protocol) => !protocol.eq_ignore_ascii_case("https"),
            None => is_loopback(host) || (self.is_dev && is_address(host)),
        };
        Ok(Address {
            protocol: if is_plain { "http" } else { "https" },
            host: host.to_owned(),
            is_guess: true,
        })
    }

    /// Says once that something in front is not believed: nothing looks wrong until addresses and documents are.
    pub(super) fn notice_proxy(&self, parts: &Parts, is_trusted: impl Fn(IpAddr) -> bool) {
        if self.warned.load(Ordering::Relaxed)
            || !FORWARDED
                .iter()
                .any(|name| parts.headers.contains_key(*name))
        {
            return;
        }
        let Some(peer) = peer(parts).filter(|ip| !is_trusted(*ip)) else {
            return;
        };
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        // Of a machine near by; another address may be a person's.
        let near = match peer {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
        };
        let place = if near {
            format!("at {peer} ")
        } else {
            String::new()
        };
        tracing::warn!(
            "a proxy {place}that server.trusted_proxies does not name sends X-Forwarded-* headers: they are not \
             believed, so senders' addresses are the proxy's, and without server.public_url settings documents lead to \
             the host that the proxy asked for"
        );
    }
}

pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    Some(parts.extensions.get::<Peer>()?.0.ip().to_canonical())
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok())
}
