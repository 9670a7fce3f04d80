//! Any text as a plan, and any event: a plan that compiles says something of each event, and a second time the same.
#![no_main]
use std::sync::Arc;

use headwater_govern::plan::{Attached, Enforcement, Plan, TrackEnforcement, diff::diff};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Value, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (plan, event) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Ok(written) = parse(plan, &Limits::default()) else {
        return;
    };
    let Ok(plan) = Plan::parse("p", &written) else {
        return;
    };
    assert_eq!(diff(&written, &written), Ok(Vec::new()));
    let Ok(Value::Object(event)) = parse(event, &Limits::default()) else {
        return;
    };
    let checked = plan.check(EventType::Track, &event);
    assert_eq!(plan.check(EventType::Track, &event), checked);
    let attached = Attached {
        plan: Arc::new(plan),
        enforcement: Enforcement {
            track: TrackEnforcement {
                allow_properties_on_violations: false,
                allow_unplanned_event_properties: false,
                ..TrackEnforcement::default()
            },
            ..Enforcement::default()
        },
        source_id: "s".to_owned(),
    };
    let mut left = event.clone();
    let applied = attached.apply(EventType::Track, &mut left);
    assert!(applied.blocked.is_none());
    assert_eq!(applied.planned, checked.planned);
});
