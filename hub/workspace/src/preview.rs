//! What a rule, a source or a connection does to an event, without one of them being touched.

use headwater_govern::filter::Filters;
use headwater_govern::stages::{
    ConnectionOutcome, ConnectionRules, SourceOutcome, SourceRules, Trace, connection_stage,
    source_stage,
};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};

use crate::compile::Compiled;
use crate::rules::{FilterFile, RuleError, rule_from_json};
use crate::transforms::{SchemaFile, TransformFile};

/// What is asked about the event: one of the keys of the question.
const ABOUT: &str =
    "give one of `filter`, `filters`, `transform`, `schema`, `source` and `connection`";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// The question cannot be read.
    #[error("{0}")]
    Question(String),
    /// The rule is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// There is no such source or connection.
    #[error("there is no {0}")]
    Unknown(String),
}

/// Answers a question, `{"event": {…}, "filter": {…}}`: the event, and one of `filter`, `filters`, `transform` and `schema` as
/// files write them, or the name or id of a `source` or a `connection` of the workspace. The answer is `{"outcome", "reason"?,
/// "event"?, "source_stage"?, "stage"?}`; the stages are traces.
///
/// # Errors
/// [`PreviewError`]
pub fn preview(rules: &Compiled, question: &[u8]) -> Result<Object, PreviewError> {
    let wrong = |problem: &str| PreviewError::Question(problem.to_owned());
    let question = parse(question, &Limits::default())
        .map_err(|error| PreviewError::Question(error.to_string()))?
        .into_object()
        .ok_or_else(|| wrong("must be a JSON object with `event`"))?;
    let event = question
        .to_object("event")
        .ok_or_else(|| wrong("`event` must be an object"))?;
    let kind = event
        .get("type")
        .and_then(Value::as_str)
        .and_then(EventType::parse);
    let kind = kind.ok_or_else(|| {
        wrong("`event.type` must be track, identify, page, screen, group or alias")
    })?;
    let mut about = question.iter().filter(|(key, _)| *key != "event");
    let (Some((key, rule)), None) = (about.next(), about.next()) else {
        return Err(wrong(ABOUT));
    };
    match key {
        "source" => {
            let name = rule.as_str().unwrap_or_default();
            let found = rules
                .sources
                .iter()
                .find(|source| source.name == name || source.id.as_str() == name);
            let found = found.ok_or_else(|| PreviewError::Unknown(format!("source `{name}`")))?;
            Ok(at_source(&found.rules, kind, event).0)
        }
        "connection" => {
            let name = rule.as_str().unwrap_or_default();
            let found = rules
                .connections
                .iter()
                .find(|connection| connection.name == name || connection.id.as_str() == name);
            let found =
                found.ok_or_else(|| PreviewError::Unknown(format!("connection `{name}`")))?;
            let source = rules
                .sources
                .iter()
                .find(|source| source.id == found.source);
            let (mut answer, passed) = match source {
                Some(source) => at_source(&source.rules, kind, event),
                None => (Object::new(), Some(event)),
            };
            if let Some(passed) = passed {
                at_connection(&found.rules, &passed, &mut answer);
            }
            Ok(answer)
        }
        "filter" | "filters" => {
            let one = core::slice::from_ref(rule);
            let mut filters = Vec::new();
            for (index, file) in rule
                .as_array()
                .map_or(one, Vec::as_slice)
                .iter()
                .enumerate()
            {
                filters.push(rule_from_json::<FilterFile>(file)?.compile(index)?);
            }
            let rules = ConnectionRules {
                filters: Filters::new(filters),
                ..ConnectionRules::default()
            };
            let mut answer = Object::new();
            at_connection(&rules, &event, &mut answer);
            Ok(answer)
        }
        "transform" => {
            let rules = SourceRules {
                transforms: vec![rule_from_json::<TransformFile>(rule)?.compile(0)?],
                ..SourceRules::default()
            };
            Ok(at_source(&rules, kind, event).0)
        }
        "schema" => {
            let rules = SourceRules {
                schema: Some(rule_from_json::<SchemaFile>(rule)?.compile()?),
                ..SourceRules::default()
            };
            Ok(at_source(&rules, kind, event).0)
        }
        _ => Err(wrong(ABOUT)),
    }
}

/// The answer of a source stage, and the event where it goes on.
fn at_source(rules: &SourceRules, kind: EventType, event: Object) -> (Object, Option<Object>) {
    let mut trace = Trace::default();
    let outcome = source_stage(rules, kind, event, Some(&mut trace));
    let mut answer = Object::new();
    answer.insert("source_stage", trace.to_json());
    match outcome {
        SourceOutcome::Passed(event) => {
            answer.insert("outcome", "passed");
            answer.insert("event", event.clone());
            (answer, Some(event))
        }
        SourceOutcome::Blocked { event, reason } => {
            answer.insert("outcome", "blocked");
            answer.insert("reason", reason.as_str());
            answer.insert("event", event);
            (answer, None)
        }
    }
}

fn at_connection(rules: &ConnectionRules, event: &Object, answer: &mut Object) {
    let mut trace = Trace::default();
    match connection_stage(rules, event, Some(&mut trace)) {
        ConnectionOutcome::Deliver(event) => {
            answer.insert("outcome", "delivered");
            answer.insert("event", event.into_owned());
        }
        ConnectionOutcome::Dropped(reason) => {
            answer.insert("outcome", "dropped");
            answer.insert("reason", reason.as_str());
        }
    }
    answer.insert("stage", trace.to_json());
}
