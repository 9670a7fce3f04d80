//! The stages of a source with a plan and of a connection with three filters: events a second on one core.

use std::hint::black_box;

use headwater_govern::stages::{
    ConnectionOutcome, SourceOutcome, connection_stage, source_stage,
};
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, parse};
use headwater_workspace::{Compiled, open};

use crate::event::TEXT;
use crate::timing::microseconds;

/// What is asked of the stages, from events that are parsed and from text.
const BARS: [f64; 2] = [50_000.0, 35_000.0];

const WORKSPACE: &str = r#"
version: 1
name: Shop
sources: {web: {write_keys: [wk_1], plan: checkout, transforms: [{if: 'event = "order done"', event: Order Completed}]}}
plans:
  checkout:
    rules:
      - type: TRACK
        key: Order Completed
        version: 1
        jsonSchema:
          type: object
          required: [properties]
          properties:
            properties:
              type: object
              required: [order_id, total, currency, products]
              properties:
                order_id: {type: string}
                total: {type: number}
                currency: {enum: [EUR, USD]}
                products: {type: array}
destinations: {hook: {type: webhook, settings: {url: 'https://hook.example'}}}
connections:
  web-hook:
    source: web
    destination: hook
    filters:
      - {if: 'event = "Test" or contains(properties.order_id, "test")', action: drop}
      - {if: 'type = "track" and properties.total > 20', action: only_send}
      - {if: all, action: drop_properties, fields: {properties: [coupon], context: [ip]}}
"#;

/// The lines of both rows, and how much of the text row is parsing.
pub(crate) fn rows(rounds: usize) -> Result<Vec<String>, String> {
    let compiled = compiled()?;
    let event = event()?;
    let (mut parsed, mut text, mut parsing) = (Vec::new(), Vec::new(), Vec::new());
    if !passes(&compiled, event.clone()) {
        return Err("the event does not reach the destination".to_owned());
    }
    // A stage takes the event: what the copy costs is no part of it.
    for _ in 0..rounds {
        let copy = microseconds(|| drop(black_box(event.clone())));
        let both = microseconds(|| {
            black_box(passes(&compiled, event.clone()));
        });
        parsed.push((both - copy).max(0.001));
        text.push(microseconds(|| {
            if let Ok(event) = crate::stages::event() {
                black_box(passes(&compiled, event));
            }
        }));
        parsing.push(microseconds(|| drop(black_box(crate::stages::event()))));
    }
    let [parsed, text, parsing] = [&parsed, &text, &parsing].map(|figures| measure::median(figures));
    let share = 100.0 * parsing / text;
    Ok(vec![
        measure::bench("stages", 1e6 / parsed, "events/s", "bar", BARS[0]),
        measure::bench("stages_text", 1e6 / text, "events/s", "bar", BARS[1]),
        format!("stages_text: {share:.0} % of the time is parsing ({parsing:.1} of {text:.1} us)"),
    ])
}

fn compiled() -> Result<Compiled, String> {
    let file = std::env::temp_dir().join(format!("bench-govern-{}.yaml", std::process::id()));
    std::fs::write(&file, WORKSPACE).map_err(|error| error.to_string())?;
    let opened = open(&file, &|_| None).map_err(|findings| findings.to_string());
    let _ = std::fs::remove_file(&file);
    Ok(opened?.1)
}

fn event() -> Result<Object, String> {
    let event = parse(TEXT.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    Ok(event.into_object().unwrap_or_default())
}

/// Whether the event reaches the destination.
fn passes(compiled: &Compiled, event: Object) -> bool {
    let (Some(source), Some(connection)) =
        (compiled.sources.first(), compiled.connections.first())
    else {
        return false;
    };
    match source_stage(&source.rules, EventType::Track, event, None) {
        SourceOutcome::Passed(event) => matches!(
            connection_stage(&connection.rules, &event, None),
            ConnectionOutcome::Deliver(_)
        ),
        SourceOutcome::Blocked { .. } => false,
    }
}
