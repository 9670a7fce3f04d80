//! Transformations and schema controls by the shared vectors, read as a workspace's files write them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::stages::{SourceOutcome, SourceRules, Trace, source_stage};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_workspace::{SchemaFile, TransformFile};

fn vectors() -> Value {
    let text = include_bytes!("../../../tests/vectors/govern/transforms.json");
    parse(text, &Limits::default()).unwrap()
}

fn transform(file: &Value) -> TransformFile {
    serde_json::from_slice(&file.to_vec()).unwrap()
}

fn schema(file: &Value) -> SchemaFile {
    serde_json::from_slice(&file.to_vec()).unwrap()
}

fn lay_over(event: &mut Object, case: &Value, key: &str) {
    if let Some(patch) = case.get(key).and_then(Value::as_object) {
        for (key, value) in patch.iter() {
            event.insert(key, value.clone());
        }
    }
}

fn rules(case: &Value) -> SourceRules {
    let transforms = case.get("transforms").and_then(Value::as_array);
    let transforms = transforms.into_iter().flatten().enumerate();
    SourceRules {
        transforms: transforms
            .map(|(index, file)| transform(file).compile(index).unwrap())
            .collect(),
        schema: case
            .get("schema")
            .map(|file| schema(file).compile().unwrap()),
        ..SourceRules::default()
    }
}

#[test]
fn a_source_does_what_the_vectors_say() {
    let vectors = vectors();
    let cases = vectors.get("cases").unwrap().as_array().unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let why = case.get("why").unwrap().as_str().unwrap();
        let mut event = vectors.get("event").unwrap().to_object().unwrap();
        lay_over(&mut event, case, "patch");
        let mut wanted = event.clone();
        lay_over(&mut wanted, case, "change");
        let kind = EventType::parse(event.get("type").unwrap().as_str().unwrap()).unwrap();
        let mut trace = Trace::default();
        let outcome = source_stage(&rules(case), kind, event.clone(), Some(&mut trace));
        assert_eq!(
            outcome,
            source_stage(&rules(case), kind, event.clone(), None),
            "{why}"
        );
        let (after, blocked) = match outcome {
            SourceOutcome::Passed(after) => (after, None),
            SourceOutcome::Blocked { event, reason } => (event, Some(reason.as_str())),
        };
        assert_eq!(
            blocked,
            case.get("blocked").and_then(Value::as_str),
            "{why}"
        );
        assert_eq!(after, wanted, "{why}");
        let changed = trace.steps.iter().any(|step| !step.changes.is_empty());
        assert_eq!(changed, after != event, "{why}: {trace:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_path() {
    for case in vectors().get("errors").unwrap().as_array().unwrap() {
        let error = match case.get("transform") {
            Some(file) => transform(file).compile(0).unwrap_err(),
            None => schema(case.get("schema").unwrap()).compile().unwrap_err(),
        };
        let path = case.get("path").unwrap().as_str().unwrap();
        assert_eq!(error.path, path, "{error}");
    }
}
