//! Tracking plans: which events a source may send, and what is in them.
//!
//! ```text
//! plan (JSON) ──Plan::parse──▶ Plan ──attached to a source──▶ Attached::apply(event) ─▶ marked, less some members, or blocked
//! ```
//! Both of Segment's formats are read (see [`read`]). A rule's JSON Schema is about the whole event. One rule may have
//! several versions; an event names one in `context.protocols.event_version`, and is checked by the oldest where it names
//! none that there is. A rule for all events (`COMMON`) is checked after the event's own, on what that has left.

mod attached;
pub mod diff;
mod enforcement;
mod forward;
pub mod infer;
mod names;
pub mod read;
mod violation;

use std::collections::BTreeMap;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use crate::schema::{MAX_FAILURES, Schema};

pub use attached::{Applied, Attached, Blocked};
pub use enforcement::{Enforcement, OnViolations, TrackEnforcement, TraitsEnforcement};
pub use forward::{Origin, VIOLATION_EVENT, violation_event};
pub use read::PlanError;
pub use violation::Violation;

use names::Names;
use read::About;

/// A compiled plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its id in the workspace.
    pub id: String,
    /// Its name.
    pub name: String,
    /// By the event's name; versions from the oldest on.
    tracks: BTreeMap<String, Vec<Rule>>,
    /// Of the other types; versions from the oldest on.
    others: Vec<(EventType, Vec<Rule>)>,
    /// For all events.
    common: Option<Rule>,
    warnings: Vec<String>,
}

/// One version of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its version, from 1 on.
    pub version: u64,
    schema: Schema,
    /// The properties that it names.
    properties: Names,
    /// The traits that it names.
    traits: Names,
}

/// What a plan says of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Whether a rule names it. Events other than track count as planned without a rule.
    pub planned: bool,
    /// The version of the rule that it was checked by.
    pub version: Option<u64>,
    /// What is wrong with it by its own rule.
    pub violations: Vec<Violation>,
    /// What is wrong with it by the rule for all events.
    pub common: Vec<Violation>,
    /// Properties (of track) or traits (of identify and group) that the plan does not name.
    pub unplanned: Vec<String>,
    /// Whether a `pattern` or `format` was met that this build does not check.
    pub unchecked: bool,
}

impl Plan {
    /// Reads and compiles a plan.
    ///
    /// # Errors
    /// [`PlanError`] with the path.
    pub fn parse(id: &str, plan: &Value) -> Result<Plan, PlanError> {
        let outline = read::read(plan)?;
        let mut compiled = Plan {
            id: outline.id.unwrap_or(id).to_owned(),
            name: outline.name.unwrap_or(id).to_owned(),
            tracks: BTreeMap::new(),
            others: Vec::new(),
            common: None,
            warnings: outline.warnings,
        };
        // The workspace's id wins over the one that a plan brings along, which is another workspace's.
        if !id.is_empty() {
            id.clone_into(&mut compiled.id);
        }
        for rule in outline.rules {
            let schema = Schema::compile(rule.schema).map_err(|error| PlanError {
                path: if error.path.is_empty() {
                    rule.path.clone()
                } else {
                    format!("{}.{}", rule.path, error.path)
                },
                problem: error.problem,
            })?;
            for unknown in schema.unknown() {
                compiled.warnings.push(format!(
                    "{}.{unknown}: no keyword or format of JSON Schema; nothing is checked by it",
                    rule.path
                ));
            }
            let made = Rule {
                version: rule.version,
                schema,
                properties: Names::of(rule.schema, "properties"),
                traits: Names::of(rule.schema, "traits"),
            };
            compiled.add(rule.about, made, &rule.path)?;
        }
        Ok(compiled)
    }

