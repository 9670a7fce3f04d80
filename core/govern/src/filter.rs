//! Filters of a connection: which events a destination does not get.
//!
//! A filter that cannot be decided (its expression exceeds its budget) keeps the event back: a filter often exists for the
//! sake of somebody's privacy, so a doubt never sends.

use headwater_model::json::Object;

use crate::expression::{Exceeded, Expression};

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Its id in the workspace; traces and counts name it.
    pub id: String,
    /// Which events it is about.
    pub condition: Expression,
    /// What happens to them.
    pub action: Action,
}

/// What a filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Events that the condition holds for are dropped.
    Drop,
    /// Events that the condition does not hold for are dropped.
    OnlySend,
}

impl Filter {
    /// Whether the event passes.
    ///
    /// # Errors
    /// [`Exceeded`], which the stage treats as not passing.
    pub fn passes(&self, event: &Object) -> Result<bool, Exceeded> {
        let holds = self.condition.matches(event)?;
        Ok(match self.action {
            Action::Drop => !holds,
            Action::OnlySend => holds,
        })
    }
}
