//! A shape at work. What stands in the event is borrowed until it is kept.

use std::borrow::Cow;

use headwater_model::json::Value;

use super::shape::Node;
use super::{Stopped, directives, kit};
use crate::expression::{Run, Scope, Worth};

/// Recursion is as deep as the mapping, which is bounded.
pub(super) fn make<'a>(
    node: &'a Node,
    scope: &Scope<'a>,
    run: &mut Run,
) -> Result<Worth<'a>, Stopped> {
    run.spend(1)?;
    Ok(match node {
        Node::Constant(value) => Worth::of(value),
        Node::Formula(formula) => formula.evaluate(scope, run)?,
        Node::Object(entries) => {
            let mut pairs: Vec<(String, Value)> = Vec::with_capacity(entries.len());
            for (key, node) in entries {
                let noted = run.notes().len();
                let made = make(node, scope, run)?;
                if run.notes().len() > noted {
                    run.place_notes(noted, key);
                }
                counted(&made, run)?;
                if let Some(value) = made.into_value() {
                    pairs.push((key.to_string(), value));
                }
            }
            Worth::Object(Cow::Owned(pairs.into_iter().collect()))
        }
        Node::List { items, holes } => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let made = make(item, scope, run)?;
                counted(&made, run)?;
                match made.into_value() {
                    Some(value) => list.push(value),
                    None if *holes => list.push(Value::Null),
                    None => {}
                }
            }
            Worth::List(Cow::Owned(list))
        }
        Node::Path(path) => path.find(scope.root),
        Node::PathOf(text) => kit::path_of(text, scope, run)?,
        Node::Template(pieces) => kit::template(pieces, scope, run)?,
        Node::TemplateOf(text) => kit::template_of(text, scope, run)?,
        Node::If(choice) => kit::condition(choice, scope, run)?,
        Node::Case { upper, value } => match make(value, scope, run)? {
            Worth::Text(text) => {
                run.made(text.len())?;
                Worth::Text(Cow::Owned(if *upper {
                    text.to_uppercase()
                } else {
                    text.to_lowercase()
                }))
            }
            other => other,
        },
        Node::Replace(replace) => kit::replace(replace, scope, run)?,
        Node::ArrayPath { list, shape } => kit::array_path(list, shape.as_deref(), scope, run)?,
        Node::Merge {
            objects,
            first_wins,
        } => kit::merge(objects, *first_wins, scope, run)?,
        Node::Transform { apply, mapping } => kit::transform(apply, mapping, scope, run)?,
        Node::FlattenKit {
            value,
            separator,
            omit_arrays,
        } => {
            let value = make(value, scope, run)?;
            kit::flatten(value, separator, *omit_arrays, run)?
        }
        Node::Encode(value) => {
            let text = kit::encoded(make(value, scope, run)?);
            counted(&text, run)?;
            text
        }
        Node::Decode(value) => kit::decoded(make(value, scope, run)?),
        Node::ExcludeWhenNull(value) => kit::without_null(make(value, scope, run)?),
        Node::Each(each) => directives::each(each, scope, run)?,
        Node::Concat(lists) => directives::concat(lists, scope, run)?,
        Node::Assign {
            objects,
            first_wins,
        } => directives::assign(objects, *first_wins, scope, run)?,
        Node::Entries(entries) => directives::entries(entries, scope, run)?,
        Node::ListOf { over, to } => directives::list_of(over, to, scope, run)?,
        Node::Keys { from, keys, keep } => {
            directives::keys(make(from, scope, run)?, keys, *keep, run)
        }
        Node::Rename { from, keys } => directives::rename(make(from, scope, run)?, keys, run),
        Node::When(cases) => {
            for (condition, node) in cases {
                let holds = match condition {
                    Some(condition) => condition.holds(scope, run)?,
                    None => true,
                };
                if holds {
                    return make(node, scope, run);
                }
            }
            Worth::Missing
        }
        Node::Compact(of) => directives::compact(make(of, scope, run)?),
    })
}

/// Counts what is copied from the event.
pub(super) fn counted(worth: &Worth<'_>, run: &mut Run) -> Result<(), Stopped> {
    Ok(run.copied(worth)?)
}
