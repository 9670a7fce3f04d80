//! `headwater plan check`: what a plan says of events.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use headwater_collector::cli::Failure;
use headwater_govern::plan::{Checked, Origin, Plan, violation_event};
use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use super::lines::{self, Wrong, plain};

/// So many names of events, and findings of one, are counted apart.
const MOST: usize = 2_000;

/// Arguments of `headwater plan check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The plan, in either of Segment's formats.
    #[arg(required_unless_present = "standard", conflicts_with = "standard")]
    plan: Option<PathBuf>,
    /// One of the standard plans instead: see `headwater plan standard`.
    #[arg(long, value_name = "NAME")]
    standard: Option<String>,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
    /// Instead of a report, each violation as the event `Violation Generated`, one a line.
    #[arg(long, conflicts_with = "json")]
    events: bool,
}

#[derive(Debug, Default)]
struct Report {
    events: u64,
    /// Not in the plan, or with violations.
    wrong: u64,
    /// By name; track events before the other types, whose names an event may have, too.
    kinds: BTreeMap<(bool, String), OfKind>,
}

#[derive(Debug, Default)]
struct OfKind {
    planned: bool,
    count: u64,
    wrong: u64,
    /// By sentence: how often, and the messageId of the first.
    findings: BTreeMap<String, (u64, String)>,
    /// Properties or traits that the plan does not name, which is no violation.
    unplanned: BTreeMap<String, u64>,
}

impl Check {
    pub(crate) fn run(self, out: &mut impl Write) -> Result<(), Failure> {
        let plan = match (&self.plan, &self.standard) {
            (Some(path), _) => {
                let plan = super::read(path)?;
                Plan::parse("", &plan)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?
            }
            (None, name) => {
                let name = name.as_deref().unwrap_or_default();
                let text = super::standard(name)?;
                let plan = super::value(text.as_bytes(), name.as_ref())?;
                Plan::parse("", &plan).map_err(|error| Failure::Usage(error.to_string()))?
            }
        };
        let mut report = Report::default();
        let mut wrong = Wrong::default();
        lines::each(std::io::stdin().lock(), &mut wrong, |kind, event| {
            let checked = plan.check(kind, event);
            if self.events {
                events(&plan, event, &checked, out)?;
            }
            report.add(kind, event, &checked);
            Ok(())
        })?;
        if self.json {
            writeln!(out, "{}", Value::Object(report.to_json(&plan, &wrong)))?;
        } else if !self.events {
            report.tell(&plan, out)?;
            wrong.tell(out)?;
        }
        out.flush()?;
        match report.wrong + wrong.count {
            0 => Ok(()),
            not => Err(Failure::Usage(format!("{not} lines are not as planned"))),
        }
    }
}

fn events(
    plan: &Plan,
    event: &Object,
    checked: &Checked,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let origin = Origin {
        source_id: "",
        source_name: "",
        source_slug: "",
        plan,
    };
    let at = event
        .get("receivedAt")
        .and_then(Value::as_str)
        .unwrap_or_default();
    for violation in checked.violations.iter().chain(&checked.common) {
        let made = violation_event(origin, event, violation, at);
        writeln!(out, "{}", Value::Object(made))?;
    }
    Ok(())
}

impl Report {
    fn add(&mut self, kind: EventType, event: &Object, checked: &Checked) {
        self.events += 1;
        let name = match kind {
            EventType::Track => event
                .get("event")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            kind => kind.as_str(),
        };
        let bad = !checked.planned || !checked.violations.is_empty() || !checked.common.is_empty();
        self.wrong += u64::from(bad);
        let mut key = (kind != EventType::Track, name.to_owned());
        if self.kinds.len() >= MOST && !self.kinds.contains_key(&key) {
            "(others)".clone_into(&mut key.1);
        }
        let of_kind = self.kinds.entry(key).or_default();
        of_kind.planned = checked.planned;
        of_kind.count += 1;
        of_kind.wrong += u64::from(bad);
        let id = event
            .get("messageId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for violation in checked.violations.iter().chain(&checked.common) {
            let told = violation.generally();
            if of_kind.findings.len() < MOST || of_kind.findings.contains_key(&told) {
                of_kind
                    .findings
                    .entry(told)
                    .or_insert_with(|| (0, id.to_owned()))
                    .0 += 1;
            }
        }
        for name in &checked.unplanned {
            if of_kind.unplanned.len() < MOST || of_kind.unplanned.contains_key(name) {
                *of_kind.unplanned.entry(name.clone()).or_default() += 1;
            }
        }
    }

    fn tell(&self, plan: &Plan, out: &mut impl Write) -> std::io::Result<()> {
        for warning in plan.warnings() {
            writeln!(out, "warning: {warning}")?;
        }
        for ((_, name), of_kind) in self.kinds.iter().filter(|(_, of_kind)| of_kind.planned) {
            let state = if of_kind.wrong == 0 {
                "as planned".to_owned()
            } else {
                format!("{} with violations", of_kind.wrong)
            };
            writeln!(out, "{:40} {:>8}  {state}", plain(name), of_kind.count)?;
            for (told, (count, first)) in &of_kind.findings {
                writeln!(
                    out,
                    "  {count:>8}  {}  (first: {})",
                    plain(told),
                    plain(first)
                )?;
            }
            for (name, count) in &of_kind.unplanned {
                writeln!(out, "  {count:>8}  {} is not in the plan", plain(name))?;
            }
        }
        for ((_, name), of_kind) in self.kinds.iter().filter(|(_, of_kind)| !of_kind.planned) {
            writeln!(
                out,
                "{:40} {:>8}  not in the plan",
                plain(name),
                of_kind.count
            )?;
        }
        writeln!(
            out,
            "{} events checked against {}, {} as planned",
            self.events,
            plain(&plan.name),
            self.events - self.wrong
        )
    }

    fn to_json(&self, plan: &Plan, wrong: &Wrong) -> Object {
        let events: Value = self
            .kinds
            .iter()
            .map(|((_, name), of_kind)| {
                let mut one = Object::new();
                one.insert("event", name.as_str());
                one.insert("planned", of_kind.planned);
                one.insert("count", of_kind.count);
                one.insert("not_as_planned", of_kind.wrong);
                let findings: Value = of_kind
                    .findings
                    .iter()
                    .map(|(told, (count, first))| {
                        let mut finding = Object::new();
                        finding.insert("description", told.as_str());
                        finding.insert("count", *count);
                        finding.insert("first", first.as_str());
                        Value::Object(finding)
                    })
                    .collect();
                one.insert("violations", findings);
                let unplanned: Object = of_kind
                    .unplanned
                    .iter()
                    .map(|(name, count)| (name.as_str(), *count))
                    .collect();
                one.insert("unplanned", unplanned);
                Value::Object(one)
            })
            .collect();
        let mut report = Object::new();
        report.insert("plan", plan.name.as_str());
        report.insert("events_checked", self.events);
        report.insert("not_as_planned", self.wrong);
        report.insert("no_events", wrong.count);
        report.insert("events", events);
        report
    }
}
