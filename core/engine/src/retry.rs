//! The one retry table.
//!
//! | answer | what happens |
//! |---|---|
//! | 200–299 | delivered |
//! | 307, 308 | of the same origin: followed once (`redirect`) |
//! | any other 3xx | told, try again |
//! | 400, 413 | the payload is at fault: halve the batch down to the event, quarantine it, deliver the rest |
//! | 408, 410, 429, 460 | try again |
//! | other 4xx | drop and report |
//! | 501, 505, 511 | drop and report |
//! | other 5xx | try again |
//! | no answer | try again |
//!
//! The wait before try *n* + 1 is `base · 2^(n−1)` plus up to `jitter` percent of that, at most `max`. A `Retry-After`
//! (seconds or an HTTP date, RFC 9110 §10.2.3) on any answer that is tried again takes its place, clamped to 300 s.
//! Where Segment's SDKs differ from each other, this is their union; `httpConfig` in the settings document adjusts it,
//! within the clamps.

use headwater_model::json::{Limits, Members, Object, parse, parse_u64, write_bool, write_i64};
use headwater_model::time::{Millis, parse_http_date};

use crate::clock::Jitter;
use crate::config::NATIVE;

/// The longest wait a hub can ask for, milliseconds: Segment's own cap.
pub(crate) const MAX_RETRY_AFTER: u64 = 300_000;

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The hub has the batch.
    Delivered,
    /// Something in the batch cannot be accepted.
    Rejected,
    /// Later.
    Retry,
    /// Never.
    Refused,
}

impl Verdict {
    /// Its name in the vectors.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Delivered => "delivered",
            Verdict::Rejected => "rejected",
            Verdict::Retry => "retry",
            Verdict::Refused => "refused",
        }
    }
}

/// Why a try failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer.
    Network,
    /// An answer that asks for another try.
    Status(u16),
}

/// The numbers of the table. Clamped when the engine takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// The first wait, milliseconds: 500 (100–60,000).
    pub base: u64,
    /// The longest wait, milliseconds: 60,000 (1,000–3,600,000).
    pub max: u64,
    /// Percent of the wait added at random: 10 (0–100).
    pub jitter: u32,
    /// Tries after the first before a batch is dropped. `None` (default): no limit, the quota decides.
    pub max_retries: Option<u32>,
    /// The same for tries that the hub timed by `Retry-After`; those do not count against `max_retries`.
    pub max_rate_limited: Option<u32>,
    /// Milliseconds after the first failure before a batch is dropped. `None` (default): no limit.
    pub max_total: Option<u64>,
    /// The longest `Retry-After` obeyed, milliseconds: 300,000, at most that.
    pub max_retry_after: u64,
    /// Answers that mean something else than the table says: `true` try again, `false` drop.
    pub overrides: Vec<(u16, bool)>,
}

impl Default for RetryConfig {
    fn default() -> RetryConfig {
        RetryConfig::STANDARD
    }
}

impl RetryConfig {
    pub(crate) const STANDARD: RetryConfig = RetryConfig {
        base: 500,
        max: 60_000,
        jitter: 10,
        max_retries: None,
        max_rate_limited: None,
        max_total: None,
        max_retry_after: MAX_RETRY_AFTER,
        overrides: Vec::new(),
    };

    pub(crate) fn clamp(&mut self) {
        self.max = self.max.clamp(1_000, 3_600_000);
        self.base = self.base.clamp(100, 60_000).min(self.max);
        self.jitter = self.jitter.min(100);
        self.max_retries = self.max_retries.map(|n| n.min(1_000));
        self.max_rate_limited = self.max_rate_limited.map(|n| n.min(1_000));
        self.max_total = self.max_total.map(|ms| ms.clamp(1_000, 604_800_000));
        self.max_retry_after = self.max_retry_after.clamp(1_000, MAX_RETRY_AFTER);
        self.overrides
            .retain(|(status, _)| (400..=599).contains(status));
    }

