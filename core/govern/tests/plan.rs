//! What a tracking plan says of events, and does to them.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use headwater_govern::plan::{
    Applied, Attached, Blocked, Enforcement, OnViolations, Origin, Plan, TrackEnforcement,
    TraitsEnforcement, violation_event,
};
use headwater_govern::schema::MAX_FAILURES;
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn object(text: &str) -> Object {
    json(text).into_object().unwrap()
}

const PLAN: &str = r##"{"id": "tp_1", "name": "Shop", "rules": [
    {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": {
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["properties"],
        "properties": {"context": {}, "properties": {"type": "object", "required": ["order_id"], "properties": {
            "order_id": {"type": "string"}, "total": {"type": "number", "id": "/properties/total"},
            "products": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
            "tags": {"type": "array", "items": {"type": "string"}}}}}}},
    {"type": "TRACK", "key": "Order Completed", "version": 3, "jsonSchema": {
        "properties": {"properties": {"required": ["order_id", "currency"], "properties": {"order_id": {}, "currency": {}}}}}},
    {"type": "IDENTIFY", "jsonSchema": {"properties": {"traits": {"properties": {"age": {"type": "integer"}}}}}},
    {"type": "COMMON", "jsonSchema": {"properties": {
        "context": {"required": ["app"]}, "properties": {"properties": {"unit": {"enum": ["eu", "us"]}}}}, "required": ["context"]}}
]}"##;

fn attached(enforcement: Enforcement) -> Attached {
    Attached {
        plan: Arc::new(Plan::parse("", &json(PLAN)).unwrap()),
        enforcement,
        source_id: "src_1".to_owned(),
    }
}

fn track(track: TrackEnforcement) -> Attached {
    attached(Enforcement {
        track,
        ..Enforcement::default()
    })
}

fn order(properties: &str) -> Object {
    object(&format!(
        r#"{{"type":"track","event":"Order Completed","messageId":"m1","context":{{"app":{{"version":"2.0"}}}},"properties":{properties}}}"#
    ))
}

fn apply(attached: &Attached, event: &Object) -> (Applied, Value) {
    let mut event = event.clone();
    let kind = EventType::parse(event.get("type").unwrap().as_str().unwrap()).unwrap();
    let applied = attached.apply(kind, &mut event);
    (applied, Value::Object(event))
}

fn fields(applied: &Applied) -> Vec<(&str, &str)> {
    let violations = applied.violations.iter();
    violations
        .map(|violation| (violation.kind, violation.field.as_str()))
        .collect()
}

