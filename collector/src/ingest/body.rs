//! From the wire to one buffer of JSON text, never larger than the limit: read, then inflate.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;

use tokio::time::Instant;

use super::budget::Charge;
use super::refusal::Refusal;
use crate::config::LimitsConfig;

/// An oversize body is read to its end, and thrown away, up to this size: a sender that is still writing when the
/// connection closes sees a reset instead of the answer.
const DISCARD: usize = 16 << 20;

/// Over which a body's rate is looked at. A phone that changes cells says nothing for a few seconds; a TCP sender that
/// lost packets tries again after 1, 2 and 4.
const WINDOW: Duration = Duration::from_secs(5);

/// A body that inflates from less than this is not worth a ratio.
const RATIO_FLOOR: usize = 64 * 1024;

/// Reads the whole body. Room is held for what has arrived, never for what is announced: a connection that only
/// announces costs nobody anything, and one that stops sending is closed after a [`WINDOW`].
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    limits: &LimitsConfig,
    charge: &mut Charge,
) -> Result<Bytes, Refusal> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let arriving = Arriving::new(body, limits.min_body_rate);
    let time = limits.body_timeout();
    match tokio::time::timeout(time, collect(arriving, announced, limit, charge)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::Slow {
            seconds: time.as_secs(),
        }),
    }
}

/// A body on its way, at no less than a given rate.
struct Arriving {
    body: Body,
    rate: usize,
    /// Bytes since the window began.
    seen: usize,
    window_ends: Instant,
}

impl Arriving {
    fn new(body: Body, rate: usize) -> Self {
        Self {
            body,
            rate,
            seen: 0,
            window_ends: Instant::now() + WINDOW,
        }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = if self.rate == 0 {
                self.body.frame().await
            } else {
                tokio::time::timeout_at(self.window_ends, self.body.frame())
                    .await
                    .map_err(|_| Refusal::Crawling { rate: self.rate })?
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Refusal::Cut),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    self.seen = self.seen.saturating_add(data.len());
                    if self.seen >= self.rate.saturating_mul(WINDOW.as_secs() as usize) {
                        self.seen = 0;
                        self.window_ends = Instant::now() + WINDOW;
                    }
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn collect(
    mut arriving: Arriving,
    announced: Option<usize>,
    limit: usize,
    charge: &mut Charge,
) -> Result<Bytes, Refusal> {
    if announced.is_some_and(|announced| announced > limit) {
        return Err(discard(arriving, 0, limit).await);
    }
    let mut whole: Vec<u8> = Vec::new();
    while let Some(data) = arriving.next().await? {
        let total = whole.len() + data.len();
        if total > limit {
            drop(whole);
            return Err(discard(arriving, total, limit).await);
        }
        // Small bodies come in one piece: no copy.
        if whole.is_empty() && announced == Some(data.len()) {
            return if charge.hold(data.len()) {
                Ok(data)
            } else {
                Err(Refusal::Busy)
            };
        }
        if total > whole.capacity() {
            let room = (2 * total).min(announced.unwrap_or(limit)).max(total);
            if !charge.hold(room) {
                return Err(Refusal::Busy);
            }
            whole.reserve_exact(room - whole.len());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.into())
}

async fn discard(mut arriving: Arriving, mut seen: usize, limit: usize) -> Refusal {
    while seen < DISCARD {
        match arriving.next().await {
            Ok(Some(data)) => seen += data.len(),
            Ok(None) | Err(_) => break,
        }
    }
    Refusal::TooLarge { limit }
}

/// Undoes `Content-Encoding`, or the compression that the first bytes betray.
pub(super) fn inflate(
    headers: &HeaderMap,
    body: Bytes,
    limit: usize,
    ratio: usize,
    charge: &mut Charge,
) -> Result<Bytes, Refusal> {
    let named = headers
        .get(CONTENT_ENCODING)
        .map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase());
    let input: &[u8] = &body;
    let gzipped = input.starts_with(&[0x1f, 0x8b]);
    let mut inflater = Inflater {
        limit,
        ratio,
        input: input.len(),
        charge,
    };
    match named.as_deref() {
        // Proxies strip, add and repeat this header: the bytes decide.
        None | Some(b"" | b"identity" | b"gzip" | b"x-gzip") if gzipped => {
            inflater.run(MultiGzDecoder::new(input), "gzip")
        }
        None | Some(b"" | b"identity" | b"gzip" | b"x-gzip") => Ok(body),
        Some(b"deflate")
            if input
                .first()
                .is_some_and(|byte| matches!(byte, b'{' | b'[')) =>
        {
            Ok(body)
        }
        // "deflate" is zlib by RFC 9110 and raw by habit; a zlib header is a multiple of 31.
        Some(b"deflate") => match input {
            [first, second, ..]
                if first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0 =>
            {
                inflater.run(ZlibDecoder::new(input), "deflate")
            }
            _ => inflater.run(DeflateDecoder::new(input), "deflate"),
        },
        Some(_) => Err(Refusal::Encoding),
    }
}

struct Inflater<'a> {
    limit: usize,
    ratio: usize,
    input: usize,
    charge: &'a mut Charge,
}

impl Inflater<'_> {
    fn run(&mut self, mut decoder: impl Read, name: &'static str) -> Result<Bytes, Refusal> {
        let mut out: Vec<u8> = Vec::new();
        let mut filled = 0;
        loop {
            if filled == out.len() {
                let size = (out.len() * 2)
                    .max(self.input * 4)
                    .max(4096)
                    .min(self.limit + 1);
                if filled == size {
                    return Err(Refusal::TooLarge { limit: self.limit });
                }
                if !self.charge.add(size - out.len()) {
                    return Err(Refusal::Busy);
                }
                out.resize(size, 0);
            }
            match decoder.read(out.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(_) => return Err(Refusal::Compression(name)),
            }
            if filled > RATIO_FLOOR && filled / self.ratio > self.input {
                return Err(Refusal::Bomb { ratio: self.ratio });
            }
        }
        if filled > self.limit {
            return Err(Refusal::TooLarge { limit: self.limit });
        }
        out.truncate(filled);
        Ok(out.into())
    }
}
