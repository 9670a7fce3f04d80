//! Mappings: JSON whose leaves are constants, paths and formulas, compiled once and made for each event.
//!
//! ```text
//! JSON ──compile──▶ Shape ──make(scope, run)──▶ Value | nothing
//! ```
//!
//! Two modes:
//! - [`Mode::Kit`] is Segment's mapping-kit (`@path`, `@if`, `@template`, …) as it is, but for `@liquid`; all text is literal. Users'
//!   mappings, fields' defaults and presets are written in it.
//! - [`Mode::Shape`] has our directives (`@each`, `@when`, …) and formulas (`= …`) beside them; a missing element of a list is
//!   left out.
//!
//! Where mapping-kit fails on an event, so does this: [`Stopped::Refused`] with the place. What it refuses in a mapping is
//! refused when it is compiled. Different on purpose: a value that `@template` fills in is not itself read as a template.

mod compile;
mod compile_ours;
mod directives;
mod kit;
mod make;
mod path;
mod shape;

use headwater_model::json::{Object, Value};

use crate::expression::{Exceeded, Formula, Run, Scope};
use path::KitPath;
use shape::Node;

/// How deep a mapping may nest.
pub const MAX_DEPTH: usize = 32;

/// The largest mapping, in directives, keys and elements.
pub const MAX_NODES: usize = 20_000;

/// Which language a mapping is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// mapping-kit alone.
    Kit,
    /// Ours: formulas and all directives.
    Shape,
}

/// A compiled mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape(Node);

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ShapeError {
    /// Where: `products.@each.do.price`.
    pub path: String,
    /// What is wrong, and what to write.
    pub problem: String,
}

/// Why a mapping made nothing of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Too many steps, or too much output.
    #[error("the mapping takes more steps or makes more than is allowed for one event")]
    Exceeded,
    /// What mapping-kit fails on.
    #[error("{directive}: {problem}")]
    Refused {
        /// The directive.
        directive: &'static str,
        /// What it does not take.
        problem: &'static str,
    },
}

impl From<Exceeded> for Stopped {
    fn from(_: Exceeded) -> Stopped {
        Stopped::Exceeded
    }
}

impl Shape {
    /// Compiles a mapping.
    ///
    /// # Errors
    /// The first mistake.
    pub fn compile(mapping: &Value, mode: Mode) -> Result<Shape, ShapeError> {
        compile::compile(mapping, mode).map(Shape)
    }

    /// A formula as a shape.
    #[must_use]
    pub fn of_formula(formula: Formula) -> Shape {
        Shape(Node::Formula(formula))
    }

    /// Makes the value; `None`: it is missing.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn make(&self, scope: &Scope<'_>, run: &mut Run) -> Result<Option<Value>, Stopped> {
        let made = make::make(&self.0, scope, run)?;
        make::counted(&made, run)?;
        Ok(made.into_value())
    }

    /// Makes an object's entries; what is no object makes an empty one.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn make_object(&self, scope: &Scope<'_>, run: &mut Run) -> Result<Object, Stopped> {
        Ok(self
            .make(scope, run)?
            .and_then(Value::into_object)
            .unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(Box<str>),
    Path(KitPath),
}
