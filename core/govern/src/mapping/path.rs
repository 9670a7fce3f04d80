//! mapping-kit's paths: `$.a.b[0]['c d']`, read as JavaScript reads them.

use headwater_model::json::{Object, Value};

use crate::expression::{Root, Worth};

/// The keys, outermost first; none is the whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KitPath(Box<[Box<str>]>);

impl KitPath {
    /// A path of `@path`: the first `$.` in it is dropped.
    pub(super) fn of_directive(text: &str) -> KitPath {
        KitPath::parse(&text.replacen("$.", "", 1))
    }

    /// Parted at `.`, at `[` before a quote or a digit, and at `]` behind one; quotes are dropped.
    pub(super) fn parse(text: &str) -> KitPath {
        if text == "." {
            return KitPath(Box::default());
        }
        let mark = |c: char| c == '"' || c == '\'' || c.is_ascii_digit();
        let mut keys: Vec<Box<str>> = Vec::new();
        let mut key = String::new();
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let parts = match c {
                '.' => true,
                '[' => chars.peek().is_some_and(|next| mark(*next)),
                ']' => {
                    let closes = before.is_some_and(mark);
                    while closes && chars.next_if_eq(&']').is_some() {}
                    closes
                }
                _ => false,
            };
            if parts {
                keys.extend((!key.is_empty()).then(|| std::mem::take(&mut key).into()));
            } else {
                key.push(c);
            }
            before = Some(c);
        }
        keys.extend((!key.is_empty()).then(|| key.into()));
        KitPath(
            keys.into_iter()
                .map(|key| {
                    if key.contains(['"', '\'']) {
                        key.replace(['"', '\''], "").into()
                    } else {
                        key
                    }
                })
                .collect(),
        )
    }

    /// The value. What is false in JavaScript (`null`, `false`, `0`, `""`) ends the path with itself.
    pub(super) fn find<'a>(&self, root: Root<'a>) -> Worth<'a> {
        let mut keys = self.0.iter();
        let mut at: &Value = match root {
            Root::Value(value) => value,
            Root::Object(object) => match keys.next() {
                None => return Worth::Object(std::borrow::Cow::Borrowed(object)),
                Some(key) => match object.get(key) {
                    Some(value) => value,
                    None => return Worth::Missing,
                },
            },
        };
        for key in keys {
            at = match at {
                Value::Object(object) => match object.get(key) {
                    Some(value) => value,
                    None => return Worth::Missing,
                },
                Value::Array(items) => match index(key) {
                    Some(index) => match items.get(index) {
                        Some(value) => value,
                        None => return Worth::Missing,
                    },
                    None if &**key == "length" => return Worth::made(Value::from(items.len())),
                    None => return Worth::Missing,
                },
                Value::String(text) if text.is_empty() => return Worth::of(at),
                Value::String(text) => return of_text(text, key),
                Value::Null | Value::Bool(false) => return Worth::of(at),
                Value::Number(number) if number.as_f64() == Some(0.0) => return Worth::of(at),
                Value::Bool(true) | Value::Number(_) => return Worth::Missing,
            };
        }
        Worth::of(at)
    }
}

/// A key as JavaScript takes it for an element: no sign, no leading zero.
fn index(key: &str) -> Option<usize> {
    (key == "0" || !key.starts_with('0'))
        .then_some(key)
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

/// A character or the length, counted in UTF-16.
fn of_text<'a>(text: &str, key: &str) -> Worth<'a> {
    if key == "length" {
        return Worth::made(Value::from(text.encode_utf16().count()));
    }
    index(key)
        .and_then(|index| text.encode_utf16().nth(index))
        .map_or(Worth::Missing, |unit| {
            Worth::made(Value::from(String::from_utf16_lossy(&[unit])))
        })
}

/// Whether JavaScript takes it for true.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => true,
    }
}

/// As `Object.assign` takes the parts of a value.
pub(super) fn assigned(value: Worth<'_>, into: &mut Object) {
    match value {
        Worth::Object(object) => into.extend(object.into_owned()),
        Worth::List(items) => {
            let items = items.into_owned().into_iter().enumerate();
            into.extend(items.map(|(index, item)| (index.to_string(), item)));
        }
        Worth::Text(text) => {
            let units = text.encode_utf16().enumerate();
            into.extend(
                units.map(|(index, unit)| (index.to_string(), String::from_utf16_lossy(&[unit]))),
            );
        }
        Worth::Missing | Worth::Null | Worth::Bool(_) | Worth::Number(_) => {}
    }
}
