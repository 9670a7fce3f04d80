//! Formulas: the functions by their own table, the filters' language by the shared vectors, and what holds for any text.
#![cfg(feature = "shapes")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::expression::{
    Expression, Formula, Function, Loop, Names, Root, Run, Scope, TABLE,
};
use headwater_model::json::{Limits, Object, Value, parse};
use proptest::prelude::*;

fn value(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn event() -> Object {
    value(
        r#"{"type": "track", "userId": "u1", "context": {"app": {"name": "Shop"}},
            "traits": {"vip": true, "free": false},
            "properties": {"products": [{"sku": "a", "price": 12.5}, {"sku": "b", "price": "20"}]}}"#,
    )
    .into_object()
    .unwrap()
}

/// A formula's value over the event, and what it remarks.
fn evaluated(text: &str, event: &Object) -> (Option<Value>, Vec<String>) {
    let formula = Formula::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
    let scope = Scope {
        root: Root::Object(event),
        names: &Names::default(),
        turn: None,
    };
    let mut run = Run::default();
    let worth = formula.evaluate(&scope, &mut run).unwrap();
    let notes = run
        .notes()
        .iter()
        .map(|note| format!("{}: {}", note.function, note.problem))
        .collect();
    (worth.into_value(), notes)
}

#[test]
fn each_function_gives_what_its_example_says() {
    for entry in TABLE {
        let (text, gives) = entry.example;
        let expected = (!gives.is_empty()).then(|| value(gives));
        assert_eq!(
            evaluated(text, &event()),
            (expected, Vec::new()),
            "{}: {text}",
            entry.usage
        );
        assert!(
            Function::named(entry.name).is_none(),
            "{} has two meanings",
            entry.name
        );
    }
}

