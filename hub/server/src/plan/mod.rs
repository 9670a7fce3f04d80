//! `headwater plan`: tracking plans on the command line, without a hub.

mod check;
mod lines;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use headwater_collector::cli::Failure;
use headwater_govern::plan::diff::diff;
use headwater_govern::plan::infer::Inference;
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_workspace::{MAX_PLAN, standard_plan, standard_plans};

/// Commands about tracking plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// Check events, one a line on standard input, against a plan; exit code 1 if any is not as planned.
    #[command(after_help = "\
Examples:
  headwater export | headwater plan check plans/checkout.json
  headwater plan check --standard ecommerce < events.ndjson
  headwater plan check plans/checkout.json --json < events.ndjson")]
    Check(check::Check),
    /// Propose a plan from events, one a line on standard input: types, what is always there, values that repeat.
    Infer {
        /// The plan's name.
        #[arg(long, default_value = "Proposed")]
        name: String,
    },
    /// Say what changes from one plan to another; exit code 1 if events that were as planned may not be any more.
    Diff {
        /// The plan as it is.
        old: PathBuf,
        /// The plan as it will be.
        new: PathBuf,
        /// A JSON list instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Print a standard plan, to begin one's own with; without a name, the names.
    Standard {
        /// Which.
        name: Option<String>,
    },
}

impl Plan {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match self {
            Plan::Check(check) => check.run(&mut out),
            Plan::Infer { name } => infer(&name, &mut out),
            Plan::Diff { old, new, json } => compare(&old, &new, json, &mut out),
            Plan::Standard { name: None } => {
                for name in standard_plans() {
                    writeln!(out, "{name}")?;
                }
                Ok(())
            }
            Plan::Standard { name: Some(name) } => Ok(write!(out, "{}", standard(&name)?)?),
        }
    }
}

fn standard(name: &str) -> Result<&'static str, Failure> {
    standard_plan(name).ok_or_else(|| {
        let names: Vec<&str> = standard_plans().collect();
        Failure::Usage(format!(
            "there is no standard plan `{name}`; there are {}",
            names.join(", ")
        ))
    })
}

fn value(text: &[u8], path: &Path) -> Result<Value, Failure> {
    let limits = Limits::default().with_max_bytes(usize::try_from(MAX_PLAN).unwrap_or(usize::MAX));
    parse(text, &limits).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read(path)
        .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", path.display())))?;
    value(&text, path)
}

fn infer(name: &str, out: &mut impl Write) -> Result<(), Failure> {
    let mut inference = Inference::default();
    let mut wrong = lines::Wrong::default();
    lines::each(std::io::stdin().lock(), &mut wrong, |kind, event| {
        inference.add(kind, event);
        Ok(())
    })?;
    writeln!(out, "{}", indented(&Value::Object(inference.plan(name))))?;
    let mut told = std::io::stderr();
    if inference.passed_over() > 0 {
        writeln!(
            told,
            "{} events or members were too many to learn from",
            inference.passed_over()
        )?;
    }
    wrong.tell(&mut told)?;
    Ok(())
}

fn compare(old: &Path, new: &Path, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let (before, after) = (read(old)?, read(new)?);
    for (path, plan) in [(old, &before), (new, &after)] {
        headwater_govern::plan::Plan::parse("", plan)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    }
    let changes = diff(&before, &after).map_err(|error| Failure::Usage(error.to_string()))?;
    let breaking = changes.iter().filter(|change| change.breaking).count();
    if json {
        let all: Value = changes
            .iter()
            .map(|change| {
                let mut one = Object::new();
                one.insert("rule", change.rule.as_str());
                one.insert("field", change.field.as_str());
                one.insert("what", change.what.as_str());
                one.insert("breaking", change.breaking);
                Value::Object(one)
            })
            .collect();
        writeln!(out, "{all}")?;
    } else {
        let mut rule = "";
        for change in &changes {
            if change.rule != rule {
                rule = &change.rule;
                writeln!(out, "{}", lines::plain(rule))?;
            }
            let mark = if change.breaking { "breaking" } else { "" };
            let field = if change.field.is_empty() {
                "(the rule)"
            } else {
                &change.field
            };
            writeln!(
                out,
                "  {mark:9} {:32} {}",
                lines::plain(field),
                lines::plain(&change.what)
            )?;
        }
        writeln!(out, "{} changes, {breaking} breaking", changes.len())?;
    }
    match breaking {
        0 => Ok(()),
        _ => Err(Failure::Usage(format!(
            "{breaking} changes can make events that were as planned violate the plan; give the rule a new `version` to keep both"
        ))),
    }
}

/// Indented by two spaces.
fn indented(value: &Value) -> String {
    let mut text = String::new();
    pretty(value, 0, &mut text);
    text
}

fn pretty(value: &Value, depth: usize, into: &mut String) {
    let line = |depth: usize, into: &mut String| {
        into.push('\n');
        into.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            into.push('{');
            for (index, (key, member)) in object.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, into);
                into.push_str(&Value::from(key).to_string());
                into.push_str(": ");
                pretty(member, depth + 1, into);
            }
            line(depth, into);
            into.push('}');
        }
        Value::Array(items)
            if items
                .iter()
                .any(|item| item.is_object() || item.as_array().is_some()) =>
        {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, into);
                pretty(item, depth + 1, into);
            }
            line(depth, into);
            into.push(']');
        }
        _ => into.push_str(&value.to_string()),
    }
}
