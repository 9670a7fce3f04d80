//! Rules over a sample event.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_model::json::Value;
use headwater_workspace::{open, preview};

fn ask(question: &str) -> Result<Value, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.yaml");
    std::fs::write(
            &file,
            "version: 1\nname: Shop\nsources: {web: {write_keys: [wk_1], transforms: [{if: all, rename: {properties.a: properties.b}}]}}\n\
             destinations: {hook: {type: webhook, settings: {url: 'https://hook.example'}}}\n\
             connections: {web-hook: {source: web, destination: hook, filters: [{id: tests, if: event = \"Test\", action: drop}]}}\n",
        )
        .unwrap();
    let (_, compiled) = open(&file, &|_| None).unwrap();
    preview(&compiled, question.as_bytes())
        .map(Value::Object)
        .map_err(|error| error.to_string())
}

fn text<'v>(answer: &'v Value, path: &str) -> &'v str {
    answer.path(path).unwrap().as_str().unwrap()
}

#[test]
fn a_connection_is_shown_with_what_its_source_does_first() {
    let answer = ask(
            r#"{"event": {"type": "track", "event": "A", "properties": {"a": 1}}, "connection": "web-hook"}"#,
        )
        .unwrap();
    assert_eq!(text(&answer, "outcome"), "delivered");
    assert_eq!(answer.path("event.properties.b").unwrap().as_u64(), Some(1));
    let step = &answer.get("source_stage").unwrap().as_array().unwrap()[0];
    assert_eq!(
        (text(step, "rule"), text(step, "did")),
        ("transform:0", "changed")
    );
    let dropped =
        ask(r#"{"event": {"type": "track", "event": "Test"}, "connection": "web-hook"}"#).unwrap();
    assert_eq!(text(&dropped, "outcome"), "dropped");
    assert_eq!(text(&dropped, "reason"), "filter");
}

#[test]
fn a_rule_that_is_only_thought_of_is_run() {
    let answer = ask(
            r#"{"event": {"type": "track", "properties": {"email": "a@b.c"}}, "filter": {"if": "all", "action": "drop_properties", "fields": {"properties": ["email"]}}}"#,
        )
        .unwrap();
    assert_eq!(text(&answer, "outcome"), "delivered");
    assert_eq!(answer.path("event.properties.email"), None);
    let answer = ask(
            r#"{"event": {"type": "track", "event": "Old"}, "schema": {"events": {"Old": {"allow": false}}}}"#,
        )
        .unwrap();
    assert_eq!(text(&answer, "reason"), "schema");
}

#[test]
fn what_is_wrong_with_a_question_or_rule_is_said() {
    for (question, part) in [
        ("[", ""),
        ("{}", "event"),
        (r#"{"event": {}, "source": "web"}"#, "event.type"),
        (r#"{"event": {"type": "track"}}"#, "give one of"),
        (
            r#"{"event": {"type": "track"}, "source": "x"}"#,
            "no source `x`",
        ),
        (
            r#"{"event": {"type": "track"}, "filter": {"if": "type = track", "action": "drop"}}"#,
            "if: at character 8",
        ),
        (
            r#"{"event": {"type": "track"}, "filter": {"iff": "all"}}"#,
            "unknown field",
        ),
    ] {
        let problem = ask(question).unwrap_err();
        assert!(problem.contains(part), "{question}: {problem}");
    }
}
