//! Tracking plans: which events a source may send, and what is in them.
//!
//! A plan is read from Segment's Public API shape, `{"rules": [{"type", "key", "jsonSchema"}]}`; a rule's JSON Schema is
//! about the whole event. The keywords understood so far are `type`, `properties`, `required` and `enum`; any other is refused when the plan is
//! read, so that nothing in a plan is silently not checked.

use std::collections::BTreeMap;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

/// How deep schemas may nest.
const MAX_DEPTH: usize = 32;

/// At most so many violations are reported for an event; its context must not outgrow it.
const MAX_VIOLATIONS: usize = 32;

/// A compiled plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its id in the workspace.
    pub id: String,
    /// Its name.
    pub name: String,
    /// By the event's name.
    tracks: BTreeMap<String, Schema>,
    /// Of the other types, which have one rule each.
    others: Vec<(EventType, Schema)>,
}

/// What happens to events that the plan does not have, or that violate it. The names are Segment's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// Whether a track event that no rule names passes. Default true.
    pub allow_unplanned_events: bool,
    /// Whether a track event with violations passes. Default true.
    pub allow_event_on_violations: bool,
}

impl Default for Enforcement {
    fn default() -> Enforcement {
        Enforcement {
            allow_unplanned_events: true,
            allow_event_on_violations: true,
        }
    }
}

/// One thing that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `Required`, `Invalid Type` or `Enum`.
    pub kind: &'static str,
    /// Where, dotted: `properties.total`.
    pub field: String,
    /// What, in a sentence without the value, which may be personal.
    pub description: String,
}

/// What a plan says of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Whether a rule names it. Events other than track count as planned without a rule.
    pub planned: bool,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// Why a plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PlanError {
    /// Where in the plan: `rules[2].jsonSchema.properties.total`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

fn wrong<T>(path: &str, problem: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError {
        path: path.to_owned(),
        problem: problem.into(),
    })
}

/// A JSON Schema (draft-07): `type`, `properties`, `required`, `enum`; annotations (`$schema`, `id`, `$id`, `title`,
/// `description`, `labels`, `default`, `examples`) are passed over.
#[derive(Clone, Debug, Default, PartialEq)]
struct Schema {
    types: Vec<JsonType>,
    properties: Vec<(String, Schema)>,
    required: Vec<String>,
    values: Option<Vec<Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JsonType {
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    Array,
    Object,
}

impl JsonType {
    const NAMES: [(&'static str, JsonType); 7] = [
        ("null", JsonType::Null),
        ("boolean", JsonType::Boolean),
        ("integer", JsonType::Integer),
        ("number", JsonType::Number),
        ("string", JsonType::Text),
        ("array", JsonType::Array),
        ("object", JsonType::Object),
    ];

    fn named(name: &str) -> Option<JsonType> {
        JsonType::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }

    fn name(self) -> &'static str {
        JsonType::NAMES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    fn has(self, value: &Value) -> bool {
        match value {
            Value::Null => self == JsonType::Null,
            Value::Bool(_) => self == JsonType::Boolean,
            // Draft-07: a number without a fraction is an integer, however it is written.
            Value::Number(number) => {
                self == JsonType::Number
                    || (self == JsonType::Integer
                        && (number.as_i64().is_some()
                            || number.as_f64().is_some_and(|value| value.fract() == 0.0)))
            }
            Value::String(_) => self == JsonType::Text,
            Value::Array(_) => self == JsonType::Array,
            Value::Object(_) => self == JsonType::Object,
        }
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`PlanError`] with the path.
    pub fn parse(id: &str, plan: &Value) -> Result<Plan, PlanError> {
        let Some(plan) = plan.as_object() else {
            return wrong("", "a plan is an object with `rules`");
        };
        let Some(rules) = plan.get("rules").and_then(Value::as_array) else {
            return wrong("rules", "must be a list of {type, key, jsonSchema}");
        };
        let mut tracks = BTreeMap::new();
        let mut others: Vec<(EventType, Schema)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let path = format!("rules[{index}]");
            let kind = rule.get("type").and_then(Value::as_str).unwrap_or_default();
            let Some(kind) = EventType::parse(&kind.to_ascii_lowercase()) else {
                return wrong(
                    &format!("{path}.type"),
                    "must be TRACK, IDENTIFY, GROUP, PAGE or SCREEN",
                );
            };
            let key = rule.get("key").and_then(Value::as_str).unwrap_or_default();
            if kind == EventType::Track && key.is_empty() {
                return wrong(&format!("{path}.key"), "must be the event's name");
            }
            let schema = rule.get("jsonSchema").unwrap_or(&Value::Null);
            let schema = Schema::parse(schema, &format!("{path}.jsonSchema"), 0)?;
            let again = if kind == EventType::Track {
                tracks.insert(key.to_owned(), schema).is_some()
            } else {
                let again = others.iter().any(|(known, _)| *known == kind);
                others.push((kind, schema));
                again
            };
            if again {
                return wrong(
                    &path,
                    "a rule before it is about the same event; keep one of them",
                );
            }
        }
        Ok(Plan {
            id: id.to_owned(),
            name: plan
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(id)
                .to_owned(),
            tracks,
            others,
        })
    }

