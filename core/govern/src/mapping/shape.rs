//! What a mapping is compiled to.

use headwater_model::json::Value;

use super::Piece;
use super::path::KitPath;
use crate::expression::Formula;

/// One part of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Constant(Value),
    Formula(Formula),
    Object(Box<[(Box<str>, Node)]>),
    /// `holes`: whether a missing element stays, as null.
    List {
        items: Box<[Node]>,
        holes: bool,
    },

    // mapping-kit
    Path(KitPath),
    PathOf(Box<Node>),
    Template(Box<[Piece]>),
    TemplateOf(Box<Node>),
    If(Box<If>),
    Case {
        upper: bool,
        value: Box<Node>,
    },
    Replace(Box<Replace>),
    ArrayPath {
        list: Box<Node>,
        shape: Option<Box<Node>>,
    },
    Merge {
        objects: Box<[Node]>,
        first_wins: bool,
    },
    Transform {
        apply: Box<Node>,
        mapping: Box<Node>,
    },
    FlattenKit {
        value: Box<Node>,
        separator: Box<str>,
        omit_arrays: bool,
    },
    Encode(Box<Node>),
    Decode(Box<Node>),
    ExcludeWhenNull(Box<Node>),

    // Ours
    Each(Box<Each>),
    Concat(Box<[Node]>),
    Assign {
        objects: Box<[Node]>,
        first_wins: bool,
    },
    Entries(Box<Entries>),
    ListOf {
        over: Formula,
        to: Box<Node>,
    },
    Keys {
        from: Box<Node>,
        keys: Box<[Box<str>]>,
        keep: bool,
    },
    Rename {
        from: Box<Node>,
        keys: Box<[(Box<str>, Box<str>)]>,
    },
    When(Box<[(Option<Formula>, Node)]>),
    Compact(Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct If {
    pub(super) condition: Node,
    /// Whether it must not be blank; otherwise that it exists.
    pub(super) filled: bool,
    pub(super) then: Option<Node>,
    pub(super) otherwise: Option<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replace {
    pub(super) value: Option<Node>,
    /// Pattern and replacement, one after the other.
    pub(super) pairs: Box<[(Box<str>, Box<str>)]>,
    pub(super) ignore_case: bool,
    pub(super) global: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Each {
    pub(super) over: Formula,
    pub(super) name: Option<Box<str>>,
    pub(super) filter: Option<Formula>,
    pub(super) to: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entries {
    pub(super) over: Formula,
    pub(super) filter: Option<Formula>,
    pub(super) key: Formula,
    pub(super) value: Node,
}
