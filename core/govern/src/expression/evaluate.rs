//! A program over one event. Nothing is allocated but what the case functions make.

use core::cmp::Ordering;
use std::borrow::Cow;

use headwater_model::json::{Number, Object, Value};

use super::functions::{Function, kebabcase, snakecase, titlecase};
use super::{Comparison, Expression, MAX_STEPS, Node, Path, glob, number};

/// The evaluation took more than [`MAX_STEPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the expression takes more than {MAX_STEPS} steps for this event")]
pub struct Exceeded;

/// Steps that are left.
pub(super) struct Budget(u32);

impl Default for Budget {
    fn default() -> Budget {
        Budget(MAX_STEPS)
    }
}

impl Budget {
    pub(super) fn spend(&mut self, steps: u32) -> Result<(), Exceeded> {
        self.0 = self.0.checked_sub(steps).ok_or(Exceeded)?;
        Ok(())
    }
}

pub(super) fn matches(expression: &Expression, event: &Object) -> Result<bool, Exceeded> {
    let mut run = Run {
        expression,
        event,
        budget: Budget::default(),
    };
    let root = u16::try_from(expression.nodes.len().saturating_sub(1)).unwrap_or(0);
    run.holds(root)
}

pub(super) fn value(expression: &Expression, event: &Object) -> Result<Option<Value>, Exceeded> {
    let mut run = Run {
        expression,
        event,
        budget: Budget::default(),
    };
    if let ([Node::Path(_)], [path]) = (&*expression.nodes, &*expression.paths) {
        let Some(value) = path.find(event) else {
            return Ok(None);
        };
        run.copies(weight(value))?;
        return Ok(Some(value.clone()));
    }
    let root = u16::try_from(expression.nodes.len().saturating_sub(1)).unwrap_or(0);
    let worth = run.worth(root)?;
    run.value_of(&worth).map(Some)
}

