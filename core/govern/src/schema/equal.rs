//! Whether two values are the same: numbers by value, objects in any order.

use std::collections::BTreeSet;

use headwater_model::json::{Object, Value};

use super::decimal;

pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            decimal::compare(left.as_str(), right.as_str()).is_eq()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(one, two)| equal(one, two))
        }
        (Value::Object(left), Value::Object(right)) => equal_objects(left, right),
        _ => left == right,
    }
}

pub(super) fn equal_objects(left: &Object, right: &Object) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .all(|(key, one)| right.get(key).is_some_and(|two| equal(one, two)))
}

/// So many scalars are compared each with each.
const FEW: usize = 16;

/// Whether no two are the same, and the bytes that were written to find out.
pub(super) fn distinct(items: &[Value]) -> (bool, usize) {
    let scalar = |item: &Value| !matches!(item, Value::Array(_) | Value::Object(_));
    if items.len() <= FEW && items.iter().all(scalar) {
        let twice = items.iter().enumerate().any(|(at, one)| {
            let before = items.get(..at).unwrap_or_default();
            before.iter().any(|two| equal(one, two))
        });
        return (!twice, 0);
    }
    let mut seen = BTreeSet::new();
    let mut bytes = 0;
    for item in items {
        let mut text = String::new();
        canonical(item, &mut text);
        bytes += text.len();
        if !seen.insert(text) {
            return (false, bytes);
        }
    }
    (true, bytes)
}

/// One text for all values that are the same.
fn canonical(value: &Value, into: &mut String) {
    match value {
        Value::Number(number) => decimal::canonical(number.as_str(), into),
        Value::Array(items) => {
            into.push('[');
            for item in items {
                canonical(item, into);
                into.push(',');
            }
            into.push(']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            into.push('{');
            for (key, member) in members {
                canonical(&Value::from(key), into);
                into.push(':');
                canonical(member, into);
                into.push(',');
            }
            into.push('}');
        }
        Value::String(_) | Value::Bool(_) | Value::Null => into.push_str(&value.to_string()),
    }
}
