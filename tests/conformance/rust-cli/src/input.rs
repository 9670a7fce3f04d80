//! What the runner says: the contract that Segment's SDKs share, and our optional fields under `headwater`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The document after `--input`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    pub(crate) write_key: String,
    pub(crate) api_host: Option<String>,
    pub(crate) cdn_host: Option<String>,
    #[serde(default)]
    pub(crate) sequences: Vec<Sequence>,
    #[serde(default)]
    pub(crate) config: Config,
    #[serde(default)]
    pub(crate) headwater: Ours,
}

/// Events that are sent one after the other, after a pause.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sequence {
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// Ours: the user's decision, taken before the events.
    pub(crate) consent: Option<BTreeMap<String, bool>>,
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    /// Ours: a flush after the events, waited for.
    #[serde(default)]
    pub(crate) flush: bool,
}

/// One call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) event: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) anonymous_id: Option<String>,
    pub(crate) group_id: Option<String>,
    pub(crate) previous_id: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) properties: Option<Map<String, Value>>,
    pub(crate) traits: Option<Map<String, Value>>,
    pub(crate) context: Option<Map<String, Value>>,
    pub(crate) integrations: Option<Map<String, Value>>,
}

/// The contract's `config`. `flushInterval` is in milliseconds, `timeout` in seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    pub(crate) flush_at: Option<usize>,
    pub(crate) flush_interval: Option<f64>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) timeout: Option<f64>,
}

/// What other SDKs do not know.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ours {
    /// `server` (default) or `device`.
    pub(crate) mode: Option<String>,
    /// `buffered` (default), `sync` or `memory`.
    pub(crate) durability: Option<String>,
    /// Where the queue lies; a new place under the temporary directory when it is not given.
    pub(crate) directory: Option<PathBuf>,
    /// Aborts the process right after the call that brings the total of calls to this.
    pub(crate) crash_after: Option<u64>,
    /// Waits for the settings document before the first call, fifteen seconds at most.
    #[serde(default)]
    pub(crate) await_settings: bool,
    /// Lets the settings document move the uploads.
    #[serde(default)]
    pub(crate) follow_api_host: bool,
    pub(crate) consent: Option<Consent>,
    pub(crate) flush_bytes: Option<u64>,
    pub(crate) max_batch_events: Option<usize>,
    pub(crate) gzip: Option<bool>,
    pub(crate) basic_auth: Option<bool>,
    /// Milliseconds one request may take.
    pub(crate) request_timeout_ms: Option<u64>,
    /// The first wait, milliseconds.
    pub(crate) backoff_ms: Option<u64>,
    pub(crate) max_backoff_ms: Option<u64>,
    pub(crate) max_rate_limited: Option<u32>,
    pub(crate) max_total_ms: Option<u64>,
    /// The most events that may wait.
    pub(crate) quota_events: Option<usize>,
}

/// Consent, as the application configures it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Consent {
    /// `opt-in` or `opt-out`.
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) categories: Vec<String>,
    /// `persist` (default) or `memory`.
    pub(crate) hold: Option<String>,
}
