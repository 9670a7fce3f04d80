//! `to_raw` writes what serde_json writes, and says where it cannot.
#![cfg(feature = "serde")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails by panicking, like the test"
)]

use std::collections::BTreeMap;

use headwater_model::json::{
    Limits, Number, Object, Raw, SerializeError, Value, parse, to_raw, to_raw_into, to_value,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::SerializeMap;

#[derive(Serialize, Default)]
struct Order {
    order_id: String,
    total: f64,
    quantity: i32,
    coupon: Option<&'static str>,
    items: Vec<Item>,
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Default)]
struct Item {
    price: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<(u8, char, bool)>,
}

#[derive(Serialize)]
enum Payment {
    Cash,
    Card(String),
    Split(u32, u32),
    Transfer { iban: String },
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Wrapped(u128);

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(to_raw(value).unwrap().as_bytes().to_vec()).unwrap()
}

/// serde_json's text, but for the plus sign that it gives an exponent (`1e+16`) and that says nothing.
fn reference<T: Serialize + ?Sized>(value: &T) -> String {
    plain_exponents(&serde_json::to_string(value).unwrap())
}

fn agrees<T: Serialize>(value: &T) {
    assert_eq!(plain_exponents(&text(value)), reference(value));
}

/// `json` with `1e+9` spelled `1e9`, as serde_json spells it; what stands inside strings is left alone.
fn plain_exponents(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let (mut in_string, mut escaped, mut last) = (false, false, ' ');
    for c in json.chars() {
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = c == '\\' && !escaped;
        if in_string || c != '+' || last != 'e' {
            plain.push(c);
        }
        last = c;
    }
    plain
}

