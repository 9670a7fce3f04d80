//! What is JSON and what is not: the shared vectors, the same verdict from every way in, and agreement with serde_json.
//!
//! Deliberate differences from serde_json (with `arbitrary_precision`): repeated keys can be refused; depth is counted
//! in containers (128 open ones are fine, serde_json stops at 127); a number's text is kept as it came (serde_json
//! writes `1E5` as `1e+5`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails by panicking, like the test"
)]

use headwater_model::json::{
    DuplicateKeys, ErrorKind, Kind, Limits, Number, Object, ParseError, Raw, Scanner, Value, lazy,
    parse, validate,
};
use proptest::prelude::*;

fn reject() -> Limits {
    Limits::default().with_duplicate_keys(DuplicateKeys::Reject)
}

fn vectors(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../tests/vectors/json/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let file = parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
    file.get("cases").and_then(Value::as_array).unwrap().clone()
}

fn field<'a>(case: &'a Value, key: &str) -> &'a str {
    case.get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{key} in {case}"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Reads by walking every object and array through the closures.
fn walk(scanner: &mut Scanner<'_>) -> Result<(), ParseError> {
    match scanner.kind()? {
        Kind::Object => scanner.object(|_, scanner| walk(scanner)).map(drop),
        Kind::Array => scanner.array(|_, scanner| walk(scanner)).map(drop),
        _ => scanner.value().map(drop),
    }
}

fn walked(bytes: &[u8], limits: &Limits) -> Result<(), ParseError> {
    let mut scanner = Scanner::new(bytes, limits)?;
    walk(&mut scanner)?;
    scanner.finish()
}

/// A lazy value says of a text what the tree says, however deep one looks.
fn agrees(value: &Value, text: &lazy::Value) {
    assert_eq!(text.to_string(), value.to_string());
    assert_eq!(text.as_bool(), value.as_bool(), "{value}");
    assert_eq!(text.as_i64(), value.as_i64(), "{value}");
    assert_eq!(text.as_u64(), value.as_u64(), "{value}");
    assert_eq!(text.is_null(), value.is_null(), "{value}");
    assert_eq!(text.is_object(), value.is_object(), "{value}");
    assert_eq!(
        text.clone().into_text().as_deref(),
        value.as_str(),
        "{value}"
    );
    let members = text
        .to_object()
        .map(|object| object.into_iter().collect::<Vec<_>>());
    let object = value.as_object();
    assert_eq!(
        members.as_ref().map(Vec::len),
        object.map(Object::len),
        "{value}"
    );
    for ((key, value), (name, text)) in object.into_iter().flatten().zip(members.iter().flatten()) {
        assert_eq!(key, name);
        agrees(value, text);
    }
}

/// The verdict of the parser, once all other ways in have given the same.
fn verdict(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    let parsed = parse(bytes, limits);
    let outcome = parsed.as_ref().map(drop).map_err(|error| *error);
    assert_eq!(validate(bytes, limits), outcome, "validate");
    assert_eq!(walked(bytes, limits), outcome, "walk");
    // What is none it refuses or passes on; nothing of it panics.
    if let Ok(value) = lazy::parse(bytes, limits) {
        let _ = (value.to_object(), value.as_i64(), value.into_text());
    }
    // The lazy reader is for what a writer of JSON made of it.
    if let Ok(value) = &parsed {
        agrees(value, &lazy::parse(&value.to_vec(), limits).unwrap());
    }
    if let Ok(Value::Object(object)) = &parsed {
        assert_eq!(
            &Raw::parse(bytes, limits).unwrap().to_object(),
            object,
            "raw"
        );
    } else {
        assert!(Raw::parse(bytes, limits).is_err(), "raw");
    }
    parsed
}

#[test]
fn every_accepted_vector_is_read_and_written() {
    for case in vectors("accept.json") {
        for limits in [Limits::default(), reject()] {
            let value = verdict(field(&case, "json").as_bytes(), &limits);
            assert_eq!(
                value.map(|value| value.to_string()).as_deref(),
                Ok(field(&case, "written")),
                "{case}"
            );
        }
    }
}

