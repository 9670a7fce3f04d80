//! The stage of a source, which every event passes once.

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use super::trace::{Recorder, Trace};
use crate::tracking_plan::{Enforcement, Plan, Violation};

/// What a source's events are checked against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRules {
    /// The tracking plan, where there is one.
    pub plan: Option<(Plan, Enforcement)>,
}

/// What became of an event at its source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceOutcome {
    /// It goes on, with what was found marked in `context.protocols`.
    Passed(Object),
    /// It goes nowhere.
    Blocked {
        /// The event, marked.
        event: Object,
        /// Why.
        reason: BlockReason,
    },
}

/// Why the source stage blocked an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// No rule of the plan names it.
    Unplanned,
    /// It violates the plan.
    Violations,
}

impl BlockReason {
    /// As counts and traces name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BlockReason::Unplanned => "unplanned",
            BlockReason::Violations => "violations",
        }
    }
}

/// The source stage.
#[must_use]
pub fn source_stage(
    rules: &SourceRules,
    kind: EventType,
    mut event: Object,
    trace: Option<&mut Trace>,
) -> SourceOutcome {
    let mut trace = Recorder::new(trace);
    let Some((plan, enforcement)) = &rules.plan else {
        return SourceOutcome::Passed(event);
    };
    let checked = plan.check(kind, &event);
    let reason = if !checked.planned && !enforcement.allow_unplanned_events {
        Some(BlockReason::Unplanned)
    } else if kind == EventType::Track
        && !checked.violations.is_empty()
        && !enforcement.allow_event_on_violations
    {
        Some(BlockReason::Violations)
    } else {
        None
    };
    trace.note(
        || format!("plan:{}", plan.name),
        match reason {
            Some(_) => "blocked",
            None if checked.violations.is_empty() => "passed",
            None => "marked",
        },
        || {
            checked
                .violations
                .iter()
                .map(|violation| format!("{} {}", violation.field, violation.description))
                .chain((!checked.planned).then(|| "the plan does not have this event".to_owned()))
                .collect()
        },
    );
    let before = trace.before(&event);
    mark(&mut event, &checked.violations);
    trace.changes(before.as_ref(), &event);
    match reason {
        Some(reason) => SourceOutcome::Blocked { event, reason },
        None => SourceOutcome::Passed(event),
    }
}

/// `context.protocols.violations`, as Segment marks them.
fn mark(event: &mut Object, violations: &[Violation]) {
    if violations.is_empty() {
        return;
    }
    let marks: Value = violations
        .iter()
        .map(|violation| {
            let mut mark = Object::new();
            mark.insert("type", violation.kind);
            mark.insert("field", violation.field.as_str());
            mark.insert("description", violation.description.as_str());
            Value::Object(mark)
        })
        .collect();
    let mut context = event.take_object("context").unwrap_or_default();
    let mut protocols = context.take_object("protocols").unwrap_or_default();
    protocols.insert("violations", marks);
    context.insert("protocols", protocols);
    event.insert("context", context);
}
