//! Mappings by the shared vectors, their bounds, and what holds for any mapping.
#![cfg(feature = "shapes")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::expression::{Names, Root, Run, Scope};
use headwater_govern::mapping::{Mode, Shape, Stopped};
use headwater_model::json::{Limits, Object, Value, parse};
use proptest::prelude::*;

fn vectors() -> Value {
    let text = include_bytes!("../../../tests/vectors/govern/mappings.json");
    parse(text, &Limits::default()).unwrap()
}

fn list<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    vectors.get(key).unwrap().as_array().unwrap()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case.get(key).unwrap().as_str().unwrap()
}

fn made(shape: &Shape, event: &Object) -> Result<Option<Value>, Stopped> {
    let scope = Scope {
        root: Root::Object(event),
        names: &Names::default(),
        turn: None,
    };
    shape.make(&scope, &mut Run::default())
}

/// Numbers by value: JavaScript wrote the vectors.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}

#[test]
fn mappings_give_what_mapping_kit_gives_and_ours_what_they_say() {
    let vectors = vectors();
    let event = vectors.get("event").unwrap().to_object().unwrap();
    for (key, mode) in [
        ("kit", Mode::Kit),
        ("kit", Mode::Shape),
        ("ours", Mode::Shape),
    ] {
        let cases = list(&vectors, key);
        assert!(cases.len() > 10);
        for case in cases {
            let about = text(case, "about");
            if key == "kit"
                && mode == Mode::Shape
                && [
                    "a formula is text here",
                    "a missing element of a list is null",
                    "the root directive",
                ]
                .contains(&about)
            {
                continue;
            }
            let shape = Shape::compile(case.get("mapping").unwrap(), mode)
                .unwrap_or_else(|error| panic!("{about}: {error}"));
            let found = made(&shape, &event).unwrap();
            let same = match (&found, case.get("gives")) {
                (Some(found), Some(expected)) => equal(found, expected),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(same, "{about}: {found:?}");
        }
    }
}

#[test]
fn what_mapping_kit_fails_on_is_refused_with_the_directive() {
    let vectors = vectors();
    let event = vectors.get("event").unwrap().to_object().unwrap();
    for case in list(&vectors, "refused") {
        let shape = Shape::compile(case.get("mapping").unwrap(), Mode::Kit).unwrap();
        match made(&shape, &event) {
            Err(Stopped::Refused { directive, .. }) => {
                assert_eq!(directive, text(case, "directive"));
            }
            other => panic!("{}: {other:?}", text(case, "about")),
        }
    }
}

#[test]
fn a_mistake_in_a_mapping_is_told_with_its_path() {
    let vectors = vectors();
    for (key, mode) in [("errors", Mode::Kit), ("oursErrors", Mode::Shape)] {
        for case in list(&vectors, key) {
            let error = Shape::compile(case.get("mapping").unwrap(), mode).unwrap_err();
            assert_eq!(
                error.path,
                text(case, "path"),
                "{}: {error}",
                text(case, "about")
            );
            assert!(!error.problem.is_empty());
        }
    }
}

fn compiled(mapping: &str, mode: Mode) -> Shape {
    Shape::compile(
        &parse(mapping.as_bytes(), &Limits::default()).unwrap(),
        mode,
    )
    .unwrap()
}

#[test]
fn what_multiplies_ends_at_the_bound_and_not_at_the_end_of_memory() {
    let mut event = Object::new();
    event.insert("a", "a".repeat(16_000));
    event.insert("list", (0..4_000_u32).map(Value::from).collect::<Value>());
    let copies = vec!["list"; 200].join(", ");
    let lists = vec![r#"{"a": {"@path": "list"}}"#; 200].join(",");
    for (mapping, mode) in [
        (format!(r#""= [{copies}]""#), Mode::Shape),
        (r#""= replace(a, 'a', a)""#.to_owned(), Mode::Shape),
        (r#""= join(list, a)""#.to_owned(), Mode::Shape),
        (
            r#"{"@replace": {"pattern": "a", "replacement": "$'$'$'$'$'", "value": {"@path": "a"}}}"#.to_owned(),
            Mode::Kit,
        ),
        (format!(r#"{{"@merge": {{"direction": "right", "objects": [{lists}]}}}}"#), Mode::Kit),
    ] {
        let told = made(&compiled(&mapping, mode), &event);
        assert_eq!(told, Err(Stopped::Exceeded), "{mapping:.60}");
    }
    let merged =
        r#"{"@merge": {"direction": "right", "objects": [{"@path": "a"}, {"@path": "list"}]}}"#;
    let merged = made(&compiled(merged, Mode::Kit), &event).unwrap().unwrap();
    assert_eq!(
        merged.as_object().unwrap().len(),
        16_000,
        "in a moment, and not each with each"
    );
}

#[test]
fn steps_output_depth_and_size_are_bounded() {
    let mut event = Object::new();
    event.insert("long", "x".repeat(600_000));
    event.insert("list", (0..20_000_u32).map(Value::from).collect::<Value>());
    for mapping in [
        r#"{"a": {"@path": "long"}, "b": {"@path": "long"}}"#,
        r#"{"@arrayPath": ["list", {"a": 1}]}"#,
        r#"{"@template": "{{long}}{{long}}"}"#,
        r#"{"@flatten": {"separator": ".", "value": {"@path": "list"}}}"#,
    ] {
        assert_eq!(
            made(&compiled(mapping, Mode::Kit), &event),
            Err(Stopped::Exceeded),
            "{mapping}"
        );
    }
    let deep = format!("{}1{}", r#"{"@literal": "#.repeat(60), "}".repeat(60));
    let deep = parse(deep.as_bytes(), &Limits::default()).unwrap();
    assert!(Shape::compile(&deep, Mode::Kit).is_err());
    let wide: Value = (0..30_000_u32).map(|_| Value::Array(Vec::new())).collect();
    assert!(Shape::compile(&wide, Mode::Kit).is_err());
}

#[test]
fn a_remark_names_the_field() {
    let shape = compiled(r#"{"order": {"total": "= add(userId, 1)"}}"#, Mode::Shape);
    let mut event = Object::new();
    event.insert("userId", "u1");
    let scope = Scope {
        root: Root::Object(&event),
        names: &Names::default(),
        turn: None,
    };
    let mut run = Run::default();
    assert_eq!(
        shape.make(&scope, &mut run),
        Ok(Some(
            parse(br#"{"order": {}}"#, &Limits::default()).unwrap()
        ))
    );
    let note = &run.notes()[0];
    assert_eq!((note.field.as_str(), note.function), ("order.total", "add"));
}

/// Mappings that are mostly directives.
fn mappings() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1".to_owned()),
        Just("\"$.properties.products\"".to_owned()),
        Just("\"{{properties.total}} {{{x\"".to_owned()),
        Just("\"= concat(userId, $item, $key)\"".to_owned()),
        Just("\"properties.products\"".to_owned()),
        Just("\"upper\"".to_owned()),
        Just("\"left\"".to_owned()),
        Just("\"encode\"".to_owned()),
        Just("true".to_owned()),
        "\"[$.\\[\\]'a-z0-9{}=@ ]{0,12}\"",
    ];
    let names = prop::sample::select(vec![
        "@path",
        "@template",
        "@literal",
        "@if",
        "@case",
        "@replace",
        "@arrayPath",
        "@merge",
        "@transform",
        "@flatten",
        "@json",
        "@excludeWhenNull",
        "@each",
        "@concat",
        "@assign",
        "@under",
        "@entries",
        "@list",
        "@omit",
        "@pick",
        "@rename",
        "@when",
        "@compact",
        "a",
        "_metadata",
    ]);
    let keys = prop::sample::select(vec![
        "exists",
        "blank",
        "then",
        "else",
        "value",
        "operator",
        "pattern",
        "replacement",
        "objects",
        "direction",
        "apply",
        "mapping",
        "separator",
        "mode",
        "over",
        "do",
        "where",
        "key",
        "from",
        "keys",
        "of",
        "if",
        "as",
    ]);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            (names.clone(), inner.clone())
                .prop_map(|(name, inner)| format!("{{\"{name}\": {inner}}}")),
            proptest::collection::vec((keys.clone(), inner.clone()), 1..4).prop_map(|entries| {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }),
            proptest::collection::vec(inner, 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_mapping_panics(mapping in mappings()) {
        let event = vectors().get("event").unwrap().to_object().unwrap();
        if let Ok(value) = parse(mapping.as_bytes(), &Limits::default()) {
            for mode in [Mode::Kit, Mode::Shape] {
                if let Ok(shape) = Shape::compile(&value, mode) {
                    let _ = made(&shape, &event);
                }
            }
        }
    }
}
