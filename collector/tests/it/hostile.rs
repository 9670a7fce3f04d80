//! Bodies that mean harm, or were made by accident: a clear answer, and nothing else disturbed.

use std::io::Write;
use std::time::Instant;

use serde_json::json;
use tempfile::tempdir;

use crate::http::{connect, post, read, send, strict};
use crate::process::Collector;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn batch(event: &str) -> Vec<u8> {
    format!(r#"{{"batch":[{event}],"writeKey":"k"}}"#).into_bytes()
}

#[test]
fn every_hostile_body_gets_its_answer_and_the_next_sender_is_served() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let good = batch(r#"{"type":"page","userId":"u"}"#);
    let ten_megabytes = batch(&format!(
        r#"{{"type":"page","userId":"{}"}}"#,
        "x".repeat(10 << 20)
    ));
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let nested = batch(&format!(
        r#"{{"type":"page","userId":"u","properties":{}1{}}}"#,
        r#"{"a":"#.repeat(5000),
        "}".repeat(5000)
    ));
    let mut flipped = gzip(&good);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let cut = &gzip(&good)[..20];
    let cases: Vec<(&str, &[u8], &str)> = vec![
        ("10 MB string", &ten_megabytes, "too_large"),
        ("bomb", &bomb, "inflation_ratio or too_large"),
        ("nesting", &nested, "bad_json"),
        ("flipped gzip", &flipped, "bad_compression"),
        ("cut gzip", cut, "bad_compression"),
        ("gzip magic only", &[0x1f, 0x8b], "bad_compression"),
        (
            "invalid UTF-8",
            b"{\"batch\":[{\"type\":\"page\",\"userId\":\"\xff\"}]}",
            "bad_json",
        ),
        (
            "duplicate keys",
            br#"{"batch":[],"batch":[],"writeKey":"k"}"#,
            "bad_json",
        ),
        (
            "duplicate keys below",
            br#"{"batch":[{"type":"page","userId":"u","properties":{"a":1,"a":2}}]}"#,
            "bad_json",
        ),
        ("half", &good[..good.len() - 2], "bad_json"),
        ("two values", br#"{"batch":[]}{}"#, "bad_json"),
        (
            "NaN",
            br#"{"batch":[{"type":"page","userId":NaN}]}"#,
            "bad_json",
        ),
        ("byte order mark", b"\xef\xbb\xbf{\"batch\":[]}", "bad_json"),
        ("empty", b"", "bad_json"),
        ("array", b"[]", "bad_shape"),
        ("no batch", br#"{"writeKey":"k"}"#, "bad_shape"),
        (
            "batch is no array",
            br#"{"batch":{},"writeKey":"k"}"#,
            "bad_shape",
        ),
        ("zeros", &[0; 1000], "bad_json"),
    ];
    for (name, body, code) in cases {
        let answer = send(port, "POST", "/v1/batch", &[], body);
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        let told = answer.json();
        assert_eq!(told["success"], false, "{name}");
        assert!(
            code.contains(told["error"]["code"].as_str().unwrap()),
            "{name}: {told}"
        );
        assert!(
            told["error"]["message"].as_str().unwrap().len() > 20,
            "{name}: {told}"
        );
        assert_eq!(
            (&told["code"], &told["message"]),
            (&told["error"]["code"], &told["error"]["message"]),
            "{name}: some SDKs read them at the top"
        );
        assert_eq!(
            send(port, "POST", "/v1/batch", &[], &good).status,
            200,
            "after {name}"
        );
    }
    assert!(
        collector.peak_memory() < 128 << 20,
        "{} bytes",
        collector.peak_memory()
    );
}

#[test]
fn a_single_event_is_bound_to_its_own_limit() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let event = |bytes: usize| {
        format!(
            r#"{{"userId":"u","event":"{}","writeKey":"k"}}"#,
            "x".repeat(bytes)
        )
    };
    assert_eq!(
        post(collector.port, "/v1/track", &event(32 * 1024)).status,
        200
    );
    assert_eq!(
        post(collector.port, "/v1/track", &event(40 * 1024)).status,
        400
    );
}

#[test]
fn a_slow_body_is_cut_off_and_others_do_not_wait_for_it() {
    let dir = tempdir().unwrap();
    let config = "[storage]\ndir = \"DATA\"\nmin_free_bytes = 0\n[limits]\nbody_timeout_ms = 8000\nmin_body_rate = 0\n\
                  [[sources]]\nname = \"s\"\nwrite_keys = [\"k\"]\n";
    let collector = Collector::serve(dir.path(), config);
    let mut slow = connect(collector.port);
    slow.write_all(
        b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"batch\":",
    )
    .unwrap();
    let started = Instant::now();
    let told = strict(
        collector.port,
        r#"{"batch":[{"type":"page","userId":"u"}],"writeKey":"k"}"#,
    );
    assert_eq!(told["accepted"], 1);
    assert!(started.elapsed().as_millis() < 7900);
    let answer = read(&mut slow).unwrap();
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (408, &json!("body_timeout"))
    );
}

#[test]
fn bodies_in_hand_are_bounded_and_the_rest_is_told_to_come_back() {
    let dir = tempdir().unwrap();
    let config = "[storage]\ndir = \"DATA\"\nmin_free_bytes = 0\n[limits]\nmax_batch_bytes = 528384\nbytes_in_flight = 1060000\nmin_body_rate = 0\n\
                  [[sources]]\nname = \"s\"\nwrite_keys = [\"k\"]\n";
    let collector = Collector::serve(dir.path(), config);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(collector.port);
        stream
            .write_all(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 520000\r\n\r\n{")
            .unwrap();
        stream.write_all(&vec![b' '; 500_000]).unwrap();
        held.push(stream);
    }
    let large = format!(
        r#"{{"batch":[{{"type":"page","userId":"u"}}],"writeKey":"k","x":"{}"}}"#,
        "x".repeat(50_000)
    );
    // Until what was sent above, and what is closed below, has come to the collector.
    let send_until = |status: u16, body: &str| {
        let begun = Instant::now();
        loop {
            let answer = post(collector.port, "/v1/batch", body);
            if answer.status == status || begun.elapsed().as_secs() > 30 {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    // What is no JSON asks for as much room and waits for no disk, which could outlast the bodies in hand.
    let answer = send_until(503, &"x".repeat(50_000));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1")),
        "{}",
        answer.text()
    );
    drop(held);
    assert_eq!(send_until(200, &large).status, 200);
}

#[test]
fn a_batch_that_its_sdk_undercounted_is_taken() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    // analytics-node was seen to send 250 events in 832,312 bytes.
    let events: Vec<String> = (0..250)
        .map(|n| {
            format!(
                r#"{{"type":"track","event":"E","userId":"u","messageId":"m-{n}","properties":{{"pad":"{}"}}}}"#,
                "x".repeat(3300)
            )
        })
        .collect();
    let body = format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","));
    assert!(body.len() > 832_312);
    assert_eq!(strict(collector.port, &body)["accepted"], 250);
    assert_eq!(collector.export(&[]).len(), 250);
}

#[test]
fn the_largest_batch_is_four_thousand_kilobytes_and_a_byte_more_is_refused() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = |bytes: usize| {
        let frame = r#"{"batch":[{"type":"page","userId":"u"}],"writeKey":"k","pad":""}"#;
        frame.replace(
            "\"\"}",
            &format!("\"{}\"}}", "x".repeat(bytes - frame.len())),
        )
    };
    assert_eq!(
        post(collector.port, "/v1/b", &body(4000 * 1024)).status,
        200
    );
    let answer = post(collector.port, "/v1/b", &body(4000 * 1024 + 1));
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (400, &json!("too_large"))
    );
}

#[test]
fn large_bodies_that_are_only_announced_do_not_keep_others_out() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let announced: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = connect(collector.port);
            stream
                .write_all(b"POST /v1/b HTTP/1.1\r\nhost: x\r\ncontent-length: 4096000\r\n\r\n{")
                .unwrap();
            stream
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pad = "x".repeat(3_000_000);
    let body =
        format!(r#"{{"batch":[{{"type":"page","userId":"u"}}],"writeKey":"k","x":"{pad}"}}"#);
    assert_eq!(post(collector.port, "/v1/b", &body).status, 200);
    drop(announced);
}