    /// What the plan says of an event.
    #[must_use]
    pub fn check(&self, kind: EventType, event: &Object) -> Checked {
        let schema = match kind {
            EventType::Track => event
                .get("event")
                .and_then(Value::as_str)
                .and_then(|name| self.tracks.get(name)),
            _ => self
                .others
                .iter()
                .find(|(known, _)| *known == kind)
                .map(|(_, schema)| schema),
        };
        let Some(schema) = schema else {
            return Checked {
                planned: kind != EventType::Track,
                violations: Vec::new(),
            };
        };
        let mut violations = Vec::new();
        schema.check_object(event, &mut Vec::new(), &mut violations);
        Checked {
            planned: true,
            violations,
        }
    }
}

impl Schema {
    fn parse(schema: &Value, path: &str, depth: usize) -> Result<Schema, PlanError> {
        if depth > MAX_DEPTH {
            return wrong(path, format!("schemas nest at most {MAX_DEPTH} deep"));
        }
        let Some(schema) = schema.as_object() else {
            return wrong(path, "must be a JSON Schema, an object");
        };
        let mut read = Schema::default();
        for (keyword, value) in schema.iter() {
            let at = format!("{path}.{keyword}");
            match keyword {
                "type" => {
                    let one = core::slice::from_ref(value);
                    for name in value.as_array().map_or(one, Vec::as_slice) {
                        let Some(kind) = name.as_str().and_then(JsonType::named) else {
                            return wrong(
                                &at,
                                "must be null, boolean, integer, number, string, array or object",
                            );
                        };
                        read.types.push(kind);
                    }
                }
                "properties" => {
                    let Some(properties) = value.as_object() else {
                        return wrong(&at, "must be an object of schemas");
                    };
                    for (name, property) in properties.iter() {
                        let property = Schema::parse(property, &format!("{at}.{name}"), depth + 1)?;
                        read.properties.push((name.to_owned(), property));
                    }
                }
                "required" => {
                    let names: Option<Vec<String>> = value.as_array().and_then(|names| {
                        names
                            .iter()
                            .map(|name| name.as_str().map(str::to_owned))
                            .collect()
                    });
                    let Some(names) = names else {
                        return wrong(&at, "must be a list of names");
                    };
                    read.required = names;
                }
                "enum" => {
                    let Some(values) = value.as_array() else {
                        return wrong(&at, "must be a list of values");
                    };
                    read.values = Some(values.clone());
                }
                "$schema" | "id" | "$id" | "title" | "description" | "labels" | "default"
                | "examples" => {}
                _ => {
                    return wrong(
                        &at,
                        "this keyword is not checked yet: remove it, or the plan would promise what it does not keep",
                    );
                }
            }
        }
        Ok(read)
    }

    fn check<'a>(
        &'a self,
        value: &Value,
        path: &mut Vec<&'a str>,
        violations: &mut Vec<Violation>,
    ) {
        if !self.types.is_empty() && !self.types.iter().any(|kind| kind.has(value)) {
            let names: Vec<&str> = self.types.iter().map(|kind| kind.name()).collect();
            tell(
                "Invalid Type",
                path,
                format!("must be {}", names.join(" or ")),
                violations,
            );
            return;
        }
        if let Some(values) = &self.values
            && !values.contains(value)
        {
            tell(
                "Enum",
                path,
                "is none of the values that the plan lists".to_owned(),
                violations,
            );
        }
        if let Value::Object(object) = value {
            self.check_object(object, path, violations);
        }
    }

    fn check_object<'a>(
        &'a self,
        object: &Object,
        path: &mut Vec<&'a str>,
        violations: &mut Vec<Violation>,
    ) {
        for name in &self.required {
            if !object.contains_key(name) {
                path.push(name);
                tell("Required", path, "is required".to_owned(), violations);
                path.pop();
            }
        }
        for (name, schema) in &self.properties {
            if let Some(value) = object.get(name) {
                path.push(name);
                schema.check(value, path, violations);
                path.pop();
            }
        }
    }
}

fn tell(kind: &'static str, path: &[&str], description: String, violations: &mut Vec<Violation>) {
    if violations.len() < MAX_VIOLATIONS {
        violations.push(Violation {
            kind,
            field: path.join("."),
            description,
        });
    }
}
