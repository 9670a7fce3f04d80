//! The configuration. What is absent keeps the client's default; the engine clamps.

use std::sync::Arc;
use std::time::Duration;

use headwater::json::{Object, Value};
use headwater::{Builder, ConsentConfig, Quota, RetryConfig};

use crate::call::object;
use crate::error::HeadwaterError;
use crate::listener::{Listener, listen};
use crate::platform::{Platform, context_of};
use crate::transport::{Foreign, Transport};

/// One HTTP header.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Without the value: it may be a secret.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Header").field(&self.name).finish()
    }
}

/// Whose identity events carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Mode {
    /// One user at a time; the client keeps who it is.
    #[default]
    Device,
    /// Many users: each call names its own.
    Server,
}

/// How safe an event is when a call returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Durability {
    /// In the operating system's hands: it survives the process, and all but the last 250 ms survive a power cut.
    #[default]
    Buffered,
    /// On the disk: the call waits for an fsync.
    Sync,
    /// In memory only.
    Memory,
}

/// Whether events flow before the user has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ConsentModel {
    /// Nothing leaves before a category is granted.
    OptIn,
    /// Everything counts as granted until it is denied.
    OptOut,
}

/// Where events wait for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Hold {
    /// In the store: they survive a restart.
    #[default]
    Persist,
    /// In memory only, at most 1,000.
    Memory,
}

/// Consent, where the application asks for it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Consent {
    /// The rule before a decision.
    pub model: ConsentModel,
    /// The ids of the categories.
    pub categories: Vec<String>,
    /// Where events wait under opt-in; absent: in the store.
    #[uniffi(default = None)]
    pub hold: Option<Hold>,
}

/// When to try again; absent numbers keep their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct Retry {
    /// The first wait, milliseconds: 500 (100–60,000).
    #[uniffi(default = None)]
    pub base_ms: Option<u64>,
    /// The longest wait, milliseconds: 60,000 (1,000–3,600,000).
    #[uniffi(default = None)]
    pub max_ms: Option<u64>,
    /// Percent added at random: 10 (0–100).
    #[uniffi(default = None)]
    pub jitter: Option<u32>,
    /// Tries after the first before a batch is dropped; absent: the quota decides.
    #[uniffi(default = None)]
    pub max_retries: Option<u32>,
    /// The same for tries that the hub timed by `Retry-After`.
    #[uniffi(default = None)]
    pub max_rate_limited: Option<u32>,
    /// Milliseconds after the first failure before a batch is dropped; absent: the quota decides.
    #[uniffi(default = None)]
    pub max_total_ms: Option<u64>,
    /// The longest `Retry-After` obeyed, milliseconds: 300,000, at most that.
    #[uniffi(default = None)]
    pub max_retry_after_ms: Option<u64>,
}

