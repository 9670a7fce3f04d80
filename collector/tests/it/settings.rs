//! The settings documents: where they send SDKs, and what a cache may do with them.

use tempfile::tempdir;

use crate::http::{Answer, get, post, send};
use crate::process::{Collector, run};

const CONFIG: &str = r#"
[server]
SERVER
[storage]
dir = "DATA"
min_free_bytes = 0
[[sources]]
name = "alpha"
write_keys = ["ka"]
[[sources]]
name = "beta"
write_keys = ["kb"]
"#;

fn serve(server: &str) -> (tempfile::TempDir, Collector) {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), &CONFIG.replace("SERVER", server));
    (dir, collector)
}

fn ask(collector: &Collector, headers: &[(&str, &str)]) -> Answer {
    let path = "/v1/projects/ka/settings";
    let answer = send(collector.port, "GET", path, headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// All that the answer says it depends on.
fn vary(answer: &Answer) -> String {
    let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("vary");
    let values = answer.headers.iter().filter(named);
    let values: Vec<_> = values
        .map(|(_, value)| value.to_ascii_lowercase())
        .collect();
    values.join(", ")
}

/// `protocol://apiHost` of an answer.
fn leads_to(answer: &Answer) -> String {
    let settings = answer.json();
    let segment = &settings["integrations"]["Segment.io"];
    let text = |key: &str| segment[key].as_str().unwrap().to_owned();
    format!("{}://{}", text("protocol"), text("apiHost"))
}

#[test]
fn settings_lead_to_public_url_whatever_a_request_says() {
    let (_dir, collector) = serve(
        "public_url = \"https://Hub.example:8443/events/\"\ntrusted_proxies = [\"127.0.0.1\"]",
    );
    let evil = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
    ];
    for headers in [&evil[..0], &evil[..1], &evil] {
        let answer = ask(&collector, headers);
        assert_eq!(leads_to(&answer), "https://hub.example:8443/events/v1");
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=300"),
            "it says the same to all"
        );
    }
    // What a proxy passes on under that path without taking it off is taken.
    let event = r#"{"event":"E","userId":"u","writeKey":"ka"}"#;
    for path in ["/events/v1/t", "/events/t", "/v1/t", "//events//v1/track"] {
        assert_eq!(post(collector.port, path, event).status, 200, "{path}");
    }
    assert_eq!(
        get(collector.port, "/events/v1/projects/ka/settings").status,
        200
    );
    assert_eq!(post(collector.port, "/eventsv1/t", event).status, 404);
    assert_eq!(post(collector.port, "/other/v1/t", event).status, 404);
    assert_eq!(collector.export(&[]).len(), 4);
}

#[test]
fn without_public_url_settings_say_https_unless_the_host_is_this_machine() {
    let (_dir, collector) = serve("");
    for (host, leads) in [
        ("hub.example", "https://hub.example/v1"),
        ("hub.example:8765", "https://hub.example:8765/v1"),
        ("10.0.0.7:80", "https://10.0.0.7:80/v1"),
        ("localhost:8765", "http://localhost:8765/v1"),
        ("shop.localhost", "http://shop.localhost/v1"),
        ("127.0.0.1:8765", "http://127.0.0.1:8765/v1"),
        ("127.8.9.1", "http://127.8.9.1/v1"),
        ("[::1]:8765", "http://[::1]:8765/v1"),
        (
            "127.0.0.1.evil.example",
            "https://127.0.0.1.evil.example/v1",
        ),
    ] {
        assert_eq!(leads_to(&ask(&collector, &[("host", host)])), leads);
    }
    for host in ["", "a b", "a/b", "a\"b", "a@b", &"h".repeat(300)] {
        let headers = [("host", host)];
        let path = "/v1/projects/ka/settings";
        let answer = send(collector.port, "GET", path, &headers, b"");
        assert_eq!(answer.status, 400, "{host}");
    }
    // In development nothing stands in front that could speak TLS for an address.
    let dir = tempdir().unwrap();
    let dev = Collector::dev(dir.path());
    for (host, leads) in [
        ("192.168.1.7:8765", "http://192.168.1.7:8765/v1"),
        ("[fd00::7]:8765", "http://[fd00::7]:8765/v1"),
        ("tunnel.example", "https://tunnel.example/v1"),
    ] {
        assert_eq!(leads_to(&ask(&dev, &[("host", host)])), leads);
    }
}

