//! Any JSON as a filter, a transformation, schema controls and Segment's JSON of a filter, over any event: refused, or run
//! without a panic; a filter that passes an event leaves its messageId.
#![no_main]
use headwater_govern::expression::Expression;
use headwater_govern::filter::Filters;
use headwater_govern::stages::{
    ConnectionOutcome, ConnectionRules, SourceRules, Trace, connection_stage, source_stage,
};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Value, parse};
use headwater_workspace::{FilterFile, SchemaFile, TransformFile, rule_from_json};
use libfuzzer_sys::fuzz_target;

// Two JSON texts with a zero byte between them: the rule and the event.
fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(rule), Some(event)) = (parts.next(), parts.next()) else {
        return;
    };
    let _ = Expression::from_ir(rule);
    let (Ok(rule), Ok(Value::Object(event))) = (
        parse(rule, &Limits::default()),
        parse(event, &Limits::default()),
    ) else {
        return;
    };
    let mut rules = SourceRules::default();
    let transform = rule_from_json::<TransformFile>(&rule);
    rules.transforms.extend(transform.and_then(|file| file.compile(0)).ok());
    let schema = rule_from_json::<SchemaFile>(&rule);
    rules.schema = schema.and_then(|file| file.compile()).ok();
    let mut trace = Trace::default();
    let traced = source_stage(&rules, EventType::Track, event.clone(), Some(&mut trace));
    assert_eq!(traced, source_stage(&rules, EventType::Track, event.clone(), None));
    let filter = rule_from_json::<FilterFile>(&rule).and_then(|file| file.compile(0));
    let rules = ConnectionRules {
        filters: Filters::new(filter.into_iter().collect()),
        ..ConnectionRules::default()
    };
    if let ConnectionOutcome::Deliver(after) = connection_stage(&rules, &event, Some(&mut trace)) {
        assert_eq!(after.get("messageId"), event.get("messageId"));
    }
    let _ = trace.to_json();
});
