//! Who may ask for events: this machine's own pages and people, and with a token whoever shows it.

use std::io::Write;

use tempfile::tempdir;

use crate::http::{connect, get, post, read, send};
use crate::process::Collector;

const TOKEN: &str = "an-admin/token+of length";

const CONFIG: &str = r#"
[server]
trusted_proxies = ["127.0.0.1"]
[storage]
dir = "DATA"
min_free_bytes = 0
[admin]
token = "an-admin/token+of length"
[[sources]]
name = "web"
write_keys = ["wk"]
"#;

/// All that shows events or changes what is shown, with its method.
const DOORS: [(&str, &str); 5] = [
    ("GET", "/_inspect/all"),
    ("GET", "/_inspect/good"),
    ("GET", "/_inspect/bad"),
    ("POST", "/_inspect/reset"),
    ("GET", "/_events"),
];

/// Status and `code` of a request without a body.
fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut stream = connect(port);
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += &format!("host: 127.0.0.1:{port}\r\n");
    }
    for (name, value) in headers.iter().filter(|(_, value)| *value != "none") {
        head += &format!("{name}: {value}\r\n");
    }
    write!(stream, "{head}content-length: 0\r\n\r\n").unwrap();
    let answer = read(&mut stream).unwrap();
    let code = serde_json::from_slice::<serde_json::Value>(&answer.body)
        .map(|body| body["code"].as_str().unwrap_or_default().to_owned());
    (answer.status, code.unwrap_or_default())
}

#[test]
fn a_page_whose_name_was_rebound_to_this_machine_sees_no_event() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    post(
        port,
        "/v1/track",
        r#"{"event":"Secret","userId":"u","writeKey":"k"}"#,
    );
    let refused = (403, "host_not_allowed".to_owned());
    for (method, path) in DOORS {
        for host in [
            "evil.example",
            "evil.example:8765",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "none",
            "127.0.0.1:8765@evil.example",
        ] {
            assert_eq!(
                ask(port, method, path, &[("host", host)]),
                refused,
                "{method} {path} {host:?}"
            );
        }
        // A second Host, and a target that names its own.
        let two = [("host", "127.0.0.1"), ("host", "evil.example")];
        assert_ne!(ask(port, method, path, &two).0, 200, "{path}");
        let absolute = format!("http://evil.example{path}");
        assert_eq!(
            ask(port, method, &absolute, &[("host", "localhost")]),
            refused
        );
    }
    for path in ["/", "/_page/page.js"] {
        assert_eq!(ask(port, "GET", path, &[("host", "evil.example")]).0, 403);
    }
    for host in [
        "127.0.0.1:8765",
        "localhost",
        "LocalHost:1",
        "[::1]:8765",
        "192.168.1.7:80",
    ] {
        let asked = send(port, "GET", "/_inspect/good", &[("host", host)], b"");
        assert_eq!(asked.status, 200, "{host}");
        assert!(asked.text().contains("Secret"));
        assert_eq!(send(port, "GET", "/", &[("host", host)], b"").status, 200);
    }
    assert!(collector.metric("headwater_admin_refused_total{code=\"host_not_allowed\"}") > 40);
    // Who sends events may call this machine by any name.
    let event = br#"{"event":"E","userId":"u","writeKey":"k"}"#;
    let sent = send(
        port,
        "POST",
        "/v1/track",
        &[("host", "hub.internal")],
        event,
    );
    assert_eq!(sent.status, 200);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            ask(port, "GET", path, &[("host", "hub.internal")]).0,
            200,
            "{path}"
        );
    }
}

#[test]
fn the_name_that_dev_was_told_to_listen_on_is_its_own() {
    let dir = tempdir().unwrap();
    // A name that resolves everywhere, is no address in the full form, and so is not allowed by itself.
    let collector = Collector::dev_with(dir.path(), &["--host", "127.1"]);
    for (host, status) in [("127.1:8765", 200), ("127.1", 200), ("127.2", 403)] {
        let asked = send(
            collector.port,
            "GET",
            "/_inspect/all",
            &[("host", host)],
            b"",
        );
        assert_eq!(asked.status, status, "{host}");
    }
}

#[test]
fn no_other_site_reads_or_resets_what_dev_shows() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    post(
        port,
        "/v1/track",
        r#"{"event":"E","userId":"u","writeKey":"k"}"#,
    );
    let own = format!("http://127.0.0.1:{port}");
    let refused = (403, "cross_site".to_owned());
    for (method, path) in DOORS {
        let foreign: [&[(&str, &str)]; 5] = [
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:1")],
            &[("origin", &own), ("sec-fetch-site", "cross-site")],
        ];
        for headers in foreign {
            let told = ask(port, method, path, headers);
            assert_eq!(told, refused, "{method} {path} {headers:?}");
        }
    }
    assert_eq!(
        get(port, "/_inspect/all").json()["good"],
        1,
        "nothing was reset"
    );
    // A link on another site may lead to the page: what it shows, it asks for itself.
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(ask(port, "GET", "/", &link).0, 200);
    for headers in [
        &[("sec-fetch-site", "same-origin"), ("origin", &*own)],
        &[("sec-fetch-site", "none"), ("x-any", "1")],
    ] {
        assert_eq!(ask(port, "GET", "/_inspect/all", headers).0, 200);
    }
    let headers = [("sec-fetch-site", "same-origin"), ("origin", &*own)];
    assert_eq!(ask(port, "POST", "/_inspect/reset", &headers).0, 200);
    assert_eq!(get(port, "/_inspect/all").json()["good"], 0);
}

