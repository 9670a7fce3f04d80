//! The settings document: fetched, cached, never waited for.

use headwater_model::json::{Limits, Object, Value, parse};

use crate::clock::Now;
use crate::config::SettingsConfig;
use crate::part::FULL;
use crate::retry::RetryConfig;
use crate::text::{joined, words};

/// The largest document read, bytes. Real ones are tens of kilobytes; Segment's largest fixtures stay under 500.
const MAX_BYTES: usize = 1 << 20;
/// Coming to the foreground fetches again, but not within this of the last time, milliseconds (as analytics-swift).
const FOREGROUND_PAUSE: u64 = 10_000;
/// First and longest wait after a failed fetch, milliseconds.
const RETRY_FIRST: u64 = 1_000;
const RETRY_LONGEST: u64 = 300_000;

/// A settings document, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    document: Object,
}

impl Settings {
    /// Reads a document: a JSON object of at most 1 MiB.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &[u8]) -> Result<Settings, String> {
        if !FULL {
            return Err(String::new());
        }
        let limits = Limits {
            max_bytes: MAX_BYTES,
            ..Limits::default()
        };
        match parse(text, &limits) {
            Ok(Value::Object(document)) => Ok(Settings { document }),
            Ok(_) => Err(words!("the settings document is no JSON object").to_owned()),
            #[cfg(feature = "words")]
            Err(error) => Err(["the settings document is no JSON: ", &error.to_string()].concat()),
            #[cfg(not(feature = "words"))]
            Err(_) => Err(String::new()),
        }
    }

    /// The whole document.
    #[must_use]
    pub fn document(&self) -> &Object {
        &self.document
    }

    /// A destination's entry in `integrations`.
    #[must_use]
    pub fn integration(&self, key: &str) -> Option<&Value> {
        self.document.object("integrations")?.get(key)
    }

    /// Adds a destination's consent categories.
    pub(crate) fn add_categories(&self, key: &str, to: &mut Vec<String>) {
        let categories = self
            .integration(key)
            .and_then(|entry| entry.get("consentSettings"))
            .and_then(|consent| consent.get("categories"))
            .and_then(Value::as_array);
        for category in categories.map_or(&[][..], Vec::as_slice) {
            if let Some(category) = category.as_str() {
                to.push(category.to_owned());
            }
        }
    }

    /// Whether the tracking plan lets a track event reach a device-mode destination (`plan.track`; an event that is
    /// not named follows `__default`). The hub gets every event all the same.
    pub(crate) fn plan_allows(&self, event: Option<&str>, destination: &str) -> bool {
        let Some(event) = event else { return true };
        let plan = self.document.get("plan").and_then(|plan| plan.get("track"));
        let Some(entry) =
            plan.and_then(|track| track.get(event).or_else(|| track.get("__default")))
        else {
            return true;
        };
        let enabled = entry.get("enabled").and_then(Value::as_bool) != Some(false);
        let wanted = entry
            .get("integrations")
            .and_then(|all| all.get(destination))
            .and_then(Value::as_bool);
        enabled && wanted != Some(false)
    }

    /// The hub's address for uploads, where the document moves it: `apiHost` with `protocol`.
    pub(crate) fn api_host(&self) -> Option<String> {
        let hub = self.integration(headwater_govern::gate::HUB)?;
        // One that is no address would keep every event from arriving.
        let host = hub
            .get("apiHost")
            .and_then(Value::as_str)
            .filter(|host| host.bytes().any(|byte| byte.is_ascii_alphanumeric()))
            .filter(|host| {
                host.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte))
            })?;
        if host.starts_with("http://") || host.starts_with("https://") {
            return Some(host.to_owned());
        }
        let protocol = match hub.get("protocol").and_then(Value::as_str) {
            Some("http") => "http://",
            _ => "https://",
        };
        Some(joined(protocol, host))
    }

    /// The retry numbers, where the document changes them.
    pub(crate) fn retry(&self, config: &RetryConfig) -> RetryConfig {
        let http = self
            .integration(headwater_govern::gate::HUB)
            .and_then(|hub| hub.get("httpConfig"));
        match http.and_then(Value::as_object) {
            Some(http) => config.clone().with_http_config(http),
            None => config.clone(),
        }
    }
}

/// When to fetch.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) config: SettingsConfig,
    /// The monotonic time of the next fetch; `None` while one is under way.
    next: Option<u64>,
    last: Option<u64>,
    failures: u32,
}

impl Fetcher {
    pub(crate) fn new(config: SettingsConfig, now: Now) -> Fetcher {
        Fetcher {
            config,
            next: Some(now.mono),
            last: None,
            failures: 0,
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.next
    }

    /// Whether to fetch now; then one is under way.
    pub(crate) fn due(&mut self, now: Now) -> bool {
        let due = self.next.is_some_and(|next| next <= now.mono);
        if due {
            self.next = None;
            self.last = Some(now.mono);
        }
        due
    }

    pub(crate) fn foreground(&mut self, now: Now) {
        let recent = self
            .last
            .is_some_and(|last| now.mono.saturating_sub(last) < FOREGROUND_PAUSE);
        if self.next.is_some() && !recent {
            self.next = Some(now.mono);
        }
    }

    pub(crate) fn succeeded(&mut self, now: Now) {
        self.failures = 0;
        self.next = Some(now.mono.saturating_add(self.config.refresh));
    }

    pub(crate) fn failed(&mut self, now: Now) {
        let wait = (RETRY_FIRST << self.failures.min(16)).min(RETRY_LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now.mono.saturating_add(wait));
    }
}