#[test]
fn what_is_missing_stays_missing_and_what_is_wrong_is_remarked() {
    for (text, gives, notes) in [
        ("properties.nothing", "", 0),
        ("trim(properties.nothing)", "", 0),
        ("lowercase(properties.nothing)", "", 0),
        ("concat(userId, properties.nothing)", "", 0),
        ("add(1, null)", "", 0),
        ("hash('sha256', properties.nothing)", "", 0),
        ("trim(1)", "", 1),
        ("add(1, 'x')", "", 1),
        ("date('yesterday', 'ms')", "", 1),
        ("date(1795971601, 'xx')", "", 1),
        ("hash('crc', 'a')", "", 1),
        ("hash('sha256', 'no address', 'email')", "", 1),
        ("minorUnits(1, 'XXX')", "", 1),
        ("round(1.5, -1)", "", 1),
        ("mul(1000000000000000, 100000000000000)", "", 1),
        ("table('planets', 'x')", "", 1),
        ("table('currency', 'XXX', 'none')", r#""none""#, 0),
        ("date(1795971601, 'ms')", "1795971601000", 0),
        ("date('1795971601250', 's')", "1795971601", 0),
        ("date(1795971601.25, 'us')", "1795971601250000", 0),
        (
            "date(1795971601250000, 'iso')",
            r#""2026-11-29T17:00:01.250Z""#,
            0,
        ),
        (
            "hash('sha256', 'ADA.B@gmail.com ', 'gmail') = hash('sha256', 'adab@gmail.com')",
            "true",
            0,
        ),
        (
            "hash('sha256', 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855')",
            r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#,
            0,
        ),
        (
            "hash('sha256_base64', 'ada@example.com') = hash('sha256', 'ada@example.com')",
            "false",
            0,
        ),
        (
            "hash('md5', ['a', 'b', null])",
            r#"["0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"]"#,
            0,
        ),
        ("e164('+1 (415) 555-0100', '49')", r#""+14155550100""#, 0),
        ("e164('14155550100', '1')", r#""+14155550100""#, 0),
        ("e164('12', '1')", "", 1),
        ("properties.products.1.sku", r#""b""#, 0),
    ] {
        let expected = (!gives.is_empty()).then(|| value(gives));
        let (found, remarks) = evaluated(text, &event());
        assert_eq!(
            (found, remarks.len()),
            (expected, notes),
            "{text}: {remarks:?}"
        );
    }
}

#[test]
fn the_surroundings_are_read_by_their_names_and_no_event_shadows_them() {
    let mut event = event();
    event.insert("$item", "the event's");
    let (settings, inner, outer) = (
        value(r#"{"apiKey": "k"}"#),
        value(r#"{"price": 2}"#),
        value("7"),
    );
    let names = Names {
        settings: Some(&settings),
        now: Some(5),
        ..Names::default()
    };
    let around = Loop {
        item: &outer,
        index: 3,
        key: None,
        name: Some("order"),
        outer: None,
    };
    let turn = Loop {
        item: &inner,
        index: 0,
        key: None,
        name: None,
        outer: Some(&around),
    };
    let scope = Scope {
        root: Root::Object(&event),
        names: &names,
        turn: Some(&turn),
    };
    for (text, gives) in [
        ("$settings.apiKey", r#""k""#),
        ("add($now, $item.price, $outer, $order, $index)", "21"),
        ("\\$item", r#""the event's""#),
    ] {
        let formula = Formula::parse(text, &["order".into()]).unwrap();
        let worth = formula.evaluate(&scope, &mut Run::default()).unwrap();
        assert_eq!(worth.into_value(), Some(value(gives)), "{text}");
        assert_eq!(
            Formula::parse(&formula.to_string(), &["order".into()]),
            Ok(formula),
            "{text}"
        );
    }
    let error = Formula::parse("add(1, $itm)", &[]).unwrap_err();
    assert_eq!(error.position, 8);
    assert!(error.problem.contains("$item"), "{error}");
    assert!(Expression::parse("$settings.apiKey = 'k'").is_err());
}

#[test]
fn a_formula_means_what_the_filter_of_the_same_text_means() {
    let vectors = value(include_str!(
        "../../../tests/vectors/govern/expressions.json"
    ));
    let event = vectors.get("event").unwrap().to_object().unwrap();
    let mut compared = 0;
    for case in vectors.get("cases").unwrap().as_array().unwrap() {
        let fql = case.get("fql").unwrap().as_str().unwrap();
        let Ok(filter) = Expression::parse(fql) else {
            continue;
        };
        let scope = Scope {
            root: Root::Object(&event),
            names: &Names::default(),
            turn: None,
        };
        let formula = Formula::parse(fql, &[]).unwrap();
        assert_eq!(
            formula.holds(&scope, &mut Run::default()),
            filter.matches(&event),
            "{fql}"
        );
        compared += 1;
    }
    assert!(compared > 50);
}

#[test]
fn steps_and_output_are_bounded() {
    let mut event = Object::new();
    event.insert("long", "x".repeat(600_000));
    event.insert("list", (0..2_000_u32).map(Value::from).collect::<Value>());
    for text in ["concat(long, long)", "unique(list)"] {
        let formula = Formula::parse(text, &[]).unwrap();
        let scope = Scope {
            root: Root::Object(&event),
            names: &Names::default(),
            turn: None,
        };
        assert!(
            formula.evaluate(&scope, &mut Run::default()).is_err(),
            "{text}"
        );
    }
}

/// Calls of every function with what may be wrong for them.
fn calls() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("properties.products".to_owned()),
        Just("traits".to_owned()),
        Just("userId".to_owned()),
        Just("nothing".to_owned()),
        Just("$item".to_owned()),
        Just("['a', 1, [2], null]".to_owned()),
        "-?[0-9]{1,20}(\\.[0-9]{1,20})?",
        "'[a-z0-9@.+%: é€/?=&\\-]{0,12}'",
        Just("'2026-11-29T17:00:01.250Z'".to_owned()),
        Just("'YYYY-MM-DD'".to_owned()),
        Just("'sha256'".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        (0..TABLE.len(), proptest::collection::vec(inner, 3)).prop_map(|(index, arguments)| {
            let entry = &TABLE[index];
            let commas = entry.usage.matches(',').count();
            let count = if entry.usage.contains('…') {
                3
            } else {
                commas + 1
            };
            format!("{}({})", entry.name, arguments[..count.min(3)].join(", "))
        })
    })
}

proptest! {
    #[test]
    fn no_argument_makes_a_function_panic(text in calls()) {
        let formula = Formula::parse(&text, &[]).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let event = event();
        let scope = Scope { root: Root::Object(&event), names: &Names::default(), turn: None };
        let _ = formula.evaluate(&scope, &mut Run::default());
        prop_assert_eq!(Formula::parse(&formula.to_string(), &[]), Ok(formula));
    }
}
