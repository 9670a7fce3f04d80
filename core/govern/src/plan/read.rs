//! Plans as Segment writes them.
//!
//! - The Public API: `{"name", "rules": [{"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": {…}}]}`,
//!   where `type` is also `IDENTIFY`, `GROUP`, `PAGE`, `SCREEN` or `COMMON` (for all events);
//! - before it: `{"display_name", "rules": {"events": [{"name", "version", "rules": {…}}], "identify", "group", "global"}}`.

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

/// The most rules of a plan. Segment takes 2,000.
pub const MAX_RULES: usize = 10_000;

/// Why a plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PlanError {
    /// Where in the plan: `rules[2].jsonSchema.properties.total`.
    pub path: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'v> {
    /// Track events of one name.
    Track(&'v str),
    /// All events of a type that has one rule.
    Type(EventType),
    /// All events.
    Common,
}

/// A plan as written, before its schemas are compiled.
#[derive(Clone, Debug)]
pub struct Outline<'v> {
    /// The id that it brings along.
    pub id: Option<&'v str>,
    /// Its name.
    pub name: Option<&'v str>,
    /// Its rules, in order.
    pub rules: Vec<WrittenRule<'v>>,
    /// What is passed over, with its place.
    pub warnings: Vec<String>,
}

/// A rule as written.
#[derive(Clone, Debug)]
pub struct WrittenRule<'v> {
    /// What it is about.
    pub about: About<'v>,
    /// From 1 on.
    pub version: u64,
    /// Its schema.
    pub schema: &'v Value,
    /// Where the schema stands: `rules[2].jsonSchema`.
    pub path: String,
}

fn wrong<T>(path: &str, problem: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError {
        path: path.to_owned(),
        problem: problem.into(),
    })
}

/// Reads a plan without looking into its schemas.
///
/// # Errors
/// [`PlanError`] with the path.
pub fn read(plan: &Value) -> Result<Outline<'_>, PlanError> {
    let Some(plan) = plan.as_object() else {
        return wrong("", "a plan is an object with `rules`");
    };
    let text = |key| plan.get(key).and_then(Value::as_str);
    let mut outline = Outline {
        id: text("id"),
        name: text("name"),
        rules: Vec::new(),
        warnings: Vec::new(),
    };
    match plan.get("rules") {
        Some(Value::Array(rules)) => {
            for (index, rule) in rules.iter().enumerate() {
                outline
                    .rules
                    .push(api_rule(rule, &format!("rules[{index}]"))?);
            }
        }
        Some(Value::Object(rules)) => {
            // Here `name` is a path (`workspaces/…/tracking-plans/rs_…`).
            outline.name = text("display_name").or(outline.name);
            legacy(rules, &mut outline)?;
        }
        _ => {
            return wrong(
                "rules",
                "must be a list of {type, key, jsonSchema}, or an object with `events`",
            );
        }
    }
    if outline.rules.len() > MAX_RULES {
        return wrong("rules", format!("there are more than {MAX_RULES}"));
    }
    Ok(outline)
}

fn api_rule<'v>(rule: &'v Value, path: &str) -> Result<WrittenRule<'v>, PlanError> {
    let kind = rule.get("type").and_then(Value::as_str).unwrap_or_default();
    let key = rule.get("key").and_then(Value::as_str).unwrap_or_default();
    let about = match (
        kind.to_ascii_lowercase().as_str(),
        EventType::parse(&kind.to_ascii_lowercase()),
    ) {
        ("common", _) => About::Common,
        (_, Some(EventType::Track)) if key.is_empty() => {
            return wrong(&format!("{path}.key"), "must be the event's name");
        }
        (_, Some(EventType::Track)) => About::Track(key),
        (_, Some(kind)) => About::Type(kind),
        (_, None) => {
            return wrong(
                &format!("{path}.type"),
                "must be TRACK, IDENTIFY, GROUP, PAGE, SCREEN or COMMON",
            );
        }
    };
    written(about, rule, "jsonSchema", path)
}

fn legacy<'v>(rules: &'v Object, outline: &mut Outline<'v>) -> Result<(), PlanError> {
    for (name, value) in rules.iter() {
        let path = format!("rules.{name}");
        let about = match name {
            "events" => {
                let Some(events) = value.as_array() else {
                    return wrong(&path, "must be a list of {name, rules}");
                };
                for (index, event) in events.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let name = event
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    if name.is_empty() {
                        return wrong(&format!("{path}.name"), "must be the event's name");
                    }
                    outline
                        .rules
                        .push(written(About::Track(name), event, "rules", &path)?);
                }
                continue;
            }
            "global" | "common" => About::Common,
            "identify" => About::Type(EventType::Identify),
            "group" => About::Type(EventType::Group),
            "page" => About::Type(EventType::Page),
            "screen" => About::Type(EventType::Screen),
            _ => {
                if value.as_array().is_none_or(|list| !list.is_empty()) && !value.is_null() {
                    outline.warnings.push(format!("{path}: is not read"));
                }
                continue;
            }
        };
        // An empty object stands for no rule.
        if value.is_null() || value.as_object().is_some_and(Object::is_empty) {
            continue;
        }
        outline.rules.push(WrittenRule {
            about,
            version: 1,
            schema: value,
            path,
        });
    }
    Ok(())
}

fn written<'v>(
    about: About<'v>,
    rule: &'v Value,
    key: &str,
    path: &str,
) -> Result<WrittenRule<'v>, PlanError> {
    let version = match rule.get("version") {
        None | Some(Value::Null) => 1,
        Some(version) => match version.as_u64() {
            Some(version) if version > 0 => version,
            _ => {
                return wrong(
                    &format!("{path}.version"),
                    "must be a whole number from 1 on",
                );
            }
        },
    };
    let schema_path = format!("{path}.{key}");
    match rule.get(key) {
        Some(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(WrittenRule {
            about,
            version,
            schema,
            path: schema_path,
        }),
        _ => wrong(&schema_path, "must be a JSON Schema, an object"),
    }
}
