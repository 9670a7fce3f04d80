//! Every route with every way to authenticate, and what each answers.

use std::io::Write;

use serde_json::json;
use tempfile::tempdir;

use crate::http::{get, post, send, strict};
use crate::process::{Collector, run};

const CONFIG: &str = r#"
[server]
mode = "MODE"
[storage]
dir = "DATA"
min_free_bytes = 0
[admin]
token = "an-admin-token-of-length"
[[sources]]
name = "web"
write_keys = ["wk"]
allowed_origins = ["https://shop.example"]
settings = { integrations = { Webhook = { url = "https://x.example" } } }
[[sources]]
name = "old"
write_keys = ["gone"]
enabled = false
"#;

const TOKEN: (&str, &str) = ("authorization", "Bearer an-admin-token-of-length");

fn serve(mode: &str) -> (tempfile::TempDir, Collector) {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), &CONFIG.replace("MODE", mode));
    (dir, collector)
}

#[test]
fn every_route_takes_every_way_to_authenticate() {
    let (_dir, collector) = serve("strict");
    let port = collector.port;
    let singles = [
        "track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a",
    ];
    let batches = ["batch", "b", "batch/b", "import", "import/"];
    let mut paths = Vec::new();
    for prefix in ["/v1/", "/"] {
        paths.extend(
            singles
                .iter()
                .map(|name| (format!("{prefix}{name}"), false)),
        );
        paths.extend(batches.iter().map(|name| (format!("{prefix}{name}"), true)));
    }
    paths.push(("/beacon/v1/batch".to_owned(), true));
    let mut sent = 0;
    for (path, is_batch) in &paths {
        for auth in [
            "basic",
            "basic without colon",
            "header",
            "body",
            "query",
            "bearer and body",
        ] {
            let id = format!("m-{sent}");
            let mut event = json!({"userId": "u", "event": "E", "groupId": "g", "previousId": "p", "messageId": id});
            if *is_batch {
                event["type"] = "track".into();
                event = json!({"batch": [event]});
            }
            if auth.contains("body") {
                // serde_json sorts keys, so the write key comes after the batch, as from the mobile SDKs.
                event["writeKey"] = "wk".into();
            }
            let headers: &[(&str, &str)] = match auth {
                "basic" => &[("authorization", "Basic d2s6")],
                "basic without colon" => &[("authorization", "Basic d2s")],
                "header" => &[("x-write-key", "wk"), ("content-type", "text/plain")],
                "bearer and body" => &[("authorization", "Bearer oauth-token")],
                _ => &[],
            };
            let query = if auth == "query" { "?writeKey=wk" } else { "" };
            let answer = send(
                port,
                "POST",
                &format!("{path}{query}"),
                headers,
                event.to_string().as_bytes(),
            );
            assert_eq!(answer.status, 200, "{path} {auth}: {}", answer.text());
            assert_eq!(
                answer.json()["accepted"],
                1,
                "{path} {auth}: {}",
                answer.text()
            );
            sent += 1;
        }
    }
    let events = collector.export(&[]);
    assert_eq!(events.len(), sent);
    assert!(
        events
            .iter()
            .all(|event| event["context"]["protocols"]["sourceId"] == "web"
                && event.get("writeKey").is_none())
    );
}

