//! mapping-kit's directives at work, as JavaScript has them.

use std::borrow::Cow;

use headwater_model::json::{Limits, Number, Object, Value, parse};

use super::make::{counted, make};
use super::path::{KitPath, assigned};
use super::shape::{If, Node, Replace};
use super::{Piece, Stopped};
use crate::expression::{MAX_OUTPUT, Root, Run, Scope, Worth};

pub(super) fn path_of<'a>(
    node: &'a Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let text = text_of("@path", node, scope, run)?;
    Ok(KitPath::of_directive(&text).find(scope.root))
}

pub(super) fn template_of<'a>(
    node: &'a Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let text = text_of("@template", node, scope, run)?;
    template(&pieces(&text), scope, run)
}

fn text_of<'a>(
    directive: &'static str,
    node: &'a Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Cow<'a, str>, Stopped> {
    match make(node, scope, run)? {
        Worth::Text(text) => Ok(text),
        _ => Err(Stopped::Refused {
            directive,
            problem: "a text is expected",
        }),
    }
}

/// Text and paths of `{{path}}` and `{{{path}}}`.
pub(super) fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let found = ["{{{", "{{"].into_iter().find_map(|open| {
            let inner = from.strip_prefix(open)?;
            let end = inner.find('}')?;
            let close = inner
                .get(end..)?
                .strip_prefix(open.replace('{', "}").as_str())?;
            (end > 0).then(|| (inner.get(..end).unwrap_or_default(), close))
        });
        match found {
            Some((path, after)) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                }
                pieces.push(Piece::Path(KitPath::parse(path.trim())));
                rest = after;
            }
            None => {
                text.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
    pieces
}

pub(super) fn template<'a>(
    pieces: &[Piece],
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(path) => {
                run.spend(1)?;
                let value = path.find(scope.root);
                let before = out.len();
                script_text(&value, &mut out);
                run.made(out.len() - before)?;
            }
        }
    }
    Ok(Worth::Text(Cow::Owned(out)))
}

/// As JavaScript's `String` writes a value; nothing as nothing.
fn script_text(value: &Worth<'_>, out: &mut String) {
    match value {
        Worth::Missing | Worth::Null => {}
        Worth::Bool(true) => out.push_str("true"),
        Worth::Bool(false) => out.push_str("false"),
        Worth::Number(number) => out.push_str(&script_number(number)),
        Worth::Text(text) => out.push_str(text),
        Worth::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                script_text(&Worth::of(item), out);
            }
        }
        Worth::Object(_) => out.push_str("[object Object]"),
    }
}

/// As JavaScript's `String` writes a number.
fn script_number(number: &Number) -> Cow<'_, str> {
    let text = number.as_str();
    if text.len() <= 15
        && text != "-0"
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return Cow::Borrowed(text);
    }
    match number.as_f64().and_then(Number::from_f64) {
        Some(number) => match number.as_str().split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                Cow::Owned(format!("{mantissa}e+{exponent}"))
            }
            _ => Cow::Owned(number.to_string()),
        },
        None => Cow::Borrowed(text),
    }
}

pub(super) fn condition<'a>(
    choice: &'a If,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let found = make(&choice.condition, scope, run)?;
    let holds = !found.is_nothing() && (!choice.filled || !loosely_empty(&found));
    let chosen = if holds {
        &choice.then
    } else {
        &choice.otherwise
    };
    match chosen {
        Some(node) => make(node, scope, run),
        None => Ok(Worth::Missing),
    }
}

/// `value == ''` in JavaScript.
fn loosely_empty(value: &Worth<'_>) -> bool {
    match value {
        Worth::Bool(value) => !value,
        Worth::Number(number) => number.as_f64() == Some(0.0),
        Worth::Text(text) => text.is_empty(),
        Worth::List(_) => {
            let mut text = String::new();
            script_text(value, &mut text);
            text.is_empty()
        }
        Worth::Missing | Worth::Null | Worth::Object(_) => false,
    }
}

pub(super) fn replace<'a>(
    replace: &'a Replace,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let Some(node) = &replace.value else {
        return Ok(Worth::Missing);
    };
    let value = make(node, scope, run)?;
    let mut text = String::new();
    if matches!(value, Worth::Text(_) | Worth::Bool(_) | Worth::Number(_)) {
        script_text(&value, &mut text);
        for (pattern, by) in &replace.pairs {
            run.spend(1 + text.len() / 64)?;
            text = replaced(&text, pattern, by, replace);
            run.made(text.len())?;
        }
    }
    Ok(Worth::Text(Cow::Owned(text)))
}

fn replaced(text: &str, pattern: &str, by: &str, how: &Replace) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(c) = rest.chars().next() else {
            break;
        };
        match matched(rest, pattern, how.ignore_case) {
            Some(length) if length > 0 => {
                substituted(text, at, at + length, by, &mut out);
                if out.len() > MAX_OUTPUT {
                    // Whoever counts it refuses it.
                    break;
                }
                at += length;
                if !how.global {
                    out.push_str(text.get(at..).unwrap_or_default());
                    break;
                }
            }
            _ => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

/// How many bytes of `text` the pattern takes.
fn matched(text: &str, pattern: &str, ignore_case: bool) -> Option<usize> {
    if !ignore_case {
        return text.starts_with(pattern).then_some(pattern.len());
    }
    let mut chars = text.char_indices();
    for wanted in pattern.chars() {
        let (_, c) = chars.next()?;
        if folded(c) != folded(wanted) {
            return None;
        }
    }
    Some(chars.next().map_or(text.len(), |(at, _)| at))
}

/// As regular expressions without `u` compare: the capital, where it is one character and no ASCII one of another.
fn folded(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) if c.is_ascii() || !upper.is_ascii() => upper,
        _ => c,
    }
}

