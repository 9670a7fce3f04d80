//! FQL, the expression language of filters, triggers and conditions, as Segment documents it
//! ("Destination Filter Query Language").
//!
//! ```text
//! text ──lex──▶ tokens ──parse──▶ Program (flat list of nodes, interned paths) ──evaluate──▶ true | false
//!                                    └──print──▶ text          parse ∘ print ∘ parse = parse
//! ```
//!
//! The rules, where the documentation leaves room:
//! - A path that is missing reads as `null`.
//! - A value alone is true exactly when it is the boolean `true`.
//! - `=` and `!=` compare type and value, numbers by value (`1 = 1.0`); `<`, `<=`, `>`, `>=` hold for numbers alone and are
//!   false otherwise.
//! - `and` binds tighter than `or`, `!` tighter than both.
//! - Evaluation is total. It has a budget of [`MAX_STEPS`]; an expression that exceeds it matches nothing, and the caller
//!   treats the event as not allowed (fail closed).

mod evaluate;
mod functions;
#[cfg(feature = "shapes")]
mod functions_data;
#[cfg(feature = "shapes")]
mod functions_date;
#[cfg(feature = "shapes")]
mod functions_hash;
#[cfg(feature = "shapes")]
mod functions_number;
#[cfg(feature = "shapes")]
mod functions_text;
#[cfg(feature = "shapes")]
mod functions_value;
mod glob;
mod ir;
mod lex;
mod number;
mod parse;
mod print;
#[cfg(feature = "shapes")]
mod scope;
mod trigger;
#[cfg(feature = "shapes")]
mod value;
#[cfg(feature = "shapes")]
mod worth;

use headwater_model::json::{Number, Object, Value};

pub use evaluate::Exceeded;
pub use functions::{Function, snakecase};
#[cfg(feature = "shapes")]
pub use functions_hash::{HashAlgorithm, Normaliser, hashed};
#[cfg(feature = "shapes")]
pub use functions_value::{Entry, TABLE, ValueFunction};
pub use ir::{IrError, MAX_IR, NotPortable};
use lex::Span;
pub(crate) use print::print_keys as print_path;
#[cfg(feature = "shapes")]
pub(crate) use scope::MAX_OUTPUT;
#[cfg(feature = "shapes")]
pub use scope::{Loop, Name, Names, Note, Root, Run, Scope};
pub use trigger::{Warning, import_trigger};
#[cfg(feature = "shapes")]
pub use value::Formula;
#[cfg(feature = "shapes")]
pub use worth::Worth;

/// The longest text of an expression in bytes; Segment's limit.
pub const MAX_TEXT: usize = 5 * 1024;

/// How deep parentheses, `!`, lists and function calls may nest. Evaluation recurses this deep at most.
pub const MAX_DEPTH: usize = 32;

/// Steps that one evaluation may take. A node costs one, an element that `in` looks at one, 64 characters of a
/// glob that are looked at one, 64 bytes that are copied one.
/// Ordinary filters take tens; the bound keeps a hostile event and a hostile glob from costing more than about a
/// millisecond.
pub const MAX_STEPS: u32 = 10_000;

/// A compiled expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    nodes: Box<[Node]>,
    paths: Box<[Path]>,
    lists: Box<[u16]>,
}

/// The keys of a path, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Path(Box<[Box<str>]>);

/// One node. Children lie before their parent; the last node is the root.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// `all`
    All,
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
    /// Elements, in `lists`.
    List(Range),
    /// An index into `paths`.
    Path(u16),
    Not(u16),
    /// Operands, in `lists`.
    And(Range),
    /// Operands, in `lists`.
    Or(Range),
    Compare(Comparison, u16, u16),
    /// Needle, list.
    In(u16, u16),
    /// Arguments, in `lists`.
    Call(Function, Range),
    /// A name of the surroundings, an index into `paths`. In formulas alone.
    #[cfg(feature = "shapes")]
    Around(scope::Name, u16),
    /// Arguments, in `lists`. In formulas alone.
    #[cfg(feature = "shapes")]
    Compute(functions_value::ValueFunction, Range),
}

/// A stretch of `lists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u16,
    len: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Differs,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    fn operator(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::Differs => "!=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        }
    }
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {problem}")]
pub struct ExpressionError {
    /// Where, counted in characters from 1.
    pub position: usize,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl ExpressionError {
    fn at(text: &str, span: Span, problem: impl Into<String>) -> ExpressionError {
        let before = text.get(..span.start).unwrap_or(text);
        ExpressionError {
            position: before.chars().count() + 1,
            problem: problem.into(),
        }
    }
}

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    /// [`ExpressionError`] with the position.
    ///
    /// ```
    /// use headwater_govern::expression::Expression;
    ///
    /// let error = Expression::parse("type = track").unwrap_err();
    /// assert_eq!(error.position, 8);
    /// assert!(error.problem.contains("\"track\""), "{}", error.problem);
    /// # assert!(Expression::parse(r#"type = "track" and properties.total > 10"#).is_ok());
    /// ```
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        parse::parse(text, None)
    }

    /// Whether the expression holds for an event.
    ///
    /// # Errors
    /// [`Exceeded`] when it takes more than [`MAX_STEPS`].
    pub fn matches(&self, event: &Object) -> Result<bool, Exceeded> {
        evaluate::matches(self, event)
    }

    /// What the expression is worth; `None` where it is a path that the event does not have.
    ///
    /// # Errors
    /// [`Exceeded`] when it takes more than [`MAX_STEPS`].
    pub fn value(&self, event: &Object) -> Result<Option<Value>, Exceeded> {
        evaluate::value(self, event)
    }

    /// The keys, outermost first, where the expression is a path and nothing else.
    pub(crate) fn as_path(&self) -> Option<impl Iterator<Item = &str>> {
        match (&*self.nodes, &*self.paths) {
            ([Node::Path(_)], [Path(keys)]) => Some(keys.iter().map(AsRef::as_ref)),
            _ => None,
        }
    }

    fn range(&self, range: Range) -> &[u16] {
        let start = usize::from(range.start);
        self.lists
            .get(start..start + usize::from(range.len))
            .unwrap_or_default()
    }
}

/// The text of the expression, with the parentheses it needs and no others.
impl core::fmt::Display for Expression {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        print::print(self, f)
    }
}

impl core::str::FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Expression, ExpressionError> {
        Expression::parse(text)
    }
}
