//! Filters of a connection: which events a destination does not get, and what of them.
//!
//! ```text
//! sample ─▶ drop, only send ─▶ drop properties ─▶ allow properties
//! ```
//! That is the order in which they run whatever the order they are written in (Segment, "Destination Filters"); filters of
//! one kind keep theirs. Each sees what the ones before it left.
//!
//! A filter that cannot be decided (its expression exceeds its budget) keeps the event back: a filter often exists for the
//! sake of somebody's privacy, so a doubt never sends.

mod properties;
mod sample;

use std::borrow::Cow;

use headwater_model::json::Object;

use crate::expression::{Exceeded, Expression};

pub use properties::Fields;
pub use sample::{Sample, SampleError, chance};

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Its id in the workspace; traces and counts name it.
    pub id: String,
    /// Which events it is about; the others pass it unchanged.
    pub condition: Expression,
    /// What happens to them.
    pub action: Action,
}

/// What a filter does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A share of the events that the condition holds for passes.
    Sample(Sample),
    /// Events that the condition holds for are dropped.
    Drop,
    /// Events that the condition does not hold for are dropped.
    OnlySend,
    /// These keys are taken out.
    DropProperties(Fields),
    /// All other keys are taken out of the objects that are named.
    AllowProperties(Fields),
}

impl Action {
    /// The place of its kind in the order.
    fn rank(&self) -> u8 {
        match self {
            Action::Sample(_) => 0,
            Action::Drop | Action::OnlySend => 1,
            Action::DropProperties(_) => 2,
            Action::AllowProperties(_) => 3,
        }
    }
}

/// What a filter did to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// It passed; its properties may have changed.
    Passed,
    /// It was dropped.
    Dropped,
    /// It is not in the sample.
    SampledOut,
}

impl Filter {
    /// Runs it. A sample without a path is decided by [`chance`].
    ///
    /// # Errors
    /// [`Exceeded`], which the stage treats as not passing.
    pub fn apply(&self, event: &mut Cow<'_, Object>) -> Result<Filtered, Exceeded> {
        self.apply_by(event, |event| chance(&self.id, event))
    }

    /// As [`Filter::apply`]; `chance`, at least 0 and below 1, decides a sample without a path.
    ///
    /// # Errors
    /// [`Exceeded`], which the stage treats as not passing.
    pub fn apply_by(
        &self,
        event: &mut Cow<'_, Object>,
        chance: impl FnOnce(&Object) -> f64,
    ) -> Result<Filtered, Exceeded> {
        let holds = self.condition.matches(event)?;
        let out = match &self.action {
            Action::Drop if holds => Filtered::Dropped,
            Action::OnlySend if !holds => Filtered::Dropped,
            Action::Sample(sample) if holds && !sample.takes(event, chance) => Filtered::SampledOut,
            Action::DropProperties(fields) if holds => {
                fields.drop_from(event);
                Filtered::Passed
            }
            Action::AllowProperties(fields) if holds => {
                fields.allow_in(event);
                Filtered::Passed
            }
            _ => Filtered::Passed,
        };
        Ok(out)
    }
}

/// The filters of a connection, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters(Vec<Filter>);

impl Filters {
    /// Puts filters in order.
    #[must_use]
    pub fn new(mut filters: Vec<Filter>) -> Filters {
        filters.sort_by_key(|filter| filter.action.rank());
        Filters(filters)
    }

    /// In the order in which they run.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Filter> {
        self.0.iter()
    }
}