/// A replacement's `$$`, `$&`, `` $` `` and `$'`.
fn substituted(text: &str, start: usize, end: usize, by: &str, out: &mut String) {
    let mut chars = by.chars().peekable();
    while let Some(c) = chars.next() {
        let part = match (c, chars.peek()) {
            ('$', Some('$')) => Some("$"),
            ('$', Some('&')) => text.get(start..end),
            ('$', Some('`')) => text.get(..start),
            ('$', Some('\'')) => text.get(end..),
            _ => None,
        };
        match part {
            Some(part) => {
                out.push_str(part);
                chars.next();
            }
            None => out.push(c),
        }
    }
}

pub(super) fn array_path<'a>(
    list: &'a Node,
    shape: Option<&'a Node>,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let root = make(list, scope, run)?;
    let Some(shape) = shape else {
        return Ok(root);
    };
    let owned: Vec<Value>;
    let items: &[Value] = match &root {
        Worth::List(items) => items,
        Worth::Object(_) => {
            owned = root.into_value().into_iter().collect();
            &owned
        }
        _ => return Ok(root),
    };
    let mut out = Vec::with_capacity(items.len().min(1024));
    for item in items {
        let inner = Scope {
            root: Root::Value(item),
            ..*scope
        };
        let made = make(shape, &inner, run)?;
        counted(&made, run)?;
        out.push(made.into_value().unwrap_or_default());
    }
    Ok(Worth::List(Cow::Owned(out)))
}

/// `Object.assign`: a key whose value is missing takes the earlier one away.
pub(super) fn merge<'a>(
    objects: &'a [Node],
    first_wins: bool,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut merged = Object::new();
    let mut one = |node: &'a Node| -> Result<(), Stopped> {
        if let Node::Object(entries) = node {
            for (key, value) in entries {
                let made = make(value, scope, run)?;
                counted(&made, run)?;
                match made.into_value() {
                    Some(value) => drop(merged.insert(&**key, value)),
                    None => drop(merged.remove(key)),
                }
            }
        } else {
            let made = make(node, scope, run)?;
            counted(&made, run)?;
            assigned(made, &mut merged);
        }
        Ok(())
    };
    if first_wins {
        objects.iter().rev().try_for_each(&mut one)?;
    } else {
        objects.iter().try_for_each(&mut one)?;
    }
    Ok(Worth::Object(Cow::Owned(merged)))
}

pub(super) fn transform<'a>(
    apply: &'a Node,
    mapping: &'a Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let applied = make(apply, scope, run)?;
    counted(&applied, run)?;
    let applied = applied.into_value().unwrap_or_default();
    let inner = Scope {
        root: Root::Value(&applied),
        ..*scope
    };
    let made = make(mapping, &inner, run)?;
    counted(&made, run)?;
    let made = made.into_value();
    Ok(made.map_or(Worth::Missing, Worth::made))
}

pub(super) fn flatten<'a>(
    value: Worth<'a>,
    separator: &str,
    omit_arrays: bool,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut flat: Vec<(String, Value)> = Vec::new();
    if let Some(value) = value.into_value() {
        flatten_into(&value, "", separator, omit_arrays, &mut flat, run)?;
    }
    Ok(Worth::Object(Cow::Owned(flat.into_iter().collect())))
}

/// An event's depth is bounded where it is parsed.
fn flatten_into(
    value: &Value,
    prefix: &str,
    separator: &str,
    omit_arrays: bool,
    flat: &mut Vec<(String, Value)>,
    run: &mut Run,
) -> Result<(), Stopped> {
    run.spend(1)?;
    let mut inner = |key: &str, value: &Value, run: &mut Run| {
        let key = if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}{separator}{key}")
        };
        run.made(key.len())?;
        flatten_into(value, &key, separator, omit_arrays, flat, run)
    };
    match value {
        Value::Object(object) => object
            .iter()
            .try_for_each(|(key, value)| inner(key, value, run)),
        Value::Array(items) if !omit_arrays => items
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| inner(&index.to_string(), value, run)),
        other => {
            flat.push((prefix.to_owned(), other.clone()));
            Ok(())
        }
    }
}

pub(super) fn encoded(value: Worth<'_>) -> Worth<'_> {
    value.into_value().map_or(Worth::Missing, |value| {
        Worth::Text(Cow::Owned(value.to_string()))
    })
}

pub(super) fn decoded(value: Worth<'_>) -> Worth<'_> {
    let Worth::Text(text) = &value else {
        return value;
    };
    let limits = Limits::default().with_max_depth(Limits::PAYLOAD_DEPTH);
    match parse(text.as_bytes(), &limits) {
        Ok(parsed) => Worth::made(parsed),
        Err(_) => value,
    }
}

/// Without null, in objects of objects; lists stay as they are.
pub(super) fn without_null(value: Worth<'_>) -> Worth<'_> {
    match value {
        Worth::Null => Worth::Missing,
        Worth::Object(object) => {
            let mut object = object.into_owned();
            clean(&mut object);
            Worth::Object(Cow::Owned(object))
        }
        other => other,
    }
}

fn clean(object: &mut Object) {
    object.retain(|_, value| {
        if let Value::Object(inner) = value {
            clean(inner);
        }
        !value.is_null()
    });
}
