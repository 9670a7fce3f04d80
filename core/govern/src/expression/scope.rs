//! What formulas read beside the event, and what one evaluation spends.

use std::borrow::Cow;

use headwater_model::json::{Object, Value};

use super::evaluate::{Budget, Exceeded};
use super::worth::{Worth, object_size, size};

/// The most bytes of text that one evaluation may make.
pub(crate) const MAX_OUTPUT: usize = 1 << 20;

macro_rules! names {
    ($($variant:ident $text:literal $about:literal)*) => {
        /// A name of the surroundings. No event can shadow it.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Name {
            $(#[doc = $about] $variant,)*
            /// The element of a loop that names it (`as`).
            Loop(Box<str>),
        }

        impl Name {
            pub(super) const LIST: &'static str = concat!($("$", $text, " ",)* "and the names of loops");

            pub(super) fn named(text: &str) -> Option<Name> {
                match text {
                    $($text => Some(Name::$variant),)*
                    _ => None,
                }
            }

            pub(super) fn text(&self) -> &str {
                match self {
                    $(Name::$variant => $text,)*
                    Name::Loop(name) => name,
                }
            }
        }
    };
}

names! {
    Settings "settings" "The destination's settings."
    Host "host" "The host of the settings' region."
    Tables "tables" "The definition's tables."
    Fields "fields" "The action's resolved fields."
    Items "items" "The items of a batch."
    Now "now" "When the event was received, in milliseconds."
    Sent "sent" "The attempt's clock, in milliseconds."
    Steps "steps" "What earlier steps took, by name."
    Status "status" "The answer's status."
    Headers "headers" "The answer's headers, by small names."
    Body "body" "The answer's body."
    Item "item" "The element of the innermost loop."
    Index "index" "Its place, from 0."
    Outer "outer" "The element of the loop around."
    Key "key" "The key of the entry."
    Value "value" "The value of the entry."
}

/// The surroundings that are no loop's. What is `None` is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// `$settings`
    pub settings: Option<&'a Value>,
    /// `$host`
    pub host: Option<&'a str>,
    /// `$tables`
    pub tables: Option<&'a Value>,
    /// `$fields`
    pub fields: Option<&'a Object>,
    /// `$items`
    pub items: Option<&'a Value>,
    /// `$now`
    pub now: Option<i64>,
    /// `$sent`
    pub sent: Option<i64>,
    /// `$steps`
    pub steps: Option<&'a Object>,
    /// `$status`
    pub status: Option<u16>,
    /// `$headers`
    pub headers: Option<&'a Object>,
    /// `$body`
    pub body: Option<&'a Value>,
}

/// What bare paths read.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// An event.
    Object(&'a Object),
    /// Any value: inside mapping-kit's `@arrayPath` it is the element.
    Value(&'a Value),
}

/// One turn of a loop.
#[derive(Clone, Copy, Debug)]
pub struct Loop<'a> {
    /// The element, or the entry's value.
    pub item: &'a Value,
    /// Its place, from 0.
    pub index: usize,
    /// The entry's key.
    pub key: Option<&'a str>,
    /// What `as` calls it.
    pub name: Option<&'a str>,
    /// The loop around.
    pub outer: Option<&'a Loop<'a>>,
}

/// What a formula can read.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Bare paths.
    pub root: Root<'a>,
    /// The surroundings.
    pub names: &'a Names<'a>,
    /// The innermost loop.
    pub turn: Option<&'a Loop<'a>>,
}

/// A function was given what it cannot use, or a mapping found what it does not take; the value is missing then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where in the mapping.
    pub field: String,
    /// The function or directive.
    pub function: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// What one evaluation spends, and what it remarks.
#[derive(Default)]
pub struct Run {
    pub(super) budget: Budget,
    output: usize,
    notes: Vec<Note>,
}

impl core::fmt::Debug for Run {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Run")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// The most notes that are kept: the first ones tell.
const MAX_NOTES: usize = 20;

impl Run {
    /// The remarks, in order; at most 20.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Takes the remarks out.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    pub(crate) fn note(&mut self, function: &'static str, problem: &'static str) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note {
                field: String::new(),
                function,
                problem,
            });
        }
    }

    /// Gives the remarks since `from` their place.
    pub(crate) fn place_notes(&mut self, from: usize, field: &str) {
        for note in self.notes.iter_mut().skip(from) {
            if note.field.is_empty() {
                field.clone_into(&mut note.field);
            } else {
                note.field = format!("{field}.{}", note.field);
            }
        }
    }

    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Exceeded> {
        self.budget.spend(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// Counts what is copied from the event.
    pub(crate) fn copied(&mut self, worth: &Worth<'_>) -> Result<(), Exceeded> {
        self.made(match worth {
            Worth::Text(Cow::Borrowed(text)) => text.len(),
            Worth::List(Cow::Borrowed(items)) => items.iter().map(size).sum(),
            Worth::Object(Cow::Borrowed(object)) => object_size(object),
            // Made pieces were counted as they were made.
            _ => 8,
        })
    }

    /// Counts bytes that are made.
    pub(crate) fn made(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.output = self.output.saturating_add(bytes);
        if self.output > MAX_OUTPUT {
            Err(Exceeded)
        } else {
            Ok(())
        }
    }
}