#[test]
fn compressed_bodies_are_inflated_whatever_the_headers_say() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = |id: &str| {
        format!(r#"{{"batch":[{{"type":"page","userId":"u","messageId":"{id}"}}],"writeKey":"k"}}"#)
    };
    let gzip = |text: String| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let zlib = |text: String| {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    type Headers = &'static [(&'static str, &'static str)];
    let cases: [(Headers, Vec<u8>); 5] = [
        (
            &[("content-encoding", "gzip"), ("content-type", "text/plain")],
            gzip(body("a")),
        ),
        (&[], gzip(body("b"))),
        (&[("content-encoding", "GZIP")], body("c").into_bytes()),
        (&[("content-encoding", "deflate")], zlib(body("d"))),
        (&[("content-encoding", "identity")], body("e").into_bytes()),
    ];
    for (headers, bytes) in &cases {
        assert_eq!(
            send(collector.port, "POST", "/v1/b", headers, bytes).status,
            200,
            "{headers:?}"
        );
    }
    assert_eq!(collector.export(&[]).len(), cases.len());
    assert_eq!(
        send(
            collector.port,
            "POST",
            "/v1/b",
            &[("content-encoding", "br")],
            b"x"
        )
        .status,
        415
    );
}

#[test]
fn segment_mode_answers_200_to_unknown_keys_and_samples_the_events_as_rejected() {
    let (_dir, collector) = serve("segment");
    let event =
        |key: &str| format!(r#"{{"type":"track","event":"E","userId":"u","writeKey":"{key}"}}"#);
    for key in ["nobody", "gone"] {
        let answer = post(collector.port, "/v1/track", &event(key));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, r#"{"success":true}"#)
        );
    }
    assert!(collector.export(&[]).is_empty());
    // The sample is written behind the answer.
    let begun = std::time::Instant::now();
    let sampled = loop {
        let sampled = collector.export(&["--rejected"]);
        if sampled.len() == 2 || begun.elapsed().as_secs() > 30 {
            break sampled;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let codes: Vec<_> = sampled.iter().map(|line| &line["rejected"]).collect();
    assert_eq!(codes, ["unknown_write_key", "source_disabled"]);
    assert_eq!(
        post(collector.port, "/v1/track?strict=1", &event("nobody")).status,
        401
    );
    let answer = post(collector.port, "/v1/track", r#"{"event":"E","userId":"u"}"#);
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (401, &json!("no_write_key"))
    );
}

#[test]
fn strict_mode_names_every_rejected_event_and_takes_the_rest() {
    let (_dir, collector) = serve("strict");
    let body = r#"{"batch":[
        {"type":"track","event":"A","userId":"u","messageId":"1"},
        {"type":"track","event":"A","userId":"u","messageId":"1"},
        {"type":"track","event":"A","messageId":"2"},
        {"type":"video","userId":"u"}
    ],"writeKey":"wk"}"#;
    let told = strict(collector.port, body);
    assert_eq!(
        (&told["accepted"], &told["duplicates"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(told["rejected"][0]["index"], 2);
    assert_eq!(told["rejected"][0]["messageId"], "2");
    assert_eq!(told["rejected"][0]["code"], "no_user_anon_id");
    assert_eq!(told["rejected"][1]["code"], "unknown_type");
    assert_eq!(
        post(
            collector.port,
            "/v1/track",
            r#"{"userId":"u","event":"E","writeKey":"nobody"}"#
        )
        .status,
        401
    );
}

#[test]
fn browsers_get_their_preflight_and_foreign_origins_are_barred() {
    let (_dir, collector) = serve("strict");
    let port = collector.port;
    let asked = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type",
        ),
    ];
    for path in ["/v1/t", "/v1/b", "/anything"] {
        let answer = send(port, "OPTIONS", path, &asked, b"");
        assert_eq!(answer.status, 204);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://shop.example")
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("authorization,content-type")
        );
        assert_eq!(answer.header("access-control-max-age"), Some("900"));
    }
    let body = br#"{"event":"E","anonymousId":"a","writeKey":"wk"}"#;
    let answer = send(
        port,
        "POST",
        "/v1/t",
        &[asked[0], ("content-type", "text/plain")],
        body,
    );
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, Some("https://shop.example"))
    );
    assert_eq!(
        send(
            port,
            "POST",
            "/v1/t",
            &[("origin", "https://evil.example")],
            body
        )
        .status,
        403
    );
    let stored = collector.export(&[]);
    assert_eq!(
        stored[0]["context"]["ip"], "127.0.0.1",
        "a page's address is its user's"
    );
}

#[test]
fn a_pixel_is_a_picture_whatever_happens() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    // {"writeKey":"k","event":"Opened","userId":"u"}
    let data = "eyJ3cml0ZUtleSI6ImsiLCJldmVudCI6Ik9wZW5lZCIsInVzZXJJZCI6InUifQ";
    for path in [
        format!("/v1/pixel/track?data={data}"),
        format!("/pixel/v1/track?data={data}"),
        "/v1/pixel/track?writeKey=k&event=Opened&userId=u&properties.subject=Hi".to_owned(),
        "/v1/pixel/track?data=%%%".to_owned(),
        "/v1/pixel/track".to_owned(),
    ] {
        let answer = get(port, &path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("image/gif")),
            "{path}"
        );
        assert_eq!(&answer.body[..6], b"GIF89a");
    }
    let events = collector.export(&[]);
    assert_eq!(events.len(), 3);
    assert_eq!(events[2]["properties"]["subject"], "Hi");
}

#[test]
fn settings_send_sdks_to_the_host_they_asked() {
    let (_dir, collector) = serve("segment");
    let port = collector.port;
    for path in [
        "/v1/projects/wk/settings",
        "/projects/wk/settings",
        "/v1/projects/projects/wk/settings",
        "/projects/projects/wk/settings",
        "/v1/projects?writeKey=wk",
    ] {
        let answer = get(port, path);
        assert_eq!(
            answer.header("cache-control"),
            Some("private, max-age=300"),
            "{path}"
        );
        let settings = answer.json();
        let segment = &settings["integrations"]["Segment.io"];
        assert_eq!(segment["apiHost"], format!("127.0.0.1:{port}/v1"));
        assert_eq!(
            (&segment["apiKey"], &segment["protocol"]),
            (&json!("wk"), &json!("http"))
        );
        assert_eq!(
            settings["integrations"]["Webhook"]["url"],
            "https://x.example"
        );
        assert_eq!(settings["plan"]["track"]["__default"]["enabled"], true);
        assert!(
            settings["edgeFunction"].is_object()
                && settings["middlewareSettings"]["routingRules"].is_array()
        );
    }
    assert_eq!(get(port, "/v1/projects/nobody/settings").status, 404);
    let rudder = send(
        port,
        "GET",
        "/sourceConfig/?p=npm",
        &[("authorization", "Basic d2s6")],
        b"",
    )
    .json();
    assert_eq!(
        (
            &rudder["source"]["enabled"],
            &rudder["source"]["destinations"]
        ),
        (&json!(true), &json!([]))
    );
}

