//! The judgement: what came to the hub, against what the scenario says and against what holds in every scenario.
//!
//! Always: each event arrives once and in the order of the calls, keeps its messageId and timestamp over all tries, has
//! an id of its own; each body has `sentAt` and names the source.

use std::collections::HashMap;

use headwater_model::time::parse_iso;
use serde_json::Value;

use crate::case::{Case, known};
use crate::ledger::{self, Try};
use crate::mock::{Recorded, is_settings};
use crate::template::lay;

const FIELDS: [&str; 16] = [
    "arrived",
    "extra",
    "requests",
    "batches",
    "retryCounts",
    "gaps",
    "headers",
    "fields",
    "merged",
    "envelope",
    "paths",
    "settingsRequests",
    "bodyBytes",
    "eventBytes",
    "ids",
    "freshSentAt",
];

/// Everything that is not as it must be.
///
/// How soon a client tries again is by the backoff that we ask ours for (`headwater.backoffMs`): of another's the longest
/// wait is not judged (`ours` is false).
pub(crate) fn judge(case: &Case, seen: &[Recorded], ours: bool) -> Vec<String> {
    let mut failures = Vec::new();
    if let Err(problem) = known(&case.expect, &FIELDS) {
        failures.push(problem);
    }
    let calls: Vec<&Value> = case
        .runs
        .iter()
        .flat_map(crate::case::Run::events)
        .collect();
    let given_ids: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.get("messageId").and_then(Value::as_str))
        .collect();
    let tries = ledger::tries(seen);
    let label = |event: &Value| ledger::label(event, &given_ids);

    let called: Vec<String> = calls.iter().map(|call| label(call)).collect();
    arrivals(&case.expect, &called, &tries, &label, &mut failures);
    identities(&case.expect, &tries, &label, &mut failures);
    bodies(case, &tries, &mut failures);
    counts(&case.expect, &tries, seen, &mut failures);
    times(&case.expect, &tries, ours, &mut failures);
    contents(&case.expect, &tries, &label, &mut failures);
    sizes(&case.expect, &tries, &mut failures);
    failures
}

fn arrivals(
    expect: &Value,
    called: &[String],
    tries: &[Try],
    label: &impl Fn(&Value) -> String,
    failures: &mut Vec<String>,
) {
    let extra = strings(expect.get("extra"));
    let arrived: Vec<String> = tries
        .iter()
        .filter(|each| each.recorded.accepted())
        .flat_map(|each| each.events.iter().map(label))
        .filter(|name| !extra.contains(name))
        .collect();
    let wanted: Vec<String> = match expect.get("arrived") {
        None => called.to_vec(),
        Some(Value::String(word)) if word == "all" => called.to_vec(),
        Some(Value::String(word)) if word == "none" => Vec::new(),
        list => strings(list),
    };
    for name in &extra {
        let came = tries
            .iter()
            .filter(|each| each.recorded.accepted())
            .any(|each| each.events.iter().any(|event| label(event) == *name));
        if !came {
            failures.push(format!("{name:?} never arrived"));
        }
    }
    if arrived == wanted {
        return;
    }
    let before = failures.len();
    for (name, times) in count(&wanted) {
        let came = arrived.iter().filter(|other| **other == name).count();
        if came < times {
            failures.push(format!("{name:?} never arrived"));
        } else if came > times {
            failures.push(format!("{name:?} arrived {came} times, not {times}"));
        }
    }
    for (name, _) in count(&arrived) {
        if !wanted.contains(&name) {
            failures.push(format!("{name:?} must not arrive, and did"));
        }
    }
    if failures.len() == before {
        failures.push(format!("the order is {arrived:?} and must be {wanted:?}"));
    }
}

fn count(names: &[String]) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name.clone(), 1)),
        }
    }
    counts
}

/// An event is one event however often it is tried, and no other event.
fn identities(
    expect: &Value,
    tries: &[Try],
    label: &impl Fn(&Value) -> String,
    failures: &mut Vec<String>,
) {
    // Events of one name (`each of six types, twice`) cannot be told apart without their ids.
    let by_name = expect.get("ids").and_then(Value::as_str) != Some("many");
    let mut stamps: HashMap<String, (String, String)> = HashMap::new();
    let mut owners: HashMap<String, String> = HashMap::new();
    for each in tries {
        for event in &each.events {
            let name = label(event);
            let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
            let (id, timestamp) = (text("messageId"), text("timestamp"));
            if id.is_empty() || id.len() > 100 {
                failures.push(format!("{name:?} has no usable messageId ({id:?})"));
            }
            if parse_iso(timestamp).is_none() {
                failures.push(format!(
                    "{name:?} has no ISO 8601 timestamp ({timestamp:?})"
                ));
            }
            let stamp = (id.to_owned(), timestamp.to_owned());
            let first = stamps.entry(name.clone()).or_insert_with(|| stamp.clone());
            if by_name && *first != stamp {
                failures.push(format!(
                    "{name:?} came as {first:?} and again as {stamp:?}: messageId and timestamp must not change"
                ));
            }
            let owner = owners.entry(id.to_owned()).or_insert_with(|| name.clone());
            if *owner != name {
                failures.push(format!("{owner:?} and {name:?} have one messageId, {id:?}"));
            }
        }
    }
    failures.dedup();
}

