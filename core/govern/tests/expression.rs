//! FQL by the shared vectors, and what holds for any text.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::expression::{Expression, MAX_TEXT};
use headwater_model::json::{Limits, Object, Value, parse};
use proptest::prelude::*;

fn vectors() -> Value {
    let text = include_bytes!("../../../tests/vectors/govern/expressions.json");
    parse(text, &Limits::default()).unwrap()
}

fn event() -> Object {
    vectors().get("event").unwrap().to_object().unwrap()
}

#[test]
fn expressions_mean_what_their_documentation_says() {
    let vectors = vectors();
    let event = event();
    let cases = vectors.get("cases").unwrap().as_array().unwrap();
    assert!(cases.len() > 60);
    for case in cases {
        let fql = case.get("fql").unwrap().as_str().unwrap();
        match (
            Expression::parse(fql),
            case.get("error").and_then(Value::as_u64),
        ) {
            (Err(error), Some(position)) => {
                assert_eq!(error.position as u64, position, "{fql}: {error}");
            }
            (Ok(expression), None) => {
                let expected = case.get("matches").unwrap().as_bool().unwrap();
                assert_eq!(expression.matches(&event), Ok(expected), "{fql}");
            }
            (parsed, _) => panic!("{fql}: {parsed:?}"),
        }
    }
}

#[test]
fn a_printed_expression_reads_back_as_the_same() {
    for case in vectors().get("cases").unwrap().as_array().unwrap() {
        let fql = case.get("fql").unwrap().as_str().unwrap();
        if let Ok(expression) = Expression::parse(fql) {
            let printed = expression.to_string();
            assert_eq!(
                Expression::parse(&printed),
                Ok(expression),
                "{fql} printed as {printed}"
            );
        }
    }
}

#[test]
fn a_text_that_is_too_long_or_nests_too_deep_is_refused() {
    assert!(Expression::parse(&format!("event = \"{}\"", "a".repeat(MAX_TEXT))).is_err());
    for (open, close) in [("(", ")"), ("!", ""), ("lowercase(", ")"), ("[", "]")] {
        let deep = format!("{}a{}", open.repeat(400), close.repeat(400));
        assert!(Expression::parse(&deep).is_err(), "{open}");
    }
}

#[test]
fn an_event_that_makes_an_expression_dear_is_an_error_and_no_match() {
    let mut properties = Object::new();
    properties.insert("list", (0..20_000_u32).map(Value::from).collect::<Value>());
    let mut event = Object::new();
    event.insert("properties", properties);
    let expression = Expression::parse("\"x\" in properties.list").unwrap();
    assert!(expression.matches(&event).is_err());
}

/// Texts that are mostly made of the language.
fn scrambled() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("and ".to_owned()),
        Just("or ".to_owned()),
        Just("!".to_owned()),
        Just("in ".to_owned()),
        Just("(".to_owned()),
        Just(") ".to_owned()),
        Just("[".to_owned()),
        Just("] ".to_owned()),
        Just(", ".to_owned()),
        Just("= ".to_owned()),
        Just("!= ".to_owned()),
        Just("<= ".to_owned()),
        Just("properties.total ".to_owned()),
        Just("properties.list ".to_owned()),
        Just("type ".to_owned()),
        Just("\"track\" ".to_owned()),
        Just("27.5 ".to_owned()),
        Just("-0 ".to_owned()),
        Just("null ".to_owned()),
        Just("all ".to_owned()),
        Just("true ".to_owned()),
        Just("typeof(".to_owned()),
        Just("contains(".to_owned()),
        Just("\\2fa ".to_owned()),
        any::<char>().prop_map(|c| c.to_string()),
        any::<char>().prop_map(|c| format!("\\{c} ")),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Expressions that are well formed.
fn well_formed() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("properties.total".to_owned()),
        Just("properties.list".to_owned()),
        Just("userId".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        "[0-9]{1,4}(\\.[0-9]{1,3})?",
        "\"[a-zA-Z \\n]{0,6}\"",
        Just("[1, \"x\", userId]".to_owned()),
        Just("lowercase(event)".to_owned()),
    ];
    let leaf = (
        value.clone(),
        prop_oneof![
            Just("="),
            Just("!="),
            Just("<"),
            Just(">="),
            Just("in"),
            Just("")
        ],
        value,
    )
        .prop_map(|(left, operator, right)| {
            if operator.is_empty() {
                left
            } else {
                format!("{left} {operator} {right}")
            }
        });
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) = ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.prop_map(|a| format!("!{a}")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics_and_what_parses_prints_to_the_same(text in scrambled()) {
        if let Ok(expression) = Expression::parse(&text) {
            let printed = expression.to_string();
            prop_assert_eq!(Expression::parse(&printed), Ok(expression.clone()), "{} printed as {}", text, printed);
            let _ = expression.matches(&event());
        }
    }

    #[test]
    fn well_formed_expressions_parse_and_print_to_the_same(text in well_formed()) {
        let expression = Expression::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let printed = expression.to_string();
        prop_assert_eq!(Expression::parse(&printed), Ok(expression.clone()), "{} printed as {}", text, printed);
        prop_assert!(expression.matches(&event()).is_ok());
    }

    #[test]
    fn any_characters_are_an_error_with_a_position_within_the_text(text in "\\PC{0,60}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.position >= 1 && error.position <= text.chars().count() + 1);
        }
    }
}
