//! Our validator and the crate `jsonschema` agree on generated schemas and values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::schema::Schema;
use headwater_model::json::{Limits, Value, parse};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn ours(value: &Json) -> Value {
    parse(value.to_string().as_bytes(), &Limits::default()).unwrap()
}

/// Few names and few values, so that schema and value meet.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "total", "x/y"]).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-5_i64..6).prop_map(Json::from),
        prop::sample::select(vec![0.5, 1.0, -1.5, 2.0, 1e3, 0.25]).prop_map(Json::from),
        prop::sample::select(vec![
            "", "a", "ab", "äöü", "2026-01-31", "2026-01-31T12:00:00Z", "a@b.example", "127.0.0.1", "😀😀", "https://a.example/b"
        ])
        .prop_map(Json::from),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Keywords without schemas inside.
fn leaf() -> impl Strategy<Value = (String, Json)> {
    let types = prop::sample::select(vec![
        "null", "boolean", "integer", "number", "string", "array", "object",
    ]);
    let number = || prop_oneof![(-3_i64..4).prop_map(Json::from), Just(json!(0.5)), Just(json!(2.0))];
    let count = || (0_u64..4).prop_map(Json::from);
    let pair = |keyword: &'static str| move |value: Json| (keyword.to_owned(), value);
    prop_oneof![
        types.clone().prop_map(Json::from).prop_map(pair("type")),
        prop::sample::subsequence(vec!["null", "integer", "string", "object", "array"], 1..4)
            .prop_map(|types| json!(types))
            .prop_map(pair("type")),
        prop::collection::hash_set(scalar().prop_map(|one| one.to_string()), 1..4)
            .prop_map(|all| {
                Json::Array(all.iter().map(|one| serde_json::from_str(one).unwrap()).collect())
            })
            .prop_map(pair("enum")),
        value().prop_map(pair("const")),
        prop::sample::select(vec![json!(1), json!(2), json!(0.5), json!(0.25)]).prop_map(pair("multipleOf")),
        number().prop_map(pair("minimum")),
        number().prop_map(pair("maximum")),
        number().prop_map(pair("exclusiveMinimum")),
        number().prop_map(pair("exclusiveMaximum")),
        count().prop_map(pair("minLength")),
        count().prop_map(pair("maxLength")),
        count().prop_map(pair("minItems")),
        count().prop_map(pair("maxItems")),
        count().prop_map(pair("minProperties")),
        count().prop_map(pair("maxProperties")),
        any::<bool>().prop_map(Json::from).prop_map(pair("uniqueItems")),
        prop::sample::select(vec!["^a", "b$", "^\\d+", "[^a]", "ä|ö", "^.{2}$"])
            .prop_map(Json::from)
            .prop_map(pair("pattern")),
        prop::sample::select(vec!["date", "date-time", "email", "ipv4", "uri"])
            .prop_map(Json::from)
            .prop_map(pair("format")),
        prop::collection::hash_set(name(), 0..3)
            .prop_map(|names| json!(names))
            .prop_map(pair("required")),
    ]
}

fn schema() -> impl Strategy<Value = Json> {
    let flat = prop_oneof![
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(json!({"$ref": "#/definitions/one"})),
        1 => Just(json!({"$ref": "#/definitions/tree"})),
        8 => prop::collection::vec(leaf(), 0..3).prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
    ];
    flat.prop_recursive(3, 32, 4, |inner| {
        let map = prop::collection::vec((name(), inner.clone()), 0..4)
            .prop_map(|pairs| Json::Object(pairs.into_iter().collect()));
        let list = prop::collection::vec(inner.clone(), 1..4).prop_map(Json::from);
        let patterns = prop::collection::vec(
            (prop::sample::select(vec!["^a", "b", "."]).prop_map(str::to_owned), inner.clone()),
            0..3,
        )
        .prop_map(|pairs| Json::Object(pairs.into_iter().collect()));
        let dependencies = prop::collection::vec(
            (
                name(),
                prop_oneof![
                    inner.clone(),
                    prop::collection::hash_set(name(), 0..3).prop_map(|names| json!(names))
                ],
            ),
            0..3,
        )
        .prop_map(|pairs| Json::Object(pairs.into_iter().collect()));
        let pair = |keyword: &'static str| move |value: Json| (keyword.to_owned(), value);
        let keyword = prop_oneof![
            map.prop_map(pair("properties")),
            patterns.prop_map(pair("patternProperties")),
            inner.clone().prop_map(pair("additionalProperties")),
            inner.clone().prop_map(pair("items")),
            list.clone().prop_map(pair("items")),
            inner.clone().prop_map(pair("additionalItems")),
            inner.clone().prop_map(pair("contains")),
            inner.clone().prop_map(pair("propertyNames")),
            dependencies.prop_map(pair("dependencies")),
            list.clone().prop_map(pair("allOf")),
            list.clone().prop_map(pair("anyOf")),
            list.prop_map(pair("oneOf")),
            inner.clone().prop_map(pair("not")),
            inner.clone().prop_map(pair("if")),
            inner.clone().prop_map(pair("then")),
            inner.prop_map(pair("else")),
        ];
        (
            prop::collection::vec(leaf(), 0..2),
            prop::collection::vec(keyword, 0..4),
        )
            .prop_map(|(leaves, keywords)| {
                Json::Object(leaves.into_iter().chain(keywords).collect())
            })
    })
}

fn whole() -> impl Strategy<Value = Json> {
    (schema(), schema()).prop_map(|(root, one)| {
        let mut object = match root {
            Json::Object(object) if !object.contains_key("$ref") => object,
            other => [("allOf".to_owned(), json!([other]))].into_iter().collect(),
        };
        let one = if one.to_string().contains("$ref") { json!({"type": "string"}) } else { one };
        object.insert(
            "definitions".to_owned(),
            json!({"one": one, "tree": {"properties": {"a": {"$ref": "#/definitions/tree"}, "b": {"type": "integer"}}, "items": {"$ref": "#/definitions/tree"}}}),
        );
        Json::Object(object)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ours_and_the_oracle_agree(schema in whole(), values in prop::collection::vec(value(), 1..6)) {
        let oracle = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| TestCaseError::reject(error.to_string()))?;
        let compiled = Schema::compile(&ours(&schema)).map_err(|error| TestCaseError::fail(format!("{error} in {schema}")))?;
        for value in values {
            let expected = oracle.is_valid(&value);
            let own = ours(&value);
            let report = compiled.check(&own).unwrap();
            prop_assert_eq!(report.failures.is_empty(), expected, "{} against {}: {:?}", value, schema, report.failures);
            prop_assert_eq!(compiled.is_valid(&own), Ok(expected));
            prop_assert!(!report.unchecked);
        }
    }
}
