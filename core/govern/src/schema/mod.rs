//! JSON Schema, draft-07: what a plan says of an event, checked the same way on a device and in a hub.
//!
//! ```text
//! schema (JSON) ──compile──▶ nodes in one list, `$ref`s resolved ──check──▶ failures with pointer, keyword, sentence
//! ```
//! Every keyword of draft-07 is checked, and those of draft-04 and draft-06 where a schema says that it is one of theirs.
//! References may point anywhere within the schema, also to an `$id` in it; one that leads elsewhere is an error, since a
//! schema must not fetch. A number is compared by its value, exactly, whatever its length.
//!
//! Without the feature `patterns` the keywords `pattern`, `patternProperties` and `format` are not checked, and
//! [`Report::unchecked`] says so when that mattered. A regular expression takes linear time: look-around and
//! back-references, which cannot, are errors (see `pattern`).
//!
//! No schema and no value panics or takes long: nesting is bounded, and so is the number of steps ([`Exceeded`]).

mod check;
mod compile;
mod decimal;
mod equal;
mod format;
mod keywords;
mod node;
mod pattern;
mod reference;

use core::fmt::Write;

use headwater_model::json::Value;

use node::{Node, NodeId};

/// The most schemas that one schema may hold. Segment's largest plans have some thousand properties in all.
pub const MAX_SCHEMAS: usize = 200_000;

/// How many schemas may be inside each other while a value is checked: an event's nesting, times the combinators at each
/// level. It fits the smallest stack we meet (512 KB).
pub const MAX_DEPTH: u32 = 200;

/// The most steps of one check, about one a keyword and value: some 10 ms.
pub const MAX_STEPS: u32 = 1_000_000;

/// At most so many failures are told of a value.
pub const MAX_FAILURES: usize = 64;

/// A compiled schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    nodes: Vec<Node>,
    root: NodeId,
    unknown: Vec<String>,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SchemaError {
    /// Where in the schema, dotted: `properties.total.minimum`. Empty for the schema itself.
    pub path: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where in the value. A member that is missing, or one too many, is the last step.
    pub path: Vec<Step>,
    /// The keyword that says so; `false` for a schema that allows nothing.
    pub keyword: &'static str,
    /// What, to be read after the place: `must be a number`. Without the value, which may be personal.
    pub problem: String,
}

impl Failure {
    /// The place as a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            let _ = match step {
                Step::Key(key) => write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => write!(pointer, "/{index}"),
            };
        }
        pointer
    }

    /// The place, dotted: `properties.products.0.price`.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        for (at, step) in self.path.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            let _ = match step {
                Step::Key(key) => write!(field, "{dot}{key}"),
                Step::Index(index) => write!(field, "{dot}{index}"),
            };
        }
        field
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in the schema's order. At most [`MAX_FAILURES`].
    pub failures: Vec<Failure>,
    /// Whether a `pattern` or `format` was met that this build does not check.
    pub unchecked: bool,
}

/// A check that takes more than [`MAX_STEPS`] steps or more than [`MAX_DEPTH`] levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("checking this value takes too many steps")]
pub struct Exceeded;

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`SchemaError`] with the place in the schema.
    pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
        compile::compile(schema)
    }

    /// Checks a value. Nothing is allocated for one that is as it should be.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn check(&self, value: &Value) -> Result<Report, Exceeded> {
        let mut run = check::Run::new(&self.nodes, false);
        run.check(self.root, value);
        run.report()
    }

    /// Checks an object. Nothing is allocated for one that is as it should be.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn check_object(&self, object: &headwater_model::json::Object) -> Result<Report, Exceeded> {
        self.check_object_telling(object, MAX_FAILURES)
    }

    /// As [`Schema::check_object`], with up to `most` failures: for those who act on each of them.
    pub(crate) fn check_object_telling(
        &self,
        object: &headwater_model::json::Object,
        most: usize,
    ) -> Result<Report, Exceeded> {
        let mut run = check::Run::new(&self.nodes, false).telling(most);
        run.check_object(self.root, object);
        run.report()
    }

    /// Whether a value is as it should be; what cannot be checked here counts as right.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn is_valid(&self, value: &Value) -> Result<bool, Exceeded> {
        let mut run = check::Run::new(&self.nodes, true);
        let valid = run.check(self.root, value);
        run.report().map(|_| valid)
    }

    /// Keywords that no draft knows, with their places: a word that is spelled wrong checks nothing.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }
}
