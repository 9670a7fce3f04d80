//! A plan at work on a source's events.

use std::sync::Arc;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use super::{Enforcement, OnViolations, Plan, Rule, Violation, check_by, part_of};
use crate::schema::{MAX_FAILURES, Step};

/// At most so many violations are marked in an event; its context must not outgrow it.
const MAX_MARKS: usize = 32;

/// So many failures of one check are taken out at once; an event of 32 KB hardly has more.
const MAX_OMITTED: usize = 10_000;

/// A plan, what it may do, and to whose events.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What happens to events that it does not have, or that violate it.
    pub enforcement: Enforcement,
    /// The source's id, for `context.protocols.sourceId`.
    pub source_id: String,
}

/// Why a plan blocked an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// No rule of the plan names it.
    Unplanned,
    /// It violates the plan.
    Violations,
}

/// What a plan did to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether it goes no further, and why.
    pub blocked: Option<Blocked>,
    /// What is wrong with it: by its own rule, then by the common one.
    pub violations: Vec<Violation>,
    /// What was left out because the plan does not name it: names of properties or traits.
    pub omitted: Vec<String>,
    /// What was left out because it violates the plan: dotted, below properties or traits.
    pub omitted_on_violation: Vec<String>,
    /// Whether a rule names it.
    pub planned: bool,
}

impl Applied {
    /// What was done, in a word, for traces.
    #[must_use]
    pub fn did(&self) -> &'static str {
        if self.blocked.is_some() {
            "blocked"
        } else if !self.omitted.is_empty() || !self.omitted_on_violation.is_empty() {
            "omitted"
        } else if !self.violations.is_empty() {
            "marked"
        } else {
            "passed"
        }
    }

    /// What was found, in sentences without values, for traces.
    #[must_use]
    pub fn found(&self) -> Vec<String> {
        let unplanned = (!self.planned).then(|| "the plan does not have this event".to_owned());
        let violations = self
            .violations
            .iter()
            .map(|violation| violation.description.clone());
        let omitted = self
            .omitted
            .iter()
            .map(|name| format!("{name} was left out: the plan does not name it"));
        let violating = self
            .omitted_on_violation
            .iter()
            .map(|name| format!("{name} was left out: it violates the plan"));
        unplanned
            .into_iter()
            .chain(violations)
            .chain(omitted)
            .chain(violating)
            .collect()
    }
}

impl Attached {
    /// Checks an event and does to it what enforcement says. What was found is marked in `context.protocols`.
    ///
    /// Segment's order: the event's own rule and what enforcement makes of it, then the common rule on what is left. Where
    /// what violates is to be left out and cannot all be found, since the event takes too long to check, the event is blocked.
    pub fn apply(&self, kind: EventType, event: &mut Object) -> Applied {
        let Attached {
            plan, enforcement, ..
        } = self;
        let track = &enforcement.track;
        // Page and screen events have no settings: they are marked.
        let (keep_unplanned, keep_violating, on_common) = match kind {
            EventType::Track => (
                track.allow_unplanned_event_properties,
                track.allow_properties_on_violations,
                track.common_event_on_violations,
            ),
            EventType::Identify | EventType::Group => {
                let of_kind = if kind == EventType::Identify {
                    &enforcement.identify
                } else {
                    &enforcement.group
                };
                (
                    of_kind.allow_unplanned_traits,
                    of_kind.allow_traits_on_violations,
                    of_kind.common_event_on_violations,
                )
            }
            EventType::Page | EventType::Screen | EventType::Alias => {
                (true, true, OnViolations::Allow)
            }
        };
        let rule = plan.rule(kind, event);
        let mut unchecked = false;
        let mut applied = Applied {
            blocked: None,
            violations: check_by(rule, event, most(!keep_violating), &mut unchecked),
            omitted: Vec::new(),
            omitted_on_violation: Vec::new(),
            planned: rule.is_some() || kind != EventType::Track,
        };
        if !applied.planned && !track.allow_unplanned_events {
            applied.blocked = Some(Blocked::Unplanned);
        } else if kind == EventType::Track
            && !applied.violations.is_empty()
            && !track.allow_event_on_violations
        {
            applied.blocked = Some(Blocked::Violations);
        } else if let Some(part) = part_of(kind) {
            if !keep_violating {
                let found = &applied.violations;
                if !omit_all(rule, event, part, found, &mut applied.omitted_on_violation) {
                    applied.blocked = Some(Blocked::Violations);
                }
            }
            if !keep_unplanned {
                applied.omitted = plan.unplanned(kind, event, rule);
                if let Some(part) = event.get_mut(part).and_then(Value::as_object_mut) {
                    part.retain(|name, _| !applied.omitted.iter().any(|omitted| omitted == name));
                }
            }
        }
        let rule = plan.common.as_ref();
        let omits = on_common == OnViolations::Omit;
        let mut common = check_by(rule, event, most(omits), &mut unchecked);
        if !common.is_empty() && applied.blocked.is_none() {
            match on_common {
                OnViolations::Allow => {}
                OnViolations::Block => applied.blocked = Some(Blocked::Violations),
                OnViolations::Omit => {
                    if let Some(part) = part_of(kind)
                        && !omit_all(
                            rule,
                            event,
                            part,
                            &common,
                            &mut applied.omitted_on_violation,
                        )
                    {
                        applied.blocked = Some(Blocked::Violations);
                    }
                }
            }
        }
        applied.violations.truncate(MAX_FAILURES);
        common.truncate(MAX_FAILURES);
        applied.violations.extend(common);
        self.mark(event, &applied);
        applied
    }

