//! The configuration from JSON. What is absent keeps the engine's default; the engine clamps.

use headwater_engine::{Config, Endpoint, Engine, Now, Start, StateKey};
use headwater_model::id::WriteKey;
use headwater_model::json::Object;

use crate::read::{entropy, object, stored};

/// An engine from `{config, state, stored, nextSeq, entropy}`; the member of the configuration that cannot work otherwise.
#[inline(never)]
pub(crate) fn start(json: &str, now: Now) -> Result<Engine, &'static str> {
    let mut from = object(json).ok_or("config")?;
    let random = from.take_text("entropy").unwrap_or_default();
    let seed = entropy(random.get(32..).unwrap_or_default());
    let mut start = Start {
        events: stored(&from.take_text("stored").unwrap_or_default()),
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
    Ok(Engine::new(config, start, now))
}

#[inline(never)]
fn config(mut from: Object) -> Result<Config, &'static str> {
    let key = from.take_text("writeKey").unwrap_or_default();
    let key = WriteKey::new(key).map_err(|_| "writeKey")?;
    let endpoint = from.take_text("endpoint").unwrap_or_default();
    // Where the page names none, the settings document may.
    let endpoint = match endpoint.as_str() {
        "" => Endpoint::UNKNOWN,
        _ => Endpoint::new(endpoint).map_err(|_| "endpoint")?,
    };
    let mut config = Config::new(key, endpoint);

    // The store of a page is a database of the browser's: it makes durable what it takes.
    config.sync_after = None;
    // A header that would cost a preflight.
    config.basic_auth = false;
    config.gzip = from.flag("gzip").unwrap_or(config.gzip);
    if let Some(content_type) = from.take_text("contentType") {
        config.content_type = content_type;
    }
    for (name, value) in from.take_object("headers").unwrap_or_default() {
        if let Some(value) = value.into_text() {
            config.headers.push((name, value));
        }
    }
    if let Some(quota) = from.take_object("quota") {
        set(&quota, "bytes", &mut config.quota.bytes);
        set_count(&quota, "events", &mut config.quota.events);
        set(&quota, "age", &mut config.quota.age);
    }
    set_count(&from, "maxEventBytes", &mut config.max_event_bytes);
    set_count(&from, "maxBatchBytes", &mut config.max_batch_bytes);
    set_count(&from, "maxBatchEvents", &mut config.max_batch_events);
    set(&from, "requestTimeout", &mut config.request_timeout);
    set_count(&from, "flushAt", &mut config.pace.events);
    config.pace.interval = from.natural("flushInterval").or(config.pace.interval);
    set(&from, "flushBytes", &mut config.pace.bytes);
    config.context = from.take_object("context").unwrap_or_default();
    #[cfg(feature = "full")]
    crate::full::configure(&mut config, &mut from);
    Ok(config)
}

pub(crate) fn set(from: &Object, key: &str, to: &mut u64) {
    if let Some(value) = from.natural(key) {
        *to = value;
    }
}

fn set_count(from: &Object, key: &str, to: &mut usize) {
    if let Some(value) = from.natural(key) {
        *to = value.try_into().unwrap_or(usize::MAX);
    }
}
