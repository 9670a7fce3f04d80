//! Rules as files write them, and how they become govern's.

use std::collections::BTreeMap;

use headwater_govern::event_path::EventPath;
use headwater_govern::expression::Expression;
use headwater_govern::filter::{Action, Fields, Filter, Sample};
use headwater_model::json::Value;
use schemars::JsonSchema;
use serde::Deserialize;

/// One filter. Whatever their order in the list, samples run first, then `drop` and `only_send`, then `drop_properties`, then
/// `allow_properties`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterFile {
    /// Its id in counts and traces; the place in the list otherwise.
    #[serde(default)]
    pub id: Option<String>,
    /// Which events, in FQL.
    #[serde(rename = "if")]
    pub condition: String,
    /// What happens to them.
    pub action: FilterAction,
    /// `sample`: the share that passes, from 0 to 1.
    #[serde(default)]
    pub percent: Option<f64>,
    /// `sample`: events with the same value at this path are all in the sample or all out of it; each by its messageId
    /// otherwise.
    #[serde(default)]
    pub path: Option<String>,
    /// `drop_properties`, `allow_properties`: keys by the path of the object that they are in; `""` is the event itself.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<String>>,
}

/// What a filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterAction {
    /// A share of the events that the condition holds for passes.
    Sample,
    /// Events that the condition holds for are dropped.
    Drop,
    /// All others are.
    OnlySend,
    /// Keys are taken out.
    DropProperties,
    /// All other keys of the named objects are taken out.
    AllowProperties,
}

/// What is wrong with a rule: the path in it, and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", before(path))]
pub struct RuleError {
    /// Where in the rule: `if`, `fields.properties`; empty is the whole.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

fn before(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    }
}

/// Reads one rule from JSON: [`FilterFile`], [`TransformFile`](crate::TransformFile), [`SchemaFile`](crate::SchemaFile).
///
/// # Errors
/// [`RuleError`]
///
/// ```
/// use headwater_model::json::{Limits, parse};
/// use headwater_workspace::{FilterFile, rule_from_json};
///
/// let json = parse(br#"{"if": "type = \"page\"", "action": "drop"}"#, &Limits::default()).unwrap();
/// assert!(rule_from_json::<FilterFile>(&json).unwrap().compile(0).is_ok());
/// ```
pub fn rule_from_json<T: serde::de::DeserializeOwned>(rule: &Value) -> Result<T, RuleError> {
    serde_json::from_slice(&rule.to_vec()).map_err(|error| wrong("", error.to_string()))
}

pub(crate) fn wrong(path: impl Into<String>, problem: impl Into<String>) -> RuleError {
    RuleError {
        path: path.into(),
        problem: problem.into(),
    }
}

pub(crate) fn condition(text: &str) -> Result<Expression, RuleError> {
    Expression::parse(text).map_err(|error| wrong("if", error.to_string()))
}

impl FilterFile {
    /// The filter; `index` is its place in the list.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn compile(&self, index: usize) -> Result<Filter, RuleError> {
        use FilterAction::{AllowProperties, Drop, DropProperties, OnlySend, Sample as Share};
        let of = |key: &str, kinds: &[FilterAction], given: bool| {
            if given && !kinds.contains(&self.action) {
                return Err(wrong(key, "has no meaning for this action; remove it"));
            }
            Ok(())
        };
        of("percent", &[Share], self.percent.is_some())?;
        of("path", &[Share], self.path.is_some())?;
        let on_fields = [DropProperties, AllowProperties];
        of("fields", &on_fields, !self.fields.is_empty())?;
        let action = match self.action {
            Drop => Action::Drop,
            OnlySend => Action::OnlySend,
            Share => Action::Sample(self.sample()?),
            DropProperties => Action::DropProperties(self.keys()?),
            AllowProperties => Action::AllowProperties(self.keys()?),
        };
        Ok(Filter {
            id: self.id.clone().unwrap_or_else(|| index.to_string()),
            condition: condition(&self.condition)?,
            action,
        })
    }

    fn sample(&self) -> Result<Sample, RuleError> {
        let Some(percent) = self.percent else {
            return Err(wrong(
                "percent",
                "is missing; give the share that passes, from 0 to 1",
            ));
        };
        let path = match self.path.as_deref() {
            None => None,
            Some("") => return Err(wrong("path", "is empty; give a path, or leave it away")),
            Some(path) => {
                Some(EventPath::parse(path).map_err(|error| wrong("path", error.to_string()))?)
            }
        };
        Sample::new(percent, path).map_err(|error| wrong("percent", error.to_string()))
    }

    fn keys(&self) -> Result<Fields, RuleError> {
        if self.fields.is_empty() {
            return Err(wrong(
                "fields",
                "is missing; give keys by their object, such as {properties: [email]}",
            ));
        }
        let mut fields = Vec::new();
        for (path, keys) in &self.fields {
            let read = EventPath::parse(path)
                .map_err(|error| wrong(format!("fields.{path}"), error.to_string()))?;
            fields.push((read, keys.clone()));
        }
        Ok(Fields(fields))
    }
}
