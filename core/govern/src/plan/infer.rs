//! Proposes a plan from events that were recorded: types, what is always there, values that repeat, with counts.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

/// The most rules, and the most members of one object, that are learnt; more are counted.
const MOST: usize = 2_000;

/// How deep members are learnt.
const MAX_DEPTH: usize = 8;

/// A text with at most so many values, each seen this often on average, is proposed as `enum`.
const ENUM_VALUES: usize = 10;
const ENUM_REPEATS: usize = 5;

/// The longest text that may be one of listed values.
const ENUM_LENGTH: usize = 40;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Inference {
    rules: BTreeMap<(&'static str, String), Seen>,
    passed_over: u64,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    count: usize,
    types: BTreeSet<&'static str>,
    /// How often each text; `None` once there were too many, or long ones.
    texts: Option<BTreeMap<String, usize>>,
    members: BTreeMap<String, Seen>,
    items: Option<Box<Seen>>,
    objects: usize,
}

impl Inference {
    /// Learns from one event.
    pub fn add(&mut self, kind: EventType, event: &Object) {
        let name = match kind {
            EventType::Track => event
                .get("event")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            _ => "",
        };
        let part = match kind {
            EventType::Identify | EventType::Group => "traits",
            EventType::Track | EventType::Page | EventType::Screen => "properties",
            EventType::Alias => return,
        };
        let key = (kind.as_str(), name.to_owned());
        if !self.rules.contains_key(&key) && self.rules.len() >= MOST {
            self.passed_over += 1;
            return;
        }
        let empty = Value::Object(Object::new());
        let seen = self.rules.entry(key).or_default();
        self.passed_over += seen.add(event.get(part).unwrap_or(&empty), 0);
    }

    /// How many events or members were beyond what is learnt.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The plan, in the Public API's format.
    #[must_use]
    pub fn plan(&self, name: &str) -> Object {
        let rules: Value = self
            .rules
            .iter()
            .map(|((kind, event), seen)| rule(kind, event, seen))
            .collect();
        let mut plan = Object::new();
        plan.insert("name", name);
        plan.insert("type", "LIVE");
        plan.insert("rules", rules);
        plan
    }
}

fn rule(kind: &str, event: &str, seen: &Seen) -> Object {
    let part = if kind == "identify" || kind == "group" {
        "traits"
    } else {
        "properties"
    };
    let mut properties = Object::new();
    properties.insert("context", Object::new());
    properties.insert(part, seen.schema(seen.count));
    let mut schema = Object::new();
    schema.insert("$schema", "http://json-schema.org/draft-07/schema#");
    schema.insert("type", "object");
    schema.insert("properties", properties);
    let mut rule = Object::new();
    rule.insert("type", kind.to_ascii_uppercase());
    if !event.is_empty() {
        rule.insert("key", event);
    }
    rule.insert("version", 1);
    rule.insert("jsonSchema", schema);
    rule
}

impl Seen {
    /// Adds a value; tells how many members were not learnt.
    fn add(&mut self, value: &Value, depth: usize) -> u64 {
        let mut passed_over = 0;
        if self.count == 0 {
            self.texts = Some(BTreeMap::new());
        }
        self.count += 1;
        self.types.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.as_i64().is_some() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
        match value {
            Value::String(text) => {
                if let Some(texts) = &mut self.texts {
                    if text.len() <= ENUM_LENGTH {
                        *texts.entry(text.clone()).or_default() += 1;
                    }
                    if text.len() > ENUM_LENGTH || texts.len() > ENUM_VALUES {
                        self.texts = None;
                    }
                }
            }
            Value::Array(items) if depth < MAX_DEPTH => {
                let seen = self.items.get_or_insert_default();
                for item in items {
                    passed_over += seen.add(item, depth + 1);
                }
            }
            Value::Object(object) if depth < MAX_DEPTH => {
                self.objects += 1;
                for (key, member) in object.iter() {
                    if !self.members.contains_key(key) && self.members.len() >= MOST {
                        passed_over += 1;
                        continue;
                    }
                    let seen = self.members.entry(key.to_owned()).or_default();
                    passed_over += seen.add(member, depth + 1);
                }
            }
            _ => {}
        }
        passed_over
    }

    /// The schema of what was seen in `of` events or elements.
    fn schema(&self, of: usize) -> Object {
        let mut schema = Object::new();
        let mut types = self.types.clone();
        // Every integer is a number.
        if types.contains("number") {
            types.remove("integer");
        }
        match types.iter().collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => {
                schema.insert("type", **one);
            }
            _ => {
                schema.insert("type", types.iter().copied().collect::<Value>());
            }
        }
        let mut comment = format!("{} of {of}", self.count);
        let listed = self.texts.as_ref().filter(|texts| {
            types.len() == 1 && !texts.is_empty() && self.count >= texts.len() * ENUM_REPEATS
        });
        if let Some(texts) = listed {
            schema.insert("enum", texts.keys().map(String::as_str).collect::<Value>());
            let counts: Vec<String> = texts
                .iter()
                .map(|(text, count)| format!("{text} {count}"))
                .collect();
            comment = format!("{comment}: {}", counts.join(", "));
        }
        schema.insert("$comment", comment);
        if let Some(items) = self.items.as_ref().filter(|items| items.count > 0) {
            schema.insert("items", items.schema(items.count));
        }
        if !self.members.is_empty() {
            let properties: Object = self
                .members
                .iter()
                .map(|(name, seen)| (name.as_str(), Value::Object(seen.schema(self.objects))))
                .collect();
            schema.insert("properties", properties);
            let always = self
                .members
                .iter()
                .filter(|(_, seen)| seen.count == self.objects);
            let required: Vec<Value> = always.map(|(name, _)| Value::from(name.as_str())).collect();
            if !required.is_empty() {
                schema.insert("required", Value::Array(required));
            }
        }
        schema
    }
}