    /// Applies `integrations["Segment.io"].httpConfig` of a settings document. Unknown or ill-typed members are
    /// ignored, numbers are clamped; seconds in the document, milliseconds here.
    #[must_use]
    pub fn with_http_config(mut self, http: &Object) -> RetryConfig {
        if let Some(rate) = section(http, "rateLimitConfig") {
            if let Some(n) = count(&rate, "maxRetryCount") {
                self.max_rate_limited = Some(n);
            }
            if let Some(ms) = millis(&rate, "maxRetryInterval") {
                self.max_retry_after = ms;
            }
        }
        if let Some(backoff) = section(http, "backoffConfig") {
            if let Some(n) = count(&backoff, "maxRetryCount") {
                self.max_retries = Some(n);
            }
            if let Some(ms) = millis(&backoff, "baseBackoffInterval") {
                self.base = ms;
            }
            if let Some(ms) = millis(&backoff, "maxBackoffInterval") {
                self.max = ms;
            }
            if let Some(ms) = millis(&backoff, "maxTotalBackoffDuration") {
                self.max_total = Some(ms);
            }
            if let Some(percent) = count(&backoff, "jitterPercent") {
                self.jitter = percent;
            }
            if let Some(overrides) = backoff.to_object("statusCodeOverrides") {
                for (status, behaviour) in overrides {
                    let retry = match behaviour.into_text().as_deref() {
                        Some("retry") => true,
                        Some("drop") => false,
                        _ => continue,
                    };
                    let status = parse_u64(&status).and_then(|status| status.try_into().ok());
                    if let Some(status) = status {
                        self.overrides.retain(|(known, _)| *known != status);
                        self.overrides.push((status, retry));
                    }
                }
            }
        }
        self.clamp();
        self
    }
}

fn section(http: &Object, key: &str) -> Option<Object> {
    let section = http.to_object(key)?;
    (section.flag("enabled") != Some(false)).then_some(section)
}

fn count(object: &Object, key: &str) -> Option<u32> {
    object.natural(key)?.try_into().ok()
}

fn millis(object: &Object, key: &str) -> Option<u64> {
    let ms = object.get(key)?.as_thousandths()?;
    (ms <= 1_000_000_000_000).then_some(ms)
}

/// What a status means.
#[must_use]
pub fn classify(status: u16, overrides: &[(u16, bool)]) -> Verdict {
    if let Some((_, retry)) = overrides.iter().find(|(known, _)| *known == status) {
        return if *retry {
            Verdict::Retry
        } else {
            Verdict::Refused
        };
    }
    match status {
        200..=299 => Verdict::Delivered,
        // Not there, and perhaps not for ever: a misconfiguration that is mended before the events are too old costs none.
        300..=399 => Verdict::Retry,
        400 | 413 => Verdict::Rejected,
        408 | 410 | 429 | 460 => Verdict::Retry,
        501 | 505 | 511 => Verdict::Refused,
        500..=599 => Verdict::Retry,
        _ => Verdict::Refused,
    }
}

/// The wait after failure number `failures` (1, 2, …) without jitter, and the share of it that jitter may add.
#[must_use]
pub fn backoff(config: &RetryConfig, failures: u32, permille: u32) -> u64 {
    // A base beyond 49 days, or more doublings, are over any `max`.
    let doublings = failures.saturating_sub(1).min(31);
    let wait = (config.base.min(u64::from(u32::MAX)) << doublings).min(config.max);
    let jitter = wait * u64::from(config.jitter) * u64::from(permille.min(999)) / 100_000;
    (wait + jitter).min(config.max)
}

/// A `Retry-After` in milliseconds from now, clamped to `0..=max`. `None` when it is neither a number nor a date.
#[must_use]
pub fn retry_after(text: &str, wall: Millis, max: u64) -> Option<u64> {
    let text = text.trim_ascii();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        return Some(
            parse_u64(text)
                .filter(|seconds| *seconds <= max / 1_000)
                .map_or(max, |seconds| seconds * 1_000),
        );
    }
    // A page's host reads dates: JavaScript can.
    let date = NATIVE.then(|| parse_http_date(text))??;
    Some(
        u64::try_from(date.0.saturating_sub(wall.0))
            .unwrap_or(0)
            .min(max),
    )
}

