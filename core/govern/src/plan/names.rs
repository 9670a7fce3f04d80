//! Which properties or traits a rule's schema names: others are unplanned.
//!
//! Only the names directly below `properties` or `traits` count, wherever the schema has them: beside each other, in
//! combinators, behind a local reference. A schema that allows names by pattern names all of them, since leaving a
//! property out by mistake is worse than keeping one.

use std::collections::BTreeSet;

use headwater_model::json::{Object, Value};

/// The most places that are looked at.
const MOST: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    all: bool,
    names: BTreeSet<String>,
}

impl Names {
    pub(super) fn has(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    /// The names below `part` of an event.
    pub(super) fn of(schema: &Value, part: &str) -> Names {
        let mut names = Names::default();
        let mut parts = Vec::new();
        for place in places(schema, schema) {
            parts.extend(place.get("properties").and_then(|all| all.get(part)));
        }
        for part in parts {
            for place in places(schema, part) {
                let named = place.get("properties").and_then(Value::as_object);
                for name in named.into_iter().flat_map(Object::keys) {
                    names.names.insert(name.to_owned());
                }
                names.all |= place.get("patternProperties").is_some()
                    || place
                        .get("additionalProperties")
                        .is_some_and(Value::is_object);
            }
        }
        names
    }
}

/// A schema, and those that are about the same value.
fn places<'v>(root: &'v Value, schema: &'v Value) -> Vec<&'v Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        if found.len() >= MOST || found.iter().any(|known| core::ptr::eq(*known, schema)) {
            continue;
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            open.extend(pointed(root, pointer));
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let list = schema.get(keyword).and_then(Value::as_array);
            open.extend(list.into_iter().flatten());
        }
        for keyword in ["if", "then", "else"] {
            open.extend(schema.get(keyword));
        }
        let dependencies = schema.get("dependencies").and_then(Value::as_object);
        open.extend(
            dependencies
                .into_iter()
                .flat_map(|all| all.iter().map(|(_, schema)| schema)),
        );
        found.push(schema);
    }
    found
}

fn pointed<'v>(root: &'v Value, pointer: &str) -> Option<&'v Value> {
    let mut at = root;
    for part in pointer.strip_prefix('#')?.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        at = match at {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            _ => at.get(&part)?,
        };
    }
    Some(at)
}
