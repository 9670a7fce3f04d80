//! The stage of a source, which every event passes once.

use headwater_model::event::EventType;
use headwater_model::json::Object;

use super::trace::{Recorder, Trace};
use super::transforms::{Stop, run};
use crate::plan::{Attached, Blocked};
use crate::schema_controls::SchemaControls;
use crate::transform::Transform;

/// What a source's events are checked against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRules {
    /// Transformations, in order; they run before the plan.
    pub transforms: Vec<Transform>,
    /// The tracking plan, where there is one.
    pub plan: Option<Attached>,
    /// What is kept out without a plan.
    pub schema: Option<SchemaControls>,
}

/// What became of an event at its source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceOutcome {
    /// It goes on, less what the plan leaves out, with what was found marked in `context.protocols`.
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
    let attached = rules.plan.as_ref()?;
    let before = trace.before(event);
    let applied = attached.apply(kind, event);
    trace.note(
        || format!("plan:{}", attached.plan.name),
        applied.did(),
        || applied.found(),
    );
    trace.changes(before.as_ref(), event);
    applied.blocked.map(|blocked| match blocked {
        Blocked::Unplanned => BlockReason::Unplanned,
        Blocked::Violations => BlockReason::Violations,
    })
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
