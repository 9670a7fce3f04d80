//! What formulas and parts of mappings are worth.

use std::borrow::Cow;

use headwater_model::json::{Number, Object, Value};

/// What a formula or a part of a mapping is worth. What stands in the event is not copied until it is kept.
#[derive(Clone, Debug)]
pub enum Worth<'a> {
    /// There is nothing.
    Missing,
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Cow<'a, Number>),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Cow<'a, [Value]>),
    /// An object.
    Object(Cow<'a, Object>),
}

impl<'a> Worth<'a> {
    /// A value that stands elsewhere.
    #[must_use]
    pub fn of(value: &'a Value) -> Worth<'a> {
        match value {
            Value::Null => Worth::Null,
            Value::Bool(value) => Worth::Bool(*value),
            Value::Number(number) => Worth::Number(Cow::Borrowed(number)),
            Value::String(text) => Worth::Text(Cow::Borrowed(text)),
            Value::Array(items) => Worth::List(Cow::Borrowed(items)),
            Value::Object(object) => Worth::Object(Cow::Borrowed(object)),
        }
    }

    /// A value that was made.
    #[must_use]
    pub fn made(value: Value) -> Worth<'a> {
        match value {
            Value::Null => Worth::Null,
            Value::Bool(value) => Worth::Bool(value),
            Value::Number(number) => Worth::Number(Cow::Owned(number)),
            Value::String(text) => Worth::Text(Cow::Owned(text)),
            Value::Array(items) => Worth::List(Cow::Owned(items)),
            Value::Object(object) => Worth::Object(Cow::Owned(object)),
        }
    }

    /// As a value of its own; `None`: missing.
    #[must_use]
    pub fn into_value(self) -> Option<Value> {
        Some(match self {
            Worth::Missing => return None,
            Worth::Null => Value::Null,
            Worth::Bool(value) => Value::Bool(value),
            Worth::Number(number) => Value::Number(number.into_owned()),
            Worth::Text(text) => Value::String(text.into_owned()),
            Worth::List(items) => Value::Array(items.into_owned()),
            Worth::Object(object) => Value::Object(object.into_owned()),
        })
    }

    pub(super) fn text(text: impl Into<String>) -> Worth<'a> {
        Worth::Text(Cow::Owned(text.into()))
    }

    pub(super) fn count(number: usize) -> Worth<'a> {
        Worth::Number(Cow::Owned(Number::from_u64(number as u64)))
    }

    /// Missing or null.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Worth::Missing | Worth::Null)
    }

    /// Missing, null, empty text, empty list or empty object.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Worth::Missing | Worth::Null => true,
            Worth::Text(text) => text.is_empty(),
            Worth::List(items) => items.is_empty(),
            Worth::Object(object) => object.is_empty(),
            Worth::Bool(_) | Worth::Number(_) => false,
        }
    }

    /// The value under a key; a key of digits takes an element.
    pub(crate) fn get(self, key: &str) -> Worth<'a> {
        match self {
            Worth::Object(Cow::Borrowed(object)) => {
                object.get(key).map_or(Worth::Missing, Worth::of)
            }
            Worth::Object(Cow::Owned(mut object)) => {
                object.remove(key).map_or(Worth::Missing, Worth::made)
            }
            Worth::List(Cow::Borrowed(items)) => {
                element(items, key).map_or(Worth::Missing, Worth::of)
            }
            Worth::List(Cow::Owned(items)) => element(&items, key)
                .cloned()
                .map_or(Worth::Missing, Worth::made),
            _ => Worth::Missing,
        }
    }
}

/// About how many bytes a value takes.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(object) => object_size(object),
    }
}

pub(crate) fn object_size(object: &Object) -> usize {
    object
        .iter()
        .map(|(key, value)| key.len() + 4 + size(value))
        .sum::<usize>()
        + 2
}

fn element<'a>(items: &'a [Value], key: &str) -> Option<&'a Value> {
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    items.get(key.parse::<usize>().ok()?)
}
