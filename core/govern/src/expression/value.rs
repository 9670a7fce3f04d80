//! Formulas: expressions that make a value of an event and its surroundings.
//!
//! The grammar is the filters'. A formula also has the surroundings (`$settings`, `$item`, …) and the value functions. A path
//! that is missing is *missing*, not null: comparisons read it as null, a mapping leaves its key out. A key of digits alone
//! takes an element of a list, from 0. Evaluation is total: a wrong argument gives missing and a [`Note`].

use core::cmp::Ordering;
use std::borrow::Cow;

use headwater_model::json::{Number, Object, Value};

use super::evaluate::Exceeded;
use super::functions::{Function, kebabcase, snakecase, titlecase};
use super::parse::parse;
use super::scope::{Name, Root, Run, Scope};
use super::worth::{Worth, object_size, size};
use super::{Comparison, Expression, ExpressionError, Node, Path, functions_value, glob, number};

/// An expression that makes a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula(Expression);

impl core::fmt::Display for Formula {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

impl Formula {
    /// Compiles a text. `loops` are the names that the loops around it give their elements.
    ///
    /// # Errors
    /// [`ExpressionError`] with the position.
    pub fn parse(text: &str, loops: &[Box<str>]) -> Result<Formula, ExpressionError> {
        parse(text, Some(loops)).map(Formula)
    }

    /// What it is worth.
    ///
    /// # Errors
    /// [`Exceeded`] when the run's steps or its output are spent.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>, run: &mut Run) -> Result<Worth<'a>, Exceeded> {
        let mut formula = Evaluation {
            expression: &self.0,
            scope,
            run,
        };
        formula.worth(self.root())
    }

    /// Whether it is worth `true`.
    ///
    /// # Errors
    /// [`Exceeded`] when the run's steps or its output are spent.
    pub fn holds(&self, scope: &Scope<'_>, run: &mut Run) -> Result<bool, Exceeded> {
        Ok(matches!(self.evaluate(scope, run)?, Worth::Bool(true)))
    }

    /// Whether it reads this name of the surroundings.
    #[must_use]
    pub fn reads(&self, name: &Name) -> bool {
        self.0
            .nodes
            .iter()
            .any(|node| matches!(node, Node::Around(read, _) if read == name))
    }

    fn root(&self) -> u16 {
        u16::try_from(self.0.nodes.len().saturating_sub(1)).unwrap_or(0)
    }
}

pub(super) struct Evaluation<'a, 's> {
    expression: &'a Expression,
    scope: &'s Scope<'a>,
    pub(super) run: &'s mut Run,
}