/// Everything a client is told once. Only the write key is needed to start, and an address to send.
#[derive(Clone, Default, uniffi::Record)]
pub struct Configuration {
    /// The source.
    pub write_key: String,
    /// Where events go: a prefix such as `hub.example/v1`, to which `/b` is added (in server mode `/batch`), or the whole
    /// address of such a route. Absent: where the settings document says; without one they wait, and a diagnostic
    /// (`no_endpoint`) tells of it.
    #[uniffi(default = None)]
    pub endpoint: Option<String>,
    /// Where the queue lies; created when it is not there. Needed, but for `Durability::Memory`.
    #[uniffi(default = None)]
    pub directory: Option<String>,
    /// Absent: device.
    #[uniffi(default = None)]
    pub mode: Option<Mode>,
    /// Absent: buffered.
    #[uniffi(default = None)]
    pub durability: Option<Durability>,
    /// Merged under each event's context, a JSON object; `library` belongs here.
    #[uniffi(default = None)]
    pub context: Option<String>,
    /// Sends once so many events wait: 20.
    #[uniffi(default = None)]
    pub flush_at: Option<u32>,
    /// Sends so long after the first event that waits, milliseconds: 30,000.
    #[uniffi(default = None)]
    pub flush_interval_ms: Option<u64>,
    /// Sends once so many bytes wait: 250,000.
    #[uniffi(default = None)]
    pub flush_bytes: Option<u64>,
    /// The most events in one request: 2,500.
    #[uniffi(default = None)]
    pub max_batch_events: Option<u32>,
    /// The largest request body before compression: 500,000 bytes.
    #[uniffi(default = None)]
    pub max_batch_bytes: Option<u64>,
    /// Whether bodies are compressed: true.
    #[uniffi(default = None)]
    pub gzip: Option<bool>,
    /// Whether the write key goes in an `Authorization: Basic` header, too: true.
    #[uniffi(default = None)]
    pub basic_auth: Option<bool>,
    /// Sent with each batch.
    #[uniffi(default)]
    pub headers: Vec<Header>,
    /// How long one request may take in all, milliseconds: 30,000.
    #[uniffi(default = None)]
    pub request_timeout_ms: Option<u64>,
    /// When to try again.
    #[uniffi(default = None)]
    pub retry: Option<Retry>,
    /// The most bytes that may wait: 256 MiB. Over it the oldest go, with a report.
    #[uniffi(default = None)]
    pub quota_bytes: Option<u64>,
    /// The most events that may wait: 500,000.
    #[uniffi(default = None)]
    pub quota_events: Option<u64>,
    /// How long an event may wait, milliseconds: 30 days.
    #[uniffi(default = None)]
    pub quota_age_ms: Option<u64>,
    /// Absent: nobody is asked, every event goes out.
    #[uniffi(default = None)]
    pub consent: Option<Consent>,
    /// Sessions that end when no event came for so long, milliseconds; absent: none.
    #[uniffi(default = None)]
    pub session_timeout_ms: Option<u64>,
    /// Whether the settings document is fetched: false. Destinations that need it are added later, so say true for them.
    #[uniffi(default = false)]
    pub fetch_settings: bool,
    /// The prefix that it is fetched under, from `{prefix}/projects/{write key}/settings`; absent: the endpoint's.
    #[uniffi(default = None)]
    pub settings_host: Option<String>,
    /// Where it is fetched, as a whole address.
    #[uniffi(default = None)]
    pub settings_url: Option<String>,
    /// The settings document while there is neither a fetched nor a cached one, JSON.
    #[uniffi(default = None)]
    pub default_settings: Option<String>,
    /// How often it is fetched again, milliseconds: 24 h.
    #[uniffi(default = None)]
    pub settings_refresh_ms: Option<u64>,
    /// Whether the document may move the uploads (`integrations["Segment.io"].apiHost`): false.
    #[uniffi(default = false)]
    pub follow_api_host: bool,
}

/// Without keys, addresses and headers.
impl std::fmt::Debug for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Configuration")
            .field("mode", &self.mode)
            .field("durability", &self.durability)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Sets what is given.
fn set<T>(builder: Builder, given: Option<T>, with: impl FnOnce(Builder, T) -> Builder) -> Builder {
    match given {
        Some(value) => with(builder, value),
        None => builder,
    }
}

