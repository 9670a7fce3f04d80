//! What a host configures, with the defaults and the clamps.

use crate::endpoint::Endpoint;
#[cfg(feature = "plugins")]
use crate::flush::FlushPolicy;
use crate::flush::Pace;
#[cfg(feature = "full")]
use crate::retry::RetryConfig;
#[cfg(feature = "plugins")]
use crate::timeline::Timeline;
use headwater_model::id::WriteKey;
use headwater_model::json::{Object, Value};
use headwater_model::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES};

/// Whether this engine can be a server's and find its log damaged, which a page's cannot.
pub(crate) const NATIVE: bool = cfg!(feature = "native");

/// Whose identity events carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One user at a time: the engine keeps anonymousId, userId, traits and group.
    #[default]
    Device,
    /// Many users: each call names its own, nothing is remembered. Needs the feature `native`.
    Server,
}

/// How much may wait. Over it, the oldest events go, with a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of event JSON. Default 256 MiB.
    pub bytes: u64,
    /// Events. Default 500,000.
    pub events: usize,
    /// Age in milliseconds. Default 30 days.
    pub age: u64,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota {
            bytes: 256 << 20,
            events: 500_000,
            age: 30 * 24 * 3_600_000,
        }
    }
}

/// Whether events flow before the user has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentModel {
    /// Nothing leaves before a category is granted.
    OptIn,
    /// Everything counts as granted until it is denied.
    OptOut,
}

/// Where events wait for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// In the store: they survive a restart.
    #[default]
    Persist,
    /// In memory only (at most 1,000): nothing is written about a user who has not agreed.
    Memory,
}

/// Consent, where the application asks for it. Without this every event goes out unstamped.
#[derive(Clone, Debug)]
pub struct ConsentConfig {
    /// The rule before a decision.
    pub model: ConsentModel,
    /// The ids of the categories; a decision is about these, one that it leaves out counts as denied.
    pub categories: Vec<String>,
    /// Where events wait under opt-in.
    pub hold: Hold,
}

/// The settings document.
///
/// Where the application named no endpoint, uploads wait for it; where it cannot be had, or names no host, they go to
/// `/v1` of the host it is fetched from.
#[derive(Clone, Debug)]
pub struct SettingsConfig {
    /// Where it is fetched; empty: nowhere, the defaults and a stored one count.
    pub url: String,
    /// Milliseconds between refreshes. Default 24 h, at least 1 minute.
    pub refresh: u64,
    /// Used when there is neither a cached nor a fetched document.
    pub defaults: Option<Value>,
    /// Whether `integrations["Segment.io"].apiHost` moves the uploads. Default false: the endpoint that the
    /// application configured stays. Where that is unknown, it does.
    pub follow_api_host: bool,
}

impl SettingsConfig {
    /// The defaults with this address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> SettingsConfig {
        SettingsConfig {
            url: url.into(),
            refresh: 24 * 3_600_000,
            defaults: None,
            follow_api_host: false,
        }
    }
}

/// A device-mode destination, as far as the engine needs to know it.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// Its name in `integrations` and in the settings document.
    pub key: String,
    /// The consent categories it is mapped to; the settings document's `consentSettings.categories` add to them.
    pub categories: Vec<String>,
    /// Whether it runs only when the settings document has an entry for it.
    pub needs_settings: bool,
}

