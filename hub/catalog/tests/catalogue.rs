//! All definitions: they compile, their golden rows hold, and mistakes are told with file, line or path.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use headwater_catalog::{BUILTIN, builtin, golden, json_schema, read};

#[test]
fn every_definition_compiles_and_its_golden_rows_hold() {
    let (mut actions, mut rows, mut failed) = (0, 0, Vec::new());
    for known in BUILTIN {
        let definition = builtin(known.id)
            .unwrap_or_else(|error| panic!("{error}"))
            .unwrap();
        assert_eq!(definition.file.id, known.id);
        let (ran, went, wrong) = golden::run(&definition, known.golden)
            .unwrap_or_else(|error| panic!("{}.golden.yaml: {error}", known.id));
        rows += ran;
        actions += definition.file.actions.len();
        failed.extend(wrong);
        for action in definition.file.actions.keys() {
            if !went.contains(action) {
                failed.push(format!(
                    "{}: the action {action} has no golden row",
                    known.id
                ));
            }
        }
    }
    println!(
        "catalogue: destinations={} actions={actions} golden={rows} failed={}",
        BUILTIN.len(),
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_published_json_schema_is_the_one_of_the_types() {
    let published = include_str!("../definition.schema.json");
    let mut today = serde_json::to_string_pretty(&json_schema()).unwrap();
    today.push('\n');
    if std::env::var_os("WRITE").is_some() {
        std::fs::write("definition.schema.json", &today).unwrap();
        return;
    }
    assert_eq!(
        published, today,
        "run `WRITE=1 cargo test -p headwater-catalog` to write it anew"
    );
}

/// A definition that is right, to be broken.
const RIGHT: &str = r#"id: one
name: One
verified: docs
settings: {key: {secret: true, minLength: 2}}
auth: {kind: bearer, token: "= $settings.key"}
actions:
  send:
    trigger: type = "track"
    fields:
      who: {type: string, required: true, default: {"@path": $.userId}}
    request: {url: "https://one.example/", body: {who: "= $fields.who"}}
presets: [{name: All, action: send, automatic: true}]
"#;

#[test]
fn a_mistake_is_told_with_its_file_its_line_or_path_and_what_to_write() {
    assert!(read("one.yaml", RIGHT).is_ok());
    for (from, to, told) in [
        ("verified: docs", "verifed: docs", "one.yaml:3"),
        ("required: true", "require: true", "one.yaml:10"),
        (
            "{kind: bearer, token",
            "{kind: bearer, tokens",
            "one.yaml:5",
        ),
        (
            "= $settings.key",
            "= $setings.key",
            "auth.token: at character 1",
        ),
        (
            "\"@path\": $.userId",
            "\"@paths\": $.userId",
            "actions.send.fields.who.default.@paths: there is no such directive",
        ),
        (
            "= $fields.who",
            "= trim($fields.who",
            "actions.send.request.body.who: at character",
        ),
        (
            "action: send",
            "action: sent",
            "presets.0.action: there is no action sent",
        ),
        ("id: one", "id: One!", "id: has small letters"),
        (
            "    trigger: type = \"track\"\n",
            "",
            "presets.0: it or its action has a trigger",
        ),
    ] {
        assert!(RIGHT.contains(from), "{from}");
        let error = read("one.yaml", &RIGHT.replacen(from, to, 1))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{from}: {error}");
    }
    let looping = RIGHT.replace(
        r#"request: {url: "https://one.example/", body: {who: "= $fields.who"}}"#,
        "steps: [{id: a, request: {url: x}, on: [{if: all, then: a}]}]",
    );
    let error = read("one.yaml", &looping).unwrap_err().to_string();
    assert!(
        error.contains("actions.send.steps.0.on.0.then: goes to a later step"),
        "{error}"
    );
}

#[test]
fn settings_are_checked_and_no_value_is_in_what_is_told() {
    let definition = read("one.yaml", RIGHT).unwrap();
    let given = |text: &str| {
        headwater_model::json::parse(text.as_bytes(), &headwater_model::json::Limits::default())
            .unwrap()
            .into_object()
            .unwrap()
    };
    for (settings, name) in [
        ("{}", "key"),
        (r#"{"key": "k"}"#, "key"),
        (r#"{"key": 7}"#, "key"),
        (r#"{"key": "secret", "other": 1}"#, "other"),
    ] {
        let wrong = definition.settings(&given(settings)).unwrap_err();
        assert_eq!(wrong[0].0, name, "{settings}");
        assert!(!format!("{wrong:?}").contains("secret"));
    }
}

#[test]
fn masked_settings_show_what_would_be_sent_without_its_secrets_and_a_retry_sends_equal_bytes() {
    let definition = read("one.yaml", RIGHT).unwrap();
    let object = |text: &str| {
        headwater_model::json::parse(text.as_bytes(), &headwater_model::json::Limits::default())
            .unwrap()
            .into_object()
            .unwrap()
    };
    let settings = definition
        .settings(&object(r#"{"key": "top secret"}"#))
        .unwrap();
    let event = object(r#"{"type": "track", "userId": "u1"}"#);
    let sent = |settings: &headwater_catalog::Settings, at: i64| {
        let prepared = definition
            .prepare(settings, &event, 1, at)
            .remove(0)
            .unwrap();
        let mut exchange = definition.exchange(settings, vec![prepared]).unwrap();
        exchange.next(at, None).unwrap().unwrap()
    };
    assert_eq!(sent(&settings, 5), sent(&settings, 6));
    assert!(format!("{:?}", sent(&settings, 5).headers).contains("top secret"));
    let shown = sent(&definition.masked(&settings), 5);
    assert!(format!("{:?} {} {}", shown.headers, shown.url, shown.shown).contains("<key>"));
    assert!(!format!("{:?}", shown.headers).contains("top secret"));
}
