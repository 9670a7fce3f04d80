//! Whoever has no key, or says nothing, costs nobody anything: connections, bytes, the log and its retention.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_collector::app::system_now;
use headwater_collector::log::{Committer, LogOptions};
use headwater_store::disk::RealDisk;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::http::{connect, get, post, read, send};
use crate::process::{Collector, export, run};

const SOURCES: &str = r#"
[[sources]]
name = "shop"
write_keys = ["k"]
[[sources]]
name = "closed"
write_keys = ["gone"]
enabled = false
[[sources]]
name = "page"
write_keys = ["p"]
allowed_origins = ["https://shop.example"]
"#;

fn serve(more: &str) -> (TempDir, Collector) {
    let dir = tempdir().unwrap();
    let config = format!("{more}\n[admin]\ntoken = \"an-admin-token-of-length\"\n{SOURCES}")
        .replace(
            "[storage]\n",
            "[storage]\ndir = \"DATA\"\nmin_free_bytes = 0\n",
        );
    let collector = Collector::serve(dir.path(), &config);
    (dir, collector)
}

const STORAGE: &str = "[storage]\n";
/// In `[limits]`: uploads may pause for as long as a busy machine makes a test pause.
const PATIENT: &str = "min_body_rate = 0\nbody_timeout_ms = 600000\n";
const TOKEN: (&str, &str) = ("authorization", "Bearer an-admin-token-of-length");

/// A connection from another address of this machine.
fn connect_from(source: [u8; 4], port: u16) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    stream
}

const GOOD: &str = r#"{"batch":[{"type":"page","userId":"u"}],"writeKey":"k"}"#;

/// Sends the head of a request for [`GOOD`], and returns when the collector waits for its body.
fn in_hand(mut stream: TcpStream) -> TcpStream {
    let head = format!(
        "POST /v1/b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        GOOD.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100 Continue"));
    stream
}

/// Whether the other side closes; `false` when it still says nothing after the read's time limit.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
            }
        }
    }
}

