//! Filters by the shared vectors, read as a workspace's files write them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::filter::Filters;
use headwater_govern::stages::{
    ConnectionOutcome, ConnectionRules, DropReason, Trace, connection_stage,
};
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_workspace::FilterFile;

fn vectors() -> Value {
    let text = include_bytes!("../../../tests/vectors/govern/filters.json");
    parse(text, &Limits::default()).unwrap()
}

fn read(filter: &Value) -> FilterFile {
    serde_json::from_slice(&filter.to_vec()).unwrap()
}

fn event(vectors: &Value, case: &Value) -> Object {
    let mut event = vectors.get("event").unwrap().to_object().unwrap();
    if let Some(patch) = case.get("patch").and_then(Value::as_object) {
        for (key, value) in patch.iter() {
            event.insert(key, value.clone());
        }
    }
    event
}

#[test]
fn filters_do_what_the_vectors_say() {
    let vectors = vectors();
    let cases = vectors.get("cases").unwrap().as_array().unwrap();
    assert!(cases.len() >= 25);
    for case in cases {
        let why = case.get("why").unwrap().as_str().unwrap();
        let filters = case.get("filters").unwrap().as_array().unwrap();
        let filters = filters.iter().enumerate();
        let filters = filters.map(|(index, filter)| read(filter).compile(index).unwrap());
        let rules = ConnectionRules {
            filters: Filters::new(filters.collect()),
            ..ConnectionRules::default()
        };
        let event = event(&vectors, case);
        let mut trace = Trace::default();
        let expected = case.get("outcome").unwrap().as_str().unwrap();
        match connection_stage(&rules, &event, Some(&mut trace)) {
            ConnectionOutcome::Deliver(after) => {
                assert_eq!(expected, "deliver", "{why}");
                let unchanged = Value::Object(event.clone());
                let wanted = case.get("event").unwrap_or(&unchanged);
                assert_eq!(&Value::Object(after.into_owned()), wanted, "{why}");
            }
            ConnectionOutcome::Dropped(reason) => {
                assert_eq!(expected, reason.as_str(), "{why}");
                let (DropReason::Filter { id }
                | DropReason::Sampled { id }
                | DropReason::FilterExceeded { id }) = reason
                else {
                    panic!("{why}: {reason:?}");
                };
                assert_eq!(case.get("by").and_then(Value::as_str), Some(&*id), "{why}");
                let last = trace.steps.last().unwrap();
                assert_eq!(
                    (last.rule.as_str(), last.did),
                    (&*format!("filter:{id}"), "dropped")
                );
            }
        }
    }
}

#[test]
fn a_filter_that_cannot_be_is_refused_with_its_path() {
    for case in vectors().get("errors").unwrap().as_array().unwrap() {
        let error = read(case.get("filter").unwrap()).compile(0).unwrap_err();
        let path = case.get("path").unwrap().as_str().unwrap();
        assert_eq!(error.path, path, "{error}");
    }
}

#[test]
fn a_trace_says_what_a_filter_changed() {
    let vectors = vectors();
    let filter = parse(
        br#"{"id": "pii", "if": "all", "action": "drop_properties", "fields": {"properties": ["email"]}}"#,
        &Limits::default(),
    );
    let rules = ConnectionRules {
        filters: Filters::new(vec![read(&filter.unwrap()).compile(0).unwrap()]),
        ..ConnectionRules::default()
    };
    let event = vectors.get("event").unwrap().to_object().unwrap();
    let mut trace = Trace::default();
    let _ = connection_stage(&rules, &event, Some(&mut trace));
    let step = &trace.steps[1];
    assert_eq!((step.rule.as_str(), step.did), ("filter:pii", "changed"));
    assert_eq!(step.changes.len(), 1);
    assert_eq!(step.changes[0].path, "properties.email");
    assert_eq!(step.changes[0].before, Some(Value::from("ada@example.com")));
    assert_eq!(step.changes[0].after, None);
    assert!(!format!("{trace:?}").contains("ada@"));
}
