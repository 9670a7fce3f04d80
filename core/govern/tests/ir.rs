//! What Segment's SDKs execute, by the shared vectors; and triggers of Segment's destinations.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::expression::{Expression, import_trigger};
use headwater_model::json::{Limits, Value, parse};
use proptest::prelude::*;

fn json(text: &[u8]) -> Value {
    parse(text, &Limits::default()).unwrap()
}

fn vectors() -> Value {
    json(include_bytes!(
        "../../../tests/vectors/govern/divergences.json"
    ))
}

fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case.get(key).unwrap().as_str().unwrap()
}

#[test]
fn what_is_portable_is_written_as_the_vectors_say_and_reads_back_as_it_was() {
    for case in vectors().get("portable").unwrap().as_array().unwrap() {
        let fql = text(case, "fql");
        let expression = Expression::parse(fql).unwrap();
        let ir = expression.to_ir().unwrap();
        assert_eq!(&ir, case.get("ir").unwrap(), "{fql}");
        let again = Expression::from_ir(&ir.to_vec()).unwrap();
        assert_eq!(again.to_ir(), Ok(ir), "{fql}");
        let matches = case.get("matches").and_then(Value::as_bool);
        let event = vectors().get("event").unwrap().to_object().unwrap();
        assert_eq!(expression.matches(&event).ok(), matches, "{fql}");
        assert_eq!(again.matches(&event).ok(), matches, "{fql}");
    }
}

#[test]
fn what_differs_in_segments_sdks_is_not_portable() {
    let vectors = vectors();
    let event = vectors.get("event").unwrap().to_object().unwrap();
    for case in vectors.get("divergent").unwrap().as_array().unwrap() {
        let fql = text(case, "fql");
        let expression = Expression::parse(fql).unwrap();
        let documented = case.get("documented").unwrap().as_bool();
        assert_eq!(expression.matches(&event).ok(), documented, "{fql}");
        assert!(expression.to_ir().is_err(), "{fql}");
        // Segment's servers write it all the same, and it means what its documentation says.
        if let Some(ir) = case.get("ir") {
            let read = Expression::from_ir(&ir.to_vec()).unwrap();
            assert_eq!(read.matches(&event).ok(), documented, "{fql}");
        }
    }
}

#[test]
fn a_text_that_is_no_ir_is_refused_with_its_path() {
    for case in vectors().get("errors").unwrap().as_array().unwrap() {
        let error = Expression::from_ir(text(case, "ir").as_bytes()).unwrap_err();
        assert_eq!(error.path, text(case, "path"), "{error}");
    }
    let deep = format!("{}true{}", "[\"!\",".repeat(60), "]".repeat(60));
    assert!(Expression::from_ir(deep.as_bytes()).is_err());
}

#[test]
fn triggers_warn_where_segments_destinations_read_them_otherwise() {
    for case in vectors().get("triggers").unwrap().as_array().unwrap() {
        let (trigger, warnings) = import_trigger(text(case, "fql")).unwrap();
        let event = vectors().get("event").unwrap().to_object().unwrap();
        let documented = case.get("documented").and_then(Value::as_bool);
        assert_eq!(trigger.matches(&event).ok(), documented);
        let found: Vec<u64> = warnings
            .iter()
            .map(|warning| warning.position as u64)
            .collect();
        let wanted = case.get("warnings").unwrap().as_array().unwrap();
        let wanted: Vec<u64> = wanted.iter().filter_map(Value::as_u64).collect();
        assert_eq!(found, wanted, "{}: {warnings:?}", text(case, "fql"));
    }
}

/// JSON that is mostly made of the representation's words.
fn scrambled() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::from(true)),
        Just(json(br#"{"value": 1.5}"#)),
        Just(json(br#"{"value": ["a", null]}"#)),
        Just(Value::from("properties.total")),
        prop_oneof![
            Just("and"),
            Just("or"),
            Just("!"),
            Just("="),
            Just("in"),
            Just("match"),
            Just("length"),
            Just("semver")
        ]
        .prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(Value::Array)
    })
}

proptest! {
    #[test]
    fn no_ir_panics_and_what_is_read_and_portable_is_written_as_it_was(ir in scrambled()) {
        if let Ok(expression) = Expression::from_ir(&ir.to_vec())
            && let Ok(written) = expression.to_ir()
        {
            let again = Expression::from_ir(&written.to_vec()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.to_string(), expression.to_string());
        }
    }

    #[test]
    fn no_trigger_panics(text in "\\PC{0,60}") {
        let _ = import_trigger(&text);
    }
}
