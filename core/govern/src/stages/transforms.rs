//! Transformations as a step of either stage.

use headwater_model::json::Object;

use super::trace::Recorder;
use crate::transform::{Transform, Transformed};

/// Why an event goes no further, with the transformation's id.
pub(super) enum Stop {
    /// The transformation drops it.
    Dropped(String),
    /// It could not be decided within its budget.
    Exceeded(String),
}

/// Runs transformations in order.
pub(super) fn run(
    transforms: &[Transform],
    event: &mut Object,
    trace: &mut Recorder<'_>,
) -> Option<Stop> {
    for transform in transforms {
        let rule = || format!("transform:{}", transform.id);
        let before = trace.before(event);
        let done = match transform.applies(event) {
            Ok(false) => Ok(Transformed::Passed),
            Ok(true) => transform.apply(event),
            Err(exceeded) => Err(exceeded),
        };
        let stop = match done {
            Ok(Transformed::Passed) => {
                trace.note(rule, "passed", Vec::new);
                None
            }
            Ok(Transformed::Dropped) => {
                trace.note(rule, "dropped", Vec::new);
                Some(Stop::Dropped(transform.id.clone()))
            }
            Err(_) => {
                let found = "its expression takes too many steps for this event";
                trace.note(rule, "dropped", || vec![found.to_owned()]);
                Some(Stop::Exceeded(transform.id.clone()))
            }
        };
        trace.changes(before.as_ref(), event);
        if stop.is_some() {
            return stop;
        }
    }
    None
}
