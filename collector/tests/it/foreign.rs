//! What other vendors' SDKs send, beyond Segment's own ways.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::http::{get, send, strict};
use crate::process::Collector;

#[test]
fn jitsus_browser_and_server_routes_take_events() {
    let dir = tempdir().unwrap();
    let config = r#"
[server]
mode = "strict"
[storage]
dir = "DATA"
min_free_bytes = 0
[[sources]]
name = "shop"
write_keys = ["wk"]
"#;
    let collector = Collector::serve(dir.path(), config);
    let port = collector.port;
    let mut sent = 0;
    for prefix in ["/api/s", "/api/s/s2s"] {
        for kind in ["track", "identify", "page", "screen", "group", "alias"] {
            for (key, query) in [("wk", ""), ("wk:secret", ""), ("", "?writekey=wk")] {
                let event = json!({
                    "type": kind, "messageId": format!("m-{sent}"), "userId": "u", "event": "E",
                    "groupId": "g", "previousId": "p", "sentAt": "2026-11-23T11:00:00Z",
                });
                let headers = [("x-write-key", key), ("x-enable-debug", "false")];
                let path = format!("{prefix}/{kind}{query}");
                let answer = send(port, "POST", &path, &headers, event.to_string().as_bytes());
                assert_eq!(answer.status, 200, "{path} {key}: {}", answer.text());
                assert_eq!(answer.json()["accepted"], 1, "{path}");
                sent += 1;
            }
        }
        let batch = json!({"batch": [{"type": "page", "userId": "u", "messageId": prefix}]});
        let headers = [("x-write-key", "wk")];
        let path = format!("{prefix}/batch");
        let answer = send(port, "POST", &path, &headers, batch.to_string().as_bytes());
        assert_eq!(answer.json()["accepted"], 1, "{path}");
        sent += 1;
    }
    let stored = collector.export(&[]);
    assert_eq!(stored.len(), sent);
    assert_eq!(stored[0]["context"]["protocols"]["sourceId"], "shop");
    for path in [
        "/api/s",
        "/api/s/s2s",
        "/api/track",
        "/api/s/video",
        "/api/s/s2s/s2s/track",
    ] {
        assert_eq!(send(port, "POST", path, &[], b"{}").status, 404, "{path}");
    }
}

#[test]
fn an_alias_without_a_previous_id_joins_the_anonymous_one_as_rudder_js_means_it() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = json!({"writeKey": "k", "batch": [
        {"type": "alias", "messageId": "1", "userId": "u-3", "anonymousId": "a", "previousId": ""},
        {"type": "alias", "messageId": "2", "userId": "u-3", "anonymousId": "a", "previousId": null},
        {"type": "alias", "messageId": "3", "userId": "u-3", "anonymousId": "a"},
        {"type": "alias", "messageId": "4", "userId": "u-3", "anonymousId": "a", "previousId": "p"},
        {"type": "alias", "messageId": "5", "anonymousId": "a", "previousId": "p"},
        {"type": "alias", "messageId": "6", "userId": "u-3", "previousId": ""},
        {"type": "alias", "messageId": "7", "userId": "", "anonymousId": "a"},
    ]});
    let told = strict(collector.port, &body.to_string());
    assert_eq!(told["accepted"], 5);
    let rejected: Vec<_> = told["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (
                event["messageId"].as_str().unwrap(),
                event["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(rejected, [("6", "no_alias_ids"), ("7", "no_alias_ids")]);
    let message = told["rejected"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("two of") && message.contains("anonymousId"),
        "{message}"
    );
    let previous: Vec<Value> = collector
        .export(&[])
        .iter()
        .map(|event| event["previousId"].clone())
        .collect();
    assert_eq!(previous, ["a", "a", "a", "p", "p"]);
}

#[test]
fn the_time_that_a_client_wrote_is_kept_to_the_letter() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let times = [
        json!("2026-01-01T00:00:00.123456789+05:30"),
        json!("2026-01-01T00:00:00Z"),
        json!("20260101T000000Z"),
        json!("Thu, 01 Jan 2026 00:00:00 GMT"),
        json!("yesterday"),
        json!(1_767_225_600),
    ];
    let batch: Vec<_> = times
        .iter()
        .map(|time| json!({"type": "page", "userId": "u", "timestamp": time}))
        .collect();
    strict(
        collector.port,
        &json!({"writeKey": "k", "batch": batch}).to_string(),
    );
    let stored = collector.export(&[]);
    for (event, time) in stored.iter().zip(&times) {
        let letter = time
            .as_str()
            .map_or_else(|| time.to_string(), str::to_owned);
        assert_eq!(event["originalTimestamp"], letter);
    }
    assert_eq!(stored[0]["timestamp"], "2025-12-31T18:30:00.123Z");
    let flags = |event: &Value| event["context"]["protocols"]["flags"].clone();
    assert!(flags(&stored[0]).is_null());
    for event in &stored[2..] {
        assert_eq!(event["timestamp"], event["receivedAt"], "{event}");
        assert_eq!(flags(event), json!(["bad_timestamp"]));
    }
}