/// How long to wait, and why. One for the whole pipeline: an offline phone makes one probe, not one a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryState {
    /// Failed tries since the last success; sent as `X-Retry-Count`.
    pub(crate) tries: u32,
    /// Those that count against `max_retries`.
    counted: u32,
    /// Those that the hub timed.
    rate_limited: u32,
    /// When the first of them failed, unix milliseconds.
    first: Option<i64>,
    /// No try before this monotonic time.
    pub(crate) wait_until: Option<u64>,
    /// The same on the wall clock, for the next life.
    wall_until: i64,
    /// Whether the network, not the hub, is what failed: being online again ends such a wait.
    pub(crate) by_network: bool,
    pub(crate) last: Option<Failure>,
}

impl RetryState {
    /// A try failed. Answers the wait in milliseconds, or `None` when the limits say that the batch is lost.
    pub(crate) fn failed(
        &mut self,
        config: &RetryConfig,
        failure: Failure,
        after: Option<u64>,
        (wall, mono): (i64, u64),
        jitter: &mut Jitter,
    ) -> Option<u64> {
        self.last = Some(failure);
        self.by_network = failure == Failure::Network;
        self.tries = self.tries.saturating_add(1);
        // A clock that was set back must not make the first failure lie in the future.
        let first = self.first.filter(|first| *first <= wall).unwrap_or(wall);
        self.first = Some(first);
        let over = if after.is_some() {
            self.rate_limited += 1;
            config
                .max_rate_limited
                .is_some_and(|max| self.rate_limited > max)
        } else {
            self.counted += 1;
            config.max_retries.is_some_and(|max| self.counted > max)
        };
        let too_long = config
            .max_total
            .is_some_and(|max| u64::try_from(wall.saturating_sub(first)).unwrap_or(0) > max);
        if over || too_long {
            return None;
        }
        let wait = match after {
            // Never in a tight loop, whatever the hub says.
            Some(after) => after.max(config.base),
            None => backoff(config, self.counted, jitter.permille()),
        };
        self.wait_until = Some(mono.saturating_add(wait));
        self.wall_until = wall.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX));
        Some(wait)
    }

    /// Something worked, or the batch was given up.
    pub(crate) fn clear(&mut self) -> bool {
        let was = *self != RetryState::default();
        *self = RetryState::default();
        was
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Members::default();
        for (key, number) in [
            ("tries", i64::from(self.tries)),
            ("counted", i64::from(self.counted)),
            ("rateLimited", i64::from(self.rate_limited)),
            ("until", self.wall_until),
        ] {
            write_i64(members.key(key), number);
        }
        if let Some(first) = self.first {
            write_i64(members.key("first"), first);
        }
        write_bool(members.key("byNetwork"), self.by_network);
        members.end()
    }

    /// Reads the saved form. A wait longer than any we would set means that the clock jumped: it is cut short.
    pub(crate) fn from_json(
        text: &[u8],
        config: &RetryConfig,
        (wall, mono): (i64, u64),
    ) -> Option<RetryState> {
        let object = parse(text, &Limits::default()).ok()?.into_object()?;
        let until = object.integer("until")?;
        let longest = config.max.max(config.max_retry_after);
        let wait = u64::try_from(until.saturating_sub(wall))
            .unwrap_or(0)
            .min(longest);
        Some(RetryState {
            tries: count(&object, "tries")?,
            counted: count(&object, "counted")?,
            rate_limited: count(&object, "rateLimited")?,
            first: object.integer("first"),
            wait_until: (wait > 0).then(|| mono.saturating_add(wait)),
            wall_until: until,
            by_network: object.flag("byNetwork").unwrap_or(false),
            last: None,
        })
    }
}
