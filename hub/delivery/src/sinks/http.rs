//! Events to a webhook: one POST an event, the messageId as idempotency key.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use headwater_collector::ingest::HOPS;
use headwater_workspace::Webhook;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::private::{PrivateAddress, PublicOnly, is_public};
use crate::machine::Outcome;

/// How long a request may take, its answer included. 30 seconds: longer than any ordinary endpoint takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read; the rest is left where it is.
const MAX_ANSWER: usize = 16 * 1024;

/// A webhook's client; it keeps connections.
#[derive(Clone)]
pub struct WebhookSink {
    client: reqwest::Client,
    url: reqwest::Url,
    /// The address stands in the URL itself and is private.
    refused: bool,
}

/// Without the address: it often holds a token.
impl std::fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSink").finish_non_exhaustive()
    }
}

/// Why a sink cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address is none.
    #[error("the webhook's address cannot be read")]
    Url,
    /// The HTTP client.
    #[error("the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

impl WebhookSink {
    /// A sink for a destination.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn new(webhook: &Webhook) -> Result<WebhookSink, SinkError> {
        // Somebody else may have chosen a provider already; then that is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = reqwest::Url::parse(&webhook.url).map_err(|_| SinkError::Url)?;
        let literal: Option<IpAddr> = url
            .host_str()
            .and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // A proxy of the environment's would resolve names itself, past the guard.
            .no_proxy()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")));
        if !webhook.allow_private_network {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        Ok(WebhookSink {
            client: builder.build()?,
            refused: !webhook.allow_private_network
                && literal.is_some_and(|address| !is_public(address)),
            url,
        })
    }

    /// Posts one event that came through `hops` hubs before this one: a hub that it comes back to refuses it in the end.
    pub async fn send(&self, message_id: &str, hops: u8, body: Vec<u8>) -> Outcome {
        if self.refused {
            // As by name: somebody may allow it within the hours that it is tried.
            return Outcome::Retry {
                reason: PrivateAddress.to_string(),
                after: None,
            };
        }
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", header(message_id))
            .header("webhook-id", header(message_id))
            .header(HOPS, u16::from(hops) + 1)
            .body(body);
        match request.send().await {
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let after = answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.trim().parse::<u64>().ok())
                    .map(|seconds| seconds.saturating_mul(1_000));
                // Read to its end, so that the connection can be used again; up to a bound.
                let mut read = 0;
                while read < MAX_ANSWER
                    && let Ok(Some(chunk)) = answer.chunk().await
                {
                    read += chunk.len();
                }
                outcome(status, after)
            }
            Err(error) => Outcome::Retry {
                reason: class(&error),
                after: None,
            },
        }
    }
}

/// A messageId is any text; a header is not: what is no graphic ASCII, and `%`, is percent-encoded, so that two ids never
/// become one.
fn header(message_id: &str) -> String {
    let mut value = String::with_capacity(message_id.len());
    for byte in message_id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            value.push(char::from(byte));
        } else {
            value.push_str(&format!("%{byte:02X}"));
        }
    }
    value
}

/// What a status means. 2xx alone is delivered: a redirect is a misconfiguration that somebody may mend.
fn outcome(status: u16, after: Option<u64>) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        300..=399 | 401 | 403 | 407 | 408 | 423 | 425 | 429 => Outcome::Retry {
            reason: status.to_string(),
            after,
        },
        400..=499 | 501 | 505 => Outcome::Rejected {
            reason: status.to_string(),
            status: Some(status),
        },
        _ => Outcome::Retry {
            reason: status.to_string(),
            after,
        },
    }
}

/// Why there was no answer, without the address, which may hold a token.
fn class(error: &reqwest::Error) -> String {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<PrivateAddress>() {
            return PrivateAddress.to_string();
        }
        source = cause.source();
    }
    if error.is_timeout() {
        "timeout".to_owned()
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the connection broke".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn two_ids_never_become_one_key() {
        assert_eq!(header("m-1"), "m-1");
        assert_eq!(header("order 1"), "order%201");
        assert_ne!(header("order 1"), header("order_1"));
        assert_ne!(header("日本"), header("中国"));
        assert_ne!(header("a%20b"), header("a b"));
    }
}
