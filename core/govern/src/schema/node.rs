//! Compiled schemas.

use headwater_model::json::{Number, Value};

use super::format::Format;
use super::pattern::Pattern;

/// The place of a node in its schema's list.
pub(super) type NodeId = u32;

/// The schema `true`.
pub(super) const ALWAYS: NodeId = 0;

/// The schema `false`.
pub(super) const NEVER: NodeId = 1;

/// One schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) types: Option<Types>,
    pub(super) checks: Vec<Check>,
}

/// A set of JSON's types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    const NAMES: [(&'static str, u8); 7] = [
        ("null", 1),
        ("boolean", 2),
        ("integer", 4),
        ("number", 8),
        ("string", 16),
        ("array", 32),
        ("object", 64),
    ];

    pub(super) fn add(&mut self, name: &str) -> bool {
        let bit = Types::NAMES.iter().find(|(known, _)| *known == name);
        self.0 |= bit.map_or(0, |(_, bit)| *bit);
        bit.is_some()
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        Types::NAMES
            .iter()
            .filter(|(_, bit)| self.0 & bit != 0)
            .map(|(name, _)| *name)
            .collect()
    }

    pub(super) fn has_object(self) -> bool {
        self.0 & 64 != 0
    }

    pub(super) fn has(self, value: &Value) -> bool {
        let bit = match value {
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Number(number) => {
                return self.0 & 8 != 0
                    || (self.0 & 4 != 0 && super::decimal::is_integer(number.as_str()));
            }
            Value::String(_) => 16,
            Value::Array(_) => 32,
            Value::Object(_) => 64,
        };
        self.0 & bit != 0
    }
}

/// A bound of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) limit: Number,
    pub(super) exclusive: bool,
}

/// What one keyword, or several that belong together, ask for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    Const(Value),
    Enum(Values),
    MultipleOf(Number),
    Minimum(Bound),
    Maximum(Bound),
    MinLength(u64),
    MaxLength(u64),
    Pattern(Pattern),
    Format(Format),
    Items(NodeId),
    /// The first elements have schemas of their own, the others that of `additionalItems`.
    Tuple(Vec<NodeId>, NodeId),
    MinItems(u64),
    MaxItems(u64),
    Unique,
    Contains(NodeId),
    MinProperties(u64),
    MaxProperties(u64),
    Required(Vec<String>),
    Members(Members),
    PropertyNames(NodeId),
    Dependencies(Vec<(String, Dependency)>),
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    Not(NodeId),
    If {
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    },
}

/// `enum`: texts, which are the usual case, apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    /// Sorted.
    pub(super) texts: Vec<String>,
    pub(super) others: Vec<Value>,
    /// The values for a sentence.
    pub(super) sentence: String,
}

/// `properties`, `patternProperties` and `additionalProperties`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    /// Sorted by length, then by bytes: most comparisons are of two numbers.
    named: Vec<(String, NodeId)>,
    pub(super) patterns: Vec<(Pattern, NodeId)>,
    /// What members that neither names must be.
    pub(super) others: NodeId,
}

impl Members {
    pub(super) fn name(&mut self, name: &str, node: NodeId) {
        self.named.push((name.to_owned(), node));
    }

    pub(super) fn sort(&mut self) {
        self.named
            .sort_by(|(left, _), (right, _)| order(left, right));
    }

    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        let at = self
            .named
            .binary_search_by(|(known, _)| order(known, name))
            .ok()?;
        self.named.get(at).map(|(_, node)| *node)
    }
}

fn order(left: &str, right: &str) -> core::cmp::Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// What a member asks for when it is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Dependency {
    Members(Vec<String>),
    Schema(NodeId),
}

impl Check {
    /// The schemas that are checked on the same value, not on a part of it.
    pub(super) fn in_place(&self) -> Vec<NodeId> {
        match self {
            Check::AllOf(nodes) | Check::AnyOf(nodes) | Check::OneOf(nodes) => nodes.clone(),
            Check::Not(node) => vec![*node],
            Check::If {
                condition,
                then,
                otherwise,
            } => vec![*condition, *then, *otherwise],
            Check::Dependencies(all) => all
                .iter()
                .filter_map(|(_, dependency)| match dependency {
                    Dependency::Schema(node) => Some(*node),
                    Dependency::Members(_) => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}
