//! The stage of a connection: consent and `integrations`, its filters, its transformations.

use std::borrow::Cow;

use headwater_model::json::{Object, Value};

use super::trace::{Recorder, Trace};
use super::transforms::{Stop, run};
use crate::filter::{Filtered, Filters};
use crate::gate::{self, Consent, Decision};
use crate::transform::Transform;

/// Who a connection delivers to, and which events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionRules {
    /// The names by which `integrations` may call the destination; the first that an event names, with anything but null,
    /// decides.
    pub keys: Vec<String>,
    /// Consent categories it is mapped to.
    pub categories: Vec<String>,
    /// Whether it stores events (a warehouse, a lake): then `integrations.All`, filters and transformations do not
    /// apply.
    pub storage: bool,
    /// Filters.
    pub filters: Filters,
    /// Transformations, in order; they run after the filters.
    pub transforms: Vec<Transform>,
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
    /// A filter, whose sample it is not in.
    Sampled {
        /// Its id.
        id: String,
    },
    /// A transformation drops it.
    Transform {
        /// Its id.
        id: String,
    },
    /// A transformation that could not be decided within its budget.
    TransformExceeded {
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
            DropReason::Sampled { .. } => "sampled",
            DropReason::Transform { .. } => "transform",
            DropReason::TransformExceeded { .. } => "transform_exceeded",
            DropReason::FilterExceeded { .. } => "filter_exceeded",
        }
    }
}

/// The stage of one connection.
#[must_use]
pub fn connection_stage<'e>(
    rules: &ConnectionRules,
    event: &'e Object,
    trace: Option<&mut Trace>,
) -> ConnectionOutcome<'e> {
    let mut trace = Recorder::new(trace);
    let dropped = gate_of(rules, event);
    trace.note(
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
    let mut event = Cow::Borrowed(event);
    if !rules.storage {
        let reason = filtered(&rules.filters, &mut event, &mut trace)
            .or_else(|| transformed(&rules.transforms, &mut event, &mut trace));
        if let Some(reason) = reason {
            return ConnectionOutcome::Dropped(reason);
        }
    }
    ConnectionOutcome::Deliver(event)
}

fn filtered(
    filters: &Filters,
    event: &mut Cow<'_, Object>,
    trace: &mut Recorder<'_>,
) -> Option<DropReason> {
    for filter in filters.iter() {
        let id = || filter.id.clone();
        let before = trace.before(event);
        let (did, reason, found) = match filter.apply(event) {
            Ok(Filtered::Passed) => ("passed", None, None),
            Ok(Filtered::Dropped) => ("dropped", Some(DropReason::Filter { id: id() }), None),
            Ok(Filtered::SampledOut) => (
                "dropped",
                Some(DropReason::Sampled { id: id() }),
                Some("it is not in the sample"),
            ),
            Err(_) => (
                "dropped",
                Some(DropReason::FilterExceeded { id: id() }),
                Some("its expression takes too many steps for this event"),
            ),
        };
        trace.note(
            || format!("filter:{}", filter.id),
            did,
            || found.into_iter().map(str::to_owned).collect(),
        );
        trace.changes(before.as_ref(), event);
        if reason.is_some() {
            return reason;
        }
    }
    None
}

fn transformed(
    transforms: &[Transform],
    event: &mut Cow<'_, Object>,
    trace: &mut Recorder<'_>,
) -> Option<DropReason> {
    if transforms.is_empty() {
        return None;
    }
    run(transforms, event.to_mut(), trace).map(|stop| match stop {
        Stop::Dropped(id) => DropReason::Transform { id },
        Stop::Exceeded(id) => DropReason::TransformExceeded { id },
    })
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
            .find(|key| integrations.get(key).is_some_and(|wish| !wish.is_null()))
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
