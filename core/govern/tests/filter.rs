//! What holds of filters for any event.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::collections::BTreeSet;

use headwater_govern::event_path::EventPath;
use headwater_govern::expression::Expression;
use headwater_govern::filter::{Action, Fields, Filter, Filtered, Filters, Sample, chance};
use headwater_model::json::{Object, Value};
use proptest::prelude::*;

fn filter(action: Action) -> Filter {
    Filter {
        id: "f".to_owned(),
        condition: Expression::parse("all").unwrap(),
        action,
    }
}

fn sample(percent: f64, path: Option<&str>) -> Filter {
    let path = path.map(|path| EventPath::parse(path).unwrap());
    filter(Action::Sample(Sample::new(percent, path).unwrap()))
}

fn passes(filter: &Filter, event: &Object) -> bool {
    filter.apply(&mut Cow::Borrowed(event)) == Ok(Filtered::Passed)
}

fn fields(path: &str, keys: &[String]) -> Fields {
    Fields(vec![(EventPath::parse(path).unwrap(), keys.to_vec())])
}

/// Any JSON, with keys that the rules below name.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn object_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Object> {
    proptest::collection::vec((key(), value), 0..6).prop_map(|pairs| {
        let mut object = Object::new();
        for (key, value) in pairs {
            object.insert(key, value);
        }
        object
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("properties".to_owned()),
        Just("items".to_owned()),
        Just("messageId".to_owned()),
        "[a-e]",
    ]
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(key(), 0..5)
}

fn names(object: &Object) -> BTreeSet<String> {
    object.keys().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn a_greater_sample_has_every_event_of_a_smaller_one(
        event in object_of(value()),
        shares in (0.0..=1.0_f64, 0.0..=1.0_f64),
        path in prop_oneof![Just(None), Just(Some("a")), Just(Some("properties.items"))],
    ) {
        let (small, great) = (shares.0.min(shares.1), shares.0.max(shares.1));
        if passes(&sample(small, path), &event) {
            prop_assert!(passes(&sample(great, path), &event));
        }
        prop_assert!(!passes(&sample(0.0, path), &event));
        prop_assert!(passes(&sample(1.0, path), &event));
        prop_assert!((0.0..1.0).contains(&chance("f", &event)));
    }

    #[test]
    fn what_is_allowed_and_not_dropped_stays_and_nothing_else(
        event in object_of(value()),
        dropped in keys(),
        allowed in keys(),
        path in prop_oneof![Just("properties"), Just("a.items"), Just("")],
    ) {
        let filters = Filters::new(vec![
            filter(Action::AllowProperties(fields(path, &allowed))),
            filter(Action::DropProperties(fields(path, &dropped))),
        ]);
        let mut after = Cow::Borrowed(&event);
        for filter in filters.iter() {
            prop_assert_eq!(filter.apply(&mut after), Ok(Filtered::Passed));
        }
        let path = EventPath::parse(path).unwrap();
        let kept = |name: &String| {
            let whole = path.keys().len() == 0 && (name == "messageId" || name == "type");
            whole || (allowed.contains(name) && !dropped.contains(name))
        };
        let mut before = Vec::new();
        path.each_object(&mut event.clone(), &mut |object| before.push(names(object)));
        let mut found = Vec::new();
        path.each_object(&mut after.into_owned(), &mut |object| found.push(names(object)));
        let expected: Vec<BTreeSet<String>> = before
            .into_iter()
            .map(|names| names.into_iter().filter(kept).collect())
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_filter_that_does_not_apply_copies_nothing(event in object_of(value())) {
        let mut never = filter(Action::DropProperties(fields("properties", &["a".to_owned()])));
        never.condition = Expression::parse("!all").unwrap();
        let mut after = Cow::Borrowed(&event);
        prop_assert_eq!(never.apply(&mut after), Ok(Filtered::Passed));
        prop_assert!(matches!(after, Cow::Borrowed(_)));
    }
}

#[test]
fn a_sample_of_a_quarter_has_about_a_quarter() {
    let quarter = sample(0.25, None);
    let taken = (0..4_000)
        .filter(|number| {
            let mut event = Object::new();
            event.insert("messageId", format!("m-{number}"));
            passes(&quarter, &event)
        })
        .count();
    assert!((900..1_100).contains(&taken), "{taken}");
}

#[test]
fn a_share_beyond_0_to_1_is_refused() {
    for percent in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Sample::new(percent, None).is_err());
    }
}

#[test]
fn chance_can_come_from_outside() {
    let event = Object::new();
    let half = sample(0.5, None);
    for (chance, expected) in [(0.49, Filtered::Passed), (0.5, Filtered::SampledOut)] {
        let filtered = half.apply_by(&mut Cow::Borrowed(&event), |_| chance);
        assert_eq!(filtered, Ok(expected));
    }
}
