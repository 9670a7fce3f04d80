//! Transformations and schema controls as files write them.

use std::collections::BTreeMap;

use headwater_govern::expression::{Expression, HashAlgorithm, Normaliser};
use headwater_govern::schema_controls::{Control, SchemaControls};
use headwater_govern::transform::{Hashing, Target, Transform};
use headwater_model::event::EventType;
use headwater_model::json::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::{RuleError, condition, wrong};

/// One transformation. Its parts run in this order: `drop`, `event`, `rename`, `set`, `compute`, `hash`, `allow`. Paths
/// begin with `properties`, `traits` or `context`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformFile {
    /// Its id in counts and traces; the place in the list otherwise.
    #[serde(default)]
    pub id: Option<String>,
    /// Which events, in FQL.
    #[serde(rename = "if")]
    pub condition: String,
    /// Whether those go no further.
    #[serde(default)]
    pub drop: bool,
    /// The name that those get, where they are track events.
    #[serde(default)]
    pub event: Option<String>,
    /// Values that move: from, to. A path through a list renames the key in each element.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Values that are set.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub set: BTreeMap<String, Value>,
    /// Values that are computed, in FQL. What is missing in the event leaves its target as it is.
    #[serde(default)]
    pub compute: BTreeMap<String, String>,
    /// Values that are replaced by their hashes, in hex, by path.
    #[serde(default)]
    pub hash: BTreeMap<String, HashFile>,
    /// Keys that stay, by the path of their object; its others go.
    #[serde(default)]
    pub allow: BTreeMap<String, Vec<String>>,
}

impl TransformFile {
    /// The transformation; `index` is its place in the list.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn compile(&self, index: usize) -> Result<Transform, RuleError> {
        let mut transform = Transform {
            id: self.id.clone().unwrap_or_else(|| index.to_string()),
            condition: condition(&self.condition)?,
            drop: self.drop,
            event_name: self.event.clone(),
            rename: Vec::new(),
            set: Vec::new(),
            compute: Vec::new(),
            hash: Vec::new(),
            allow: Vec::new(),
        };
        if self.event.as_deref() == Some("") {
            return Err(wrong("event", "is empty; give a name, or leave it away"));
        }
        for (from, to) in &self.rename {
            let at = format!("rename.{from}");
            let pair = (target(&at, from)?, target(&at, to)?);
            transform.rename.push(pair);
        }
        for (path, value) in &self.set {
            let target = target(&format!("set.{path}"), path)?;
            transform.set.push((target, value.clone()));
        }
        for (path, fql) in &self.compute {
            let at = format!("compute.{path}");
            let expression = Expression::parse(fql);
            let expression = expression.map_err(|error| wrong(at.as_str(), error.to_string()))?;
            transform.compute.push((target(&at, path)?, expression));
        }
        for (path, file) in &self.hash {
            let at = format!("hash.{path}");
            transform.hash.push(file.compile(&at, target(&at, path)?)?);
        }
        for (path, keys) in &self.allow {
            let target = Target::parse_object(path);
            let target =
                target.map_err(|error| wrong(format!("allow.{path}"), error.to_string()))?;
            transform.allow.push((target, keys.clone()));
        }
        Ok(transform)
    }
}

/// How a value is hashed. One that is such a hash already stays; one that cannot be hashed is taken out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashFile {
    /// `sha256`, `sha1` or `md5`.
    pub algorithm: String,
    /// What a value is made like first: `trim`, `lower`, `email`, `gmail`, `digits` or `slug`; nothing otherwise.
    #[serde(default)]
    pub normaliser: Option<String>,
}

impl HashFile {
    fn compile(&self, at: &str, target: Target) -> Result<Hashing, RuleError> {
        let Some(algorithm) = HashAlgorithm::named(&self.algorithm) else {
            return Err(wrong(
                format!("{at}.algorithm"),
                "must be sha256, sha1 or md5",
            ));
        };
        let normaliser = match self.normaliser.as_deref() {
            None => Normaliser::None,
            Some(name) => Normaliser::named(name).ok_or_else(|| {
                wrong(
                    format!("{at}.normaliser"),
                    "must be trim, lower, email, gmail, digits or slug",
                )
            })?,
        };
        Ok(Hashing {
            target,
            algorithm,
            normaliser,
        })
    }
}

fn target(at: &str, path: &str) -> Result<Target, RuleError> {
    Target::parse(path).map_err(|error| wrong(at, error.to_string()))
}

/// What a source keeps out without a plan.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaFile {
    /// Track events by name.
    #[serde(default)]
    pub events: BTreeMap<String, ControlFile>,
    /// Track events that are not among them.
    #[serde(default)]
    pub unlisted: ControlFile,
    /// `identify`, `group`, `page`, `screen` and `alias`.
    #[serde(default)]
    pub types: BTreeMap<String, ControlFile>,
}

/// What happens to one kind of event.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlFile {
    /// `false` blocks it.
    #[serde(default = "yes")]
    pub allow: bool,
    /// Paths of values that are taken out; they begin with `properties`, `traits` or `context`.
    #[serde(default)]
    pub omit: Vec<String>,
}

impl Default for ControlFile {
    fn default() -> ControlFile {
        ControlFile {
            allow: true,
            omit: Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

impl SchemaFile {
    /// The controls.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn compile(&self) -> Result<SchemaControls, RuleError> {
        let mut events = BTreeMap::new();
        for (name, control) in &self.events {
            events.insert(name.clone(), control.compile(&format!("events.{name}"))?);
        }
        let mut types = Vec::new();
        for (name, control) in &self.types {
            let at = format!("types.{name}");
            match EventType::parse(name) {
                Some(kind) if kind != EventType::Track => {
                    types.push((kind, control.compile(&at)?));
                }
                _ => {
                    return Err(wrong(
                        at,
                        "must be identify, group, page, screen or alias; track events stand under `events`",
                    ));
                }
            }
        }
        Ok(SchemaControls {
            events,
            unlisted: self.unlisted.compile("unlisted")?,
            types,
        })
    }
}

impl ControlFile {
    fn compile(&self, at: &str) -> Result<Control, RuleError> {
        let mut omit = Vec::new();
        for (index, path) in self.omit.iter().enumerate() {
            omit.push(target(&format!("{at}.omit[{index}]"), path)?);
        }
        Ok(Control {
            block: !self.allow,
            omit,
        })
    }
}
