//! Watching costs a bounded number of bytes, whatever comes and whoever does not read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::http::{connect, get, post, send};
use crate::process::{Collector, run};

const MIB: u64 = 1 << 20;

/// A reader of the stream that never reads.
fn deaf(port: u16, path: &str) -> TcpStream {
    let mut stream = connect(port);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    stream
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

/// Sends a body that is large and compresses well.
fn send_large(port: u16, body: &str) {
    let body = gzip(body.as_bytes());
    let answer = send(
        port,
        "POST",
        "/v1/b",
        &[("content-encoding", "gzip")],
        &body,
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A text of `len` bytes that gzip takes to a fiftieth: more would be taken for a bomb.
fn padding(len: usize) -> String {
    let word: String = (0..48).map(|n| char::from(b'a' + n % 26)).collect();
    let mut seed = 7_u32;
    let mut out = String::with_capacity(len + 64);
    while out.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out += &format!("{seed:08x}{word}{word}{word}{word}{word}{word}");
    }
    out.truncate(len);
    out
}

#[test]
fn readers_that_do_not_read_cost_a_few_megabytes_whatever_is_shown() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let deaf: Vec<_> = (0..20)
        .map(|_| deaf(port, "/_events?recent=1000"))
        .collect();
    while collector.metric("headwater_live_readers") < 20 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pad = padding(3_900_000);
    for n in 0..60 {
        let body = format!(
            r#"{{"batch":[{{"type":"track","event":"Huge {n}","userId":"u","messageId":"m-{n}","properties":{{"pad":"{pad}"}}}}],"writeKey":"k"}}"#
        );
        send_large(port, &body);
    }
    assert_eq!(get(port, "/_inspect/all").json()["bad"], 60);
    // 234 MB were rejected, and each of the readers was to see all of it.
    assert!(
        collector.peak_memory() < 120 * MIB,
        "{} MiB",
        collector.peak_memory() / MIB
    );
    drop(deaf);
}

#[test]
fn a_large_event_is_shown_cut_with_its_size_its_names_and_its_beginning() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let pad = padding(200_000);
    let event = format!(
        "{{\"type\":\"track\",\r\n\"event\":\"Huge\",\"userId\":7,\"messageId\":\"m-1\",\"name\":\"{}\",\"properties\":{{\"é\\n\":\"{pad}\"}}}}",
        "n".repeat(2000)
    );
    send_large(port, &format!(r#"{{"batch":[{event}],"writeKey":"k"}}"#));
    let items = get(port, "/_inspect/bad?userId=7").json();
    let shown = &items["items"][0];
    assert_eq!(shown["code"], "event_too_large");
    assert_eq!(shown["type"], "track");
    assert_eq!(
        shown["event"],
        json!({"type": "track", "event": "Huge", "userId": 7, "messageId": "m-1"}),
        "what is short is kept"
    );
    assert_eq!(shown["cut"]["bytes"], event.len());
    let head = shown["cut"]["head"].as_str().unwrap();
    assert!(event.starts_with(head) && (4000..20_000).contains(&head.len()));
    let url = format!("http://127.0.0.1:{port}");
    let (fine, text) = run(&["tail", "--url", &url, "--rejected", "--json"]);
    assert!(
        fine && text.contains("m-1") && text.contains("too large to be shown whole"),
        "{text}"
    );
    // As large as a batch takes by default is shown whole, in one line.
    let whole = "w".repeat(31_000);
    let body = format!(
        "{{\"batch\":[{{\"type\":\"page\",\n\"name\":\"{whole}\",\r\"userId\":\"u\"}},{{\"type\":\n\"page\",\"name\":\"{whole}\"}}],\"writeKey\":\"k\"}}"
    );
    post(port, "/v1/b", &body);
    for list in ["good", "bad"] {
        let text = get(port, &format!("/_inspect/{list}?limit=1")).text();
        assert!(!text.contains(['\n', '\r']), "{list}");
        let items: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(items["items"][0]["event"]["name"], *whole);
        assert!(items["items"][0].get("cut").is_none());
    }
}

#[test]
fn a_large_context_of_the_envelope_is_not_multiplied_by_its_events() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let context = |bytes: usize| {
        let events = vec![r#"{"type":"page","userId":"u"}"#; 1000].join(",");
        let pad = padding(bytes);
        format!(r#"{{"context":{{"pad":"{pad}"}},"batch":[{events}],"writeKey":"k"}}"#)
    };
    send_large(port, &context(3_000_000));
    let all = get(port, "/_inspect/all").json();
    assert_eq!((&all["good"], &all["bad"]), (&json!(0), &json!(1000)));
    assert_eq!(
        get(port, "/_inspect/bad?limit=1").json()["items"][0]["code"],
        "event_too_large",
        "it would be in each of them"
    );
    send_large(port, &context(30_000));
    let all = get(port, "/_inspect/all").json();
    assert_eq!(all["good"], 1000);
    assert!(
        collector.peak_memory() < 120 * MIB,
        "{} MiB",
        collector.peak_memory() / MIB
    );
}

#[test]
fn readers_are_bounded_in_number_and_the_next_one_is_told_when_to_come_back() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let mut readers: Vec<_> = (0..64).map(|_| deaf(port, "/_events")).collect();
    for reader in &mut readers {
        let mut first = [0; 12];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
    }
    assert_eq!(collector.metric("headwater_live_readers"), 64);
    let answer = get(port, "/_events");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["code"], "too_many_readers");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(get(port, "/_inspect/all").status, 200);
    readers.truncate(10);
    let started = Instant::now();
    while collector.metric("headwater_live_readers") > 10 {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut next = deaf(port, "/_events");
    let mut first = [0; 12];
    next.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[test]
fn a_reader_that_does_not_read_is_let_go() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let _deaf = deaf(port, "/_events");
    let _list = [(); 8].map(|()| deaf(port, "/_inspect/good"));
    let pad = "x".repeat(20_000);
    let events =
        vec![format!(r#"{{"type":"page","userId":"u","properties":{{"pad":"{pad}"}}}}"#); 20];
    let body = format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","));
    let started = Instant::now();
    while collector.metric("headwater_live_readers") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // The sockets' buffers take some of it, then nobody takes anything.
    while collector.metric("headwater_live_readers") > 0 {
        assert!(started.elapsed() < Duration::from_secs(180));
        assert_eq!(post(port, "/v1/b", &body).status, 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    // Those that took no list do not keep anybody else from one.
    let list = get(port, "/_inspect/good?limit=1");
    assert_eq!(list.status, 200);
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1);
}

#[test]
fn lists_are_filtered_by_what_the_event_says_in_any_form() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let long = "u".repeat(5000);
    let body = json!({"writeKey": "k", "batch": [
        {"type": "track", "event": "Ä \"q\"", "userId": long, "messageId": "m-1"},
        {"type": "track", "event": "B", "anonymousId": "a", "messageId": 7},
        {"type": "page", "userId": "u"},
        {"type": "track", "userId": "u", "properties": {"userId": "inner"}},
        "text",
    ]});
    post(port, "/v1/b", &body.to_string());
    let count = |query: &str| {
        let answer = get(port, &format!("/_inspect/{query}"));
        answer.json()["items"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("good", 3),
        ("bad", 2),
        ("good?event=%C3%84%20%22q%22", 1),
        (&*format!("good?userId={long}"), 1),
        (&*format!("good?userId={long}u"), 0),
        ("good?messageId=7", 1),
        ("good?anonymousId=a&type=track", 1),
        ("good?anonymousId=a&type=page", 0),
        ("good?type=page&source=dev", 1),
        ("good?source=other", 0),
        ("bad?userId=u", 1),
        ("bad?userId=inner", 0),
        ("good?limit=2", 2),
        ("good?limit=0", 0),
    ] {
        assert_eq!(count(query), expected, "{query:.60}");
    }
    // Numbers are found as they are shown, before and after they became texts.
    assert_eq!(
        get(port, "/_inspect/good?messageId=7").json()["items"][0]["event"]["messageId"],
        "7"
    );
}
