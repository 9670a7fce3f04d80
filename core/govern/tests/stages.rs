//! What happens to an event at its source and at a connection.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use headwater_govern::expression::Expression;
use headwater_govern::filter::{Action, Filter, Filters};
use headwater_govern::plan::{Attached, Enforcement, Plan, TrackEnforcement};
use headwater_govern::stages::{
    BlockReason, ConnectionOutcome, ConnectionRules, DropReason, SourceOutcome, SourceRules, Trace,
    connection_stage, source_stage,
};
use headwater_govern::transform::{Target, Transform};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn object(text: &str) -> Object {
    json(text).into_object().unwrap()
}

fn plan() -> Plan {
    Plan::parse(
        "checkout",
        &json(
            r#"{"name": "Checkout", "rules": [{"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": {
                "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                "properties": {"properties": {"type": "object", "required": ["order_id", "total"], "properties": {
                    "order_id": {"type": "string"}, "total": {"type": "number"},
                    "currency": {"enum": ["EUR", "USD"]}}}},
                "required": ["properties"]}}]}"#,
        ),
    )
    .unwrap()
}

fn rules(enforcement: Enforcement) -> SourceRules {
    SourceRules {
        plan: Some(Attached {
            plan: Arc::new(plan()),
            enforcement,
            source_id: "web".to_owned(),
        }),
        ..SourceRules::default()
    }
}

fn strict() -> SourceRules {
    rules(Enforcement {
        track: TrackEnforcement {
            allow_unplanned_events: false,
            allow_event_on_violations: false,
            ..TrackEnforcement::default()
        },
        ..Enforcement::default()
    })
}

#[test]
fn an_event_as_planned_passes_unchanged() {
    let event = object(
        r#"{"type":"track","event":"Order Completed","properties":{"order_id":"o1","total":27.5,"currency":"EUR"}}"#,
    );
    let outcome = source_stage(&strict(), EventType::Track, event.clone(), None);
    assert_eq!(outcome, SourceOutcome::Passed(event));
}

#[test]
fn violations_are_marked_in_the_event_and_traced_without_its_values() {
    let event = object(
        r#"{"type":"track","event":"Order Completed","properties":{"total":"secret","currency":"GBP"}}"#,
    );
    let mut trace = Trace::default();
    let outcome = source_stage(
        &rules(Enforcement::default()),
        EventType::Track,
        event,
        Some(&mut trace),
    );
    let SourceOutcome::Passed(event) = outcome else {
        panic!("{outcome:?}")
    };
    let event = Value::Object(event);
    let violations = event.path("context.protocols.violations").unwrap();
    assert_eq!(
        violations,
        &json(
            r#"[{"type":"Required","field":"properties.order_id","description":"properties.order_id is required"},
                {"type":"Invalid Type","field":"properties.total","description":"properties.total must be number"},
                {"type":"Enum","field":"properties.currency","description":"properties.currency must be one of EUR, USD"}]"#
        )
    );
    assert_eq!(trace.steps.len(), 1);
    assert_eq!(trace.steps[0].did, "marked");
    assert!(!format!("{trace:?}").contains("secret"));
}

