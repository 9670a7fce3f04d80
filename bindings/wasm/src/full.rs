//! What the small engine is without, from JSON.

use headwater_engine::{
    Config, ConsentConfig, ConsentModel, DestinationConfig, Engine, Hold, Now, RetryConfig,
    SettingsConfig, TryOutcome,
};
use headwater_model::event::Event;
use headwater_model::json::{Object, Value};

use crate::call::answer;
use crate::config::set;
use crate::read::pair;

pub(crate) fn configure(config: &mut Config, from: &mut Object) {
    if let Some(http) = from.take_object("retry") {
        config.retry = RetryConfig::default().with_http_config(&http);
    }
    config.consent = from.take_object("consent").map(consent);
    config.hub = from.flag("hub").unwrap_or(true);
    config.session_timeout = from.natural("sessionTimeout");
    config.settings = from.take_object("settings").and_then(settings);
    for item in list(from, "destinations") {
        let destination = item.into_object().and_then(destination);
        config.destinations.extend(destination);
    }
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

/// A plugin that failed, what it said, all guards (between U+0001), and the event as it was stamped; a NUL after each. Answers
/// as a call.
pub(crate) fn hold(engine: &mut Engine, now: Now, given: &str) -> Option<Vec<u8>> {
    let (plugin, rest) = pair(given)?;
    let (detail, rest) = pair(rest)?;
    let (names, event) = pair(rest)?;
    let event = Event::parse(event.as_bytes()).ok()?;
    let mut guards = Vec::new();
    for name in names.split('\x01') {
        guards.push(name.to_owned());
    }
    Some(answer(Ok(engine.hold(
        now,
        event,
        (plugin, detail),
        guards,
    ))))
}

/// What came of a try: the event that passed (1), the plugin that dropped it (2), or the one that failed, NUL, what it said.
pub(crate) fn outcome(what: u16, text: &str) -> Option<TryOutcome> {
    Some(match what {
        1 => TryOutcome::Passed(Box::new(Event::parse(text.as_bytes()).ok()?)),
        2 => TryOutcome::Dropped(text.to_owned()),
        _ => {
            let (plugin, detail) = pair(text)?;
            TryOutcome::Failed {
                plugin: plugin.to_owned(),
                detail: detail.to_owned(),
            }
        }
    })
}

fn list(object: &mut Object, key: &str) -> Vec<Value> {
    match object.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn texts(object: &mut Object, key: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for item in list(object, key) {
        texts.extend(item.into_text());
    }
    texts
}
