//! The hub's side of the story: which events came in which request, under the names that the scenario knows them by.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::mock::{Recorded, is_settings};

/// One tracking request, read.
#[derive(Clone, Debug)]
pub struct Try {
    /// As it was recorded.
    pub recorded: Recorded,
    /// The body; a single event (`/v1/track` and the like) counts as a batch of one.
    pub body: Value,
    /// Its events.
    pub events: Vec<Value>,
    /// The bytes of each event, as it was sent.
    pub sizes: Vec<usize>,
}

/// The tracking requests, in order. What is no JSON has no events.
#[must_use]
pub fn tries(seen: &[Recorded]) -> Vec<Try> {
    seen.iter()
        .filter(|seen| !is_settings(&seen.request))
        .map(|recorded| {
            let text = recorded.request.body.as_slice();
            let body: Value = serde_json::from_slice(text).unwrap_or_default();
            let (events, sizes) = match body.get("batch").and_then(Value::as_array) {
                Some(events) => (events.clone(), sizes(text)),
                None if body.is_object() => (vec![body.clone()], vec![text.len()]),
                None => (Vec::new(), Vec::new()),
            };
            Try {
                recorded: recorded.clone(),
                body,
                events,
                sizes,
            }
        })
        .collect()
}

fn sizes(text: &[u8]) -> Vec<usize> {
    let parts: HashMap<String, Box<RawValue>> = serde_json::from_slice(text).unwrap_or_default();
    let events: Vec<Box<RawValue>> = parts
        .get("batch")
        .and_then(|batch| serde_json::from_str(batch.get()).ok())
        .unwrap_or_default();
    events.iter().map(|event| event.get().len()).collect()
}

/// What an event is called: its messageId where the scenario gave it one, else its event, name or type.
#[must_use]
pub fn label(event: &Value, given_ids: &[&str]) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    text("messageId")
        .filter(|id| given_ids.contains(id))
        .or_else(|| text("event"))
        .or_else(|| text("name"))
        .or_else(|| text("type"))
        .unwrap_or("?")
        .to_owned()
}

/// The requests in short, for a failed case.
#[must_use]
pub fn story(seen: &[Recorded]) -> String {
    let mut lines = String::new();
    let begin = seen.first().map(|first| first.at);
    for (number, recorded) in seen.iter().enumerate() {
        let request = &recorded.request;
        let at = begin.map_or(0, |begin| recorded.at.duration_since(begin).as_millis());
        let answer = if recorded.answer.reset {
            "closed without an answer".to_owned()
        } else {
            recorded.answer.status.to_string()
        };
        let retry = request.header("x-retry-count").unwrap_or("-");
        lines.push_str(&format!(
            "    #{} +{at} ms {} {} ({} bytes, X-Retry-Count {retry}) → {answer}\n",
            number + 1,
            request.method,
            request.path,
            request.body.len(),
        ));
        for each in tries(std::slice::from_ref(recorded)) {
            for event in each.events.iter().take(8) {
                lines.push_str(&format!("        {}\n", brief(event)));
            }
            if each.events.len() > 8 {
                lines.push_str(&format!("        … {} more\n", each.events.len() - 8));
            }
        }
    }
    if lines.is_empty() {
        lines.push_str("    none\n");
    }
    lines
}

fn brief(event: &Value) -> String {
    let mut kept = json!({});
    for key in ["type", "event", "name", "messageId", "userId", "timestamp"] {
        if let Some(value) = event.get(key) {
            kept[key] = value.clone();
        }
    }
    let text = kept.to_string();
    let size = event.to_string().len();
    format!(
        "{} … {size} bytes",
        text.chars().take(300).collect::<String>()
    )
}
