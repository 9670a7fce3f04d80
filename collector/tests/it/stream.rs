//! `/_events`, the stream behind the live page: everything once, and no harm from whoever does not read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::http::{connect, get, post, send};
use crate::process::Collector;

/// Reads the stream's events, statistics and what else comes, with their data.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(port: u16, path: &str) -> Self {
        let mut stream = connect(port);
        // HTTP/1.0: no chunks between the lines.
        write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.contains(" 200 "), "{head}");
        assert!(head.contains("text/event-stream"), "{head}");
        Self(reader)
    }

    /// The next event's name and data.
    fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (String::new(), Value::Null);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).unwrap();
            } else if line.is_empty() {
                return Some((name, data));
            }
        }
    }

    /// The next event of this name.
    fn find(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().unwrap();
            if found == name {
                return data;
            }
        }
    }
}

const BODY: &str = r#"{"batch":[{"type":"track","event":"A","userId":"u","messageId":"1"},{"type":"track","userId":"u","messageId":"2"}],"writeKey":"k"}"#;

#[test]
fn good_bad_and_duplicate_events_come_with_statistics() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let mut stream = Stream::open(collector.port, "/_events");
    assert_eq!(
        stream.find("stats")["accepted"],
        0,
        "statistics come at once"
    );
    post(collector.port, "/v1/b", BODY);
    let good = stream.find("good");
    assert_eq!(
        (&good["kind"], &good["source"], &good["type"]),
        (&json!("good"), &json!("dev"), &json!("track"))
    );
    assert_eq!(good["event"]["messageId"], "1");
    assert!(good["event"]["receivedAt"].is_string(), "it is normalised");
    let bad = stream.find("bad");
    assert_eq!(
        (&bad["code"], &bad["event"]["messageId"]),
        (&json!("no_event_name"), &json!("2"))
    );
    assert!(bad["id"].as_u64() > good["id"].as_u64());
    post(collector.port, "/v1/b", BODY);
    assert_eq!(stream.find("duplicate")["event"]["messageId"], "1");
    post(collector.port, "/v1/b", "{");
    loop {
        let bad = stream.find("bad");
        if bad["code"] == "bad_json" {
            assert!(bad["message"].as_str().unwrap().contains("JSON"));
            break;
        }
    }
    let stats = stream.find("stats");
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"], &stats["rejected"]),
        (&json!(1), &json!(1), &json!(2)),
        "{stats}"
    );
    assert!(stats["logBytes"].as_u64().unwrap() > 100);
}

#[test]
fn recent_events_come_first_and_none_comes_twice() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let event = |n: u32| {
        format!(
            r#"{{"batch":[{{"type":"page","userId":"u","messageId":"m-{n}"}}],"writeKey":"k"}}"#
        )
    };
    for n in 0..5 {
        post(collector.port, "/v1/b", &event(n));
    }
    // What was acknowledged is in the inspector, so it is in the stream's memory.
    assert_eq!(get(collector.port, "/_inspect/all").json()["good"], 5);
    let mut stream = Stream::open(collector.port, "/_events?recent=3");
    post(collector.port, "/v1/b", &event(5));
    for n in 2..=5 {
        assert_eq!(stream.find("good")["event"]["messageId"], format!("m-{n}"));
    }
}

#[test]
fn a_reader_that_does_not_read_holds_up_nobody_and_hears_what_it_missed() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let mut slow = Stream::open(port, "/_events");
    let pad = "x".repeat(20_000);
    let mut sent = 0;
    let mut missed = 0;
    let started = Instant::now();
    // Enough for the sockets' buffers, the reader's queue and the feed.
    while missed == 0 && started.elapsed() < Duration::from_secs(120) {
        for _ in 0..40 {
            let events: Vec<String> = (0..20)
                .map(|n| format!(r#"{{"type":"page","userId":"u","messageId":"{}","properties":{{"pad":"{pad}"}}}}"#, sent + n))
                .collect();
            let body = format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","));
            let answer = send(port, "POST", "/v1/b", &[], body.as_bytes());
            assert_eq!(answer.status, 200);
            sent += 20;
        }
        assert_eq!(get(port, "/_inspect/all").json()["good"], sent);
        let metrics = get(port, "/metrics").text();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("headwater_connections "))
            .unwrap();
        assert!(!line.ends_with(" 0"));
        let last = (sent - 1).to_string();
        // The loss is noticed when the reader goes on.
        while let Some((name, data)) = slow.next() {
            if name == "skipped" {
                missed = data["count"].as_u64().unwrap();
                break;
            }
            if name == "good" && data["event"]["messageId"] == *last {
                break;
            }
        }
    }
    assert!(missed > 0, "nothing was skipped of {sent}");
    let metrics = get(port, "/metrics").text();
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("headwater_live_dropped_total "))
        .unwrap();
    assert!(dropped.parse::<u64>().unwrap() >= missed);
    assert!(
        collector.peak_memory() < 200 << 20,
        "{} bytes",
        collector.peak_memory()
    );
    assert_eq!(collector.export(&[]).len(), sent);
}

#[test]
fn a_shutdown_ends_the_streams() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let mut stream = Stream::open(collector.port, "/_events");
    stream.find("stats");
    let started = Instant::now();
    collector.stop();
    assert!(started.elapsed() < Duration::from_secs(20));
    let mut rest = Vec::new();
    let _ = stream.0.read_to_end(&mut rest);
}