#[test]
fn a_reset_is_a_post() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    post(
        collector.port,
        "/v1/track",
        r#"{"event":"E","userId":"u","writeKey":"k"}"#,
    );
    for method in ["GET", "HEAD", "PUT"] {
        let answer = send(collector.port, method, "/_inspect/reset", &[], b"");
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.header("allow").unwrap().contains("POST"));
    }
    assert_eq!(get(collector.port, "/_inspect/all").json()["good"], 1);
    assert_eq!(post(collector.port, "/_inspect/reset", "").status, 200);
    assert_eq!(get(collector.port, "/_inspect/all").json()["good"], 0);
}

#[test]
fn dev_warns_when_other_machines_can_reach_it() {
    let dir = tempdir().unwrap();
    let warning = "other machines can reach it";
    let open = Collector::dev_with(dir.path(), &["--host", "0.0.0.0"]);
    open.has_logged(warning);
    open.stop();
    let closed = Collector::dev(dir.path());
    assert_eq!(get(closed.port, "/healthz").status, 200);
    assert!(!closed.log().contains(warning));
}

#[test]
fn a_preflight_is_answered_on_every_path_and_lets_no_page_in_to_the_admin_routes() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let asked = [
        ("origin", "http://evil.example"),
        ("access-control-request-method", "POST"),
    ];
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/_inspect/all",
        "/_inspect/good",
        "/_inspect/reset",
        "/_events",
        "/_page/page.js",
        "/v1/b",
        "/nowhere",
    ] {
        let answer = send(collector.port, "OPTIONS", path, &asked, b"");
        assert_eq!(answer.status, 204, "{path}");
        let is_open = matches!(path, "/v1/b" | "/nowhere");
        assert_eq!(
            answer.header("access-control-allow-origin").is_some(),
            is_open,
            "{path}"
        );
    }
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/_inspect/all",
        "/_events",
        "/_page/page.js",
    ] {
        let answer = send(collector.port, "HEAD", path, &[], b"");
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn the_admin_token_is_known_in_every_way_to_write_it() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        let header = format!("{scheme} {TOKEN}");
        let answer = send(
            collector.port,
            "GET",
            "/_inspect/all",
            &[("authorization", &header)],
            b"",
        );
        assert_eq!(answer.status, 200, "{scheme}");
    }
    for written in [
        "an-admin%2Ftoken%2Bof%20length",
        "an-admin/token%2bof+length",
        "an-admin/token+of%20length",
    ] {
        let path = format!("/_inspect/all?x=1&token={written}");
        assert_eq!(get(collector.port, &path).status, 200, "{written}");
    }
    // With a token the name in Host is the operator's business.
    let header = format!("Bearer {TOKEN}");
    let headers = [("host", "hub.example"), ("authorization", &*header)];
    let answer = send(collector.port, "GET", "/_inspect/all", &headers, b"");
    assert_eq!(answer.status, 200);
}

#[test]
fn wrong_admin_tokens_are_counted_logged_and_slowed_and_the_operator_elsewhere_is_not() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    let port = collector.port;
    let guess = |from: &str, token: &str| {
        let header = format!("Bearer {token}");
        let headers = [("x-forwarded-for", from), ("authorization", &*header)];
        send(port, "GET", "/_inspect/all", &headers, b"")
    };
    let (mut wrong, mut slowed) = (0, 0);
    for n in 0..200 {
        let answer = guess("203.0.113.9", &format!("guess-number-{n}-of-many"));
        match answer.status {
            401 => wrong += 1,
            429 => {
                slowed += 1;
                assert_eq!(answer.json()["code"], "too_many_attempts");
                assert!(
                    answer
                        .header("retry-after")
                        .unwrap()
                        .parse::<u32>()
                        .unwrap()
                        > 0
                );
            }
            other => panic!("{other}"),
        }
    }
    // Twenty at once and one each three seconds, as long as this took.
    assert!((20..60).contains(&wrong), "{wrong} guesses were looked at");
    let count =
        |code: &str| collector.metric(&format!("headwater_admin_refused_total{{code=\"{code}\"}}"));
    assert_eq!(count("wrong_admin_token"), wrong);
    assert_eq!(count("too_many_attempts"), slowed);
    assert_eq!(
        guess("203.0.113.9", TOKEN).status,
        429,
        "what is not looked at cannot be guessed"
    );
    assert_eq!(guess("198.51.100.4", TOKEN).status, 200);
    // Without any token nobody tried anything: the page asks so before it shows its form.
    for _ in 0..50 {
        assert_eq!(
            send(
                port,
                "GET",
                "/_inspect/all",
                &[("x-forwarded-for", "198.51.100.4")],
                b""
            )
            .status,
            401
        );
    }
    assert_eq!(guess("198.51.100.4", TOKEN).status, 200);
    collector.has_logged("wrong admin token");
    let log = collector.log();
    assert!(
        !log.contains("guess-number") && !log.contains(TOKEN),
        "{log}"
    );
    let lines = log
        .lines()
        .filter(|line| line.contains("wrong admin token"));
    assert!(lines.count() < 20, "{log}");
}

#[test]
fn the_folder_that_the_collector_makes_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let data = dir.path().join("var/events");
    drop(Collector::dev(&data));
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("key")), 0o600);
    assert!(std::fs::metadata(data.join("log")).unwrap().is_dir());
    // A folder that was there is the operator's.
    let own = dir.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, PermissionsExt::from_mode(0o750)).unwrap();
    drop(Collector::dev(&own));
    assert_eq!(mode(&own), 0o750);
}