#[test]
fn an_empty_id_is_null_for_whoever_reads_the_event() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = json!({"writeKey": "k", "batch": [
        {"type": "track", "event": "E", "userId": "", "anonymousId": "a", "groupId": "", "previousId": ""},
        {"type": "track", "event": "E", "userId": "u", "anonymousId": ""},
        {"type": "track", "event": "E", "userId": null, "anonymousId": "a"},
    ]});
    strict(collector.port, &body.to_string());
    let stored = collector.export(&[]);
    for (name, expected) in [
        ("userId", [json!(null), json!("u"), json!(null)]),
        ("anonymousId", [json!("a"), json!(null), json!("a")]),
    ] {
        for (event, expected) in stored.iter().zip(&expected) {
            assert_eq!(&event[name], expected, "{event}");
            assert!(event.get(name).is_some(), "the field is there");
        }
    }
    assert!(stored[0]["groupId"].is_null() && stored[0]["previousId"].is_null());
    assert_eq!(collector.export(&["--raw"])[0]["batch"][0]["userId"], "");
}

#[test]
fn retries_are_counted_by_segments_header_and_by_rudderstacks_once_a_request() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let ask = |headers: &[(&str, &str)]| {
        let body = br#"{"event":"E","userId":"u","writeKey":"k"}"#;
        let answer = send(collector.port, "POST", "/v1/track", headers, body);
        assert_eq!(answer.status, 200);
        collector.metric("headwater_retries_seen_total")
    };
    assert_eq!(ask(&[]), 0);
    assert_eq!(
        ask(&[("x-retry-count", "0"), ("rsa-retry-attempt", "0")]),
        0
    );
    assert_eq!(ask(&[("x-retry-count", "1")]), 1);
    assert_eq!(ask(&[("rsa-retry-attempt", "3")]), 2);
    assert_eq!(
        ask(&[("x-retry-count", "2"), ("rsa-retry-attempt", "2")]),
        3
    );
}

#[test]
fn a_page_of_another_origin_may_read_when_to_come_back() {
    let dir = tempdir().unwrap();
    let config = r#"
[storage]
dir = "DATA"
min_free_bytes = 1000000000000000000
[[sources]]
name = "web"
write_keys = ["wk"]
"#;
    let collector = Collector::serve(dir.path(), config);
    let body = br#"{"event":"E","userId":"u","writeKey":"wk"}"#;
    let page = [("origin", "https://shop.example")];
    for headers in [&page[..], &[]] {
        let answer = send(collector.port, "POST", "/v1/t", headers, body);
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("30"))
        );
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, Some("retry-after"));
    }
    let settings = get(collector.port, "/v1/projects/wk/settings");
    assert!(settings.header("access-control-expose-headers").is_some());
}
