//! The configuration from JSON. What is absent keeps the engine's default; the engine clamps.

use headwater_engine::{
    BackgroundPolicy, BytesPolicy, Config, ConsentConfig, ConsentModel, CountPolicy,
    DestinationConfig, Engine, Hold, IntervalPolicy, Now, RetryConfig, SettingsConfig, Start,
    StateKey,
};
use headwater_model::id::WriteKey;
use headwater_model::json::{Object, Value};

use crate::FULL;
use crate::read::{entropy, list, object, stored, texts};

/// An engine from `{config, state, stored, nextSeq, entropy}`; the member of the configuration that cannot work otherwise.
pub(crate) fn start(json: &str, now: Now) -> Result<Engine, &'static str> {
    let mut from = object(json).ok_or("config")?;
    let random = from.take_text("entropy").unwrap_or_default();
    let seed = entropy(random.get(32..).unwrap_or_default());
    let mut start = Start {
        events: stored(&list(&mut from, "stored")),
        next_seq: from.natural("nextSeq").unwrap_or(0),
        // Not those of the anonymousId.
        seed: u64::from_le_bytes(*seed.first_chunk().unwrap_or(&[0; 8])),
        entropy: entropy(&random),
        ..Start::default()
    };
    let mut state = from.take_object("state").unwrap_or_default();
    for key in StateKey::ALL {
        if let Some(text) = state.take_text(key.as_str()) {
            start.saved.push((key, text.into_bytes()));
        }
    }
    let config = config(from.take_object("config").unwrap_or_default())?;
    Engine::new(config, start, now).map_err(|_| "endpoint")
}

fn config(mut from: Object) -> Result<Config, &'static str> {
    let key = from.take_text("writeKey").unwrap_or_default();
    let key = WriteKey::new(key).map_err(|_| "writeKey")?;
    let endpoint = from.take_text("endpoint").unwrap_or_default();
    let mut config = Config::new(key, endpoint);

    // The store of a page is a database of the browser's: it makes durable what it takes.
    config.sync_after = None;
    // A header that would cost a preflight.
    config.basic_auth = false;
    config.gzip = from.flag("gzip").unwrap_or(config.gzip);
    if let Some(content_type) = from.take_text("contentType") {
        config.content_type = content_type;
    }
    config.headers = pairs(list(&mut from, "headers"));
    if let Some(quota) = from.take_object("quota") {
        set(&quota, "bytes", &mut config.quota.bytes);
        set_count(&quota, "events", &mut config.quota.events);
        set(&quota, "age", &mut config.quota.age);
    }
    set_count(&from, "maxEventBytes", &mut config.max_event_bytes);
    set_count(&from, "maxBatchBytes", &mut config.max_batch_bytes);
    set_count(&from, "maxBatchEvents", &mut config.max_batch_events);
    set(&from, "requestTimeout", &mut config.request_timeout);
    let (mut events, mut interval, mut bytes) = (20, 30_000, 250_000);
    set_count(&from, "flushAt", &mut events);
    set(&from, "flushInterval", &mut interval);
    set(&from, "flushBytes", &mut bytes);
    config.flush = vec![
        Box::new(CountPolicy::new(events)),
        Box::new(IntervalPolicy::new(interval)),
        Box::new(BytesPolicy::new(bytes)),
        Box::new(BackgroundPolicy),
    ];
    config.context = from.take_object("context").unwrap_or_default();
    if !FULL {
        return Ok(config);
    }
    if let Some(http) = from.take_object("retry") {
        config.retry = RetryConfig::default().with_http_config(&http);
    }
    config.consent = from.take_object("consent").map(consent);
    config.session_timeout = from.natural("sessionTimeout");
    config.settings = from.take_object("settings").and_then(settings);
    for item in list(&mut from, "destinations") {
        if let Value::Object(item) = item {
            config.destinations.extend(destination(item));
        }
    }
    Ok(config)
}

/// A device-mode destination: `{key, categories?, needsSettings?}`.
pub(crate) fn destination(mut from: Object) -> Option<DestinationConfig> {
    Some(DestinationConfig {
        key: from.take_text("key")?,
        categories: texts(&mut from, "categories"),
        needs_settings: from.flag("needsSettings").unwrap_or(false),
    })
}

fn consent(mut from: Object) -> ConsentConfig {
    ConsentConfig {
        // What cannot be read asks first.
        model: match from.take_text("model").as_deref() {
            Some("opt-out") => ConsentModel::OptOut,
            _ => ConsentModel::OptIn,
        },
        categories: texts(&mut from, "categories"),
        hold: match from.take_text("hold").as_deref() {
            Some("memory") => Hold::Memory,
            _ => Hold::Persist,
        },
    }
}

fn settings(mut from: Object) -> Option<SettingsConfig> {
    let mut settings = SettingsConfig::new(from.take_text("url")?);
    set(&from, "refresh", &mut settings.refresh);
    settings.follow_api_host = from.flag("followApiHost").unwrap_or(false);
    settings.defaults = from.remove("defaults");
    Some(settings)
}

/// `[[name, value], …]`.
fn pairs(items: Vec<Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for item in items {
        if let Some([Value::String(name), Value::String(value)]) =
            item.as_array().map(Vec::as_slice)
        {
            pairs.push((name.clone(), value.clone()));
        }
    }
    pairs
}

fn set(from: &Object, key: &str, to: &mut u64) {
    if let Some(value) = from.natural(key) {
        *to = value;
    }
}

fn set_count(from: &Object, key: &str, to: &mut usize) {
    if let Some(value) = from.natural(key) {
        *to = value.try_into().unwrap_or(usize::MAX);
    }
}
