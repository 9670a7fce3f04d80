//! `headwater destinations`, by the binary.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

fn ran(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_command_line_shows_the_catalogue_and_the_request_of_an_event_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    let settings = folder.path().join("settings.json");
    std::fs::write(&event, r#"{"type": "track", "event": "Played", "userId": "u1", "timestamp": "2026-11-29T17:00:01Z"}"#).unwrap();
    std::fs::write(&settings, r#"{"apiKey": "top-secret"}"#).unwrap();
    let (event, settings) = (event.to_str().unwrap(), settings.to_str().unwrap());

    let (fine, out, _) = ran(&["destinations", "list"]);
    assert!(
        fine && out.contains("klaviyo") && out.contains("upsertProfile"),
        "{out}"
    );
    let (fine, out, _) = ran(&["destinations", "show", "braze"]);
    assert!(
        fine && out.contains("apiKey") && out.contains("secret"),
        "{out}"
    );
    let (fine, out, _) = ran(&[
        "destinations",
        "test",
        "braze",
        "--event",
        event,
        "--settings",
        settings,
    ]);
    assert!(
        fine && out.contains("POST https://rest.iad-01.braze.com/users/track"),
        "{out}"
    );
    assert!(
        out.contains(r#""name":"Played""#)
            && out.contains("Bearer <apiKey>")
            && !out.contains("top-secret"),
        "{out}"
    );
    let (fine, _, error) = ran(&["destinations", "show", "brase"]);
    assert!(!fine && error.contains("destinations list"), "{error}");
}
