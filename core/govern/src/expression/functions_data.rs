//! Value functions of lists and objects.

use std::borrow::Cow;

use headwater_model::json::{Object, Value};

use super::evaluate::Exceeded;
use super::functions_text::as_text;
use super::functions_value::{Made, ValueFunction, size};
use super::value::Evaluation;
use super::worth::Worth;

const LIST: &str = "its argument is a list";
const OBJECT: &str = "its argument is an object";

pub(super) fn as_list(worth: Worth<'_>) -> Worth<'_> {
    match worth {
        Worth::List(_) => worth,
        other => Worth::List(Cow::Owned(
            other
                .into_value()
                .filter(|value| !value.is_null())
                .into_iter()
                .collect(),
        )),
    }
}

/// Compares each with each: a step a comparison, so that the budget bounds it.
pub(super) fn unique<'a>(
    evaluation: &mut Evaluation<'a, '_>,
    list: Worth<'a>,
) -> Result<Made<'a>, Exceeded> {
    let items = match list {
        Worth::List(items) => items,
        Worth::Missing | Worth::Null => return Ok(Ok(Worth::Missing)),
        _ => return Ok(Err(LIST)),
    };
    let mut kept: Vec<Value> = Vec::new();
    for item in items.iter() {
        let mut known = false;
        for other in &kept {
            if evaluation.equal(&Worth::of(item), &Worth::of(other))? {
                known = true;
                break;
            }
        }
        if !known {
            kept.push(item.clone());
        }
    }
    Ok(Ok(Worth::List(Cow::Owned(kept))))
}

pub(super) fn call<'a>(function: ValueFunction, first: Worth<'a>, second: &Worth<'a>) -> Made<'a> {
    use ValueFunction as F;
    let list = |worth: Worth<'a>| match worth {
        Worth::List(items) => Ok(items),
        _ => Err(LIST),
    };
    let object = |worth: Worth<'a>| match worth {
        Worth::Object(object) => Ok(object),
        _ => Err(OBJECT),
    };
    Ok(match function {
        F::Get => match as_text(second) {
            Some(key) => first.get(&key),
            None => return Err("the key is a text or a number"),
        },
        F::Omit | F::Pick => {
            let keys: Vec<&str> = match second {
                Worth::List(keys) => keys.iter().filter_map(Value::as_str).collect(),
                _ => return Err("the keys are a list of texts"),
            };
            let object = object(first)?;
            let made: Object = object
                .iter()
                .filter(|(key, _)| keys.contains(key) == (function == F::Pick))
                .map(|(key, value)| (key, value.clone()))
                .collect();
            Worth::Object(Cow::Owned(made))
        }
        F::Flatten => {
            let separator = match second {
                Worth::Text(text) => &**text,
                Worth::Missing => ".",
                _ => return Err("the separator is a text"),
            };
            let mut flat: Vec<(String, Value)> = Vec::new();
            flatten(&*object(first)?, "", separator, &mut flat);
            Worth::Object(Cow::Owned(flat.into_iter().collect()))
        }
        F::Keys => Worth::List(
            object(first)?
                .keys()
                .map(Value::from)
                .collect::<Vec<_>>()
                .into(),
        ),
        F::Values => match object(first)? {
            Cow::Borrowed(object) => Worth::List(
                object
                    .iter()
                    .map(|(_, value)| value.clone())
                    .collect::<Vec<_>>()
                    .into(),
            ),
            Cow::Owned(object) => Worth::List(
                object
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect::<Vec<_>>()
                    .into(),
            ),
        },
        F::PartitionByBool => {
            let object = object(first)?;
            let of = |wanted: bool| -> Value {
                object
                    .iter()
                    .filter(|(_, value)| value.as_bool() == Some(wanted))
                    .map(|(key, _)| key)
                    .collect()
            };
            let mut parts = Object::new();
            parts.insert("true", of(true));
            parts.insert("false", of(false));
            Worth::Object(Cow::Owned(parts))
        }
        F::Pluck => {
            let Worth::Text(key) = second else {
                return Err("the key is a text");
            };
            let items = list(first)?;
            Worth::List(
                items
                    .iter()
                    .filter_map(|item| item.get(key))
                    .cloned()
                    .collect::<Vec<_>>()
                    .into(),
            )
        }
        F::First => match list(first)? {
            Cow::Borrowed(items) => items.first().map_or(Worth::Missing, Worth::of),
            Cow::Owned(items) => items.into_iter().next().map_or(Worth::Missing, Worth::made),
        },
        F::Take => {
            let count = size(second).ok_or("the count is a number from 0")?;
            match first {
                Worth::List(Cow::Borrowed(items)) => {
                    Worth::List(Cow::Borrowed(items.get(..count).unwrap_or(items)))
                }
                Worth::List(Cow::Owned(mut items)) => {
                    items.truncate(count);
                    Worth::List(Cow::Owned(items))
                }
                Worth::Object(object) => Worth::Object(Cow::Owned(
                    object
                        .iter()
                        .take(count)
                        .map(|(key, value)| (key, value.clone()))
                        .collect(),
                )),
                _ => return Err("its argument is a list or an object"),
            }
        }
        F::Flat => {
            let mut flat = Vec::new();
            for item in list(first)?.into_owned() {
                match item {
                    Value::Array(items) => flat.extend(items),
                    other => flat.push(other),
                }
            }
            Worth::List(Cow::Owned(flat))
        }
        F::Count => match first {
            Worth::List(items) => Worth::count(items.len()),
            Worth::Object(object) => Worth::count(object.len()),
            _ => return Err("its argument is a list or an object"),
        },
        _ => return Err("it is no function of lists and objects"),
    })
}

/// How many separators the keys of a flat object have.
pub(super) fn separators(object: &Object, depth: usize) -> usize {
    let members = object.iter().map(|(_, value)| match value {
        Value::Object(inner) => separators(inner, depth + 1),
        _ => depth,
    });
    members.sum()
}

/// An event's depth is bounded where it is parsed.
fn flatten(object: &Object, prefix: &str, separator: &str, flat: &mut Vec<(String, Value)>) {
    for (key, value) in object.iter() {
        let key = if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}{separator}{key}")
        };
        match value {
            Value::Object(inner) => flatten(inner, &key, separator, flat),
            other => flat.push((key, other.clone())),
        }
    }
}
