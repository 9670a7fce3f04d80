//! Our directives at work.

use std::borrow::Cow;

use headwater_model::json::{Object, Value};

use super::Stopped;
use super::make::{counted, make};
use super::shape::{Each, Entries, Node};
use crate::expression::{Formula, Loop, Run, Scope, Worth};

/// The elements that a loop goes over: a list's, or one; missing and null have none.
fn elements(worth: Worth<'_>) -> Cow<'_, [Value]> {
    match worth {
        Worth::List(items) => items,
        other => Cow::Owned(
            other
                .into_value()
                .filter(|value| !value.is_null())
                .into_iter()
                .collect(),
        ),
    }
}

pub(super) fn each<'a>(
    each: &'a Each,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let items = elements(each.over.evaluate(scope, run)?);
    let mut out = Vec::with_capacity(items.len().min(1024));
    for (index, item) in items.iter().enumerate() {
        let turn = Loop {
            item,
            index,
            key: None,
            name: each.name.as_deref(),
            outer: scope.turn,
        };
        let inner = Scope {
            turn: Some(&turn),
            ..*scope
        };
        if let Some(filter) = &each.filter
            && !filter.holds(&inner, run)?
        {
            continue;
        }
        let made = make(&each.to, &inner, run)?;
        counted(&made, run)?;
        out.extend(made.into_value());
    }
    Ok(Worth::List(Cow::Owned(out)))
}

pub(super) fn concat<'a>(
    lists: &'a [Node],
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut out = Vec::new();
    for list in lists {
        let made = make(list, scope, run)?;
        counted(&made, run)?;
        match made {
            Worth::List(Cow::Owned(items)) => out.extend(items),
            other => out.extend(elements(other).into_owned()),
        }
    }
    Ok(Worth::List(Cow::Owned(out)))
}

pub(super) fn assign<'a>(
    objects: &'a [Node],
    first_wins: bool,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut parts = Vec::with_capacity(objects.len());
    for node in objects {
        let made = make(node, scope, run)?;
        counted(&made, run)?;
        match made {
            Worth::Object(object) => parts.push(object.into_owned()),
            Worth::Missing | Worth::Null => {}
            _ => run.note("@assign", "its parts are objects"),
        }
    }
    if first_wins {
        parts.reverse();
    }
    let out: Object = parts.into_iter().flatten().collect();
    Ok(Worth::Object(Cow::Owned(out)))
}

/// Calls `one` for each entry of an object, or element of a list, whose key is its place then.
fn over<'a>(
    formula: &'a Formula,
    scope: &Scope<'a>,
    run: &mut Run,
    mut one: impl FnMut(&Scope<'_>, &mut Run) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    match formula.evaluate(scope, run)? {
        Worth::Object(object) => {
            for (index, (key, item)) in object.iter().enumerate() {
                let turn = Loop {
                    item,
                    index,
                    key: Some(key),
                    name: None,
                    outer: scope.turn,
                };
                one(
                    &Scope {
                        turn: Some(&turn),
                        ..*scope
                    },
                    run,
                )?;
            }
        }
        other => {
            for (index, item) in elements(other).iter().enumerate() {
                let key = index.to_string();
                let turn = Loop {
                    item,
                    index,
                    key: Some(&key),
                    name: None,
                    outer: scope.turn,
                };
                one(
                    &Scope {
                        turn: Some(&turn),
                        ..*scope
                    },
                    run,
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn entries<'a>(
    entries: &'a Entries,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut out: Vec<(String, Value)> = Vec::new();
    over(&entries.over, scope, run, |inner, run| {
        if let Some(filter) = &entries.filter
            && !filter.holds(inner, run)?
        {
            return Ok(());
        }
        let key = match entries.key.evaluate(inner, run)? {
            Worth::Text(text) => text.into_owned(),
            Worth::Number(number) => number.to_string(),
            Worth::Missing | Worth::Null => return Ok(()),
            _ => {
                run.note("@entries", "a key is a text or a number");
                return Ok(());
            }
        };
        run.made(key.len())?;
        let made = make(&entries.value, inner, run)?;
        counted(&made, run)?;
        if let Some(value) = made.into_value() {
            out.push((key, value));
        }
        Ok(())
    })?;
    Ok(Worth::Object(Cow::Owned(out.into_iter().collect())))
}

pub(super) fn list_of<'a>(
    formula: &'a Formula,
    to: &Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    let mut out = Vec::new();
    over(formula, scope, run, |inner, run| {
        let made = make(to, inner, run)?;
        counted(&made, run)?;
        out.extend(made.into_value());
        Ok(())
    })?;
    Ok(Worth::List(Cow::Owned(out)))
}

pub(super) fn keys<'a>(from: Worth<'a>, keys: &[Box<str>], keep: bool, run: &mut Run) -> Worth<'a> {
    match from {
        Worth::Object(object) => Worth::Object(Cow::Owned(
            object
                .iter()
                .filter(|(key, _)| keys.iter().any(|known| **known == **key) == keep)
                .map(|(key, value)| (key, value.clone()))
                .collect(),
        )),
        Worth::Missing | Worth::Null => Worth::Missing,
        _ => {
            run.note(if keep { "@pick" } else { "@omit" }, "`from` is an object");
            Worth::Missing
        }
    }
}

pub(super) fn rename<'a>(
    from: Worth<'a>,
    keys: &[(Box<str>, Box<str>)],
    run: &mut Run,
) -> Worth<'a> {
    match from {
        Worth::Object(object) => Worth::Object(Cow::Owned(
            object
                .into_owned()
                .into_iter()
                .map(|(key, value)| {
                    let renamed = keys.iter().find(|(from, _)| **from == *key);
                    (renamed.map_or(key, |(_, to)| to.to_string()), value)
                })
                .collect(),
        )),
        Worth::Missing | Worth::Null => Worth::Missing,
        _ => {
            run.note("@rename", "`from` is an object");
            Worth::Missing
        }
    }
}

/// Without what is blank, all the way down.
pub(super) fn compact(of: Worth<'_>) -> Worth<'_> {
    let Some(mut value) = of.into_value() else {
        return Worth::Missing;
    };
    if compacted(&mut value) {
        Worth::made(value)
    } else {
        Worth::Missing
    }
}

/// Whether anything is left.
fn compacted(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => {
            items.retain_mut(compacted);
            !items.is_empty()
        }
        Value::Object(object) => {
            object.retain(|_, value| compacted(value));
            !object.is_empty()
        }
        Value::Bool(_) | Value::Number(_) => true,
    }
}