fn bodies(case: &Case, tries: &[Try], failures: &mut Vec<String>) {
    let key = case
        .runs
        .first()
        .and_then(|run| run.input.get("writeKey"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let basic = basic(key);
    for (number, each) in tries.iter().enumerate() {
        let number = number + 1;
        if each.events.is_empty() {
            failures.push(format!("request {number} is no batch of JSON events"));
            continue;
        }
        let sent_at = each.body.get("sentAt").and_then(Value::as_str);
        if sent_at.and_then(parse_iso).is_none() {
            failures.push(format!("request {number} has no ISO 8601 sentAt"));
        }
        let request = &each.recorded.request;
        let in_body = each.body.get("writeKey").and_then(Value::as_str) == Some(key);
        if !in_body && request.header("authorization") != Some(&basic) {
            failures.push(format!(
                "request {number} does not name the source, neither by writeKey nor by Basic auth"
            ));
        }
        for (name, wanted) in object(case.expect.get("headers")) {
            let wanted = if wanted == "$basic" {
                Value::from(basic.clone())
            } else {
                wanted.clone()
            };
            let value = request.header(name).map_or(Value::Null, Value::from);
            expect_value(
                &format!("request {number}: header {name}"),
                &value,
                &wanted,
                failures,
            );
        }
        for (path, wanted) in object(case.expect.get("envelope")) {
            let value = at_path(&each.body, path);
            expect_value(
                &format!("request {number}: {path}"),
                &value,
                wanted,
                failures,
            );
        }
    }
    if case.expect.get("freshSentAt") == Some(&Value::Bool(true)) {
        let mut all: Vec<&str> = tries
            .iter()
            .filter_map(|each| each.body.get("sentAt").and_then(Value::as_str))
            .collect();
        let before = all.len();
        all.dedup();
        if all.len() != before {
            failures.push("a later try carries the sentAt of an earlier one".to_owned());
        }
    }
}

fn counts(expect: &Value, tries: &[Try], seen: &[Recorded], failures: &mut Vec<String>) {
    let settings = seen
        .iter()
        .filter(|seen| is_settings(&seen.request))
        .count();
    within(
        "tracking requests",
        tries.len(),
        expect.get("requests"),
        failures,
    );
    within(
        "settings requests",
        settings,
        expect.get("settingsRequests"),
        failures,
    );
    let listed = [
        (
            "batches",
            tries
                .iter()
                .map(|each| Value::from(each.events.len()))
                .collect::<Vec<_>>(),
        ),
        (
            "retryCounts",
            tries
                .iter()
                .map(|each| each.recorded.request.header("x-retry-count"))
                .map(|text| match text.map(str::parse::<u64>) {
                    Some(Ok(count)) => Value::from(count),
                    Some(Err(_)) => Value::from("no number"),
                    None => Value::Null,
                })
                .collect(),
        ),
        (
            "paths",
            tries
                .iter()
                .map(|each| Value::from(each.recorded.request.path.clone()))
                .collect(),
        ),
    ];
    for (name, got) in listed {
        if let Some(wanted) = expect.get(name)
            && *wanted != Value::Array(got.clone())
        {
            failures.push(format!(
                "{name} are {} and must be {wanted}",
                Value::Array(got)
            ));
        }
    }
}

/// `{"between": [1, 2], "min": 900, "max": 2000}`: milliseconds from an answer to the next request.
fn times(expect: &Value, tries: &[Try], ours: bool, failures: &mut Vec<String>) {
    for gap in expect
        .get("gaps")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let at = |place: usize| {
            gap.pointer(&format!("/between/{place}"))
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok()?.checked_sub(1))
                .and_then(|n| tries.get(n))
        };
        let (Some(from), Some(to)) = (at(0), at(1)) else {
            failures.push(format!("the requests of the gap {gap} did not both come"));
            continue;
        };
        let answered = from.recorded.answered.unwrap_or(from.recorded.at);
        let ms = to
            .recorded
            .at
            .saturating_duration_since(answered)
            .as_millis();
        let bound = |key: &str| gap.get(key).and_then(Value::as_u64).map(u128::from);
        let late = ours && bound("max").is_some_and(|max| ms > max);
        if late || bound("min").is_some_and(|min| ms < min) {
            failures.push(format!("the wait was {ms} ms, against {gap}"));
        }
    }
}