#[test]
fn every_rejected_vector_is_refused_at_the_right_byte() {
    for case in vectors("reject.json") {
        let bytes = case.get("hex").map_or_else(
            || field(&case, "json").into(),
            |_| unhex(field(&case, "hex")),
        );
        for limits in [Limits::default(), reject()] {
            let error = verdict(&bytes, &limits).expect_err(field(&case, "name"));
            let kind = format!("{:?}", error.kind);
            assert_eq!(
                kind.split(' ').next(),
                Some(field(&case, "error")),
                "{case}"
            );
            assert_eq!(
                Some(error.offset as i64),
                case.get("offset").and_then(Value::as_i64),
                "{case}"
            );
        }
    }
}

#[test]
fn repeated_keys_are_refused_or_the_last_wins() {
    for case in vectors("duplicate-keys.json") {
        let bytes = field(&case, "json").as_bytes();
        assert_eq!(
            verdict(bytes, &Limits::default()).unwrap().to_string(),
            field(&case, "last_wins"),
            "{case}"
        );
        let error = verdict(bytes, &reject()).expect_err(field(&case, "name"));
        assert_eq!(error.kind, ErrorKind::DuplicateKey, "{case}");
        assert_eq!(
            Some(error.offset as i64),
            case.get("rejected_at").and_then(Value::as_i64),
            "{case}"
        );
    }
}

#[test]
fn a_text_over_the_size_limit_is_refused_unread() {
    let limits = Limits::default().with_max_bytes(4);
    assert!(parse(b"[1] ", &limits).is_ok());
    let error = parse(b"[1]  ", &limits).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge { max: 4 });
    assert_eq!(
        error.to_string(),
        "the text is too large; send at most 4 bytes (at byte 4)"
    );
}

#[test]
fn no_depth_overflows_the_stack_whatever_the_limits_ask_for() {
    let limits = Limits {
        max_bytes: usize::MAX,
        max_depth: usize::MAX,
        ..reject()
    };
    for unit in ["[", "{\"a\":", "[{\"a\":"] {
        let error = verdict(unit.repeat(1_000_000).as_bytes(), &limits).unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::TooDeep {
                max: Limits::DEPTH_CEILING
            }
        );
    }
    let deepest = format!("{}{}", "[".repeat(256), "]".repeat(256));
    let small_stack = std::thread::Builder::new().stack_size(512 * 1024);
    let handle = small_stack
        .spawn(move || verdict(deepest.as_bytes(), &limits).map(|value| value.to_string().len()));
    assert_eq!(handle.unwrap().join().unwrap(), Ok(512));
}

#[test]
fn serde_json_takes_one_level_less_by_default() {
    let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (levels, ours, theirs) in [(127, true, true), (128, true, false), (129, false, false)] {
        let text = nested(levels);
        assert_eq!(
            validate(text.as_bytes(), &Limits::default()).is_ok(),
            ours,
            "{levels}"
        );
        assert_eq!(reference(text.as_bytes()).is_some(), theirs, "{levels}");
    }
}

