//! Which source a write key opens.
//!
//! Write keys are compared by the registry alone and appear nowhere else in clear: logs and records carry
//! [`KeyTag`], a short hash.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

use headwater_model::json::{Object, Value};
use siphasher::sip::SipHasher24;

use crate::config::{Config, Platform, SourceConfig};

/// A place events come from.
#[derive(Debug)]
pub struct Source {
    /// What records and claims name it by; it never changes.
    pub id: Arc<str>,
    /// What people call it; unique.
    pub name: Arc<str>,
    /// `false`: events are refused.
    pub enabled: bool,
    /// Empty: all.
    pub allowed_origins: Vec<String>,
    /// Where its events are made.
    pub platform: Platform,
    /// Whether senders' addresses are stored.
    pub keep_ip: bool,
    /// Additions to the settings document.
    pub settings: Object,
}

/// A short hash of a write key: enough to tell two keys apart in a log, not enough to use one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyTag(pub u32);

impl KeyTag {
    /// The tag of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let mut hasher = SipHasher24::new();
        hasher.write(key.as_bytes());
        Self((hasher.finish() >> 32) as u32)
    }
}

impl fmt::Display for KeyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All sources, by write key.
#[derive(Debug, Default)]
pub struct Sources {
    by_key: HashMap<String, Arc<Source>>,
    /// Takes every key that `by_key` has not: development mode.
    any: Option<Arc<Source>>,
}

impl Sources {
    /// The sources of a configuration.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let mut by_key = HashMap::new();
        for spanned in &config.sources {
            let described = spanned.get_ref();
            let source = Arc::new(Source::from_config(described));
            for key in &described.write_keys {
                by_key.insert(key.clone(), Arc::clone(&source));
            }
        }
        Self { by_key, any: None }
    }

    /// These sources, each with its keys; `self` only where it takes any key.
    #[must_use]
    pub fn replaced_by(&self, sources: impl IntoIterator<Item = (Vec<String>, Source)>) -> Self {
        let mut by_key = HashMap::new();
        for (keys, source) in sources {
            let source = Arc::new(source);
            by_key.extend(keys.into_iter().map(|key| (key, Arc::clone(&source))));
        }
        Self {
            by_key,
            any: self.any.clone(),
        }
    }

    /// One source that takes any key, for development.
    #[must_use]
    pub fn any_key(name: &str) -> Self {
        let source = Source {
            id: name.into(),
            name: name.into(),
            enabled: true,
            allowed_origins: Vec::new(),
            platform: Platform::Auto,
            keep_ip: true,
            settings: Object::new(),
        };
        Self {
            by_key: HashMap::new(),
            any: Some(Arc::new(source)),
        }
    }

    /// The source that `key` opens.
    #[must_use]
    pub fn open(&self, key: &str) -> Option<&Arc<Source>> {
        self.by_key.get(key).or(self.any.as_ref())
    }
}

impl Source {
    fn from_config(config: &SourceConfig) -> Self {
        Self {
            id: config.id().into(),
            name: config.name.as_str().into(),
            enabled: config.enabled,
            allowed_origins: config.allowed_origins.clone(),
            platform: config.platform,
            keep_ip: config.keep_ip,
            settings: config
                .settings
                .iter()
                .map(|(key, value)| (key.clone(), json_of(value)))
                .collect(),
        }
    }

    /// Whether a browser page of this origin may send.
    #[must_use]
    pub fn allows_origin(&self, origin: Option<&str>) -> bool {
        match origin {
            Some(origin) if !self.allowed_origins.is_empty() => self
                .allowed_origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin)),
            _ => true,
        }
    }
}

fn json_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => items.iter().map(json_of).collect(),
        toml::Value::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| (key.clone(), json_of(value)))
                .collect(),
        ),
    }
}
