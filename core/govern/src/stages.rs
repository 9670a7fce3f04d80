//! The two stages that every event passes: that of its source, once, and that of each connection.
//!
//! ```text
//! SOURCE STAGE      plan: mark, block
//! CONNECTION STAGE  gate (consent, integrations) · filters
//! ```
//! Both are pure functions of an event and compiled rules. With a [`Trace`] they say what each rule did, for previews and
//! for "where is my event"; without one they do no work for it.

use std::borrow::Cow;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use crate::filter::Filter;
use crate::gate::{self, Consent, Decision};
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

/// Who a connection delivers to, and which events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionRules {
    /// The names by which `integrations` may call the destination; the first that an event names decides.
    pub keys: Vec<String>,
    /// Consent categories it is mapped to.
    pub categories: Vec<String>,
    /// Whether it stores events (a warehouse, a lake): then `integrations.All` and filters do not apply.
    pub storage: bool,
    /// Filters, in order.
    pub filters: Vec<Filter>,
}

/// What became of an event at a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionOutcome<'e> {
    /// It is to be delivered in this form.
    Deliver(Cow<'e, Object>),
    /// It is not, for this reason.
    Dropped(DropReason),
}

/// Why a connection does not get an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A consent category that the destination is mapped to is not granted.
    Consent,
    /// The event's `integrations` leave the destination out.
    Integrations,
    /// A filter.
    Filter {
        /// Its id.
        id: String,
    },
    /// A filter that could not be decided within its budget.
    FilterExceeded {
        /// Its id.
        id: String,
    },
}

impl DropReason {
    /// As counts and traces name it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            DropReason::Consent => "consent",
            DropReason::Integrations => "integrations",
            DropReason::Filter { .. } => "filter",
            DropReason::FilterExceeded { .. } => "filter_exceeded",
        }
    }
}

/// What each rule did to one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In the order in which the rules ran.
    pub steps: Vec<Step>,
}

/// One rule's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which rule: `plan:checkout`, `gate`, `filter:no-test-orders`.
    pub rule: String,
    /// What it did: `passed`, `marked`, `blocked`, `dropped`.
    pub did: &'static str,
    /// What it found.
    pub found: Vec<String>,
}

fn note(
    trace: &mut Option<&mut Trace>,
    rule: impl FnOnce() -> String,
    did: &'static str,
    found: impl FnOnce() -> Vec<String>,
) {
    if let Some(trace) = trace {
        trace.steps.push(Step {
            rule: rule(),
            did,
            found: found(),
        });
    }
}

/// The source stage.
#[must_use]
pub fn source_stage(
    rules: &SourceRules,
    kind: EventType,
    mut event: Object,
    mut trace: Option<&mut Trace>,
) -> SourceOutcome {
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
    note(
        &mut trace,
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
    mark(&mut event, &checked.violations);
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

/// The stage of one connection.
#[must_use]
pub fn connection_stage<'e>(
    rules: &ConnectionRules,
    event: &'e Object,
    mut trace: Option<&mut Trace>,
) -> ConnectionOutcome<'e> {
    let dropped = gate_of(rules, event);
    note(
        &mut trace,
        || "gate".to_owned(),
        if dropped.is_some() {
            "dropped"
        } else {
            "passed"
        },
        || {
            dropped
                .iter()
                .map(|reason| reason.as_str().to_owned())
                .collect()
        },
    );
    if let Some(reason) = dropped {
        return ConnectionOutcome::Dropped(reason);
    }
    let filters = if rules.storage { &[] } else { &*rules.filters };
    for filter in filters {
        let reason = match filter.passes(event) {
            Ok(true) => None,
            Ok(false) => Some(DropReason::Filter {
                id: filter.id.clone(),
            }),
            Err(_) => Some(DropReason::FilterExceeded {
                id: filter.id.clone(),
            }),
        };
        note(
            &mut trace,
            || format!("filter:{}", filter.id),
            if reason.is_some() {
                "dropped"
            } else {
                "passed"
            },
            || {
                matches!(reason, Some(DropReason::FilterExceeded { .. }))
                    .then(|| "its expression takes too many steps for this event".to_owned())
                    .into_iter()
                    .collect()
            },
        );
        if let Some(reason) = reason {
            return ConnectionOutcome::Dropped(reason);
        }
    }
    ConnectionOutcome::Deliver(Cow::Borrowed(event))
}

fn gate_of(rules: &ConnectionRules, event: &Object) -> Option<DropReason> {
    let empty = Object::new();
    let context = event.object("context").unwrap_or(&empty);
    let integrations = event.object("integrations").unwrap_or(&empty);
    let is_consent_event = event.get("event").and_then(Value::as_str) == Some(gate::CONSENT_EVENT);
    // Storage has no name of its own in `integrations`; `Warehouses` may leave it out.
    let key = if rules.storage {
        "Warehouses"
    } else {
        rules
            .keys
            .iter()
            .find(|key| integrations.contains_key(key))
            .or(rules.keys.first())
            .map_or("", String::as_str)
    };
    let consent = if is_consent_event {
        Consent::Absent
    } else {
        Consent::of_context(context)
    };
    let wishes = if rules.storage {
        warehouse_wish(integrations)
    } else {
        Cow::Borrowed(integrations)
    };
    match gate::decide(key, &rules.categories, &consent, &wishes) {
        Decision::Deliver => None,
        Decision::ByConsent => Some(DropReason::Consent),
        Decision::ByIntegrations => Some(DropReason::Integrations),
    }
}

/// What `integrations` says of storage: `Warehouses: false` or `{"all": false}` leaves it out, `All: false` does not.
fn warehouse_wish(integrations: &Object) -> Cow<'_, Object> {
    let off = match integrations.get("Warehouses") {
        Some(Value::Bool(false)) => true,
        Some(Value::Object(wish)) => wish.flag("all") == Some(false),
        _ => false,
    };
    let mut wishes = Object::new();
    if off {
        wishes.insert("Warehouses", false);
    }
    Cow::Owned(wishes)
}