/// What a node is worth.
enum Operand<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, Number>),
    Text(Cow<'a, str>),
    /// A list of the event.
    Array(&'a [Value]),
    /// A list of the expression.
    List(&'a [u16]),
    Object(&'a Object),
}

impl<'a> Operand<'a> {
    fn of(value: &'a Value) -> Operand<'a> {
        match value {
            Value::Null => Operand::Null,
            Value::Bool(value) => Operand::Bool(*value),
            Value::Number(number) => Operand::Number(Cow::Borrowed(number)),
            Value::String(text) => Operand::Text(Cow::Borrowed(text)),
            Value::Array(items) => Operand::Array(items),
            Value::Object(object) => Operand::Object(object),
        }
    }

    /// How many elements; what is no list has none.
    fn len(&self) -> usize {
        match self {
            Operand::Array(items) => items.len(),
            Operand::List(items) => items.len(),
            _ => 0,
        }
    }
}

struct Run<'a> {
    expression: &'a Expression,
    event: &'a Object,
    budget: Budget,
}

impl<'a> Run<'a> {
    fn node(&self, index: u16) -> &'a Node {
        self.expression
            .nodes
            .get(usize::from(index))
            .unwrap_or(&Node::Null)
    }

    /// Whether a node is worth `true`.
    fn holds(&mut self, index: u16) -> Result<bool, Exceeded> {
        self.budget.spend(1)?;
        match self.node(index) {
            Node::All => Ok(true),
            Node::Not(operand) => Ok(!self.holds(*operand)?),
            Node::And(range) => {
                for operand in self.expression.range(*range) {
                    if !self.holds(*operand)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Or(range) => {
                for operand in self.expression.range(*range) {
                    if self.holds(*operand)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Compare(comparison, left, right) => self.compare(*comparison, *left, *right),
            Node::In(needle, list) => self.is_in(*needle, *list),
            Node::Null
            | Node::Bool(_)
            | Node::Number(_)
            | Node::Text(_)
            | Node::List(_)
            | Node::Path(_)
            | Node::Call(..) => Ok(matches!(self.worth(index)?, Operand::Bool(true))),
            #[cfg(feature = "shapes")]
            Node::Around(..) | Node::Compute(..) => Ok(false),
        }
    }

    fn worth(&mut self, index: u16) -> Result<Operand<'a>, Exceeded> {
        match self.node(index) {
            Node::Null => Ok(Operand::Null),
            Node::Bool(value) => Ok(Operand::Bool(*value)),
            Node::Number(number) => Ok(Operand::Number(Cow::Borrowed(number))),
            Node::Text(text) => Ok(Operand::Text(Cow::Borrowed(text))),
            Node::List(range) => Ok(Operand::List(self.expression.range(*range))),
            Node::Path(path) => Ok(self
                .expression
                .paths
                .get(usize::from(*path))
                .and_then(|path| path.find(self.event))
                .map_or(Operand::Null, Operand::of)),
            Node::Call(function, range) => self.call(*function, self.expression.range(*range)),
            // A filter has neither: the parser refuses them.
            #[cfg(feature = "shapes")]
            Node::Around(..) | Node::Compute(..) => Ok(Operand::Null),
            Node::All
            | Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::In(..) => Ok(Operand::Bool(self.holds(index)?)),
        }
    }

    /// A step for each 64 bytes, so that no list of copies, and no copy of copies, outgrows the event by much.
    fn copies(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.budget
            .spend(u32::try_from(bytes / 64).unwrap_or(u32::MAX))
    }

    fn value_of(&mut self, operand: &Operand<'a>) -> Result<Value, Exceeded> {
        self.budget.spend(1)?;
        self.copies(match operand {
            Operand::Text(text) => text.len(),
            Operand::Array(items) => items.iter().map(weight).sum(),
            Operand::Object(object) => object_weight(object),
            _ => 0,
        })?;
        Ok(match operand {
            Operand::Null => Value::Null,
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Number(number) => Value::Number(number.clone().into_owned()),
            Operand::Text(text) => Value::String(text.clone().into_owned()),
            Operand::Array(items) => Value::Array(items.to_vec()),
            Operand::Object(object) => Value::Object((*object).clone()),
            Operand::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in *items {
                    let worth = self.worth(*item)?;
                    values.push(self.value_of(&worth)?);
                }
                Value::Array(values)
            }
        })
    }

    fn compare(&mut self, comparison: Comparison, left: u16, right: u16) -> Result<bool, Exceeded> {
        let left = self.worth(left)?;
        let right = self.worth(right)?;
        let order = |holds: fn(Ordering) -> bool| match (&left, &right) {
            (Operand::Number(left), Operand::Number(right)) => {
                number::compare(left, right).is_some_and(holds)
            }
            _ => false,
        };
        Ok(match comparison {
            Comparison::Equal => self.equal(&left, &right)?,
            Comparison::Differs => !self.equal(&left, &right)?,
            Comparison::Less => order(Ordering::is_lt),
            Comparison::AtMost => order(Ordering::is_le),
            Comparison::Greater => order(Ordering::is_gt),
            Comparison::AtLeast => order(Ordering::is_ge),
        })
    }

    fn equal(&mut self, left: &Operand<'a>, right: &Operand<'a>) -> Result<bool, Exceeded> {
        self.budget.spend(1)?;
        Ok(match (left, right) {
            (Operand::Null, Operand::Null) => true,
            (Operand::Bool(left), Operand::Bool(right)) => left == right,
            (Operand::Number(left), Operand::Number(right)) => {
                number::compare(left, right).is_some_and(Ordering::is_eq)
            }
            (Operand::Text(left), Operand::Text(right)) => left == right,
            (Operand::Array(_) | Operand::List(_), Operand::Array(_) | Operand::List(_)) => {
                let len = left.len();
                if len != right.len() {
                    return Ok(false);
                }
                for index in 0..len {
                    let (left, right) = (self.element(left, index)?, self.element(right, index)?);
                    if !self.equal(&left, &right)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Operand::Object(left), Operand::Object(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in left.iter() {
                    let Some(other) = right.get(key) else {
                        return Ok(false);
                    };
                    if !self.equal(&Operand::of(value), &Operand::of(other))? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn is_in(&mut self, needle: u16, list: u16) -> Result<bool, Exceeded> {
        let needle = self.worth(needle)?;
        let list = self.worth(list)?;
        for index in 0..list.len() {
            let element = self.element(&list, index)?;
            if self.equal(&needle, &element)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn element(&mut self, list: &Operand<'a>, index: usize) -> Result<Operand<'a>, Exceeded> {
        match *list {
            Operand::Array(items) => Ok(items.get(index).map_or(Operand::Null, Operand::of)),
            Operand::List(items) => items
                .get(index)
                .map_or(Ok(Operand::Null), |item| self.worth(*item)),
            _ => Ok(Operand::Null),
        }
    }

    fn call(&mut self, function: Function, arguments: &'a [u16]) -> Result<Operand<'a>, Exceeded> {
        self.budget.spend(1)?;
        let mut argument = |index: usize| {
            arguments
                .get(index)
                .map_or(Ok(Operand::Null), |argument| self.worth(*argument))
        };
        let first = argument(0)?;
        Ok(match function {
            Function::Contains => match (&first, argument(1)?) {
                (Operand::Text(text), Operand::Text(part)) => Operand::Bool(text.contains(&*part)),
                _ => Operand::Bool(false),
            },
            Function::Match => match (&first, argument(1)?) {
                (Operand::Text(text), Operand::Text(pattern)) => {
                    Operand::Bool(glob::fits(&pattern, text, &mut self.budget)?)
                }
                _ => Operand::Bool(false),
            },
            Function::Length => match &first {
                Operand::Null => count(0),
                Operand::Text(text) => count(text.len()),
                Operand::Array(_) | Operand::List(_) => count(first.len()),
                _ => Operand::Null,
            },
            Function::Lowercase => recased(first, str::to_lowercase),
            Function::Uppercase => recased(first, str::to_uppercase),
            Function::Snakecase => recased(first, snakecase),
            Function::Kebabcase => recased(first, kebabcase),
            Function::Titlecase => recased(first, titlecase),
            Function::Typeof => Operand::Text(Cow::Borrowed(match first {
                Operand::Null => "null",
                Operand::Bool(_) => "bool",
                Operand::Number(_) => "number",
                Operand::Text(_) => "string",
                Operand::Array(_) | Operand::List(_) => "list",
                Operand::Object(_) => "object",
            })),
            Function::Bool => match first {
                Operand::Bool(value) => Operand::Bool(value),
                Operand::Text(text) if text == "true" => Operand::Bool(true),
                Operand::Text(text) if text == "false" => Operand::Bool(false),
                _ => Operand::Null,
            },
            Function::Text => match first {
                Operand::Text(text) => Operand::Text(text),
                Operand::Number(number) => Operand::Text(Cow::Owned(number.to_string())),
                Operand::Bool(true) => Operand::Text(Cow::Borrowed("true")),
                Operand::Bool(false) => Operand::Text(Cow::Borrowed("false")),
                _ => Operand::Null,
            },
            Function::Number => match first {
                Operand::Number(number) => Operand::Number(number),
                Operand::Text(text) => Number::parse(text.trim())
                    .map_or(Operand::Null, |number| Operand::Number(Cow::Owned(number))),
                _ => Operand::Null,
            },
        })
    }
}

/// About how many bytes a copy takes, as JSON, and 8 for each value.
fn weight(value: &Value) -> usize {
    8 + match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(object) => object_weight(object),
    }
}

fn object_weight(object: &Object) -> usize {
    let members = object.iter();
    members.map(|(key, value)| key.len() + weight(value)).sum()
}

fn count<'a>(number: usize) -> Operand<'a> {
    Operand::Number(Cow::Owned(Number::from_u64(number as u64)))
}

fn recased<'a>(operand: Operand<'a>, change: fn(&str) -> String) -> Operand<'a> {
    match operand {
        Operand::Text(text) => Operand::Text(Cow::Owned(change(&text))),
        _ => Operand::Null,
    }
}

impl Path {
    /// The value in an event.
    pub(super) fn find<'a>(&self, event: &'a Object) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter()
            .try_fold(event.get(first)?, |value, key| value.get(key))
    }
}
