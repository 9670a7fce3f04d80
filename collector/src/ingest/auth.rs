//! Where the write key stands: SDKs put it in five places.
//!
//! Order: `Authorization: Basic`, `X-Write-Key` (what stands before its colon: Jitsu's is `key:secret`), the body, the query, and last a Bearer token, which with Segment's
//! OAuth stands beside a `writeKey` in the body. A header wins over the body.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes base64 of either alphabet, padded or not.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .ok()
}

/// The write key of a request.
pub(super) fn write_key<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    body: Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    let authorization = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (scheme, credentials) = authorization
        .trim_ascii()
        .split_once(' ')
        .unwrap_or_default();
    let present = |key: &Cow<'_, str>| !key.is_empty();
    basic(scheme, credentials)
        .map(Cow::Owned)
        .or_else(|| {
            headers
                .get("x-write-key")
                .and_then(|value| value.to_str().ok())
                .map(|value| Cow::Borrowed(value.split(':').next().unwrap_or_default()))
        })
        .filter(present)
        .or(body)
        .filter(present)
        .or_else(|| parameter(query?, &["writeKey", "writekey", "write_key"]).map(Cow::Owned))
        .filter(present)
        .or_else(|| {
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| Cow::Borrowed(credentials.trim_ascii()))
        })
        .filter(present)
}

/// The user name of Basic credentials; the colon and the password may be missing.
fn basic(scheme: &str, credentials: &str) -> Option<String> {
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(decode_base64(credentials)?).ok()?;
    let user = decoded.split(':').next().unwrap_or_default();
    (!user.is_empty()).then(|| user.to_owned())
}

/// The first of these parameters in a query string.
pub(crate) fn parameter(query: &str, names: &[&str]) -> Option<String> {
    pairs(query)
        .into_iter()
        .find(|(name, _)| names.contains(&name.as_str()))
        .map(|(_, value)| value)
}

/// A query string's names and values, percent-decoded.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name), percent_decode(value))
        })
        .collect()
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = match first {
            b'+' => b' ',
            b'%' => match after
                .split_first_chunk::<2>()
                .and_then(|(two, rest)| Some((hex(two)?, rest)))
            {
                Some((byte, behind)) => {
                    rest = behind;
                    byte
                }
                None => b'%',
            },
            other => *other,
        };
        out.push(byte);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(two: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(two[0])? * 16 + digit(two[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(
        headers: &[(&'static str, &'static str)],
        query: Option<&str>,
        body: Option<&'static str>,
    ) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        write_key(&map, query, body.map(Cow::Borrowed)).map(Cow::into_owned)
    }

    #[test]
    fn basic_works_with_and_without_colon_and_padding() {
        // "key:", "key", "key:secret"
        for credentials in [
            "Basic a2V5Og==",
            "basic a2V5",
            "Basic a2V5OnNlY3JldA",
            "Basic  a2V5Og",
        ] {
            assert_eq!(
                key(&[("authorization", credentials)], None, Some("other")).as_deref(),
                Some("key"),
                "{credentials}"
            );
        }
    }

    #[test]
    fn each_place_is_looked_at_in_its_turn() {
        let bearer = ("authorization", "Bearer token");
        assert_eq!(key(&[bearer], None, Some("body")).as_deref(), Some("body"));
        assert_eq!(
            key(&[bearer], Some("writeKey=q%2D1"), None).as_deref(),
            Some("q-1")
        );
        assert_eq!(key(&[bearer], None, None).as_deref(), Some("token"));
        assert_eq!(
            key(
                &[("x-write-key", "x"), bearer],
                Some("writekey=q"),
                Some("body")
            )
            .as_deref(),
            Some("x")
        );
        assert_eq!(
            key(&[("authorization", "Basic Og==")], None, Some("body")).as_deref(),
            Some("body")
        );
        assert_eq!(
            key(&[("authorization", "Basic !!!")], None, Some("")).as_deref(),
            None
        );
    }

    #[test]
    fn queries_are_decoded_whatever_they_hold() {
        assert_eq!(
            pairs("a=1+2&b=%zz%4&&c=%C3%A9"),
            [("a", "1 2"), ("b", "%zz%4"), ("c", "é")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