#[test]
fn forwarded_headers_count_from_trusted_proxies_alone_and_others_are_warned_of_once() {
    let forwarded = [
        ("host", "10.0.0.7:8765"),
        ("x-forwarded-host", "hub.example"),
        ("x-forwarded-proto", "https"),
    ];
    let plain = [
        ("x-forwarded-host", "hub.example"),
        ("x-forwarded-proto", "http"),
    ];
    let (_dir, trusting) = serve("trusted_proxies = [\"127.0.0.1\"]");
    assert_eq!(
        leads_to(&ask(&trusting, &forwarded)),
        "https://hub.example/v1"
    );
    assert_eq!(leads_to(&ask(&trusting, &plain)), "http://hub.example/v1");
    let lists = [
        ("x-forwarded-host", "hub.example, inner.example"),
        ("x-forwarded-proto", "https, http"),
    ];
    assert_eq!(leads_to(&ask(&trusting, &lists)), "https://hub.example/v1");
    let (_other, strict) = serve("");
    let warning = "trusted_proxies does not name";
    assert!(!strict.log().contains(warning));
    for _ in 0..3 {
        assert_eq!(
            leads_to(&ask(&strict, &forwarded)),
            "https://10.0.0.7:8765/v1",
            "the host that was asked, and no browser is led to plain http"
        );
    }
    strict.has_logged(warning);
    assert_eq!(strict.log().matches(warning).count(), 1);
    assert!(strict.log().contains("127.0.0.1") && strict.log().contains("public_url"));
    assert!(!trusting.log().contains(warning));
}

#[test]
fn no_cache_gives_one_senders_document_to_another() {
    let (_dir, collector) = serve("public_url = \"https://hub.example\"");
    let by_header = |path: &str, key: &str| {
        let authorization = if key == "ka" {
            "Basic a2E6"
        } else {
            "Basic a2I6"
        };
        let headers = [("authorization", authorization)];
        send(collector.port, "GET", path, &headers, b"")
    };
    for path in ["/sourceConfig?p=android", "/v1/projects"] {
        let (alpha, beta) = (by_header(path, "ka"), by_header(path, "kb"));
        assert_ne!(alpha.body, beta.body, "{path}");
        assert_ne!(alpha.header("etag"), beta.header("etag"));
        for answer in [alpha, beta] {
            assert_eq!(
                answer.header("cache-control"),
                Some("private, max-age=300"),
                "the key is in no address"
            );
            let vary = vary(&answer);
            assert!(vary.contains("authorization") && vary.contains("x-write-key"));
        }
    }
    // What is named by its address alone may be shared.
    for path in [
        "/sourceConfig?writeKey=ka",
        "/v1/projects?writeKey=ka",
        "/v1/projects/ka/settings",
    ] {
        let answer = get(collector.port, path);
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=300"),
            "{path}"
        );
        let page = [("origin", "https://shop.example")];
        let to_page = send(collector.port, "GET", path, &page, b"");
        for answer in [answer, to_page] {
            let vary = vary(&answer);
            assert!(vary.contains("origin"), "CORS says another thing to each");
        }
    }
    // Where the request's own Host decides, no shared cache may keep it.
    let (_other, by_host) = serve("");
    let answer = ask(&by_host, &[("host", "evil.example")]);
    assert_eq!(answer.header("cache-control"), Some("private, max-age=300"));
    let vary = vary(&answer);
    assert!(vary.contains("host") && vary.contains("x-forwarded-proto"));
    assert_eq!(
        get(by_host.port, "/sourceConfig?writeKey=ka").header("cache-control"),
        Some("public, max-age=300"),
        "it names no host"
    );
}

#[test]
fn a_document_that_is_still_the_same_is_not_sent_again() {
    let (_dir, collector) = serve("public_url = \"https://hub.example\"");
    let first = ask(&collector, &[]);
    let tag = first.header("etag").unwrap();
    assert!(tag.starts_with('"'), "it is a strong one: {tag}");
    let path = "/v1/projects/ka/settings";
    for known in [tag, &format!("W/\"x\", {tag}"), "*"] {
        let headers = [("if-none-match", known), ("origin", "https://shop.example")];
        let again = send(collector.port, "GET", path, &headers, b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(again.header("cache-control"), Some("public, max-age=300"));
        assert!(again.header("access-control-allow-origin").is_some());
    }
    let headers = [("if-none-match", "\"another\"")];
    assert_eq!(ask(&collector, &headers).body, first.body);
    let head = send(collector.port, "HEAD", path, &[], b"");
    assert_eq!((head.status, head.header("etag")), (200, Some(tag)));
}

#[test]
fn a_public_url_is_checked_and_missed() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let check = |server: &str| {
        std::fs::write(&file, CONFIG.replace("SERVER", server)).unwrap();
        run(&["check", "--config", file.to_str().unwrap()])
    };
    let (fine, text) = check("");
    assert!(
        fine && text.contains("note: server.public_url is not set"),
        "{text}"
    );
    for url in [
        "https://hub.example",
        "http://127.0.0.1:8765",
        "https://[2001:db8::1]/a/b/",
    ] {
        let (fine, text) = check(&format!("public_url = \"{url}\""));
        assert!(fine && !text.contains("public_url"), "{url}: {text}");
    }
    let (fine, text) = check("public_url = \"http://hub.example\"");
    assert!(fine && text.contains("note: server.public_url"), "{text}");
    for url in [
        "hub.example",
        "ftp://hub.example",
        "https://",
        "https://hub.example?x=1",
        "https://hub.example/#x",
        "https://user@hub.example",
        "https://hub.example:port",
        "https://hub example",
        "https://hub.example/a b",
        "",
    ] {
        let (fine, text) = check(&format!("public_url = \"{url}\""));
        assert!(
            !fine && text.contains("https://hub.example"),
            "{url}: {text}"
        );
    }
}