    /// `context.protocols`, beside what the event says there itself (`event_version`).
    fn mark(&self, event: &mut Object, applied: &Applied) {
        let (omitted, violating) = (&applied.omitted, &applied.omitted_on_violation);
        if applied.violations.is_empty() && omitted.is_empty() && violating.is_empty() {
            return;
        }
        let mut context = event.take_object("context").unwrap_or_default();
        let mut protocols = context.take_object("protocols").unwrap_or_default();
        if !self.source_id.is_empty() {
            protocols.insert("sourceId", self.source_id.as_str());
        }
        if !applied.violations.is_empty() {
            let marks = applied.violations.iter().take(MAX_MARKS);
            protocols.insert("violations", marks.map(Violation::mark).collect::<Value>());
        }
        for (key, names) in [("omitted", omitted), ("omitted_on_violation", violating)] {
            if !names.is_empty() {
                let names: Value = names.iter().map(String::as_str).collect();
                protocols.insert(key, names);
            }
        }
        context.insert("protocols", protocols);
        event.insert("context", context);
    }
}

/// How many failures a check tells of.
fn most(omits: bool) -> usize {
    if omits { MAX_OMITTED } else { MAX_FAILURES }
}

/// Takes out all that violates a rule, beginning with what was found; false where not all of it is known.
fn omit_all(
    rule: Option<&Rule>,
    event: &mut Object,
    part: &str,
    found: &[Violation],
    omitted: &mut Vec<String>,
) -> bool {
    let before = omitted.len();
    omit_violating(event, part, found, omitted);
    if found.iter().any(Violation::is_doubt) {
        return false;
    }
    if found.len() < MAX_OMITTED {
        return true;
    }
    // There may be more. Each turn takes something out, so this ends.
    omitted.len() > before && {
        let found = check_by(rule, event, MAX_OMITTED, &mut false);
        omit_all(rule, event, part, &found, omitted)
    }
}

/// Takes the members out that violations are about. An element of a list is not taken out alone, which would move the
/// others: the list goes. What is missing cannot be left out.
fn omit_violating(
    event: &mut Object,
    part: &str,
    violations: &[Violation],
    omitted: &mut Vec<String>,
) {
    for violation in violations {
        let mut path = violation.path.as_slice();
        while let [rest @ .., Step::Index(_)] = path {
            path = rest;
        }
        let [Step::Key(first), inner @ ..] = path else {
            continue;
        };
        if first != part || inner.is_empty() {
            continue;
        }
        let Some(whole) = event.get_mut(part) else {
            continue;
        };
        if take(whole, inner) {
            let name: Vec<String> = inner
                .iter()
                .map(|step| match step {
                    Step::Key(key) => key.clone(),
                    Step::Index(index) => index.to_string(),
                })
                .collect();
            omitted.push(name.join("."));
        }
    }
}

/// Removes the member at the end of a path; false where it is not there.
fn take(mut at: &mut Value, path: &[Step]) -> bool {
    let [before @ .., Step::Key(last)] = path else {
        return false;
    };
    for step in before {
        let next = match (step, at) {
            (Step::Key(key), Value::Object(object)) => object.get_mut(key),
            (Step::Index(index), Value::Array(items)) => items.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else {
            return false;
        };
        at = next;
    }
    at.as_object_mut()
        .is_some_and(|object| object.remove(last).is_some())
}
