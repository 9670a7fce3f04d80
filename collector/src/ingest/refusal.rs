//! Why a request as a whole is refused, and the answer that says so.

use axum::http::StatusCode;
use headwater_model::json::ParseError;
use thiserror::Error;

use crate::log::AppendError;

/// A request that is answered with an error. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No such path.
    #[error(
        "there is no such route; events go to /v1/batch or /v1/track, /v1/identify, /v1/page, /v1/screen, /v1/group, /v1/alias"
    )]
    NoRoute,
    /// The path exists with another method.
    #[error("this route takes {0} only")]
    Method(&'static str),
    /// More bytes than the route takes.
    #[error("the body is over the limit of {limit} bytes; send fewer events in one request")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The body grows beyond all measure when inflated.
    #[error("the body inflates to more than {ratio} times its size; send it uncompressed")]
    Bomb {
        /// The limit.
        ratio: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {seconds} seconds; send it again")]
    Slow {
        /// The limit.
        seconds: u64,
    },
    /// The body comes too slowly to be waited for.
    #[error("the body came at less than {rate} bytes a second; send it again")]
    Crawling {
        /// The limit.
        rate: usize,
    },
    /// The connection failed within the body.
    #[error("the body ended early; send it again")]
    Cut,
    /// `Content-Encoding` names what we cannot undo.
    #[error("Content-Encoding may be gzip, deflate or identity")]
    Encoding,
    /// The compressed body is damaged or ends early.
    #[error("the body is no valid {0} stream; compress it again")]
    Compression(&'static str),
    /// The body is no JSON, or JSON we refuse.
    #[error("the body is not acceptable JSON: {0}")]
    Json(#[from] ParseError),
    /// JSON of another shape than the route takes.
    #[error("{0}")]
    Shape(&'static str),
    /// No write key anywhere.
    #[error(
        "no write key: send it as the Basic user name, as `writeKey` in the body or the query, or as X-Write-Key"
    )]
    NoWriteKey,
    /// No source has the key, and the sender is to know.
    #[error("no source has this write key; check it, or add it to the configuration")]
    UnknownWriteKey,
    /// Settings were asked for with a key that no source has.
    #[error("no source has this write key, so there are no settings for it")]
    NoSettings,
    /// The source is off, and the sender is to know.
    #[error("the source is disabled in the configuration")]
    SourceDisabled,
    /// The page's origin is not on the source's list, and the sender is to know.
    #[error("the source's allowed_origins do not name this page's origin")]
    OriginNotAllowed,
    /// Too many bodies are in hand.
    #[error(
        "the collector is at its limit of bodies in hand; send again after the time in Retry-After"
    )]
    Busy,
    /// The log cannot take it now.
    #[error("not stored: {0}; send again after the time in Retry-After")]
    Log(#[from] AppendError),
}

impl Refusal {
    /// The stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::Method(_) => "method_not_allowed",
            Self::TooLarge { .. } => "too_large",
            Self::Bomb { .. } => "inflation_ratio",
            Self::Slow { .. } => "body_timeout",
            Self::Crawling { .. } => "body_too_slow",
            Self::Cut => "body_cut",
            Self::Encoding => "unsupported_encoding",
            Self::Compression(_) => "bad_compression",
            Self::Json(_) => "bad_json",
            Self::Shape(_) => "bad_shape",
            Self::NoWriteKey => "no_write_key",
            Self::UnknownWriteKey => "unknown_write_key",
            Self::NoSettings => "no_settings",
            Self::SourceDisabled => "source_disabled",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Busy => "busy",
            Self::Log(_) => "log_unavailable",
        }
    }

    /// The HTTP status. Oversize is 400 as at Segment; 408 and 503 are what SDKs retry.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute | Self::NoSettings => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. }
            | Self::Bomb { .. }
            | Self::Compression(_)
            | Self::Json(_)
            | Self::Shape(_) => StatusCode::BAD_REQUEST,
            Self::Slow { .. } | Self::Crawling { .. } | Self::Cut => StatusCode::REQUEST_TIMEOUT,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoWriteKey | Self::UnknownWriteKey | Self::SourceDisabled => {
                StatusCode::UNAUTHORIZED
            }
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::Busy | Self::Log(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Seconds for `Retry-After`, where trying again helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            Self::Log(AppendError::Full) => Some(30),
            Self::Log(_) => Some(5),
            _ => None,
        }
    }
}
