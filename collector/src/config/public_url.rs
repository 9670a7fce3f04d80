//! The address under which senders reach the collector, through whatever stands in front of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// `https://hub.example:8443/events`: scheme, host, and a port and a path if need be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    is_https: bool,
    authority: String,
    /// Without the slash at its end; empty for none.
    path: String,
}

impl PublicUrl {
    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// Host and port, in lower case.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path, from its first slash; empty for none.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether pages and phones would refuse to send there: they speak plain http with their own machine only.
    pub(super) fn is_exposed(&self) -> bool {
        !self.is_https && !is_loopback(&self.authority)
    }
}

/// Whether `HOST[:PORT]` is this machine to whoever says it.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let (host, _) = split_port(authority);
    let host = host.to_ascii_lowercase();
    let v6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || v6
            .and_then(|ip| ip.parse::<Ipv6Addr>().ok())
            .is_some_and(|ip| ip.is_loopback())
}

/// Whether `HOST[:PORT]` is an address and no name.
pub(crate) fn is_address(authority: &str) -> bool {
    let (host, _) = split_port(authority);
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether this may stand where a host belongs.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    let fine = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !host.is_empty() && host.bytes().all(allowed)
        }
    };
    fine && text.len() <= 255 && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// The port is behind the last colon, unless that stands within brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no address that senders could use; write it like https://hub.example, with a port or a \
                 path if need be"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        if !is_authority(authority) || !path.bytes().all(of_path) {
            return Err(wrong());
        }
        Ok(Self {
            is_https,
            authority: authority.to_ascii_lowercase(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}