#[test]
fn many_keys_cost_no_quadratic_time() {
    let limits = Limits {
        max_bytes: usize::MAX,
        ..reject()
    };
    let keys: Vec<String> = (0..200_000)
        .map(|index| format!("\"some-rather-long-prefix-{index}\":0"))
        .collect();
    let text = format!("{{{}}}", keys.join(","));
    let start = std::time::Instant::now();
    assert!(parse(text.as_bytes(), &limits).is_ok());
    assert!(
        parse(
            text.as_bytes(),
            &Limits {
                duplicate_keys: DuplicateKeys::LastWins,
                ..limits
            }
        )
        .is_ok()
    );
    let repeated = format!("{{{},\"some-rather-long-prefix-0\":1}}", keys.join(","));
    let error = validate(repeated.as_bytes(), &limits).unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (ErrorKind::DuplicateKey, text.len())
    );
    // Quadratic would be 20 billion comparisons a time.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn members_that_are_left_alone_are_checked_and_skipped() {
    let walk = |text: &str| {
        let mut seen = Vec::new();
        let mut scanner = Scanner::new(text.as_bytes(), &Limits::default())?;
        scanner.object(|key, scanner| {
            seen.push(key.decode().into_owned());
            if key.is("items") {
                scanner.array(|index, _| {
                    seen.push(index.to_string());
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        scanner.finish()?;
        Ok::<_, ParseError>(seen.join(" "))
    };
    assert_eq!(
        walk(r#"{"a":{"b":[1]},"it\u0065ms":[[],{},1],"c":"x"}"#).as_deref(),
        Ok("a items 0 1 2 c")
    );
    assert_eq!(
        walk(r#"{"a":{"b":[1}}"#).unwrap_err().kind,
        ErrorKind::ExpectedCommaOrBracket
    );
    assert_eq!(
        walk(r#"{"items":{}}"#).unwrap_err().kind,
        ErrorKind::ExpectedArray
    );
    assert_eq!(walk("[]").unwrap_err().kind, ErrorKind::ExpectedObject);
}

#[test]
fn a_raw_value_tells_what_it_is_and_where() {
    let text = br#" {"s":"a\nb","n": -12 ,"b":true,"z":null,"o":{"k":1},"a":[1]}"#;
    let mut found = Vec::new();
    let mut scanner = Scanner::new(text, &Limits::default()).unwrap();
    let whole = scanner.object(|_, scanner| {
        found.push(scanner.value()?);
        Ok(())
    });
    assert_eq!(whole, Ok(1..text.len()));
    assert_eq!(found[0].as_str().as_deref(), Some("a\nb"));
    assert_eq!(found[1].as_i64(), Some(-12));
    assert_eq!(&text[found[1].range()], b"-12");
    assert_eq!(found[2].as_bool(), Some(true));
    assert_eq!((found[2].as_str(), found[2].as_i64()), (None, None));
    assert_eq!(found[3].kind(), Kind::Null);
    assert_eq!(
        (found[4].kind(), found[4].bytes()),
        (Kind::Object, &br#"{"k":1}"#[..])
    );
    assert_eq!((found[5].kind(), found[5].text()), (Kind::Array, "[1]"));
}

#[test]
fn raw_takes_objects_only_and_cuts_the_blanks_around() {
    let raw = Raw::parse(b" \n{ \"a\" : 1.0 } ", &Limits::default()).unwrap();
    assert_eq!(raw.as_bytes(), b"{ \"a\" : 1.0 }");
    assert!(!raw.is_empty_object());
    assert!(
        Raw::parse(b"{ }", &Limits::default())
            .unwrap()
            .is_empty_object()
    );
    assert!(Raw::empty().is_empty_object());
    for text in ["[]", "1", "null", "\"{}\""] {
        assert_eq!(
            Raw::parse(text.as_bytes(), &Limits::default())
                .unwrap_err()
                .kind,
            ErrorKind::ExpectedObject
        );
    }
    assert_eq!(Raw::from(&Object::new()), Raw::empty());
}

#[test]
fn objects_keep_their_order_through_changes() {
    let mut object: Object = [("a", 1), ("b", 2), ("a", 3)].into_iter().collect();
    assert_eq!(object.insert("c", "x"), None);
    assert_eq!(object.insert("b", true), Some(Value::from(2)));
    object.extend([("d", 4), ("a", 5)]);
    assert_eq!(
        Value::from(object.clone()).to_string(),
        r#"{"a":5,"b":true,"c":"x","d":4}"#
    );
    assert_eq!(object.remove("b"), Some(Value::from(true)));
    assert_eq!(object.keys().collect::<Vec<_>>(), ["a", "c", "d"]);
    let other: Object = [("d", Value::from(4)), ("c", "x".into()), ("a", 5.into())]
        .into_iter()
        .collect();
    assert_eq!(object, other);
}

#[test]
fn paths_walk_objects() {
    let value = parse(
        br#"{"context":{"app":{"name":"x"}},"a":[1]}"#,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(
        value.path("context.app.name").and_then(Value::as_str),
        Some("x")
    );
    assert_eq!(value.path("context.none.name"), None);
    assert_eq!(value.path("a.0"), None);
}

#[test]
fn numbers_answer_only_what_they_are() {
    let number = |text| Number::parse(text).unwrap();
    assert_eq!(number("-0").as_i64(), Some(0));
    assert_eq!(number("1.0").as_i64(), None);
    assert_eq!(number("1e3").as_f64(), Some(1000.0));
    assert_eq!(number("1e999").as_f64(), None);
    assert_eq!(number("18446744073709551615").as_i64(), None);
    assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
    for text in ["", "+1", " 1", "1 ", "01", "NaN", "0x1", "1.", "--1"] {
        assert_eq!(Number::parse(text), None, "{text}");
    }
}

/// Text that is nearly JSON: pieces of the grammar in any order find more than random bytes do.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "a",
        "\"a\"",
        "\"b\":",
        "1",
        "-",
        "0",
        ".",
        "e",
        "E+",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\\u",
        "d83d",
        "\\ude00",
        "\\n",
        "ä",
        "\u{1}",
        "{}",
        "[]",
        "0.5",
        "1e5",
        "\"\\u0061\"",
        "{\"a\":1,",
        "[1,",
        "\u{feff}",
        "\u{7f}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A JSON text with one byte changed, put in, or taken out.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let text = r#"{"type":"track","n":[1,-2.5e+3,0],"s":"a\n\u00e4\ud83d\ude00ä","o":{"a":{},"b":[]},"t":true,"z":null}"#;
    (0..text.len(), any::<u8>(), 0..3).prop_map(move |(at, byte, what)| {
        let mut bytes = text.as_bytes().to_vec();
        match what {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        bytes
    })
}

/// serde_json's verdict, by the rules both follow.
fn reference(bytes: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(bytes).ok()
}

fn same_verdict(bytes: &[u8]) {
    let ours = verdict(bytes, &Limits::default());
    let theirs = reference(bytes);
    assert_eq!(
        ours.is_ok(),
        theirs.is_some(),
        "{ours:?} {theirs:?} {}",
        String::from_utf8_lossy(bytes)
    );
    let _ = verdict(bytes, &reject());
    if let (Ok(ours), Some(theirs)) = (ours, theirs) {
        // Through serde_json once more, which knows its own order and exponents.
        assert_eq!(reference(&ours.to_vec()), Some(theirs));
        assert_eq!(parse(&ours.to_vec(), &Limits::default()), Ok(ours));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_get_the_verdict_of_serde_json(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        same_verdict(&bytes);
    }

    #[test]
    fn nearly_json_gets_the_verdict_of_serde_json(text in nearly_json()) {
        same_verdict(text.as_bytes());
    }

    #[test]
    fn damaged_json_gets_the_verdict_of_serde_json(bytes in damaged()) {
        same_verdict(&bytes);
    }

    #[test]
    fn number_texts_survive_byte_for_byte(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?") {
        let value = verdict(text.as_bytes(), &Limits::default());
        prop_assert_eq!(value.map(|value| value.to_string()), Ok(text));
    }

    #[test]
    fn any_string_survives_the_round_trip(text in any::<String>(), pad in 0..20_usize) {
        let text = format!("{}{text}", "x".repeat(pad));
        let value = Value::from(text.as_str());
        prop_assert_eq!(value.to_string(), serde_json::to_string(&text).unwrap());
        prop_assert_eq!(verdict(&value.to_vec(), &reject()), Ok(value));
    }

    #[test]
    fn repeated_keys_are_found_among_any_keys(keys in prop::collection::vec("[ab]{0,3}", 0..150)) {
        let text = format!("{{{}}}", keys.iter().map(|key| format!("\"{key}\":0")).collect::<Vec<_>>().join(","));
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        prop_assert_eq!(verdict(text.as_bytes(), &reject()).is_ok(), distinct.len() == keys.len());
        let value = verdict(text.as_bytes(), &Limits::default()).unwrap();
        prop_assert_eq!(value.as_object().unwrap().len(), distinct.len());
    }
}
