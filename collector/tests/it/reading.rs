//! `headwater export` and `headwater tail`: the events that are asked for, and no others.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::tempdir;

use crate::http::{post, send};
use crate::process::{BINARY, Collector, run};

const CONFIG: &str = r#"
[storage]
dir = "DATA"
min_free_bytes = 0
[admin]
token = "an-admin-token-of-length"
[[sources]]
name = "web"
write_keys = ["w"]
[[sources]]
name = "app"
write_keys = ["a"]
"#;

/// A request of three events for each source, one of them to be rejected; then a pause; then one more each.
fn filled(dir: &tempfile::TempDir) -> (Collector, String) {
    let collector = Collector::serve(dir.path(), CONFIG);
    let batch = |key: &str, round: u32| {
        format!(
            "{{\"batch\":[\n{{\"type\":\"track\",\"event\":\"E{round}\",\"userId\":\"u\",\"messageId\":\"{key}-{round}-t\"}},\r\n\
             {{\"type\":\"page\",\"userId\":\"u\",\"messageId\":\"{key}-{round}-p\"}},\
             {{\"type\":\"track\",\"userId\":\"u\",\"messageId\":\"{key}-{round}-bad\"}}],\"writeKey\":\"{key}\"}}"
        )
    };
    let mut between = String::new();
    for round in 1..=2 {
        for key in ["w", "a"] {
            assert_eq!(
                post(collector.port, "/v1/b", &batch(key, round)).status,
                200
            );
        }
        if round == 1 {
            std::thread::sleep(Duration::from_millis(30));
            between = now();
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    (collector, between)
}

fn now() -> String {
    headwater_collector::app::system_now().to_string()
}

fn ids(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["messageId"].as_str().unwrap())
        .collect()
}

#[test]
fn export_writes_what_each_filter_lets_through_in_the_order_of_the_log() {
    let dir = tempdir().unwrap();
    let (collector, between) = filled(&dir);
    let all = [
        "w-1-t", "w-1-p", "a-1-t", "a-1-p", "w-2-t", "w-2-p", "a-2-t", "a-2-p",
    ];
    assert_eq!(ids(&collector.export(&[])), all);
    assert_eq!(ids(&collector.export(&["--to", &between])), all[..4]);
    assert_eq!(ids(&collector.export(&["--from", &between])), all[4..]);
    assert_eq!(
        ids(&collector.export(&["--from", &between, "--to", &between])),
        [""; 0]
    );
    assert_eq!(
        ids(&collector.export(&["--source", "app", "--type", "page"])),
        ["a-1-p", "a-2-p"]
    );
    assert_eq!(ids(&collector.export(&["--limit", "3"])), all[..3]);
    assert_eq!(
        ids(&collector.export(&["--limit", "3", "--source", "app"])),
        ["a-1-t", "a-1-p", "a-2-t"]
    );
    assert_eq!(ids(&collector.export(&["--limit", "0"])), [""; 0]);
    let rejected = collector.export(&["--rejected", "--source", "web"]);
    assert_eq!(rejected.len(), 6);
    assert_eq!(rejected[2]["rejected"], "no_event_name");
    assert_eq!(rejected[2]["event"]["messageId"], "w-1-bad");
}

#[test]
fn export_raw_writes_each_request_as_it_came_on_one_line() {
    let dir = tempdir().unwrap();
    let (collector, between) = filled(&dir);
    let raw = collector.export(&["--raw"]);
    assert_eq!(raw.len(), 4);
    assert_eq!(raw[0]["batch"].as_array().unwrap().len(), 3);
    assert_eq!(raw[0]["writeKey"], "w");
    assert_eq!(
        collector.export(&["--raw", "--source", "app"])[0]["writeKey"],
        "a"
    );
    assert_eq!(
        collector
            .export(&["--raw", "--from", &between, "--limit", "1"])
            .len(),
        1
    );
}

#[test]
fn a_time_or_folder_that_means_nothing_is_told() {
    let dir = tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let (fine, text) = run(&["export", "--data", data, "--from", "yesterday"]);
    assert!(!fine && text.contains("2026-11-23T10:00:00Z"), "{text}");
    for command in ["export", "tail"] {
        let (fine, text) = run(&[command, "--data", data]);
        assert!(!fine && text.contains("holds no events"), "{text}");
    }
}

/// `headwater tail` with these arguments; its lines as they come.
fn tail(arguments: &[&str]) -> (std::process::Child, mpsc::Receiver<String>) {
    let mut child = Command::new(BINARY)
        .arg("tail")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (child, receiver)
}

#[test]
fn tail_shows_the_latest_of_a_folder_or_a_collector_and_then_what_comes() {
    let dir = tempdir().unwrap();
    let (collector, _) = filled(&dir);
    let data = collector.data.to_str().unwrap().to_owned();
    let url = format!("http://127.0.0.1:{}", collector.port);
    let (fine, text) = run(&["tail", "--data", &data, "-n", "2"]);
    assert!(fine, "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].contains("E2") && lines[1].contains("[app]"),
        "{text}"
    );
    let token = ["--token", "an-admin-token-of-length"];
    for place in [
        vec!["--data", &data],
        [&["--url", &*url], &token[..]].concat(),
    ] {
        let whole = [&["-f", "--json", "--type", "track", "-n", "20"], &place[..]].concat();
        let (mut child, lines) = tail(&whole);
        let next = || -> Value {
            let line = lines
                .recv_timeout(Duration::from_secs(20))
                .unwrap_or_else(|_| panic!("no line from tail {place:?}"));
            serde_json::from_str(&line).unwrap()
        };
        let before = collector.export(&["--type", "track"]);
        for event in &before {
            assert_eq!(next()["messageId"], event["messageId"], "{place:?}");
        }
        let id = format!("later-{}", before.len());
        let body = format!(
            r#"{{"batch":[{{"type":"page","userId":"u"}},{{"type":"track","event":"E","userId":"u","messageId":"{id}"}}],"writeKey":"w"}}"#
        );
        post(collector.port, "/v1/b", &body);
        assert_eq!(next()["messageId"], *id, "{place:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (fine, text) = run(&["tail", "--url", &url]);
    assert!(
        !fine && text.contains("401") && text.contains("--token"),
        "{text}"
    );
    let (fine, text) = run(&["tail", "--url", "ftp://x"]);
    assert!(!fine && text.contains("http://127.0.0.1:8765"), "{text}");
}

#[test]
fn the_admin_token_is_asked_for_wherever_events_are_shown() {
    let dir = tempdir().unwrap();
    let (collector, _) = filled(&dir);
    let port = collector.port;
    for (method, path) in [
        ("GET", "/_inspect/all"),
        ("GET", "/_inspect/good"),
        ("GET", "/_inspect/bad"),
        ("POST", "/_inspect/reset"),
        ("GET", "/_events"),
    ] {
        for token in [
            None,
            Some("Bearer wrong"),
            Some("Bearer an-admin-token-of-lengthx"),
            Some("Basic dzo="),
        ] {
            let header = token.map(|token| ("authorization", token));
            let answer = send(port, method, path, header.as_slice(), b"");
            assert_eq!(answer.status, 401, "{path} {token:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            let told = answer.json();
            assert_eq!(told["code"], "no_admin_token");
            assert_eq!(told["error"]["code"], "no_admin_token");
        }
        if path != "/_events" {
            let query = format!("{path}?token=an-admin-token-of-length");
            assert_eq!(send(port, method, &query, &[], b"").status, 200, "{path}");
        }
    }
    let started = Instant::now();
    collector.stop();
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// What `headwater` writes to a terminal with these arguments.
fn on_a_terminal(arguments: &[&str]) -> String {
    let quoted: Vec<String> = std::iter::once(&BINARY)
        .chain(arguments)
        .map(|word| format!("'{word}'"))
        .collect();
    let output = Command::new("script")
        .args(["-qec", &quoted.join(" "), "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("`script`, of Debian's bsdutils");
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Characters with which a text takes over the terminal that shows it, or the lines round it.
fn takes_over(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && !matches!(c, '\n' | '\r'))
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn no_event_takes_over_the_terminal_that_shows_it() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let data = dir.path().to_str().unwrap();
    let url = format!("http://127.0.0.1:{}", collector.port);
    let hostile = "S\u{1b}]0;pwned\u{7}\u{1b}[2J\nFAKE LINE\r\u{9b}31m\u{7f}\u{202e}gpj\u{2066}\u{2028}\u{61c}\u{200f}é👩‍👧";
    let event = serde_json::json!({
        "type": "track", "event": hostile, "userId": hostile, "writeKey": "k", hostile: hostile,
    });
    let raw = serde_json::to_string(&event).unwrap();
    assert!(
        takes_over(&raw).is_some(),
        "JSON escapes few of them by itself"
    );
    assert_eq!(post(collector.port, "/v1/track", &raw).status, 200);
    let visible = r"S\u{1b}]0;pwned\u{7}\u{1b}[2J\u{a}FAKE LINE\u{d}\u{9b}31m\u{7f}\u{202e}gpj\u{2066}\u{2028}\u{61c}\u{200f}é👩‍👧";
    for place in [["--data", data], ["--url", &url]] {
        let (fine, text) = run(&[&["tail"], &place[..]].concat());
        assert!(fine && takes_over(&text).is_none(), "{text:?}");
        assert!(
            text.lines().count() == 1 && text.matches(visible).count() == 2,
            "{text:?}"
        );
    }
    let tail = on_a_terminal(&["tail", "--data", data, "--json"]);
    let streamed = on_a_terminal(&["tail", "--url", &url, "--json"]);
    let export = on_a_terminal(&["export", "--data", data]);
    let bodies = on_a_terminal(&["export", "--data", data, "--raw"]);
    for text in [&tail, &streamed, &export, &bodies] {
        assert!(takes_over(text).is_none(), "{text:?}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text:?}");
        let told: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&told["event"], &told[hostile]),
            (&event["event"], &event["event"])
        );
    }
    // A file gets the text to the letter.
    let (_, piped) = run(&["export", "--data", data, "--raw"]);
    assert_eq!(piped.trim_end(), raw);
}
