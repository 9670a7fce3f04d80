//! A workspace from files, and what is said of files that are wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use headwater_workspace::{Compiled, Findings, Kind, Workspace, json_schema, open};
use tempfile::TempDir;

const PLAN: &str = r#"{"name": "Checkout", "rules": [{"type": "TRACK", "key": "Order Completed", "version": 1,
  "jsonSchema": {"type": "object", "properties": {"properties": {"type": "object", "required": ["total"]}}}}]}"#;

/// A folder that is right.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("workspace.yaml", "version: 1\nname: Shop\n"),
        (
            "sources/web.yaml",
            "write_keys: [wk_1]\nplan: checkout\nenforcement: {track: {allowEventOnViolations: false}}\n",
        ),
        ("plans/checkout.json", PLAN),
        (
            "destinations/hook.yaml",
            "type: webhook\nsettings: {url: '${env:HOOK}'}\ncategories: [ads]\n",
        ),
        (
            "connections/web-hook.yaml",
            "source: web\ndestination: hook\nfilters:\n  - if: event = \"Test\"\n    action: drop\n",
        ),
        ("warehouses/local.yaml", "type: sqlite\n"),
        ("traits/orders.yaml", "event: Order Completed\n"),
    ] {
        write(dir.path(), file, text);
    }
    dir
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn hook(name: &str) -> Option<String> {
    (name == "HOOK").then(|| "https://hook.example/in?token=secret".to_owned())
}

fn opened(path: &Path) -> Result<(Workspace, Compiled), Findings> {
    open(path, &hook)
}

#[test]
fn a_folder_becomes_rules_with_ids_that_follow_from_its_names() {
    let dir = folder();
    let (workspace, compiled) = opened(dir.path()).unwrap();
    assert_eq!(compiled.name, "Shop");
    let source = &compiled.sources[0];
    assert_eq!(Some(&source.id), workspace.id(Kind::Source, "web"));
    let attached = source.rules.plan.as_ref().unwrap();
    assert_eq!(attached.plan.name, "Checkout");
    assert_eq!(attached.source_id, source.id.as_str());
    assert!(!attached.enforcement.track.allow_event_on_violations);
    assert!(attached.enforcement.track.allow_unplanned_events);
    let connection = &compiled.connections[0];
    assert_eq!(connection.source, source.id);
    assert_eq!(connection.rules.filters.iter().len(), 1);
    assert_eq!(
        connection.destination.webhook.url,
        "https://hook.example/in?token=secret"
    );
    assert!(!connection.destination.webhook.allow_private_network);
    assert_eq!(compiled.warehouses[0].path, "warehouse.sqlite");
    assert_eq!(compiled.traits[0].event, "Order Completed");
}

#[test]
fn one_file_says_the_same_as_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.yaml");
    let text = format!(
        "version: 1\nname: Shop\nsources: {{web: {{write_keys: [wk_1], plan: checkout}}}}\nplans: {{checkout: {PLAN}}}\n\
         destinations: {{hook: {{type: webhook, settings: {{url: 'https://hook.example'}}}}}}\n\
         connections: {{web-hook: {{source: web, destination: hook}}}}\n"
    );
    fs::write(&file, text).unwrap();
    let (one, _) = opened(&file).unwrap();
    let (many, _) = opened(folder().path()).unwrap();
    for (kind, name) in [
        (Kind::Source, "web"),
        (Kind::Plan, "checkout"),
        (Kind::Destination, "hook"),
        (Kind::Connection, "web-hook"),
    ] {
        assert_eq!(one.id(kind, name), many.id(kind, name), "{name}");
    }
}

#[test]
fn an_id_in_a_file_wins_so_that_the_file_can_be_renamed() {
    let dir = folder();
    write(
        dir.path(),
        "warehouses/local.yaml",
        "id: wh_mine\ntype: sqlite\n",
    );
    let (workspace, _) = opened(dir.path()).unwrap();
    assert_eq!(
        workspace.id(Kind::Warehouse, "local").unwrap().as_str(),
        "wh_mine"
    );
}

#[test]
fn the_version_changes_with_any_file_and_with_nothing_else() {
    let dir = folder();
    let (_, before) = opened(dir.path()).unwrap();
    let (_, again) = opened(dir.path()).unwrap();
    assert_eq!(before.version, again.version);
    write(dir.path(), "traits/orders.yaml", "event: Order Refunded\n");
    let (_, after) = opened(dir.path()).unwrap();
    assert_ne!(before.version, after.version);
}

