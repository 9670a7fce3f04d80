//! Addresses and headers that the application gives: checked before anything starts, shown without what is secret.

use headwater_engine::{ConfigError, Endpoint};

use crate::error::BuildError;

/// An address that may lack its scheme.
pub(crate) fn endpoint_of(what: &'static str, given: &str) -> Result<Endpoint, BuildError> {
    Endpoint::new(given).map_err(|error| BuildError::Address {
        what,
        given: without_secret(given),
        reason: match error {
            ConfigError::Endpoint(_) => "it names no host, or holds blanks".to_owned(),
            other => other.to_string(),
        },
    })
}

/// A header as RFC 9110 §5 has it: a token, and visible ASCII, blanks and tabs.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), BuildError> {
    let failed = |reason: &str| BuildError::Header {
        name: name.to_owned(),
        reason: reason.to_owned(),
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(failed("its name holds characters that no header's may"));
    }
    if !value
        .bytes()
        .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
    {
        return Err(failed("its value holds characters that no header's may"));
    }
    Ok(())
}

/// An address as it may be shown: without user and password.
pub(crate) fn without_secret(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    match url.rfind('@') {
        Some(at) if at >= start => {
            let (scheme, host) = (url.get(..start), url.get(at..));
            [scheme.unwrap_or_default(), "…", host.unwrap_or_default()].concat()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(
            without_secret("http://user:pass@proxy:80"),
            "http://…@proxy:80"
        );
        assert_eq!(without_secret("user:pass@proxy"), "…@proxy");
        assert_eq!(without_secret("http://proxy:80"), "http://proxy:80");
    }

    #[test]
    fn an_address_names_a_host_and_may_lack_its_scheme() {
        for good in [
            "hub",
            "http://hub",
            "HTTPS://hub.example:8443/v1?x=1",
            "https://user:pass@hub.example",
            "http://[::1]:80/",
        ] {
            assert!(endpoint_of("endpoint", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ftp://hub",
            "http://",
            "http:///path",
            "https://user@",
            "http://:80",
            "http://a b",
            "http://hub\n",
        ] {
            assert!(endpoint_of("endpoint", bad).is_err(), "{bad}");
        }
    }
}
