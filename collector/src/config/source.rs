//! One source: a name, its write keys, and what its SDKs are told.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use toml::Spanned;

use super::error::{Finding, line_at};

/// `[[sources]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The id under which events are stored and deduplicated; unique, at most 128 bytes. It must never change: a source
    /// that gets another name gives its first one here. Default: the name.
    #[serde(default)]
    pub id: Option<String>,
    /// What people call it; unique, at most 128 bytes.
    pub name: String,
    /// Any of these opens the source; several allow a key to be replaced without a gap.
    pub write_keys: Vec<String>,
    /// `false` refuses events without forgetting the source. Default `true`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Browser origins (`https://shop.example`) that may send; empty means all. Requests without `Origin` may always.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Whether events come from people's devices, which decides if `context.ip` is filled. Default `auto`.
    #[serde(default)]
    pub platform: Platform,
    /// Whether the sender's address is stored. Default `true`.
    #[serde(default = "yes")]
    pub keep_ip: bool,
    /// Laid over the settings document that SDKs fetch, key by key.
    #[serde(default)]
    pub settings: toml::Table,
}

/// Where a source's events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Seen from the request and the event: an `Origin` header, a pixel, a browser or mobile `channel`, a `context.device`.
    #[default]
    Auto,
    /// Browsers, phones, desktops: the sender's address is the user's.
    Client,
    /// Servers: the sender's address says nothing about the user.
    Server,
}

impl SourceConfig {
    /// The id under which events are stored.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

fn yes() -> bool {
    true
}

pub(super) fn check(sources: &[Spanned<SourceConfig>], text: &str, findings: &mut Vec<Finding>) {
    let mut names = HashSet::new();
    let mut ids = HashSet::new();
    let mut keys: HashMap<&str, &str> = HashMap::new();
    for (index, spanned) in sources.iter().enumerate() {
        let source = spanned.get_ref();
        let line = Some(line_at(text, spanned.span().start));
        let mut find = |field: &str, hint: String| {
            findings.push(Finding {
                line,
                field: format!("sources[{index}].{field}"),
                hint,
            });
        };
        if source.name.is_empty() || source.name.len() > 128 {
            find("name", "must have 1 to 128 bytes".to_owned());
        }
        let is_named_anew = names.insert(source.name.as_str());
        if !is_named_anew {
            find(
                "name",
                format!(
                    "`{}` names another source already; each name once",
                    source.name
                ),
            );
        }
        if source.id().is_empty() || source.id().len() > 128 {
            find("id", "must have 1 to 128 bytes".to_owned());
        }
        if !ids.insert(source.id()) && is_named_anew {
            find(
                "id",
                format!(
                    "`{}` is another source's already; each id once",
                    source.id()
                ),
            );
        }
        if source.write_keys.is_empty() {
            find(
                "write_keys",
                "is empty; give at least one key, or `enabled = false` and a key".to_owned(),
            );
        }
        for (place, key) in source.write_keys.iter().enumerate() {
            if key.is_empty()
                || key.len() > 256
                || key.contains(|c: char| c.is_control() || c == ':' || c == '/')
            {
                find(
                    &format!("write_keys[{place}]"),
                    "must have 1 to 256 characters, without `:` and `/`".to_owned(),
                );
            }
            if let Some(other) = keys.insert(key, &source.name) {
                find(
                    &format!("write_keys[{place}]"),
                    format!("is a key of `{other}` already; each key once"),
                );
            }
        }
        for (place, origin) in source.allowed_origins.iter().enumerate() {
            let well_formed = origin
                .split_once("://")
                .is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
            if !well_formed {
                find(
                    &format!("allowed_origins[{place}]"),
                    "must be like https://shop.example, without a path".to_owned(),
                );
            }
        }
    }
}