impl<'a> Evaluation<'a, '_> {
    fn holds(&mut self, index: u16) -> Result<bool, Exceeded> {
        Ok(matches!(self.worth(index)?, Worth::Bool(true)))
    }

    pub(super) fn worth(&mut self, index: u16) -> Result<Worth<'a>, Exceeded> {
        self.run.spend(1)?;
        let expression = self.expression;
        let Some(node) = expression.nodes.get(usize::from(index)) else {
            return Ok(Worth::Missing);
        };
        Ok(match node {
            Node::All => Worth::Bool(true),
            Node::Null => Worth::Null,
            Node::Bool(value) => Worth::Bool(*value),
            Node::Number(number) => Worth::Number(Cow::Borrowed(number)),
            Node::Text(text) => Worth::Text(Cow::Borrowed(text)),
            Node::List(range) => {
                let mut items = Vec::with_capacity(usize::from(range.len));
                for item in expression.range(*range) {
                    let worth = self.worth(*item)?;
                    self.run.copied(&worth)?;
                    items.push(worth.into_value().unwrap_or_default());
                }
                Worth::List(Cow::Owned(items))
            }
            Node::Path(path) => self.path(*path),
            Node::Around(name, path) => {
                let found = self.around(name);
                let keys = expression.paths.get(usize::from(*path));
                keys.iter()
                    .flat_map(|Path(keys)| keys.iter())
                    .fold(found, |value, key| value.get(key))
            }
            Node::Not(operand) => Worth::Bool(!self.holds(*operand)?),
            Node::And(range) => {
                for operand in expression.range(*range) {
                    if !self.holds(*operand)? {
                        return Ok(Worth::Bool(false));
                    }
                }
                Worth::Bool(true)
            }
            Node::Or(range) => {
                for operand in expression.range(*range) {
                    if self.holds(*operand)? {
                        return Ok(Worth::Bool(true));
                    }
                }
                Worth::Bool(false)
            }
            Node::Compare(comparison, left, right) => {
                let left = self.worth(*left)?;
                let right = self.worth(*right)?;
                Worth::Bool(self.compare(*comparison, &left, &right)?)
            }
            Node::In(needle, list) => {
                let needle = self.worth(*needle)?;
                let Worth::List(items) = self.worth(*list)? else {
                    return Ok(Worth::Bool(false));
                };
                for item in items.iter() {
                    if self.equal(&needle, &Worth::of(item))? {
                        return Ok(Worth::Bool(true));
                    }
                }
                Worth::Bool(false)
            }
            Node::Call(function, range) => {
                let mut arguments = expression.range(*range).iter();
                let mut next = || arguments.next().copied();
                let first = next().map_or(Ok(Worth::Missing), |index| self.worth(index))?;
                let second = next().map_or(Ok(Worth::Missing), |index| self.worth(index))?;
                self.documented(*function, first, &second)?
            }
            Node::Compute(function, range) => {
                functions_value::call(self, *function, expression.range(*range))?
            }
        })
    }

    fn path(&self, path: u16) -> Worth<'a> {
        let Some(Path(keys)) = self.expression.paths.get(usize::from(path)) else {
            return Worth::Missing;
        };
        let mut keys = keys.iter();
        let root = match self.scope.root {
            Root::Value(value) => Worth::of(value),
            Root::Object(object) => match keys.next().and_then(|key| object.get(key)) {
                Some(value) => Worth::of(value),
                None => return Worth::Missing,
            },
        };
        keys.fold(root, |value, key| value.get(key))
    }

    fn around(&self, name: &Name) -> Worth<'a> {
        let names = self.scope.names;
        let turn = self.scope.turn;
        let value = |value: Option<&'a Value>| value.map_or(Worth::Missing, Worth::of);
        let object = |object: Option<&'a Object>| {
            object.map_or(Worth::Missing, |object| {
                Worth::Object(Cow::Borrowed(object))
            })
        };
        let whole = |number: Option<i64>| {
            number.map_or(Worth::Missing, |number| {
                Worth::Number(Cow::Owned(Number::from_i64(number)))
            })
        };
        match name {
            Name::Settings => value(names.settings),
            Name::Tables => value(names.tables),
            Name::Items => value(names.items),
            Name::Body => value(names.body),
            Name::Fields => object(names.fields),
            Name::Steps => object(names.steps),
            Name::Headers => object(names.headers),
            Name::Host => names
                .host
                .map_or(Worth::Missing, |host| Worth::Text(Cow::Borrowed(host))),
            Name::Now => whole(names.now),
            Name::Sent => whole(names.sent),
            Name::Status => whole(names.status.map(i64::from)),
            Name::Item | Name::Value => value(turn.map(|turn| turn.item)),
            Name::Index => turn.map_or(Worth::Missing, |turn| Worth::count(turn.index)),
            Name::Key => turn
                .and_then(|turn| turn.key)
                .map_or(Worth::Missing, |key| Worth::Text(Cow::Borrowed(key))),
            Name::Outer => value(turn.and_then(|turn| turn.outer).map(|outer| outer.item)),
            Name::Loop(name) => {
                let mut turn = turn;
                while let Some(found) = turn {
                    if found.name == Some(name) {
                        return Worth::of(found.item);
                    }
                    turn = found.outer;
                }
                Worth::Missing
            }
        }
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        left: &Worth<'_>,
        right: &Worth<'_>,
    ) -> Result<bool, Exceeded> {
        let order = |holds: fn(Ordering) -> bool| match (left, right) {
            (Worth::Number(left), Worth::Number(right)) => {
                number::compare(left, right).is_some_and(holds)
            }
            _ => false,
        };
        Ok(match comparison {
            Comparison::Equal => self.equal(left, right)?,
            Comparison::Differs => !self.equal(left, right)?,
            Comparison::Less => order(Ordering::is_lt),
            Comparison::AtMost => order(Ordering::is_le),
            Comparison::Greater => order(Ordering::is_gt),
            Comparison::AtLeast => order(Ordering::is_ge),
        })
    }

    pub(super) fn equal(&mut self, left: &Worth<'_>, right: &Worth<'_>) -> Result<bool, Exceeded> {
        self.run.spend(1)?;
        Ok(match (left, right) {
            (Worth::Null | Worth::Missing, Worth::Null | Worth::Missing) => true,
            (Worth::Bool(left), Worth::Bool(right)) => left == right,
            (Worth::Number(left), Worth::Number(right)) => {
                number::compare(left, right).is_some_and(Ordering::is_eq)
            }
            (Worth::Text(left), Worth::Text(right)) => left == right,
            (Worth::List(left), Worth::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right.iter()) {
                    if !self.equal(&Worth::of(left), &Worth::of(right))? {
                        return Ok(false);
                    }
                }
                true
            }
            (Worth::Object(left), Worth::Object(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in left.iter() {
                    let Some(other) = right.get(key) else {
                        return Ok(false);
                    };
                    if !self.equal(&Worth::of(value), &Worth::of(other))? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// The functions that filters have, too. Missing stays missing where the documentation has null give null.
    fn documented(
        &mut self,
        function: Function,
        first: Worth<'a>,
        second: &Worth<'a>,
    ) -> Result<Worth<'a>, Exceeded> {
        let cased = |change: fn(&str) -> String| match &first {
            Worth::Text(text) => Worth::text(change(text)),
            Worth::Missing => Worth::Missing,
            _ => Worth::Null,
        };
        let made = match function {
            Function::Contains => match (&first, second) {
                (Worth::Text(text), Worth::Text(part)) => Worth::Bool(text.contains(&**part)),
                _ => Worth::Bool(false),
            },
            Function::Match => match (&first, second) {
                (Worth::Text(text), Worth::Text(pattern)) => {
                    Worth::Bool(glob::fits(pattern, text, &mut self.run.budget)?)
                }
                _ => Worth::Bool(false),
            },
            Function::Length => match &first {
                Worth::Null | Worth::Missing => Worth::count(0),
                Worth::Text(text) => Worth::count(text.len()),
                Worth::List(items) => Worth::count(items.len()),
                _ => Worth::Null,
            },
            Function::Lowercase => cased(str::to_lowercase),
            Function::Uppercase => cased(str::to_uppercase),
            Function::Snakecase => cased(snakecase),
            Function::Kebabcase => cased(kebabcase),
            Function::Titlecase => cased(titlecase),
            Function::Typeof => Worth::Text(Cow::Borrowed(match first {
                Worth::Null | Worth::Missing => "null",
                Worth::Bool(_) => "bool",
                Worth::Number(_) => "number",
                Worth::Text(_) => "string",
                Worth::List(_) => "list",
                Worth::Object(_) => "object",
            })),
            Function::Bool => match first {
                Worth::Bool(value) => Worth::Bool(value),
                Worth::Text(text) if text == "true" => Worth::Bool(true),
                Worth::Text(text) if text == "false" => Worth::Bool(false),
                Worth::Missing => Worth::Missing,
                _ => Worth::Null,
            },
            Function::Text => match first {
                Worth::Text(text) => Worth::Text(text),
                Worth::Number(number) => Worth::text(number.as_str()),
                Worth::Bool(true) => Worth::Text(Cow::Borrowed("true")),
                Worth::Bool(false) => Worth::Text(Cow::Borrowed("false")),
                Worth::Missing => Worth::Missing,
                _ => Worth::Null,
            },
            Function::Number => match first {
                Worth::Number(number) => Worth::Number(number),
                Worth::Text(text) => Number::parse(text.trim())
                    .map_or(Worth::Null, |number| Worth::Number(Cow::Owned(number))),
                Worth::Missing => Worth::Missing,
                _ => Worth::Null,
            },
        };
        self.spend_made(&made)?;
        Ok(made)
    }

    pub(super) fn spend_made(&mut self, made: &Worth<'_>) -> Result<(), Exceeded> {
        match made {
            Worth::Text(Cow::Owned(text)) => self.run.made(text.len()),
            Worth::List(Cow::Owned(items)) => self.run.made(items.iter().map(size).sum()),
            Worth::Object(Cow::Owned(object)) => self.run.made(object_size(object)),
            _ => Ok(()),
        }
    }
}
