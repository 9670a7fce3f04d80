//! The retry table, said a second time and in other words than the engine's, so that a mistake there is no rule here.

use headwater_model::json::{Object, Value};
use headwater_model::time::Millis;
use headwater_model::time::parse_http_date;

/// What an answer means for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Taken,
    /// Something in it is at fault: it is cut in two, and one event alone is set aside.
    AtFault,
    Again,
    Never,
}

/// The numbers in force, milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) base: u64,
    pub(crate) longest: u64,
    pub(crate) jitter_percent: u64,
    pub(crate) retries: Option<u32>,
    pub(crate) timed_by_hub: Option<u32>,
    pub(crate) total: Option<u64>,
    pub(crate) longest_asked: u64,
    /// Statuses that the settings document says are tried again, and those that are dropped.
    pub(crate) again: Vec<u16>,
    pub(crate) never: Vec<u16>,
}

impl Table {
    /// The defaults, and how often the application lets a batch be tried again.
    pub(crate) fn new(retries: Option<u32>) -> Table {
        Table {
            base: 500,
            longest: 60_000,
            jitter_percent: 10,
            retries,
            timed_by_hub: None,
            total: None,
            longest_asked: 300_000,
            again: Vec::new(),
            never: Vec::new(),
        }
    }

    pub(crate) fn meaning(&self, status: u16) -> Meaning {
        if self.again.contains(&status) {
            return Meaning::Again;
        }
        if self.never.contains(&status) {
            return Meaning::Never;
        }
        let taken = status / 100 == 2;
        // Whoever sends elsewhere has not taken it.
        let elsewhere = status / 100 == 3;
        let server = status / 100 == 5;
        match status {
            _ if taken => Meaning::Taken,
            400 | 413 => Meaning::AtFault,
            408 | 410 | 429 | 460 => Meaning::Again,
            501 | 505 | 511 => Meaning::Never,
            _ if server || elsewhere => Meaning::Again,
            _ => Meaning::Never,
        }
    }

    /// The shortest and the longest wait after failure number `n` that the hub did not time.
    pub(crate) fn backoff(&self, n: u32) -> (u64, u64) {
        let mut wait = self.base;
        for _ in 1..n.min(40) {
            wait = (wait * 2).min(self.longest);
        }
        let most = wait + wait * self.jitter_percent / 100;
        (wait.min(self.longest), most.min(self.longest))
    }

    /// What a `Retry-After` asks for; `None` when it is neither a number nor a date.
    pub(crate) fn asked(&self, text: &str, wall: Millis) -> Option<u64> {
        let ms = if text.chars().all(|sign| sign.is_ascii_digit()) {
            text.parse::<u64>().ok()?.saturating_mul(1_000)
        } else {
            let until = parse_http_date(text)?;
            u64::try_from(until.0 - wall.0).unwrap_or(0)
        };
        Some(ms.min(self.longest_asked).max(self.base))
    }

    /// Lays a document's `httpConfig` over the defaults: seconds there, and only what is in range.
    pub(crate) fn with(mut self, http: &Value) -> Table {
        let on = |section: &&Value| section.get("enabled").and_then(Value::as_bool) != Some(false);
        let number = |section: &Value, key: &str| section.get(key).and_then(Value::as_i64);
        let ms = |section: &Value, key: &str, least: i64, most: i64| {
            let seconds = number(section, key)?;
            u64::try_from((seconds * 1_000).clamp(least, most)).ok()
        };
        let count = |section: &Value, key: &str| {
            number(section, key).and_then(|count| u32::try_from(count).ok())
        };
        if let Some(limits) = http.get("rateLimitConfig").filter(on) {
            self.timed_by_hub = count(limits, "maxRetryCount").or(self.timed_by_hub);
            self.longest_asked =
                ms(limits, "maxRetryInterval", 1_000, 300_000).unwrap_or(self.longest_asked);
        }
        if let Some(backoff) = http.get("backoffConfig").filter(on) {
            self.retries = count(backoff, "maxRetryCount").or(self.retries);
            self.longest =
                ms(backoff, "maxBackoffInterval", 1_000, 3_600_000).unwrap_or(self.longest);
            self.base = ms(backoff, "baseBackoffInterval", 100, 60_000).unwrap_or(self.base);
            self.base = self.base.min(self.longest);
            self.total = ms(backoff, "maxTotalBackoffDuration", 1_000, 604_800_000).or(self.total);
            self.jitter_percent = number(backoff, "jitterPercent")
                .and_then(|percent| u64::try_from(percent.clamp(0, 100)).ok())
                .unwrap_or(self.jitter_percent);
            let overrides = backoff
                .get("statusCodeOverrides")
                .and_then(Value::as_object);
            for (status, word) in overrides.into_iter().flat_map(Object::iter) {
                let list = match word.as_str() {
                    Some("retry") => &mut self.again,
                    Some("drop") => &mut self.never,
                    _ => continue,
                };
                list.extend(status.parse::<u16>());
            }
        }
        self
    }
}
