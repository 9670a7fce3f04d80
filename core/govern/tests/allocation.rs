//! A filter's path through an event asks for no memory.
#![cfg(feature = "rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::System;
use std::borrow::Cow;

use headwater_govern::expression::Expression;
use headwater_govern::filter::{Action, Filter};
use headwater_govern::stages::{ConnectionRules, connection_stage};
use headwater_model::json::{Limits, parse};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

// One test in a binary of its own: other threads would be counted, too.
#[test]
fn a_filter_decides_without_asking_for_memory() {
    let event = parse(
        br#"{"type":"track","event":"Order Completed","messageId":"m","properties":{"total":27.5,"list":["x",12,null],"name":"Ada"},"context":{"app":{"name":"Shop"}}}"#,
        &Limits::default(),
    );
    let event = event.unwrap().into_object().unwrap();
    for fql in [
        r#"type = "track" and event = "Order Completed" and properties.total > 20"#,
        r#"properties.missing = null or !contains(properties.name, "x")"#,
        r#"match(event, "Order*[a-z]") and 12 in properties.list"#,
        r#"length(properties.list) = 3 and typeof(context.app) = "object""#,
        r#"properties.list = ["x", 12.0, null]"#,
    ] {
        let filter = Filter {
            id: "f".to_owned(),
            condition: Expression::parse(fql).unwrap(),
            action: Action::OnlySend,
        };
        let mut held = Cow::Borrowed(&event);
        let region = Region::new(ALLOCATOR);
        let filtered = filter.apply(&mut held);
        let change = region.change();
        assert!(filtered.is_ok());
        let asked = change.allocations + change.reallocations;
        // A number that a function makes is a text that grows once.
        let made = 2 * usize::from(fql.contains("length("));
        assert!(asked <= made, "{fql} asked {asked} times");
    }
    let rules = ConnectionRules::default();
    let region = Region::new(ALLOCATOR);
    let _ = connection_stage(&rules, &event, None);
    assert_eq!(region.change().reallocations, 0);
}