#[test]
fn an_event_as_planned_is_not_touched() {
    let event = order(r#"{"order_id":"o1","total":3,"products":[{"price":1.5}],"unit":"eu"}"#);
    let (applied, after) = apply(&attached(Enforcement::default()), &event);
    assert_eq!(applied.did(), "passed");
    assert_eq!(after, Value::Object(event));
}

#[test]
fn without_enforcement_what_is_wrong_is_marked_and_stays() {
    let event = order(r#"{"total":"3","products":[{"price":"a"}],"extra":1,"unit":"asia"}"#);
    let (applied, after) = apply(&attached(Enforcement::default()), &event);
    assert_eq!(
        fields(&applied),
        [
            ("Required", "properties.order_id"),
            ("Invalid Type", "properties.total"),
            ("Invalid Type", "properties.products.0.price"),
            ("Enum", "properties.unit"),
        ]
    );
    assert_eq!((applied.did(), applied.blocked), ("marked", None));
    assert_eq!(
        after.path("context.protocols.sourceId"),
        Some(&"src_1".into())
    );
    assert_eq!(
        after
            .path("context.protocols.violations")
            .unwrap()
            .as_array()
            .unwrap()[0],
        json(
            r#"{"type":"Required","field":"properties.order_id","description":"properties.order_id is required"}"#
        )
    );
    assert!(after.path("context.protocols.omitted").is_none());
    assert_eq!(after.path("properties.extra"), Some(&1.into()));
}

#[test]
fn each_track_setting_does_what_its_name_says() {
    let allow = TrackEnforcement::default();
    let wrong = order(
        r#"{"order_id":"o1","total":"3","products":[{"price":"a","sku":1}],"tags":["a",2],"extra":1}"#,
    );

    let block = track(TrackEnforcement {
        allow_event_on_violations: false,
        ..allow
    });
    assert_eq!(apply(&block, &wrong).0.blocked, Some(Blocked::Violations));
    assert_eq!(
        apply(&block, &order(r#"{"order_id":"o1","extra":1}"#))
            .0
            .blocked,
        None
    );

    let unplanned = object(r#"{"type":"track","event":"Other","context":{"app":{}}}"#);
    let block = track(TrackEnforcement {
        allow_unplanned_events: false,
        ..allow
    });
    assert_eq!(
        apply(&block, &unplanned).0.blocked,
        Some(Blocked::Unplanned)
    );
    assert_eq!(apply(&track(allow), &unplanned).0.blocked, None);

    let omit = track(TrackEnforcement {
        allow_properties_on_violations: false,
        ..allow
    });
    let (applied, after) = apply(&omit, &wrong);
    assert_eq!(applied.did(), "omitted");
    assert_eq!(
        applied.omitted_on_violation,
        ["total", "products.0.price", "tags"]
    );
    assert_eq!(
        after.get("properties"),
        Some(&json(
            r#"{"order_id":"o1","products":[{"sku":1}],"extra":1}"#
        ))
    );
    assert_eq!(
        after.path("context.protocols.omitted_on_violation"),
        Some(&json(r#"["total","products.0.price","tags"]"#))
    );

    let omit = track(TrackEnforcement {
        allow_unplanned_event_properties: false,
        ..allow
    });
    let (applied, after) = apply(&omit, &order(r#"{"order_id":"o1","extra":1,"unit":"eu"}"#));
    assert_eq!(applied.omitted, ["extra"]);
    assert_eq!(
        after.path("context.protocols.omitted"),
        Some(&json(r#"["extra"]"#))
    );
    assert_eq!(
        after.get("properties"),
        Some(&json(r#"{"order_id":"o1","unit":"eu"}"#))
    );
}

#[test]
fn the_rule_for_all_events_marks_omits_or_blocks_also_what_no_other_rule_names() {
    let event = object(
        r#"{"type":"track","event":"Other","context":{"app":{}},"properties":{"unit":"asia","a":1}}"#,
    );
    let with = |on| {
        track(TrackEnforcement {
            common_event_on_violations: on,
            ..TrackEnforcement::default()
        })
    };
    let (applied, _) = apply(&with(OnViolations::Allow), &event);
    assert_eq!(fields(&applied), [("Enum", "properties.unit")]);
    let (_, after) = apply(&with(OnViolations::Omit), &event);
    assert_eq!(after.get("properties"), Some(&json(r#"{"a":1}"#)));
    let (applied, _) = apply(&with(OnViolations::Block), &event);
    assert_eq!(applied.blocked, Some(Blocked::Violations));
    let page = object(r#"{"type":"page","context":{}}"#);
    let (applied, _) = apply(&with(OnViolations::Block), &page);
    assert_eq!(
        (fields(&applied), applied.blocked),
        (vec![("Required", "context.app")], None)
    );
}

#[test]
fn traits_of_identify_and_group_have_settings_of_their_own() {
    let strict = TraitsEnforcement {
        allow_unplanned_traits: false,
        allow_traits_on_violations: false,
        ..TraitsEnforcement::default()
    };
    let attached = attached(Enforcement {
        identify: strict,
        ..Enforcement::default()
    });
    let event =
        object(r#"{"type":"identify","context":{"app":{}},"traits":{"age":"x","name":"n"}}"#);
    let (applied, after) = apply(&attached, &event);
    assert_eq!(applied.omitted_on_violation, ["age"]);
    assert_eq!(applied.omitted, ["name"]);
    assert_eq!(after.get("traits"), Some(&json("{}")));
    let group = object(r#"{"type":"group","context":{"app":{}},"traits":{"name":"n"}}"#);
    assert_eq!(apply(&attached, &group).1, Value::Object(group));
}

#[test]
fn an_event_is_checked_by_the_version_that_it_names_and_else_by_the_oldest() {
    let plan = Plan::parse("p", &json(PLAN)).unwrap();
    for (version, checked_by) in [
        ("3", 3),
        ("1", 1),
        ("2", 1),
        ("3.2", 1),
        ("\"3\"", 1),
        ("null", 1),
    ] {
        let event = object(&format!(
            r#"{{"event":"Order Completed","context":{{"protocols":{{"event_version":{version}}}}}}}"#
        ));
        assert_eq!(
            plan.check(EventType::Track, &event).version,
            Some(checked_by),
            "{version}"
        );
    }
    let event = object(r#"{"event":"Order Completed"}"#);
    assert_eq!(plan.check(EventType::Track, &event).version, Some(1));
}

#[test]
fn the_older_format_says_the_same() {
    let plan = Plan::parse(
        "old",
        &json(
            r#"{"name": "workspaces/w/tracking-plans/rs_1", "display_name": "Old", "rules": {
                "events": [{"name": "Order Completed", "version": 1, "rules": {
                    "$schema": "http://json-schema.org/draft-04/schema#",
                    "properties": {"properties": {"required": ["total"], "properties": {"total": {"minimum": 0, "exclusiveMinimum": true}}}}}}],
                "global": {"required": ["context"]}, "identify": {}, "group_traits": []}}"#,
        ),
    )
    .unwrap();
    assert_eq!(plan.name, "Old");
    let checked = plan.check(
        EventType::Track,
        &object(r#"{"event":"Order Completed","properties":{"total":0}}"#),
    );
    assert_eq!(
        checked.violations[0].description,
        "properties.total must be more than 0"
    );
    assert_eq!(checked.common[0].field, "context");
}

#[test]
fn a_violation_becomes_the_documented_event_with_the_same_id_every_time() {
    let attached = attached(Enforcement::default());
    let event = order("{}");
    let (applied, _) = apply(&attached, &event);
    let origin = Origin {
        source_id: "src_1",
        source_name: "web",
        source_slug: "web",
        plan: &attached.plan,
    };
    let at = "2026-01-31T12:00:00.000Z";
    let made = violation_event(origin, &event, &applied.violations[0], at);
    let again = violation_event(
        origin,
        &event,
        &applied.violations[0],
        "2026-02-01T00:00:00.000Z",
    );
    assert_eq!(made.get("messageId"), again.get("messageId"));
    let made = Value::Object(made);
    assert!(
        made.get("messageId")
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("sch-")
    );
    assert_eq!(made.get("event"), Some(&"Violation Generated".into()));
    assert_eq!(made.get("userId"), Some(&"schema-violations".into()));
    assert_eq!(made.get("forwardedFromProject"), Some(&"src_1".into()));
    assert_eq!(
        made.get("properties"),
        Some(&json(
            r#"{"appVersion":"2.0","eventMessageID":"m1","eventName":"Order Completed","eventSentAt":"","eventTimestamp":"",
                "eventType":"track","sourceID":"src_1","sourceName":"web","sourceSlug":"web","trackingPlanID":"tp_1",
                "trackingPlanName":"Shop","violationDescription":"properties.order_id is required",
                "violationField":"properties.order_id","violationType":"Required"}"#
        ))
    );
}

#[test]
fn a_plan_that_is_wrong_says_where_and_what() {
    for (plan, expected) in [
        ("[]", "a plan is an object"),
        ("{}", "rules: must be a list"),
        (
            r#"{"rules":[{"type":"CLICK"}]}"#,
            "rules[0].type: must be TRACK",
        ),
        (
            r#"{"rules":[{"type":"TRACK","jsonSchema":{}}]}"#,
            "rules[0].key",
        ),
        (
            r#"{"rules":[{"type":"TRACK","key":"A"}]}"#,
            "rules[0].jsonSchema: must be a JSON Schema",
        ),
        (
            r#"{"rules":[{"type":"TRACK","key":"A","version":0,"jsonSchema":{}}]}"#,
            "rules[0].version",
        ),
        (
            r#"{"rules":[{"type":"TRACK","key":"A","jsonSchema":{}},{"type":"TRACK","key":"A","jsonSchema":{}}]}"#,
            "rules[1].jsonSchema: a rule before it",
        ),
        (
            r#"{"rules":[{"type":"PAGE","jsonSchema":{"properties":{"name":{"type":"text"}}}}]}"#,
            "rules[0].jsonSchema.properties.name.type: must be null, boolean",
        ),
        (
            r#"{"rules":{"events":[{"name":"A","rules":{"$ref":"https://elsewhere.example/a.json"}}]}}"#,
            "nothing is fetched",
        ),
        (
            r#"{"rules":[{"type":"PAGE","jsonSchema":{"unevaluatedProperties":false}}]}"#,
            "use `additionalProperties`",
        ),
    ] {
        let told = Plan::parse("p", &json(plan)).unwrap_err().to_string();
        assert!(told.contains(expected), "{plan}: {told}");
    }
    let plan = Plan::parse(
        "p",
        &json(r#"{"rules":[{"type":"PAGE","jsonSchema":{"requried":["a"]}}]}"#),
    )
    .unwrap();
    assert!(plan.warnings()[0].starts_with("rules[0].jsonSchema.requried: no keyword"));
}

#[test]
fn of_many_violations_each_is_left_out() {
    let properties: Vec<String> = (0..200)
        .map(|n| format!(r#""p{n}": {{"type": "string"}}"#))
        .collect();
    let plan = format!(
        r#"{{"name": "P", "rules": [{{"type": "TRACK", "key": "E", "jsonSchema": {{"properties": {{"properties": {{"properties": {{{}}}}}}}}}}}]}}"#,
        properties.join(",")
    );
    let common = plan.replace(r#""TRACK", "key": "E""#, r#""COMMON""#);
    let values: Vec<String> = (0..200).map(|n| format!(r#""p{n}": {n}"#)).collect();
    let event = object(&format!(
        r#"{{"type": "track", "event": "E", "messageId": "m", "properties": {{"kept": 1, {}}}}}"#,
        values.join(",")
    ));
    let omit = TrackEnforcement {
        allow_properties_on_violations: false,
        common_event_on_violations: OnViolations::Omit,
        ..TrackEnforcement::default()
    };
    for plan in [plan, common] {
        let (applied, event) = apply(&omitting(&plan, omit), &event);
        assert_eq!(applied.blocked, None);
        assert_eq!(applied.omitted_on_violation.len(), 200);
        assert_eq!(event.path("properties"), Some(&json(r#"{"kept": 1}"#)));
        assert!(
            applied.violations.len() <= MAX_FAILURES,
            "as many as elsewhere are told"
        );
    }
}

#[test]
fn an_event_that_takes_too_long_to_check_is_blocked_where_violations_are_to_be_left_out() {
    // Each level doubles the branches.
    let plan = r##"{"name": "P", "rules": [{"type": "TRACK", "key": "E", "jsonSchema": {
        "properties": {"properties": {"properties": {"secret": {"type": "string"}, "deep": {"$ref": "#/definitions/n"}}}},
        "definitions": {"n": {"anyOf": [{"$ref": "#/definitions/a"}, {"$ref": "#/definitions/a"}]},
            "a": {"type": "object", "properties": {"n": {"$ref": "#/definitions/n"}}}}}}]}"##;
    let deep = (0..25).fold("1".to_owned(), |inner, _| format!(r#"{{"n": {inner}}}"#));
    let event = object(&format!(
        r#"{{"type": "track", "event": "E", "messageId": "m", "properties": {{"secret": 1, "deep": {deep}}}}}"#
    ));
    let omit = TrackEnforcement {
        allow_properties_on_violations: false,
        ..TrackEnforcement::default()
    };
    let (applied, _) = apply(&omitting(plan, omit), &event);
    assert_eq!(fields(&applied), [("Too Complex", "")]);
    assert_eq!(applied.blocked, Some(Blocked::Violations));
    let (applied, _) = apply(&omitting(plan, TrackEnforcement::default()), &event);
    assert_eq!(applied.blocked, None, "marked, as everything is");
}

fn omitting(plan: &str, track: TrackEnforcement) -> Attached {
    Attached {
        plan: Arc::new(Plan::parse("p", &json(plan)).unwrap()),
        ..self::track(track)
    }
}
