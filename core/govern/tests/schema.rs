//! What the JSON Schema validator says of values and schemas, and where its bounds are.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::schema::{Exceeded, MAX_FAILURES, Schema};
use headwater_model::json::{Limits, Value, parse};
use proptest::prelude::*;

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn failures(schema: &str, value: &str) -> Vec<String> {
    let report = Schema::compile(&json(schema))
        .unwrap()
        .check(&json(value))
        .unwrap();
    report
        .failures
        .iter()
        .map(|failure| {
            format!(
                "{} {}: {}",
                failure.pointer(),
                failure.keyword,
                failure.problem
            )
        })
        .collect()
}

#[test]
fn a_failure_names_the_place_the_keyword_and_what_should_be() {
    for (schema, value, expected) in [
        (
            r#"{"type": ["string", "null"]}"#,
            "1",
            " type: must be null or string",
        ),
        (
            r#"{"required": ["a/b"]}"#,
            "{}",
            "/a~1b required: is required",
        ),
        (
            r#"{"items": {"properties": {"x": {"maximum": 5}}}}"#,
            r#"[{"x": 1}, {"x": 6}]"#,
            "/1/x maximum: must be at most 5",
        ),
        (
            r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
            r#"{"b": 1}"#,
            "/b additionalProperties: is not allowed: the plan does not name it",
        ),
        (
            r#"{"minLength": 1}"#,
            r#""""#,
            " minLength: must have at least 1 character",
        ),
        (r#"{"const": {"a": 1}}"#, "2", r#" const: must be {"a":1}"#),
        (
            r#"{"multipleOf": 0.01}"#,
            "1.005",
            " multipleOf: must be a multiple of 0.01",
        ),
        (
            r#"{"propertyNames": {"maxLength": 1}}"#,
            r#"{"ab": 1}"#,
            "/ab propertyNames: has a name that is not allowed",
        ),
        (
            r#"{"dependencies": {"a": ["b"]}}"#,
            r#"{"a": 1}"#,
            "/b dependencies: is required",
        ),
        (
            r#"{"oneOf": [{}, {"type": "number"}]}"#,
            "1",
            " oneOf: must fit exactly one of the 2 forms that the plan allows, and fits several",
        ),
        (
            r#"{"if": {"required": ["a"]}, "then": {"required": ["b"]}}"#,
            r#"{"a": 1}"#,
            "/b required: is required",
        ),
    ] {
        assert_eq!(failures(schema, value), [expected], "{schema} {value}");
    }
}

#[test]
fn money_is_compared_in_decimals_and_long_integers_exactly() {
    assert!(failures(r#"{"multipleOf": 0.01}"#, "4.35").is_empty());
    assert!(failures(r#"{"enum": [1.0]}"#, "1").is_empty());
    assert_eq!(
        failures(r#"{"maximum": 9007199254740992}"#, "9007199254740993").len(),
        1
    );
    assert!(failures(r#"{"type": "integer"}"#, "1e3").is_empty());
    assert_eq!(failures(r#"{"uniqueItems": true}"#, "[1, 1.0]").len(), 1);
}

#[test]
fn a_schema_that_asks_for_itself_is_refused_and_one_that_describes_a_tree_is_not() {
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"definitions": {"a": {"anyOf": [{"$ref": "#/definitions/b"}]}, "b": {"not": {"$ref": "#/definitions/a"}}}}"##,
        r##"{"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}, "not": {"$ref": "#/definitions/a"}}"##,
    ] {
        let told = Schema::compile(&json(schema)).unwrap_err().to_string();
        assert!(told.contains("$ref"), "{schema}: {told}");
    }
    let tree = r##"{"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": false}"##;
    assert!(failures(tree, r#"{"child": {"child": {}}}"#).is_empty());
    assert_eq!(
        failures(tree, r#"{"child": {"child": {"x": 1}}}"#),
        ["/child/child/x additionalProperties: is not allowed: the plan does not name it"]
    );
}

#[test]
fn what_takes_too_long_or_goes_too_deep_ends_with_a_word_and_within_a_small_stack() {
    let deep = Schema::compile(&json(
        r##"{"properties": {"a": {"allOf": [{"$ref": "#"}]}}}"##,
    ))
    .unwrap();
    let value = json(&format!("{}1{}", r#"{"a":"#.repeat(120), "}".repeat(120)));
    let told = std::thread::Builder::new()
        .stack_size(512 << 10)
        .spawn(move || deep.check(&value))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(told, Err(Exceeded));
    let mut wide = r#"{"type": "number"}"#.to_owned();
    for _ in 0..9 {
        let all = [wide.as_str(); 6].join(",");
        wide = format!(r#"{{"allOf": [{all}]}}"#);
        if wide.len() > 150_000 {
            break;
        }
    }
    let wide = Schema::compile(&json(&format!(r#"{{"items": {wide}}}"#))).unwrap();
    let many = json(&format!("[{}1]", "1,".repeat(5_000)));
    assert_eq!(wide.check(&many), Err(Exceeded));
}

#[cfg(feature = "patterns")]
#[test]
fn a_list_of_regular_expressions_is_not_compiled_without_end() {
    let schema = r#"{"items": {"format": "regex"}}"#;
    let list = |count: usize| json(&format!("[{}]", vec![r#""\\p{L}{20}""#; count].join(",")));
    let schema = Schema::compile(&json(schema)).unwrap();
    assert!(schema.check(&list(10)).unwrap().failures.is_empty());
    assert_eq!(schema.check(&list(2_000)), Err(Exceeded));
}

#[test]
fn no_more_failures_are_told_than_a_reader_can_use() {
    let value = format!("[{}\"a\"]", "\"a\",".repeat(1_000));
    assert_eq!(
        failures(r#"{"items": {"type": "number"}}"#, &value).len(),
        MAX_FAILURES
    );
}

#[cfg(not(feature = "patterns"))]
#[test]
fn a_device_says_that_it_does_not_check_patterns_and_never_that_they_fail() {
    for schema in [
        r#"{"pattern": "^a$"}"#,
        r#"{"not": {"pattern": "^b$"}}"#,
        r#"{"format": "date"}"#,
        r#"{"oneOf": [{"pattern": "a"}, {"type": "string"}]}"#,
        r#"{"if": {"pattern": "b"}, "then": false}"#,
    ] {
        let report = Schema::compile(&json(schema))
            .unwrap()
            .check(&json(r#""b""#))
            .unwrap();
        assert!(report.unchecked && report.failures.is_empty(), "{schema}");
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "type",
        "properties",
        "items",
        "allOf",
        "not",
        "$ref",
        "enum",
        "const",
        "if",
        "then",
        "format",
        "pattern",
        "minimum",
        "multipleOf",
        "required",
        "dependencies",
        "$id",
        "definitions",
        "a",
        "#",
        "#/definitions/a",
        "string",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(|word| format!("\"{word}\"")),
        (-3_i64..4).prop_map(|number| number.to_string()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("1e400".to_owned()),
    ];
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|all| {
                let all: Vec<String> = all
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_as_a_schema_and_no_value_panics(schema in any_json(), value in any_json()) {
        if let Ok(schema) = Schema::compile(&json(&schema)) {
            let value = json(&value);
            let report = schema.check(&value);
            prop_assert_eq!(schema.is_valid(&value).ok(), report.ok().map(|report| report.failures.is_empty()));
        }
    }
}