    fn add(&mut self, about: About<'_>, rule: Rule, path: &str) -> Result<(), PlanError> {
        let again = || {
            PlanError {
            path: path.to_owned(),
            problem: "a rule before it is about the same event and version; keep one of them, or raise `version`"
                .to_owned(),
        }
        };
        let versions = match about {
            About::Common => {
                return match self.common.replace(rule) {
                    None => Ok(()),
                    Some(_) => Err(again()),
                };
            }
            About::Track(name) => self.tracks.entry(name.to_owned()).or_default(),
            About::Type(kind) => {
                let at = self.others.iter().position(|(known, _)| *known == kind);
                let at = at.unwrap_or_else(|| {
                    self.others.push((kind, Vec::new()));
                    self.others.len() - 1
                });
                match self.others.get_mut(at) {
                    Some((_, versions)) => versions,
                    None => return Ok(()),
                }
            }
        };
        match versions.binary_search_by_key(&rule.version, |known| known.version) {
            Ok(_) => Err(again()),
            Err(at) => {
                versions.insert(at, rule);
                Ok(())
            }
        }
    }

    /// What may be meant otherwise than it is written, with its place.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The names of the track events that it has, in order.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.tracks.keys().map(String::as_str)
    }

    /// The rule that an event is checked by.
    #[must_use]
    pub fn rule(&self, kind: EventType, event: &Object) -> Option<&Rule> {
        let versions = match kind {
            EventType::Track => {
                let name = event.get("event").and_then(Value::as_str)?;
                self.tracks.get(name)?
            }
            _ => {
                let of_type = self.others.iter().find(|(known, _)| *known == kind);
                of_type.map(|(_, versions)| versions)?
            }
        };
        if versions.len() > 1
            && let Some(named) = event
                .object("context")
                .and_then(|context| context.object("protocols"))
                .and_then(|protocols| protocols.natural("event_version"))
            && let Some(rule) = versions.iter().find(|rule| rule.version == named)
        {
            return Some(rule);
        }
        versions.first()
    }

    /// What the plan says of an event, which is not changed.
    #[must_use]
    pub fn check(&self, kind: EventType, event: &Object) -> Checked {
        let rule = self.rule(kind, event);
        let mut checked = Checked {
            planned: rule.is_some() || kind != EventType::Track,
            version: rule.map(|rule| rule.version),
            unplanned: self.unplanned(kind, event, rule),
            ..Checked::default()
        };
        let unchecked = &mut checked.unchecked;
        checked.violations = check_by(rule, event, MAX_FAILURES, unchecked);
        checked.common = check_by(self.common.as_ref(), event, MAX_FAILURES, unchecked);
        checked
    }

    /// Members that neither the rule nor the common one names. Of a track event without a rule nothing is said here: it is
    /// unplanned as a whole.
    fn unplanned(&self, kind: EventType, event: &Object, rule: Option<&Rule>) -> Vec<String> {
        let Some(part) = part_of(kind) else {
            return Vec::new();
        };
        if kind == EventType::Track && rule.is_none() {
            return Vec::new();
        }
        let names = |rule: &'_ Rule, name: &str| match part {
            "traits" => rule.traits.has(name),
            _ => rule.properties.has(name),
        };
        let planned = |name: &str| {
            rule.is_some_and(|rule| names(rule, name))
                || self.common.as_ref().is_some_and(|rule| names(rule, name))
        };
        event
            .object(part)
            .into_iter()
            .flat_map(Object::keys)
            .filter(|name| !planned(name))
            .map(str::to_owned)
            .collect()
    }
}

/// Where events that enforcement is about hold what they say.
fn part_of(kind: EventType) -> Option<&'static str> {
    match kind {
        EventType::Track => Some("properties"),
        EventType::Identify | EventType::Group => Some("traits"),
        EventType::Page | EventType::Screen | EventType::Alias => None,
    }
}

fn check_by(
    rule: Option<&Rule>,
    event: &Object,
    most: usize,
    unchecked: &mut bool,
) -> Vec<Violation> {
    let Some(rule) = rule else {
        return Vec::new();
    };
    match rule.schema.check_object_telling(event, most) {
        Ok(report) => {
            *unchecked |= report.unchecked;
            report.failures.into_iter().map(Violation::of).collect()
        }
        // A doubt does not pass as fine.
        Err(exceeded) => vec![Violation::exceeded(exceeded)],
    }
}
