//! The stage of a source, which every event passes once.

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use super::trace::{Recorder, Trace};
use super::transforms::{Stop, run};
use crate::schema_controls::SchemaControls;
use crate::tracking_plan::{Enforcement, Plan, Violation};
use crate::transform::Transform;

/// What a source's events are checked against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRules {
    /// Transformations, in order; they run before the plan.
    pub transforms: Vec<Transform>,
    /// The tracking plan, where there is one.
    pub plan: Option<(Plan, Enforcement)>,
    /// What is kept out without a plan.
    pub schema: Option<SchemaControls>,
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
    /// A transformation drops it.
    Transform,
    /// A transformation could not be decided within its budget.
    TransformExceeded,
    /// The source's schema controls.
    Schema,
}

impl BlockReason {
    /// As counts and traces name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BlockReason::Unplanned => "unplanned",
            BlockReason::Violations => "violations",
            BlockReason::Transform => "transform",
            BlockReason::TransformExceeded => "transform_exceeded",
            BlockReason::Schema => "schema",
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
    let reason = transformed(&rules.transforms, &mut event, &mut trace)
        .or_else(|| planned(rules, kind, &mut event, &mut trace))
        .or_else(|| controlled(rules, kind, &mut event, &mut trace));
    match reason {
        Some(reason) => SourceOutcome::Blocked { event, reason },
        None => SourceOutcome::Passed(event),
    }
}

fn transformed(
    transforms: &[Transform],
    event: &mut Object,
    trace: &mut Recorder<'_>,
) -> Option<BlockReason> {
    run(transforms, event, trace).map(|stop| match stop {
        Stop::Dropped(_) => BlockReason::Transform,
        Stop::Exceeded(_) => BlockReason::TransformExceeded,
    })
}

/// What the plan says of the event.
fn planned(
    rules: &SourceRules,
    kind: EventType,
    event: &mut Object,
    trace: &mut Recorder<'_>,
) -> Option<BlockReason> {
    let (plan, enforcement) = rules.plan.as_ref()?;
    let checked = plan.check(kind, event);
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
    let before = trace.before(event);
    mark(event, &checked.violations);
    trace.changes(before.as_ref(), event);
    reason
}

/// What the source's schema controls say of it.
fn controlled(
    rules: &SourceRules,
    kind: EventType,
    event: &mut Object,
    trace: &mut Recorder<'_>,
) -> Option<BlockReason> {
    let control = rules.schema.as_ref()?.of(kind, event)?;
    let before = trace.before(event);
    if !control.block {
        for target in &control.omit {
            target.remove(event);
        }
    }
    let did = if control.block { "blocked" } else { "passed" };
    trace.note(|| "schema".to_owned(), did, Vec::new);
    trace.changes(before.as_ref(), event);
    control.block.then_some(BlockReason::Schema)
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