fn contents(
    expect: &Value,
    tries: &[Try],
    label: &impl Fn(&Value) -> String,
    failures: &mut Vec<String>,
) {
    let as_sent = tries.iter().flat_map(|each| each.events.iter().cloned());
    look(
        "fields",
        expect,
        &as_sent.collect::<Vec<_>>(),
        label,
        failures,
    );
    // As the hub reads them: the tracking API lays an event's context over the envelope's.
    let merged = tries.iter().flat_map(|each| {
        each.events.iter().map(|event| {
            let mut event = event.clone();
            if let Some(envelope) = each.body.get("context") {
                let mut context = envelope.clone();
                if let Some(own) = event.get("context") {
                    lay(&mut context, own);
                }
                event["context"] = context;
            }
            event
        })
    });
    look(
        "merged",
        expect,
        &merged.collect::<Vec<_>>(),
        label,
        failures,
    );
    failures.dedup();
}

fn look(
    key: &str,
    expect: &Value,
    events: &[Value],
    label: &impl Fn(&Value) -> String,
    failures: &mut Vec<String>,
) {
    for (name, fields) in object(expect.get(key)) {
        let events: Vec<&Value> = events
            .iter()
            .filter(|event| name == "*" || label(event) == *name)
            .collect();
        if events.is_empty() {
            failures.push(format!("{name:?} was in no request"));
        }
        for event in events {
            for (path, wanted) in object(Some(fields)) {
                let value = at_path(event, path);
                let what = format!("{:?}: {path}", label(event));
                expect_value(&what, &value, wanted, failures);
            }
        }
    }
}

fn sizes(expect: &Value, tries: &[Try], failures: &mut Vec<String>) {
    for each in tries {
        let body = each.recorded.request.body.len();
        within("bytes of a body", body, expect.get("bodyBytes"), failures);
        for size in &each.sizes {
            within(
                "bytes of an event",
                *size,
                expect.get("eventBytes"),
                failures,
            );
        }
    }
}

/// A number, or `{"min", "max"}`.
fn within(what: &str, got: usize, wanted: Option<&Value>, failures: &mut Vec<String>) {
    let Some(wanted) = wanted else { return };
    let got = got as u64;
    let fits = match wanted.as_u64() {
        Some(exactly) => got == exactly,
        None => {
            let bound = |key: &str| wanted.get(key).and_then(Value::as_u64);
            bound("min").is_none_or(|min| got >= min) && bound("max").is_none_or(|max| got <= max)
        }
    };
    if !fits {
        failures.push(format!("{what}: {got}, and must be {wanted}"));
    }
}

/// A value, or a word: `$any`, `$absent`, `$iso`, `$uuid`, `$text`.
fn expect_value(what: &str, got: &Value, wanted: &Value, failures: &mut Vec<String>) {
    let text = got.as_str();
    let fits = match wanted.as_str() {
        Some("$any") => !got.is_null(),
        Some("$absent") => got.is_null(),
        Some("$iso") => text.is_some_and(|text| parse_iso(text).is_some()),
        Some("$uuid") => text.is_some_and(|text| {
            text.len() == 36 && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
        }),
        Some("$text") => text.is_some_and(|text| !text.is_empty()),
        _ => same(got, wanted),
    };
    if !fits {
        let short: String = got.to_string().chars().take(200).collect();
        let wanted: String = wanted.to_string().chars().take(200).collect();
        failures.push(format!("{what} is {short} and must be {wanted}"));
    }
}

/// 1 and 1.0 are one number, as in JSON they are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn at_path(value: &Value, path: &str) -> Value {
    path.split('.')
        .try_fold(value, |value, key| match value {
            Value::Array(all) => key.parse::<usize>().ok().and_then(|at| all.get(at)),
            other => other.get(key),
        })
        .cloned()
        .unwrap_or_default()
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The `Authorization` header of a write key: it is the user, the password is empty.
fn basic(key: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = [key.as_bytes(), b":"].concat();
    let mut out = "Basic ".to_owned();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sign = ALPHABET.get((bits >> (18 - 6 * place) & 63) as usize);
            out.push(if place > chunk.len() {
                '='
            } else {
                sign.map_or('=', |sign| char::from(*sign))
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_key_makes_the_header_that_rfc_7617_says() {
        assert_eq!(basic("Aladdin"), "Basic QWxhZGRpbjo=");
        assert_eq!(basic("ab"), "Basic YWI6");
        assert_eq!(basic("abc"), "Basic YWJjOg==");
    }
}