#[test]
fn telemetry_is_swallowed_and_wrong_methods_and_paths_are_told() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    assert_eq!(post(port, "/v1/m", r#"{"series":[]}"#).status, 200);
    assert_eq!(get(port, "/v1/batch").status, 405);
    assert_eq!(
        post(port, "/v1/pixel/track", "{}").status,
        200,
        "a picture, even then"
    );
    let answer = post(port, "/v2/track", "{}");
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (404, &json!("no_route"))
    );
    assert!(collector.export(&[]).is_empty());
}

#[test]
fn what_was_acknowledged_is_in_the_inspector() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let body = r#"{"batch":[{"type":"track","event":"A","userId":"u","messageId":"1"},{"type":"page","anonymousId":"a","messageId":"2"},{"type":"track","userId":"u"}],"writeKey":"k"}"#;
    post(port, "/v1/b", body);
    post(port, "/v1/b", body);
    let all = get(port, "/_inspect/all").json();
    assert_eq!(
        (&all["good"], &all["bad"], &all["duplicates"]),
        (&json!(2), &json!(2), &json!(2))
    );
    let good = get(port, "/_inspect/good?type=page").json();
    assert_eq!(good["items"][0]["event"]["messageId"], "2");
    assert_eq!(
        get(port, "/_inspect/good?event=A").json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        get(port, "/_inspect/bad").json()["items"][0]["code"],
        "no_event_name"
    );
    post(port, "/_inspect/reset", "");
    assert_eq!(get(port, "/_inspect/all").json()["total"], 0);
    assert_eq!(get(port, "/_inspect/good").json()["items"], json!([]));
    let metrics = get(port, "/metrics").text();
    assert!(
        metrics.contains("headwater_events_total{verdict=\"accepted\"} 2"),
        "{metrics}"
    );
    assert!(get(port, "/readyz").json()["ready"].as_bool().unwrap());
}

#[test]
fn in_production_events_are_shown_to_the_admin_alone() {
    let (_dir, collector) = serve("segment");
    assert_eq!(get(collector.port, "/_inspect/all").status, 401);
    assert_eq!(
        send(collector.port, "GET", "/_inspect/all", &[TOKEN], b"").status,
        200
    );
    assert_eq!(get(collector.port, "/healthz").status, 200);
}

#[test]
fn the_configuration_that_the_deployments_use_is_valid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/headwater.toml");
    let (fine, text) = run(&["check", "--config", file]);
    assert!(fine, "{text}");
}

#[test]
fn a_configuration_is_checked_with_lines_and_hints() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "[server]\nlisten = 5\n").unwrap();
    let (fine, text) = run(&["check", "--config", file.to_str().unwrap()]);
    assert!(!fine && text.contains("line 2"), "{text}");
    std::fs::write(&file, "[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\n").unwrap();
    assert!(run(&["check", "--config", file.to_str().unwrap()]).0);
    std::fs::write(&file, "[storage]\nretain_bytes = 500000000\n").unwrap();
    let (fine, text) = run(&["check", "--config", file.to_str().unwrap()]);
    assert!(
        fine && text.contains("note: storage.retain_bytes"),
        "{text}"
    );
    std::fs::write(&file, "[storage]\nretain_hours = 12\n").unwrap();
    for command in ["check", "serve"] {
        let (fine, text) = run(&[command, "--config", file.to_str().unwrap()]);
        assert!(!fine && text.contains("storage.retain_hours"), "{text}");
    }
}

#[test]
fn logs_have_no_colours_when_nobody_looks_at_a_terminal() {
    let dir = tempdir().unwrap();
    let _collector = Collector::dev(dir.path());
    let data = dir.path().to_str().unwrap();
    let second = tempdir().unwrap();
    let config = second.path().join("c.toml");
    // A log line is written before the folder turns out to be in use.
    std::fs::write(
        &config,
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[storage]\ndir = {data:?}\n"),
    )
    .unwrap();
    let (fine, text) = run(&["serve", "--config", config.to_str().unwrap()]);
    assert!(
        !fine && text.contains("WARN") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[test]
fn an_emoji_that_javascript_cut_in_two_costs_nothing_else() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = r#"{"batch":[{"type":"page","name":"cut \ud83d","userId":"u"},{"type":"page","name":"\ud83d\ude00","userId":"u"}],"writeKey":"k"}"#;
    assert_eq!(strict(collector.port, body)["accepted"], 2);
    let events = collector.export(&[]);
    assert_eq!(
        (&events[0]["name"], &events[1]["name"]),
        (&json!("cut \u{fffd}"), &json!("😀"))
    );
}
