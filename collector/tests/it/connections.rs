//! What happens below a request: who is at the other end, how many at a time, in which HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::tempdir;

use crate::http::{connect, send, try_send};
use crate::process::Collector;

const CONFIG: &str = r#"
[server]
trusted_proxies = PROXIES
max_connections = MOST
[storage]
dir = "DATA"
min_free_bytes = 0
[limits]
min_body_rate = 0
[[sources]]
name = "app"
write_keys = ["k"]
platform = "client"
[[sources]]
name = "quiet"
write_keys = ["q"]
platform = "client"
keep_ip = false
[[sources]]
name = "api"
write_keys = ["s"]
platform = "server"
"#;

fn serve(dir: &tempfile::TempDir, proxies: &str, most: usize) -> Collector {
    let config = CONFIG
        .replace("PROXIES", proxies)
        .replace("MOST", &most.to_string());
    Collector::serve(dir.path(), &config)
}

/// The address that is stored for a request with these `X-Forwarded-For` headers.
fn stored_ip(collector: &Collector, key: &str, forwarded: &[&str]) -> serde_json::Value {
    let body = format!(r#"{{"batch":[{{"type":"page","userId":"u"}}],"writeKey":"{key}"}}"#);
    let headers: Vec<_> = forwarded
        .iter()
        .map(|value| ("x-forwarded-for", *value))
        .collect();
    let answer = send(collector.port, "POST", "/v1/b", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    collector.export(&[]).pop().unwrap()["context"]["ip"].clone()
}

#[test]
fn behind_a_trusted_proxy_the_address_is_the_last_that_no_trusted_proxy_wrote() {
    let dir = tempdir().unwrap();
    let collector = serve(&dir, r#"["127.0.0.0/8", "10.0.0.0/8"]"#, 100);
    let cases: [(&[&str], &str); 7] = [
        (&[], "127.0.0.1"),
        (&["203.0.113.9"], "203.0.113.9"),
        // What stands left of it was written by the sender, who may say anything.
        (&["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (&["6.6.6.6, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (&["6.6.6.6", "203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (&["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3"),
        (&["2001:db8::7"], "2001:db8::7"),
    ];
    for (forwarded, expected) in cases {
        assert_eq!(
            stored_ip(&collector, "k", forwarded),
            expected,
            "{forwarded:?}"
        );
    }
    for key in ["q", "s"] {
        assert!(
            stored_ip(&collector, key, &["203.0.113.9"]).is_null(),
            "{key}"
        );
    }
}

#[test]
fn without_trusted_proxies_nobody_can_say_another_address() {
    let dir = tempdir().unwrap();
    let collector = serve(&dir, "[]", 100);
    assert_eq!(stored_ip(&collector, "k", &["203.0.113.9"]), "127.0.0.1");
}

#[test]
fn beyond_max_connections_with_requests_in_hand_a_sender_waits_for_its_turn() {
    let dir = tempdir().unwrap();
    let collector = serve(&dir, "[]", 2);
    let mut held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = connect(collector.port);
            stream
                .write_all(b"POST /v1/b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
                .unwrap();
            // Now it is in hand: a connection without a request would give way.
            stream.read_exact(&mut [0; 25]).unwrap();
            stream
        })
        .collect();
    let port = collector.port;
    let (told, heard) = std::sync::mpsc::channel();
    let third = std::thread::spawn(move || {
        let answer = try_send(port, "GET", "/healthz", &[], b"").unwrap();
        told.send(answer.status).unwrap();
    });
    assert!(
        heard.recv_timeout(Duration::from_millis(500)).is_err(),
        "two are all that are served at a time"
    );
    held.pop();
    assert_eq!(heard.recv_timeout(Duration::from_secs(20)), Ok(200));
    third.join().unwrap();
}

/// One HTTP/2 frame, RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

#[test]
fn http2_with_prior_knowledge_is_served() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let body = br#"{"batch":[{"type":"page","userId":"u"}],"writeKey":"k"}"#;
    // HPACK, RFC 7541: `:method POST` and `:scheme http` from the static table, path and authority as literals.
    let mut head = vec![0x83, 0x86, 0x04, 5];
    head.extend_from_slice(b"/v1/b");
    head.extend_from_slice(&[0x01, 4]);
    head.extend_from_slice(b"test");
    let mut stream = connect(collector.port);
    stream
        .write_all(
            &[
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
                frame(SETTINGS, 0, 0, b""),
                frame(HEADERS, END_HEADERS, 1, &head),
                frame(DATA, END_STREAM, 1, body),
            ]
            .concat(),
        )
        .unwrap();
    let (mut status, mut text) = (None, Vec::new());
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).unwrap();
        let len = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload).unwrap();
        match header[3] {
            HEADERS => status = payload.first().copied(),
            DATA => text.extend_from_slice(&payload),
            _ => {}
        }
        if header[3] <= HEADERS && header[4] & END_STREAM != 0 {
            break;
        }
    }
    // 0x88 is `:status 200` in the static table.
    assert_eq!(status, Some(0x88));
    assert_eq!(text, br#"{"success":true}"#);
    assert_eq!(collector.export(&[]).len(), 1);
}