/// Everything the engine is told once. Build with [`Config::new`], change fields, hand to the engine, which clamps.
pub struct Config {
    /// The source.
    pub write_key: WriteKey,
    /// Where batches go. Unknown: where the settings document says, or else that document's own host; without a settings
    /// document nothing is sent.
    pub endpoint: Endpoint,
    /// Whose identity events carry.
    pub mode: Mode,
    /// Sent with each request, after our own.
    pub headers: Vec<(String, String)>,
    /// Whether the write key goes in an `Authorization: Basic` header, too. Default true; off where a header costs
    /// a CORS preflight. Needs the feature `native`.
    pub basic_auth: bool,
    /// Default `application/json`.
    pub content_type: String,
    /// Whether hosts should compress bodies. Default true.
    pub gzip: bool,
    /// How much may wait.
    pub quota: Quota,
    /// The largest event in bytes. Default and at most 32 KiB.
    pub max_event_bytes: usize,
    /// The largest request body in bytes. Default and at most 500,000.
    pub max_batch_bytes: usize,
    /// The most events in a request. Default and at most 2,500.
    pub max_batch_events: usize,
    /// When to send.
    pub pace: Pace,
    /// Further reasons to send.
    #[cfg(feature = "plugins")]
    pub flush: Vec<Box<dyn FlushPolicy>>,
    /// When to try again.
    #[cfg(feature = "full")]
    pub retry: RetryConfig,
    /// How long one request may take, milliseconds. Default 30,000.
    pub request_timeout: u64,
    /// Milliseconds after which appended events are made durable; `None` leaves that to the host.
    pub sync_after: Option<u64>,
    /// Whether events go to the hub at all. Default true. Without, device-mode destinations get every event, nothing is
    /// queued or sent, and what earlier lives queued waits on.
    #[cfg(feature = "full")]
    pub hub: bool,
    /// Merged under each event's context.
    pub context: Object,
    /// Consent, where it is asked for.
    #[cfg(feature = "full")]
    pub consent: Option<ConsentConfig>,
    /// Milliseconds without an event after which a new session starts; `None` (default): no sessions.
    #[cfg(feature = "full")]
    pub session_timeout: Option<u64>,
    /// The settings document; `None` (default): not fetched.
    #[cfg(feature = "full")]
    pub settings: Option<SettingsConfig>,
    /// Device-mode destinations.
    #[cfg(feature = "full")]
    pub destinations: Vec<DestinationConfig>,
    /// The plugins.
    #[cfg(feature = "plugins")]
    pub timeline: Timeline,
}

/// Without the headers and the context: they may hold secrets.
impl core::fmt::Debug for Config {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Config")
            .field("write_key", &self.write_key)
            .field("endpoint", &crate::endpoint::shown(self.endpoint.as_str()))
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The defaults: device mode, a batch at 20 events, after 30 seconds, at 250,000 bytes or on going to the
    /// background.
    #[must_use]
    pub fn new(write_key: WriteKey, endpoint: Endpoint) -> Config {
        Config {
            write_key,
            endpoint,
            mode: Mode::Device,
            headers: Vec::new(),
            basic_auth: true,
            content_type: "application/json".to_owned(),
            gzip: true,
            quota: Quota::default(),
            max_event_bytes: MAX_EVENT_BYTES,
            max_batch_bytes: MAX_BATCH_BYTES,
            max_batch_events: MAX_BATCH_EVENTS,
            pace: Pace::default(),
            #[cfg(feature = "plugins")]
            flush: Vec::new(),
            #[cfg(feature = "full")]
            retry: RetryConfig::default(),
            request_timeout: 30_000,
            sync_after: Some(250),
            #[cfg(feature = "full")]
            hub: true,
            context: Object::new(),
            #[cfg(feature = "full")]
            consent: None,
            #[cfg(feature = "full")]
            session_timeout: None,
            #[cfg(feature = "full")]
            settings: None,
            #[cfg(feature = "full")]
            destinations: Vec::new(),
            #[cfg(feature = "plugins")]
            timeline: Timeline::default(),
        }
    }

    /// Whether one user is remembered, as in device mode.
    pub(crate) fn remembers(&self) -> bool {
        !NATIVE || self.mode == Mode::Device
    }

    /// Whether there is a hub to send to.
    #[inline(always)]
    #[cfg_attr(
        not(feature = "full"),
        expect(clippy::unused_self, reason = "as with the feature")
    )]
    pub(crate) fn has_hub(&self) -> bool {
        #[cfg(feature = "full")]
        let hub = self.hub;
        #[cfg(not(feature = "full"))]
        let hub = true;
        hub
    }

    /// Brings every number into its range.
    pub(crate) fn clamp(&mut self) {
        self.max_event_bytes = self.max_event_bytes.clamp(256, MAX_EVENT_BYTES);
        self.max_batch_bytes = self.max_batch_bytes.clamp(1_024, MAX_BATCH_BYTES);
        self.max_batch_events = self.max_batch_events.clamp(1, MAX_BATCH_EVENTS);
        self.quota.bytes = self.quota.bytes.max(self.max_event_bytes as u64);
        self.quota.events = self.quota.events.max(1);
        self.quota.age = self.quota.age.max(1_000);
        self.request_timeout = self.request_timeout.clamp(100, 600_000);
        #[cfg(feature = "full")]
        {
            self.session_timeout = self.session_timeout.map(|timeout| timeout.max(1_000));
            if let Some(settings) = &mut self.settings {
                settings.refresh = settings.refresh.max(60_000);
            }
            self.retry.clamp();
        }
    }
}