fn count(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

impl Configuration {
    pub(crate) fn builder(
        self,
        transport: Arc<dyn Transport>,
        platform: Option<&dyn Platform>,
        listener: Option<&Arc<dyn Listener>>,
    ) -> Result<Builder, HeadwaterError> {
        let quota = self.quota();
        let mut builder = headwater::Client::builder(self.write_key)
            .without_endpoint()
            .transport(Foreign(transport))
            .quota(quota)
            .retry(self.retry.unwrap_or_default().into())
            .durability(self.durability.unwrap_or_default().into());
        builder = match self.mode.unwrap_or_default() {
            Mode::Device => builder.device(),
            Mode::Server => builder.server(),
        };
        builder = match (self.directory, self.durability) {
            (Some(directory), _) => builder.directory(directory),
            (None, Some(Durability::Memory)) => builder,
            (None, _) => {
                return Err(HeadwaterError::Configuration(
                    "no directory was given: the queue needs a place of its own".to_owned(),
                ));
            }
        };
        let mut context = object("context", self.context.as_deref().unwrap_or_default())?;
        if let Some(device) = platform.and_then(context_of) {
            context = merged(device, context);
        }
        builder = builder.context(Value::Object(context));
        let ms = Duration::from_millis;
        builder = set(builder, self.flush_at, |b, n| b.flush_at(count(n)));
        builder = set(builder, self.flush_interval_ms, |b, n| {
            b.flush_interval(ms(n))
        });
        builder = set(builder, self.flush_bytes, Builder::flush_bytes);
        builder = set(builder, self.max_batch_events, |b, n| {
            b.max_batch_events(count(n))
        });
        builder = set(builder, self.max_batch_bytes, |b, n| {
            b.max_batch_bytes(count(n))
        });
        builder = set(builder, self.gzip, Builder::gzip);
        builder = set(builder, self.basic_auth, Builder::basic_auth);
        builder = set(builder, self.request_timeout_ms, |b, n| {
            b.request_timeout(ms(n))
        });
        builder = set(builder, self.session_timeout_ms, |b, n| b.sessions(ms(n)));
        builder = set(builder, self.consent, |b, consent| {
            b.consent(consent.into())
        });
        for Header { name, value } in self.headers {
            builder = builder.header(name, value);
        }
        builder = set(builder, self.endpoint, Builder::endpoint);
        if self.fetch_settings {
            builder = builder.settings();
        }
        builder = set(builder, self.settings_host, Builder::settings_host);
        builder = set(builder, self.settings_url, Builder::settings_url);
        builder = set(builder, self.settings_refresh_ms, |b, n| {
            b.settings_refresh(ms(n))
        });
        if let Some(document) = self.default_settings {
            builder =
                builder.default_settings(Value::Object(object("default settings", &document)?));
        }
        if self.follow_api_host {
            builder = builder.follow_api_host();
        }
        if let Some(listener) = listener {
            builder = listen(builder, listener);
        }
        Ok(builder)
    }

    fn quota(&self) -> Quota {
        let usual = Quota::default();
        Quota {
            bytes: self.quota_bytes.unwrap_or(usual.bytes),
            events: self.quota_events.map_or(usual.events, count),
            age: self.quota_age_ms.unwrap_or(usual.age),
        }
    }
}

/// What the application says of the device wins.
fn merged(mut device: Object, given: Object) -> Object {
    for (key, value) in given {
        device.insert(key, value);
    }
    device
}

impl From<Durability> for headwater::Durability {
    fn from(durability: Durability) -> headwater::Durability {
        match durability {
            Durability::Buffered => headwater::Durability::Buffered,
            Durability::Sync => headwater::Durability::Sync,
            Durability::Memory => headwater::Durability::Memory,
        }
    }
}

impl From<Consent> for ConsentConfig {
    fn from(consent: Consent) -> ConsentConfig {
        ConsentConfig {
            model: match consent.model {
                ConsentModel::OptIn => headwater::ConsentModel::OptIn,
                ConsentModel::OptOut => headwater::ConsentModel::OptOut,
            },
            categories: consent.categories,
            hold: match consent.hold.unwrap_or_default() {
                Hold::Persist => headwater::Hold::Persist,
                Hold::Memory => headwater::Hold::Memory,
            },
        }
    }
}

impl From<Retry> for RetryConfig {
    fn from(given: Retry) -> RetryConfig {
        let usual = RetryConfig::default();
        RetryConfig {
            base: given.base_ms.unwrap_or(usual.base),
            max: given.max_ms.unwrap_or(usual.max),
            jitter: given.jitter.unwrap_or(usual.jitter),
            max_retries: given.max_retries,
            max_rate_limited: given.max_rate_limited,
            max_total: given.max_total_ms,
            max_retry_after: given.max_retry_after_ms.unwrap_or(usual.max_retry_after),
            overrides: Vec::new(),
        }
    }
}