#[test]
fn every_mistake_is_told_with_file_path_and_reason() {
    for (file, text, expected) in [
        (
            "workspace.yaml",
            "version: 2\nname: Shop\n",
            "workspace.yaml: version: is 2; this build reads version 1",
        ),
        ("workspace.yaml", "name: Shop\n", "version"),
        ("workspace.yaml", "version: [", "workspace.yaml:1"),
        (
            "sources/web.yaml",
            "write_keys: [wk_1]\nplann: checkout\n",
            "sources/web.yaml:2",
        ),
        (
            "sources/web.yaml",
            "write_keys: [wk_1]\nenabled: maybe\n",
            "sources/web.yaml:2",
        ),
        (
            "sources/web.yaml",
            "write_keys: []\n",
            "write_keys: is empty",
        ),
        (
            "sources/web.yaml",
            "write_keys: [wk_1]\nplan: chekout\n",
            "plan: there is no plan `chekout`; there are checkout",
        ),
        (
            "sources/app.yaml",
            "write_keys: [wk_1]\n",
            "is a key of `app` already",
        ),
        (
            "sources/Web Shop.yaml",
            "write_keys: [wk_2]\n",
            "a name has 1 to 100 of a-z",
        ),
        (
            "sources/web.txt",
            "write_keys: [wk_1]\n",
            "must end in .yaml",
        ),
        (
            "source/web.yaml",
            "write_keys: [wk_1]\n",
            "no folder of a workspace has this name",
        ),
        (
            "plans/checkout.json",
            r#"{"rules": [{"type": "TRACK", "key": "A", "jsonSchema": {"pattern": "("}}]}"#,
            "plans/checkout.json: rules[0].jsonSchema.pattern",
        ),
        (
            "connections/web-hook.yaml",
            "source: web\ndestination: hook\nfilters: [{if: 'event = ', action: drop}]\n",
            "connections/web-hook.yaml: filters[0].if: at character 9",
        ),
        (
            "connections/web-hook.yaml",
            "source: app\ndestination: hook\n",
            "source: there is no source `app`; there are web",
        ),
        (
            "destinations/hook.yaml",
            "type: webhook\nsettings: {url: '${env:NOPE}'}\n",
            "settings.url: the environment variable NOPE is not set",
        ),
        (
            "destinations/hook.yaml",
            "type: webhook\nsettings: {url: 'ftp://x'}\n",
            "begins with http:// or https://",
        ),
        (
            "destinations/hook.yaml",
            "type: pigeon\nsettings: {url: 'https://x'}\n",
            "destinations/hook.yaml:1",
        ),
        (
            "warehouses/local.yaml",
            "type: sqlite\npath: ../outside.sqlite\n",
            "warehouses/local.yaml: path: must be a file name",
        ),
        (
            "warehouses/second.yaml",
            "type: sqlite\n",
            "is the file of `local` already",
        ),
        (
            "traits/a.yaml",
            "id: x\nevent: A\n---\nevent: B\n",
            "traits/a.yaml",
        ),
        (
            "traits/a.yaml",
            "a: &a [x, x]\nb: &b [*a, *a]\nevent: A\n",
            "traits/a.yaml",
        ),
    ] {
        let dir = folder();
        write(dir.path(), file, text);
        let findings = opened(dir.path()).expect_err(file).to_string();
        assert!(
            findings.contains(expected),
            "{file} {text:?}\n  said {findings}\n  not  {expected}"
        );
    }
}

#[test]
fn no_finding_tells_the_value_of_a_reference() {
    let dir = folder();
    let findings = open(dir.path(), &|_| Some("token-in-wrong-place".to_owned()))
        .unwrap_err()
        .to_string();
    assert!(findings.contains("settings.url"));
    assert!(!findings.contains("token-in-wrong-place"));
}

#[test]
fn a_file_that_is_too_large_is_not_parsed() {
    let dir = folder();
    let text = format!("write_keys: [wk_1]\n#{}\n", "x".repeat(1 << 20));
    write(dir.path(), "sources/web.yaml", &text);
    let findings = opened(dir.path()).unwrap_err().to_string();
    assert!(findings.contains("is larger than"), "{findings}");
}

#[test]
fn a_missing_folder_and_an_empty_one_say_what_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let empty = opened(dir.path()).unwrap_err().to_string();
    assert!(empty.contains("there is no workspace.yaml"), "{empty}");
    let missing = opened(&dir.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn the_published_json_schema_is_the_one_of_the_types() {
    let published = include_str!("../workspace.schema.json");
    let mut today = serde_json::to_string_pretty(&json_schema()).unwrap();
    today.push('\n');
    if std::env::var_os("WRITE").is_some() {
        fs::write("workspace.schema.json", &today).unwrap();
        return;
    }
    assert_eq!(
        published, today,
        "run `WRITE=1 cargo test -p headwater-workspace` to write it anew"
    );
}
