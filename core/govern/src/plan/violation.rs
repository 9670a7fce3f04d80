//! What is wrong with an event, in the words of Segment's violations.

use headwater_model::json::Object;

use crate::schema::{Exceeded, Failure, Step};

/// One thing that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `Required`, `Invalid Type`, `Enum` …
    pub kind: &'static str,
    /// Where, dotted: `properties.products.0.price`.
    pub field: String,
    /// What, in a sentence that begins with the field. Without the value, which may be personal.
    pub description: String,
    /// The keyword of JSON Schema that says so.
    pub keyword: &'static str,
    /// Where.
    pub(super) path: Vec<Step>,
}

/// Segment documents `Required` and `Invalid Type`; the others follow their form.
const KINDS: [(&str, &str); 27] = [
    ("type", "Invalid Type"),
    ("required", "Required"),
    ("dependencies", "Required"),
    ("enum", "Enum"),
    ("const", "Const"),
    ("pattern", "Pattern"),
    ("format", "Format"),
    ("additionalProperties", "Additional Property"),
    ("false", "Not Allowed"),
    ("propertyNames", "Property Name"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "Minimum"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "Maximum"),
    ("multipleOf", "Multiple Of"),
    ("minLength", "Minimum Length"),
    ("maxLength", "Maximum Length"),
    ("minItems", "Minimum Items"),
    ("maxItems", "Maximum Items"),
    ("uniqueItems", "Unique Items"),
    ("contains", "Contains"),
    ("minProperties", "Minimum Properties"),
    ("maxProperties", "Maximum Properties"),
    ("anyOf", "Any Of"),
    ("oneOf", "One Of"),
    ("not", "Not"),
    ("", "Too Complex"),
];

impl Violation {
    pub(super) fn of(failure: Failure) -> Violation {
        let field = failure.field();
        let place = if field.is_empty() {
            "the event"
        } else {
            &field
        };
        let kind = KINDS
            .iter()
            .find(|(keyword, _)| *keyword == failure.keyword);
        Violation {
            kind: kind.map_or("Invalid", |(_, kind)| kind),
            description: format!("{place} {}", failure.problem),
            field,
            keyword: failure.keyword,
            path: failure.path,
        }
    }

    pub(super) fn exceeded(exceeded: Exceeded) -> Violation {
        Violation {
            kind: "Too Complex",
            field: String::new(),
            description: exceeded.to_string(),
            keyword: "",
            path: Vec::new(),
        }
    }

    /// Whether nobody knows what is wrong, since the check took too long.
    pub(super) fn is_doubt(&self) -> bool {
        self.keyword.is_empty()
    }

    /// The description, with `*` for the place in a list: the same for the same mistake in each element.
    #[must_use]
    pub fn generally(&self) -> String {
        let steps: Vec<&str> = self
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => key.as_str(),
                Step::Index(_) => "*",
            })
            .collect();
        let problem = self.description.strip_prefix(&self.field);
        match problem {
            Some(problem) if !steps.is_empty() => format!("{}{problem}", steps.join(".")),
            _ => self.description.clone(),
        }
    }

    /// As `context.protocols.violations` holds it.
    #[must_use]
    pub fn mark(&self) -> Object {
        let mut mark = Object::new();
        mark.insert("type", self.kind);
        mark.insert("field", self.field.as_str());
        mark.insert("description", self.description.as_str());
        mark
    }
}