/// Whether both say the same, a double counting by its value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b.iter())
                    .all(|((k, a), (l, b))| k == l && same(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn text_that_looks_like_an_exponent_is_left_alone() {
    agrees(&BTreeMap::from([(r#"e+\"e+"#, [1e300, 0.5])]));
    assert_eq!(
        plain_exponents(r#"["e+\"e+\\",1e+9]"#),
        r#"["e+\"e+\\",1e9]"#
    );
}

#[test]
fn every_shape_is_written_as_serde_json_writes_it() {
    agrees(&Order {
        order_id: "ä\"\\\n\u{1}\u{1f}\u{7f}😀".into(),
        total: 19.9,
        quantity: -3,
        coupon: None,
        items: vec![
            Item {
                price: 1.0,
                tags: Some((1, 'x', true)),
            },
            Item::default(),
        ],
        more: BTreeMap::from([(
            "extra".into(),
            serde_json::json!({"a": [1, 2.50, null, "x"]}),
        )]),
    });
    agrees(&BTreeMap::from([
        ("cash", Payment::Cash),
        ("card", Payment::Card("1".into())),
        ("split", Payment::Split(1, 2)),
        ("transfer", Payment::Transfer { iban: "DE".into() }),
    ]));
    agrees(&Payment::Card("x".into()));
    agrees(&Payment::Split(1, 2));
    agrees(&Payment::Transfer { iban: "DE".into() });
    agrees(&BTreeMap::from([("unit", Unit)]));
    agrees(&BTreeMap::from([("wide", Wrapped(u128::MAX))]));
    agrees(&BTreeMap::from([("low", i128::MIN)]));
    agrees(&BTreeMap::from([(1_u8, "int"), (2, "keys")]));
    agrees(&BTreeMap::from([(true, ())]));
    agrees(&BTreeMap::from([('c', 1.5_f32)]));
    agrees(&Box::new(Some(BTreeMap::from([(
        "k",
        std::net::Ipv4Addr::LOCALHOST,
    )]))));
}

#[test]
fn what_is_no_object_is_named() {
    for (got, error) in [
        ("null", to_raw(&()).unwrap_err()),
        ("null", to_raw(&None::<Order>).unwrap_err()),
        ("a boolean", to_raw(&true).unwrap_err()),
        ("a number", to_raw(&-1).unwrap_err()),
        ("a number", to_raw(&f64::NAN).unwrap_err()),
        ("a string", to_raw("text").unwrap_err()),
        ("a string", to_raw(&Payment::Cash).unwrap_err()),
        ("an array", to_raw(&[1, 2]).unwrap_err()),
    ] {
        assert_eq!(error, SerializeError::NotAnObject { got });
    }
}

#[test]
fn a_number_json_cannot_spell_is_reported_with_its_path() {
    let items = vec![
        Item::default(),
        Item {
            price: f64::INFINITY,
            tags: None,
        },
    ];
    let order = Order {
        items,
        ..Order::default()
    };
    assert_eq!(
        to_raw(&order),
        Err(SerializeError::NotFinite {
            path: "items[1].price".into()
        })
    );
    let nested = BTreeMap::from([("a\"b", BTreeMap::from([("c", vec![vec![f32::NAN]])]))]);
    assert_eq!(
        to_raw(&nested),
        Err(SerializeError::NotFinite {
            path: "a\"b.c[0][0]".into()
        })
    );
    assert_eq!(
        to_raw(&nested).unwrap_err().to_string(),
        "`a\"b.c[0][0]` is NaN or infinite, which JSON cannot express; leave it out or use null"
    );
}

#[test]
fn after_an_error_the_buffer_is_as_before() {
    let mut out = b"before".to_vec();
    assert!(to_raw_into(&BTreeMap::from([("a", f64::NAN)]), &mut out).is_err());
    assert!(to_raw_into(&[1], &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn map_keys_without_text_are_reported() {
    let error = to_raw(&BTreeMap::from([("m", BTreeMap::from([(vec![1], 1)]))])).unwrap_err();
    assert_eq!(
        error,
        SerializeError::Key {
            path: "m".into(),
            got: "an array"
        }
    );
    let error = to_raw(&BTreeMap::from([(None::<u8>, 1)])).unwrap_err();
    assert_eq!(
        error,
        SerializeError::Key {
            path: String::new(),
            got: "none"
        }
    );
}

#[test]
fn depth_is_bounded_and_what_is_written_can_be_read() {
    fn nested(levels: usize) -> Value {
        (1..levels).fold(Value::Object(Object::new()), |inner, level| {
            if level % 2 == 0 {
                Value::Array(vec![inner])
            } else {
                Value::Object([("k", inner)].into_iter().collect())
            }
        })
    }
    let deepest = to_raw(&nested(Limits::PAYLOAD_DEPTH)).unwrap();
    let body = format!("{{\"batch\":[{{\"properties\":{deepest}}}]}}");
    assert!(parse(body.as_bytes(), &Limits::default()).is_ok());
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    let error = to_raw(&nested(Limits::PAYLOAD_DEPTH + 1)).unwrap_err();
    assert!(matches!(
        error,
        SerializeError::TooDeep {
            max: Limits::PAYLOAD_DEPTH,
            ..
        }
    ));

    #[derive(Serialize)]
    enum Deep {
        V(Box<Deep>),
        End {},
    }
    let deep = |levels| (1..levels).fold(Deep::End {}, |inner, _| Deep::V(Box::new(inner)));
    assert!(parse(to_raw(&deep(119)).unwrap().as_bytes(), &Limits::default()).is_ok());
    for levels in 120..132 {
        assert!(
            matches!(to_raw(&deep(levels)), Err(SerializeError::TooDeep { .. })),
            "{levels}"
        );
    }
}

#[test]
fn numbers_of_serde_json_keep_every_digit() {
    let source = r#"{"a":1.10,"b":123456789012345678901234567890,"c":1E+2,"d":-0}"#;
    let value: serde_json::Value = serde_json::from_str(source).unwrap();
    assert_eq!(text(&value), serde_json::to_string(&value).unwrap());
    assert!(text(&value).contains("1.10"));
    let ours: Value = serde_json::from_str(source).unwrap();
    assert_eq!(ours.to_string(), serde_json::to_string(&value).unwrap());
}

#[test]
fn our_own_numbers_pass_through_serde_with_their_value() {
    for (source, written) in [
        ("1", "1"),
        ("-0", "-0.0"),
        ("19.90", "19.9"),
        ("18446744073709551615", "18446744073709551615"),
        (
            "-170141183460469231731687303715884105728",
            "-170141183460469231731687303715884105728",
        ),
        (
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211455",
        ),
        ("1e3", "1000.0"),
    ] {
        let number = Value::from(Number::parse(source).unwrap());
        assert_eq!(
            text(&BTreeMap::from([("n", &number)])),
            format!("{{\"n\":{written}}}")
        );
        assert_eq!(number.to_string(), source);
    }
    let beyond = BTreeMap::from([("n", Number::parse("1e999").unwrap())]);
    assert!(matches!(to_raw(&beyond), Err(SerializeError::Custom { path, .. }) if path == "n"));
}

#[test]
fn a_struct_that_poses_as_raw_json_is_checked() {
    struct Posing(&'static str, &'static str);
    impl Serialize for Posing {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct;
            let mut fields = serializer.serialize_struct(self.0, 1)?;
            fields.serialize_field(self.0, self.1)?;
            fields.end()
        }
    }
    let write = |posing| to_raw(&BTreeMap::from([("k", posing)]));
    let raw = "$serde_json::private::RawValue";
    let number = "$serde_json::private::Number";
    assert_eq!(
        write(Posing(raw, r#"{"a": 1}"#)).unwrap().as_bytes(),
        br#"{"k":{"a": 1}}"#
    );
    assert_eq!(
        write(Posing(number, "1e5")).unwrap().as_bytes(),
        br#"{"k":1e5}"#
    );
    for bad in [
        Posing(raw, "{"),
        Posing(raw, "1}"),
        Posing(number, "01"),
        Posing(number, "1,2"),
        Posing(number, ""),
    ] {
        assert!(matches!(write(bad), Err(SerializeError::Custom { path, .. }) if path == "k"));
    }
}

#[test]
fn an_error_of_the_values_own_serialize_keeps_its_words() {
    struct Sulking;
    impl Serialize for Sulking {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let error = to_raw(&BTreeMap::from([("k", Sulking)])).unwrap_err();
    assert_eq!(
        error,
        SerializeError::Custom {
            path: "k".into(),
            message: "not today".into()
        }
    );
}

#[test]
fn a_map_that_repeats_a_key_is_written_as_it_is() {
    struct Twice;
    impl Serialize for Twice {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("a", &1)?;
            map.serialize_entry("a", &2)?;
            map.end()
        }
    }
    let raw = to_raw(&Twice).unwrap();
    assert_eq!(raw.to_object().get("a"), Some(&Value::from(2)));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_written_as_serde_json_writes_it(value in any_json()) {
        let object = BTreeMap::from([("v", &value)]);
        agrees(&object);
        let ours = to_value(&value).unwrap();
        prop_assert_eq!(plain_exponents(&ours.to_string()), reference(&value));
        let through: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(&through, &ours);
        let raw: Raw = to_raw(&BTreeMap::from([("v", &ours)])).unwrap();
        // Our own values pass through serde as numbers, not as text: the same value, perhaps spelled otherwise.
        prop_assert!(same(&raw.to_object().remove("v").unwrap(), &ours), "{raw:?} for {ours}");
    }

    #[test]
    fn doubles_are_written_in_their_shortest_form(value in any::<f64>()) {
        match Number::from_f64(value) {
            Some(ours) => {
                prop_assert_eq!(ours.as_f64(), Some(value));
                prop_assert_eq!(ours.as_str().len(), reference(&value).len());
            }
            None => prop_assert!(!value.is_finite()),
        }
    }

    #[test]
    fn ordinary_floats_are_written_in_their_shortest_form(digits in -1_000_000_000_i64..1_000_000_000, scale in -25..25) {
        let double = digits as f64 * 10_f64.powi(scale);
        let single = double as f32;
        let ours = to_value(&double).unwrap();
        prop_assert_eq!(ours.as_f64(), Some(double));
        prop_assert_eq!(ours.to_string().len(), reference(&double).len());
        let ours = to_value(&single).unwrap().to_string();
        prop_assert_eq!(ours.parse(), Ok(single));
        prop_assert_eq!(ours.len(), reference(&single).len());
    }

    #[test]
    fn integers_are_written_in_decimal(signed in any::<i64>(), unsigned in any::<u64>(), small in 0_u64..100_000) {
        prop_assert_eq!(Number::from_i64(signed).to_string(), signed.to_string());
        prop_assert_eq!(Number::from_u64(unsigned).to_string(), unsigned.to_string());
        prop_assert_eq!(Number::from_u64(small).to_string(), small.to_string());
    }
}