fn metric(port: u16, name: &str) -> u64 {
    let text = get(port, "/metrics").text();
    text.lines()
        .find_map(|line| line.strip_prefix(&format!("{name} "))?.parse().ok())
        .unwrap_or_else(|| panic!("{name} is not in {text}"))
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_connection_without_a_request_is_closed_after_header_timeout_ms_whatever_it_said() {
    let (_dir, collector) = serve(&format!("{STORAGE}[limits]\nheader_timeout_ms = 300\n"));
    let settings = [b"\0\0\0\x04\0\0\0\0\0".as_slice(), &[0; 0]].concat();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let said: [&[u8]; 6] = [
        b"",
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz HTTP/1.1\r\nhost:",
        preface,
        &[preface, settings.as_slice()].concat(),
    ];
    let mut silent: Vec<TcpStream> = said
        .iter()
        .map(|bytes| {
            let mut stream = connect(collector.port);
            stream.write_all(bytes).unwrap();
            stream
        })
        .collect();
    // One byte now and then is no request either.
    let mut slow = connect(collector.port);
    let dripping = std::thread::spawn(move || {
        let begun = Instant::now();
        for byte in preface.iter().cycle() {
            if slow.write_all(&[*byte]).is_err() || begun.elapsed() > Duration::from_secs(40) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        begun.elapsed()
    });
    for (stream, said) in silent.iter_mut().zip(said) {
        assert!(is_closed(stream), "{:?}", String::from_utf8_lossy(said));
    }
    assert!(dripping.join().unwrap() < Duration::from_secs(40));
    assert_eq!(post(collector.port, "/v1/b", GOOD).status, 200);
}

#[test]
fn silent_connections_never_keep_a_request_out_whoever_opens_them() {
    let (_dir, collector) = serve(&format!(
        "[server]\nmax_connections = 60\n{STORAGE}[limits]\nmax_connections_per_peer = 20\nheader_timeout_ms = 600000\n"
    ));
    let port = collector.port;
    let mut silent = Vec::new();
    // From the good sender's own address, and from as many others as fill the whole.
    for address in 1..=10 {
        for _ in 0..25 {
            silent.push(connect_from([127, 0, 0, address], port));
        }
        assert_eq!(post(port, "/v1/b", GOOD).status, 200);
    }
    assert!(metric(port, "headwater_connections_gave_way_total") > 100);
    assert!(metric(port, "headwater_connections") <= 60);
}

#[test]
fn slow_uploads_of_few_addresses_keep_nobody_else_out() {
    let (_dir, collector) = serve(&format!(
        "[server]\nmax_connections = 60\n{STORAGE}[limits]\nmax_connections_per_peer = 20\n{PATIENT}"
    ));
    let port = collector.port;
    let mut held: Vec<TcpStream> = (0..60)
        .map(|n| in_hand(connect_from([127, 0, 0, 2 + n / 20], port)))
        .collect();
    for _ in 0..10 {
        assert_eq!(post(port, "/v1/b", GOOD).status, 200);
    }
    // One had to go for it; whoever sends that again loses nothing.
    let mut ended = 0;
    for stream in &mut held {
        let _ = stream.write_all(GOOD.as_bytes());
        ended += usize::from(read(stream).is_none_or(|answer| answer.status != 200));
    }
    assert!((1..=10).contains(&ended), "{ended}");
}

#[test]
fn a_peer_whose_connections_all_have_a_request_in_hand_gets_no_more_and_others_do() {
    let (_dir, collector) = serve(&format!(
        "{STORAGE}[limits]\nmax_connections_per_peer = 4\n{PATIENT}"
    ));
    let port = collector.port;
    let mut held: Vec<TcpStream> = (0..4)
        .map(|_| in_hand(connect_from([127, 0, 0, 2], port)))
        .collect();
    let mut fifth = connect_from([127, 0, 0, 2], port);
    let _ = fifth.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(read(&mut fifth).is_none());
    assert!(metric(port, "headwater_connections_refused_total") > 0);
    assert_eq!(post(port, "/v1/b", GOOD).status, 200);
    for stream in &mut held {
        stream.write_all(GOOD.as_bytes()).unwrap();
        assert_eq!(
            read(stream).unwrap().status,
            200,
            "what was begun ends well"
        );
    }
}

#[test]
fn trusted_proxies_have_no_bound_of_connections_of_their_own() {
    let (_dir, collector) = serve(&format!(
        "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{STORAGE}[limits]\nmax_connections_per_peer = 2\n{PATIENT}"
    ));
    let mut held: Vec<TcpStream> = (0..10).map(|_| in_hand(connect(collector.port))).collect();
    for stream in &mut held {
        stream.write_all(GOOD.as_bytes()).unwrap();
        assert_eq!(read(stream).unwrap().status, 200);
    }
}

#[test]
fn a_peer_that_does_not_read_its_answers_is_closed() {
    let (_dir, collector) = serve(&format!("{STORAGE}[limits]\nwrite_timeout_ms = 300\n"));
    let mut stream = connect(collector.port);
    stream
        .set_write_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    // Far more than the sockets between us hold.
    let error = (0..10_000)
        .find_map(|_| stream.write_all(&request).err())
        .expect("it is closed");
    assert!(
        !matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
        "{error}"
    );
    until("its place is free again", || {
        metric(collector.port, "headwater_connections") <= 1
    });
}

#[test]
fn uploads_that_are_only_announced_make_nobody_busy() {
    let (_dir, collector) = serve(STORAGE);
    let mut idle = Vec::new();
    for n in 0..131 {
        let length = if n < 127 { 528_384 } else { 1020 };
        let mut stream = connect(collector.port);
        write!(
            stream,
            "POST /v1/b HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
        )
        .unwrap();
        idle.push(stream);
    }
    for bytes in [0, 1000, 20_000, 3_000_000] {
        let body = GOOD.replace(
            "\"k\"}",
            &format!("\"k\",\"pad\":\"{}\"}}", "x".repeat(bytes)),
        );
        let answer = post(collector.port, "/v1/b", &body);
        assert_eq!(answer.status, 200, "{bytes}: {}", answer.text());
    }
}

#[test]
fn a_peer_that_uses_up_its_share_of_bytes_is_told_to_wait_and_others_are_served() {
    let (_dir, collector) = serve(&format!(
        "[server]\ntrusted_proxies = [\"127.0.0.9\"]\n{STORAGE}[limits]\nmax_batch_bytes = 500000\n\
         bytes_in_flight = 4000000\nbytes_in_flight_per_peer = 1000000\n{PATIENT}"
    ));
    let port = collector.port;
    let head = |forwarded: &str, length: usize| {
        format!(
            "POST /v1/b HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let body = GOOD.replace(
        "\"k\"}",
        &format!("\"k\",\"pad\":\"{}\"}}", "x".repeat(50_000)),
    );
    let through_proxy = |forwarded: &str| {
        let mut stream = connect_from([127, 0, 0, 9], port);
        stream
            .write_all(head(forwarded, body.len()).as_bytes())
            .unwrap();
        let _ = stream.write_all(body.as_bytes());
        read(&mut stream).unwrap()
    };
    let begun = Instant::now();
    let held = loop {
        let held: Vec<TcpStream> = (0..2)
            .map(|_| {
                let mut stream = connect_from([127, 0, 0, 9], port);
                stream
                    .write_all(head("2001:db8::1", 490_000).as_bytes())
                    .unwrap();
                stream.write_all(&vec![b'x'; 480_000]).unwrap();
                stream
            })
            .collect();
        // Once they are read: another address of the same /64 is the same peer.
        if through_proxy("2001:db8::ffff:2").status == 503 {
            break held;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    };
    assert_eq!(through_proxy("2001:db8:0:1::1").status, 200);
    assert_eq!(through_proxy("203.0.113.5").status, 200);
    assert_eq!(post(port, "/v1/b", &body).status, 200);
    drop(held);
    until("the share is free again", || {
        through_proxy("2001:db8::1").status == 200
    });
}

#[test]
fn a_body_slower_than_min_body_rate_is_answered_408() {
    let (_dir, collector) = serve(&format!(
        "{STORAGE}[limits]\nbody_timeout_ms = 600000\nmin_body_rate = 1000\n"
    ));
    let mut stream = connect(collector.port);
    stream
        .write_all(b"POST /v1/b HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        .unwrap();
    stream.write_all(&[b'x'; 4000]).unwrap();
    let answer = read(&mut stream).unwrap();
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (408, &json!("body_too_slow"))
    );
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

/// Where the log ends.
fn log_end(port: u16) -> u64 {
    get(port, "/readyz").json()["log"]["end"].as_u64().unwrap()
}

#[test]
fn strangers_evict_no_acknowledged_event() {
    let most = 8_000_000;
    let (dir, collector) = serve(&format!(
        "{STORAGE}retain_bytes = {most}\nsegment_bytes = 262144\n[limits]\nmax_batch_bytes = 65536\n"
    ));
    let port = collector.port;
    for n in 0..200 {
        let body = format!(
            r#"{{"batch":[{{"type":"page","userId":"u","messageId":"m-{n}"}}],"writeKey":"k"}}"#
        );
        assert_eq!(post(port, "/v1/b", &body).status, 200);
    }
    let end = log_end(port);
    let zeros = gzip(&format!(
        r#"{{"batch":[0{}],"writeKey":"nobody"}}"#,
        ",0".repeat(32_000)
    ));
    assert!(zeros.len() < 300);
    let page = br#"{"batch":[{"type":"page","userId":"u"}],"writeKey":"p"}"#;
    for _ in 0..40 {
        assert_eq!(send(port, "POST", "/v1/b", &[], &zeros).status, 200);
        let disabled = br#"{"userId":"u","event":"E","writeKey":"gone"}"#;
        assert_eq!(send(port, "POST", "/v1/track", &[], disabled).status, 200);
        let foreign = [("origin", "https://evil.example")];
        assert_eq!(send(port, "POST", "/v1/b", &foreign, page).status, 200);
    }
    assert_eq!(log_end(port), end, "nothing of it is in the log");
    let text = get(port, "/metrics").text();
    for (code, count) in [
        ("unknown_write_key", 40 * 32_001),
        ("source_disabled", 40),
        ("origin_not_allowed", 40),
    ] {
        let line = format!("headwater_events_rejected_total{{code=\"{code}\"}} {count}");
        assert!(text.contains(&line), "{line}: {text}");
    }
    let data = collector.data.clone();
    collector.stop();
    // Retention as the collector runs it every half a minute.
    let options = LogOptions {
        dir: data.clone(),
        segment_bytes: 262_144,
        retain_ms: None,
        hot_ms: None,
        retain_bytes: Some(most),
        min_free_bytes: 0,
        dedupe_ms: 24 * 3_600_000,
        dedupe_memory: 1000,
        new_key: [0; 16],
        free_space: Arc::new(|| None),
    };
    let (mut log, _) = Committer::open(Arc::new(RealDisk), options, system_now()).unwrap();
    assert_eq!(log.sweep(system_now()).unwrap().segments, 0);
    drop(log);
    assert_eq!(export(&data, &[]).len(), 200);
    let sampled: u64 = std::fs::read_dir(data.join("strangers/log"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!((1..1 << 20).contains(&sampled), "{sampled} bytes");
    drop(dir);
}

#[test]
fn a_sample_of_strangers_is_shown_live_and_by_export_and_tail() {
    let (_dir, collector) = serve(STORAGE);
    let port = collector.port;
    let event = |key: &str, id: &str| {
        format!(r#"{{"event":"E","userId":"u","messageId":"{id}","writeKey":"{key}"}}"#)
    };
    assert_eq!(post(port, "/v1/track", &event("k", "good")).status, 200);
    assert_eq!(post(port, "/v1/track", &event("nobody", "a")).status, 200);
    assert_eq!(post(port, "/v1/track", &event("gone", "b")).status, 200);
    let bad = || send(port, "GET", "/_inspect/bad", &[TOKEN], b"").json();
    let codes = |items: &[Value], code: &str| -> Vec<String> {
        items
            .iter()
            .map(|item| format!("{} {}", item[code], item["event"]["messageId"]))
            .collect()
    };
    let shown = bad();
    assert_eq!(
        codes(shown["items"].as_array().unwrap(), "code"),
        [r#""source_disabled" "b""#, r#""unknown_write_key" "a""#]
    );
    let data = collector.data.to_str().unwrap().to_owned();
    let rejected = || collector.export(&["--rejected"]);
    until("the sample is on disk", || rejected().len() == 3);
    assert_eq!(
        codes(&rejected(), "rejected"),
        [
            r#"null null"#,
            r#""unknown_write_key" "a""#,
            r#""source_disabled" "b""#
        ]
    );
    assert_eq!(collector.export(&[]).len(), 1);
    let (fine, text) = run(&["tail", "--rejected", "-n", "2", "--data", &data]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(fine && lines.len() == 2, "{text}");
    assert!(
        lines[0].contains("unknown_write_key") && lines[1].contains("source_disabled"),
        "{text}"
    );
    let (_, text) = run(&["tail", "-n", "5", "--data", &data]);
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn strangers_push_nothing_out_of_what_is_shown_and_the_sample_says_what_it_left_out() {
    let (_dir, collector) = serve(STORAGE);
    let port = collector.port;
    assert_eq!(post(port, "/v1/b", GOOD).status, 200);
    let large = format!(
        r#"{{"batch":[{}],"writeKey":"nobody"}}"#,
        vec![format!(r#"{{"pad":"{}"}}"#, "x".repeat(30_000)); 100].join(",")
    );
    for n in 0..50 {
        let body = if n % 2 == 0 { &large } else { "{" };
        post(port, "/v1/b", body);
    }
    let items = |sort: &str| {
        let path = format!("/_inspect/{sort}");
        let answer = send(port, "GET", &path, &[TOKEN], b"");
        let count = answer.json()["items"].as_array().unwrap().len();
        (count, answer.body.len())
    };
    assert_eq!(items("good").0, 1);
    let (shown, bytes) = items("bad");
    assert!(
        (1..=200).contains(&shown) && bytes < 1 << 20,
        "{shown}, {bytes}"
    );
    assert!(metric(port, "headwater_strangers_unsampled_total") > 0);
}

#[test]
fn a_strict_answer_is_bounded_and_says_how_many_more_there_are() {
    let (_dir, collector) = serve(STORAGE);
    let strict = |text: &str| {
        let headers = [("x-collector-strict", "1")];
        let answer = send(collector.port, "POST", "/v1/b", &headers, text.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer.body.len(), answer.json())
    };
    let end = log_end(collector.port);
    let many = format!(r#"{{"batch":[0{}],"writeKey":"k"}}"#, ",0".repeat(31_999));
    let (bytes, told) = strict(&many);
    let listed = told["rejected"].as_array().unwrap().len() as u64;
    assert!(bytes < 70_000 && listed > 100, "{bytes} bytes, {listed}");
    assert_eq!(told["moreRejected"].as_u64().unwrap() + listed, 32_000);
    let stored = log_end(collector.port) - end;
    assert!(
        stored < 64_000 + 2500 * 9 + 1000,
        "no more than max_events are described: {stored}"
    );
    let (_, told) = strict(r#"{"batch":[0],"writeKey":"k"}"#);
    assert_eq!(
        (&told["rejected"][0]["index"], &told["moreRejected"]),
        (&json!(0), &Value::Null)
    );
    let items = vec![r#"{"type":"page","userId":"u"}"#; 2502].join(",");
    let (_, told) = strict(&format!(r#"{{"batch":[{items}],"writeKey":"k"}}"#));
    assert_eq!(told["accepted"], 2500);
    assert_eq!(
        (&told["rejected"][1]["index"], &told["rejected"][1]["code"]),
        (&json!(2501), &json!("too_many_events"))
    );
}

#[test]
fn a_batch_of_more_than_65536_items_is_refused_before_it_is_read_to_its_end() {
    let (_dir, collector) = serve(STORAGE);
    let text = format!(
        r#"{{"batch":[0{}],"writeKey":"k"}}"#,
        ",0".repeat(1_900_000)
    );
    let before = collector.peak_memory();
    for _ in 0..4 {
        let answer = post(collector.port, "/v1/b", &text);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("bad_shape"))
        );
    }
    let grown = collector.peak_memory() - before;
    assert!(grown < 24 << 20, "{grown} bytes for bodies of 4 MB");
}

#[test]
fn a_pixel_obeys_max_single_bytes_and_its_head_stores_nothing() {
    let (_dir, collector) = serve(STORAGE);
    let port = collector.port;
    let pixel = |method: &str, id: &str, bytes: usize| {
        let pad = "x".repeat(bytes);
        let path =
            format!("/v1/pixel/page?writeKey=k&userId=u&messageId={id}&properties.pad={pad}");
        let answer = send(port, method, &path, &[], b"");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("image/gif"))
        );
    };
    pixel("GET", "small", 30_000);
    pixel("GET", "large", 40_000);
    let mut stream = connect(port);
    stream
        .write_all(b"HEAD /v1/pixel/page?writeKey=k&userId=u&messageId=head HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("image/gif"),
        "{answer}"
    );
    let ids: Vec<Value> = collector
        .export(&[])
        .iter()
        .map(|event| event["messageId"].clone())
        .collect();
    assert_eq!(ids, ["small"]);
    let shown = send(port, "GET", "/_inspect/bad", &[TOKEN], b"").json();
    assert_eq!(shown["items"][0]["code"], "too_large");
}

#[test]
fn ids_that_differ_in_half_an_emoji_only_are_two_and_a_retry_of_each_is_none() {
    let (_dir, collector) = serve(STORAGE);
    let body = r#"{"batch":[{"type":"page","userId":"u","messageId":"a\ud83d"},{"type":"page","userId":"u","messageId":"a\ud83e"},
        {"type":"page","userId":"u","messageId":"a\ufffd"}],"writeKey":"k"}"#;
    let strict = |body: &str| crate::http::strict(collector.port, body);
    assert_eq!(strict(body)["accepted"], 3);
    assert_eq!(strict(&body.replace("ud83d", "uD83D"))["duplicates"], 3);
    let events = collector.export(&[]);
    let mut ids: Vec<&str> = events
        .iter()
        .map(|event| event["messageId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[test]
fn a_numeric_id_of_more_than_100_digits_is_too_long() {
    let (_dir, collector) = serve(STORAGE);
    let event = |digits: usize| {
        let id = "7".repeat(digits);
        format!(r#"{{"batch":[{{"type":"page","userId":"u","messageId":{id}}}],"writeKey":"k"}}"#)
    };
    assert_eq!(
        crate::http::strict(collector.port, &event(100))["accepted"],
        1
    );
    for digits in [101, 3000] {
        assert_eq!(
            crate::http::strict(collector.port, &event(digits))["rejected"][0]["code"],
            "message_id_too_long"
        );
    }
}

#[test]
fn check_warns_of_trusting_everybody_and_of_listening_everywhere() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let told = |server: &str| {
        std::fs::write(&file, format!("[server]\n{server}\n{SOURCES}")).unwrap();
        let (fine, text) = run(&["check", "--config", file.to_str().unwrap()]);
        assert!(fine, "{text}");
        text
    };
    let own = told("trusted_proxies = [\"10.0.0.0/8\"]");
    assert!(
        !own.contains("server.trusted_proxies") && !own.contains("server.listen"),
        "{own}"
    );
    for everybody in ["0.0.0.0/0", "::/0"] {
        let text = told(&format!("trusted_proxies = [\"{everybody}\"]"));
        assert!(text.contains("note: server.trusted_proxies"), "{text}");
    }
    let text = told("listen = \"0.0.0.0:8765\"");
    assert!(text.contains("note: server.listen"), "{text}");
}