#[test]
fn enforcement_blocks_what_is_unplanned_and_what_violates() {
    let unplanned = object(r#"{"type":"track","event":"Other","properties":{}}"#);
    assert!(matches!(
        source_stage(&strict(), EventType::Track, unplanned.clone(), None),
        SourceOutcome::Blocked {
            reason: BlockReason::Unplanned,
            ..
        }
    ));
    assert!(matches!(
        source_stage(
            &rules(Enforcement::default()),
            EventType::Track,
            unplanned,
            None
        ),
        SourceOutcome::Passed(_)
    ));
    let violating = object(r#"{"type":"track","event":"Order Completed"}"#);
    assert!(matches!(
        source_stage(&strict(), EventType::Track, violating, None),
        SourceOutcome::Blocked {
            reason: BlockReason::Violations,
            ..
        }
    ));
    let page = object(r#"{"type":"page"}"#);
    assert!(matches!(
        source_stage(&strict(), EventType::Page, page, None),
        SourceOutcome::Passed(_)
    ));
}

fn connection(filters: &[(&str, Action)]) -> ConnectionRules {
    ConnectionRules {
        keys: vec!["Webhooks".to_owned()],
        categories: vec!["ads".to_owned()],
        filters: Filters::new(
            filters
                .iter()
                .map(|(condition, action)| Filter {
                    id: "f".to_owned(),
                    condition: Expression::parse(condition).unwrap(),
                    action: action.clone(),
                })
                .collect(),
        ),
        ..ConnectionRules::default()
    }
}

fn reason(rules: &ConnectionRules, event: &str) -> Option<DropReason> {
    let event = object(event);
    match connection_stage(rules, &event, None) {
        ConnectionOutcome::Deliver(_) => None,
        ConnectionOutcome::Dropped(reason) => Some(reason),
    }
}

#[test]
fn a_connection_asks_consent_then_integrations_then_its_filters() {
    let rules = connection(&[("event = \"Test\"", Action::Drop)]);
    let granted = r#""context":{"consent":{"categoryPreferences":{"ads":true}}}"#;
    assert_eq!(
        reason(&rules, &format!(r#"{{"event":"A",{granted}}}"#)),
        None
    );
    assert_eq!(
        reason(
            &rules,
            r#"{"event":"Test","integrations":{"All":false},"context":{"consent":{"categoryPreferences":{}}}}"#
        ),
        Some(DropReason::Consent)
    );
    assert_eq!(
        reason(
            &rules,
            &format!(r#"{{"event":"Test","integrations":{{"All":false}},{granted}}}"#)
        ),
        Some(DropReason::Integrations)
    );
    assert_eq!(
        reason(&rules, &format!(r#"{{"event":"Test",{granted}}}"#)),
        Some(DropReason::Filter { id: "f".to_owned() })
    );
}

#[test]
fn null_in_integrations_names_no_destination() {
    let mut rules = connection(&[]);
    rules.categories.clear();
    rules.keys = vec!["hook".to_owned(), "Webhooks".to_owned()];
    for (integrations, dropped) in [
        (r#"{"hook":null}"#, false),
        (r#"{"All":false,"hook":null}"#, true),
        (r#"{"hook":null,"Webhooks":false}"#, true),
        (r#"{"All":false,"hook":null,"Webhooks":true}"#, false),
    ] {
        assert_eq!(
            reason(
                &rules,
                &format!(r#"{{"event":"A","integrations":{integrations}}}"#)
            ),
            dropped.then_some(DropReason::Integrations),
            "{integrations}"
        );
    }
}

#[test]
fn only_send_drops_everything_else() {
    let rules = connection(&[("type = \"track\"", Action::OnlySend)]);
    assert_eq!(reason(&rules, r#"{"type":"track"}"#), None);
    assert_eq!(
        reason(&rules, r#"{"type":"page"}"#),
        Some(DropReason::Filter { id: "f".to_owned() })
    );
}

#[test]
fn a_filter_that_cannot_be_decided_keeps_the_event_back() {
    let rules = connection(&[("\"x\" in properties.list", Action::Drop)]);
    let list = vec!["1"; 20_000].join(",");
    assert_eq!(
        reason(&rules, &format!(r#"{{"properties":{{"list":[{list}]}}}}"#)),
        Some(DropReason::FilterExceeded { id: "f".to_owned() })
    );
}

#[test]
fn a_transformation_that_copies_copies_of_copies_stops_the_event_and_not_the_hub() {
    let target = |text: &str| Target::parse(text).unwrap();
    for copied in ["properties", "[properties, properties]"] {
        let computes = |count: usize| Transform {
            id: "t".to_owned(),
            condition: Expression::parse("all").unwrap(),
            drop: false,
            event_name: None,
            rename: Vec::new(),
            set: Vec::new(),
            compute: (0..count)
                .map(|n| {
                    let copied = Expression::parse(copied).unwrap();
                    (target(&format!("properties.c{n}")), copied)
                })
                .collect(),
            #[cfg(feature = "shapes")]
            hash: Vec::new(),
            allow: Vec::new(),
        };
        let outcome = |count: usize| {
            let rules = SourceRules {
                transforms: vec![computes(count)],
                ..SourceRules::default()
            };
            let event =
                object(r#"{"type": "track", "event": "A", "properties": {"a": "some text"}}"#);
            match source_stage(&rules, EventType::Track, event, None) {
                SourceOutcome::Passed(_) => None,
                SourceOutcome::Blocked { reason, .. } => Some(reason),
            }
        };
        assert_eq!(outcome(3), None, "{copied}");
        // Each doubles the event, or more: a terabyte in the end.
        assert_eq!(
            outcome(40),
            Some(BlockReason::TransformExceeded),
            "{copied}"
        );
    }
}

#[test]
fn storage_gets_what_filters_and_all_false_keep_from_destinations() {
    let mut rules = connection(&[("all", Action::Drop)]);
    rules.storage = true;
    rules.categories.clear();
    assert_eq!(reason(&rules, r#"{"integrations":{"All":false}}"#), None);
    assert_eq!(
        reason(&rules, r#"{"integrations":{"Warehouses":{"all":false}}}"#),
        Some(DropReason::Integrations)
    );
}

#[test]
fn a_change_of_consent_is_delivered_whatever_the_categories_say() {
    let rules = connection(&[]);
    assert_eq!(
        reason(
            &rules,
            r#"{"event":"Segment Consent Preference Updated","context":{"consent":{"categoryPreferences":{"ads":false}}}}"#
        ),
        None
    );
}

#[test]
fn consent_and_integrations_decide_as_the_vectors_say() {
    let vectors = json(include_str!("../../../tests/vectors/govern/gate.json"));
    for case in vectors.get("cases").unwrap().as_array().unwrap() {
        let why = case.get("why").unwrap().as_str().unwrap();
        let categories = case.get("categories").unwrap().as_array().unwrap();
        let rules = ConnectionRules {
            keys: vec!["Ads".to_owned()],
            categories: categories
                .iter()
                .map(|category| category.as_str().unwrap().to_owned())
                .collect(),
            storage: case.get("storage").and_then(Value::as_bool) == Some(true),
            ..ConnectionRules::default()
        };
        let event = case.get("event").unwrap().to_object().unwrap();
        let outcome = match connection_stage(&rules, &event, None) {
            ConnectionOutcome::Deliver(_) => "deliver",
            ConnectionOutcome::Dropped(reason) => reason.as_str(),
        };
        assert_eq!(Some(outcome), case.get("gate").unwrap().as_str(), "{why}");
    }
}
