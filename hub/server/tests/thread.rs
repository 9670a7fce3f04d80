//! The real binary: an event from the SDK's door to a destination, a row and a profile, also when things stop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[path = "thread/backup.rs"]
mod backup;

const BINARY: &str = env!("CARGO_BIN_EXE_headwater");

/// A process that says where it listens, and ends with its test.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[&str], hook: &str, log: &Path) -> Server {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    let mut child = Command::new(BINARY)
        .args(arguments)
        .env("HOOK", hook)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().expect("it says where it listens").unwrap();
    let address = first
        .strip_prefix("listening on http://")
        .expect("the first line")
        .to_owned();
    // What it says later must go somewhere.
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, address }
}

fn request(address: &str, method: &str, path: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.get(9..12).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

fn get(server: &Server, path: &str) -> String {
    request(&server.address, "GET", path, "", "").1
}

/// Waits for what must come.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "{what} did not come"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            dir: tempfile::tempdir().unwrap(),
        };
        for (file, text) in [
            ("workspace.yaml", "version: 1\nname: Test\n"),
            (
                "sources/web.yaml",
                "id: web\nwrite_keys: [wk]\nplan: orders\nenforcement: {track: {allowEventOnViolations: false}}\n",
            ),
            (
                "plans/orders.json",
                r#"{"rules":[{"type":"TRACK","key":"Order Completed","jsonSchema":{"properties":{"properties":{"required":["total"]}}}}]}"#,
            ),
            (
                "destinations/hook.yaml",
                "type: webhook\nsettings: {url: '${env:HOOK}'}\nallow_private_network: true\n",
            ),
            (
                "connections/web-hook.yaml",
                "id: con\nsource: web\ndestination: hook\nfilters: [{if: event = \"Test\", action: drop}]\n",
            ),
            ("warehouses/local.yaml", "type: sqlite\n"),
            ("traits/orders.yaml", "event: Order Completed\n"),
        ] {
            place.write(file, text);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path("workspace").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log.txt")).unwrap_or_default()
    }

    fn echo(&self) -> Server {
        start(
            &["echo", "--port", "0", "--quiet"],
            "",
            &self.path("echo.txt"),
        )
    }

    fn hub(&self, hook: &str) -> Server {
        let (workspace, data) = (self.path("workspace"), self.path("data"));
        start(
            &[
                "dev",
                "--port",
                "0",
                "--workspace",
                workspace.to_str().unwrap(),
                "--data",
                data.to_str().unwrap(),
            ],
            hook,
            &self.path("log.txt"),
        )
    }

    fn query(&self, sql: &str) -> String {
        self.query_file("warehouse.sqlite", sql)
    }

    fn query_file(&self, file: &str, sql: &str) -> String {
        let data = self.path("data");
        let done = Command::new(BINARY)
            .args(["query", "--data", data.to_str().unwrap()])
            .args(["--file", file, sql])
            .output()
            .unwrap();
        String::from_utf8(done.stdout)
            .unwrap()
            .lines()
            .skip(1)
            .collect::<Vec<_>>()
            .join(",")
    }
}

fn order(hub: &Server, id: &str, event: &str, properties: &str) {
    // The write key `wk`, with an empty password.
    let (status, _) = request(
        &hub.address,
        "POST",
        "/v1/track",
        "authorization: Basic d2s6\r\n",
        &format!(
            r#"{{"messageId":"{id}","userId":"u1","event":"{event}","properties":{properties}}}"#
        ),
    );
    assert_eq!(status, 200);
}

fn ids(echo: &Server) -> Vec<String> {
    let mut ids: Vec<String> = get(echo, "/_ids").lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

#[test]
fn one_event_travels_to_a_destination_a_row_and_a_profile_and_says_where_it_is() {
    let place = Place::new();
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(&hub, "m1", "Order Completed", r#"{"total":27.5}"#);
    order(&hub, "m2", "Test", "{}");
    order(&hub, "m3", "Order Completed", "{}");
    order(&hub, "m4", "Other", "{}");
    until("the deliveries", || ids(&echo) == ["m1", "m4"]);
    until("the rows", || {
        place.query("SELECT id FROM tracks ORDER BY id") == "m1,m2,m4"
    });
    until("the profile", || {
        get(&hub, "/admin/v1/profiles/u1") == r#"{"user_id":"u1","traits":{"orders":1}}"#
    });
    let way = |id: &str| get(&hub, &format!("/admin/v1/events/{id}"));
    until("the verdict", || {
        way("m1").contains(r#""verdict":"delivered""#)
    });
    assert!(
        way("m2").contains(r#""verdict":"dropped""#),
        "{}",
        way("m2")
    );
    assert!(way("m2").contains(r#"{"rule":"filter:0","did":"dropped","found":[],"changes":[]}"#));
    assert!(
        way("m3").contains(r#""blocked":"violations""#),
        "{}",
        way("m3")
    );
    assert!(way("m3").contains("properties.total is required"));
    let (status, _) = request(&hub.address, "GET", "/admin/v1/events/nowhere", "", "");
    assert_eq!(status, 404);
}

#[test]
fn a_destination_that_fails_gets_each_event_when_it_is_back_also_after_a_kill() {
    let place = Place::new();
    let echo = place.echo();
    let hook = format!("http://{}/in", echo.address);
    let mut hub = place.hub(&hook);
    request(&echo.address, "POST", "/_fail?status=503", "", "");
    for n in 0..20 {
        order(
            &hub,
            &format!("m{n:02}"),
            "Order Completed",
            r#"{"total":1}"#,
        );
    }
    until("tries", || {
        get(&echo, "/_received").contains("\"refused\":2")
    });
    hub.child.kill().unwrap();
    hub.child.wait().unwrap();
    let hub = place.hub(&hook);
    order(&hub, "m99", "Order Completed", r#"{"total":1}"#);
    request(&echo.address, "POST", "/_fail?status=503&times=0", "", "");
    until("all deliveries", || ids(&echo).len() == 21);
    until("all rows", || {
        place.query("SELECT count(*) FROM order_completed") == "21"
    });
    until("all orders", || {
        get(&hub, "/admin/v1/profiles/u1").contains(r#""orders":21"#)
    });
}

#[test]
fn a_change_of_the_workspace_decides_the_next_event_and_a_wrong_one_changes_nothing() {
    let place = Place::new();
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(&hub, "m1", "Test", "{}");
    place.write(
        "connections/web-hook.yaml",
        "id: con\nsource: nowhere\ndestination: hook\n",
    );
    until("the complaint", || {
        place.log().contains("source: there is no source `nowhere`")
    });
    order(&hub, "m2", "Test", "{}");
    place.write(
        "connections/web-hook.yaml",
        "id: con\nsource: web\ndestination: hook\nfilters: [{if: event = \"Other\", action: drop}]\n",
    );
    until("the change", || place.log().contains("workspace changed"));
    order(&hub, "m3", "Test", "{}");
    until("the delivery", || ids(&echo) == ["m3"]);
    place.write("sources/app.yaml", "write_keys: [wk]\n");
    until("the second complaint", || {
        place.log().contains("is a key of `app` already")
    });
}

#[test]
fn a_warehouse_that_moves_and_a_trait_that_is_new_are_filled_from_the_log_without_a_restart() {
    let place = Place::new();
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(&hub, "m1", "Order Completed", r#"{"total":1}"#);
    order(&hub, "m2", "Other", "{}");
    until("the rows", || {
        place.query("SELECT id FROM tracks ORDER BY id") == "m1,m2"
    });
    place.write(
        "warehouses/local.yaml",
        "type: sqlite\npath: elsewhere.sqlite\n",
    );
    place.write("traits/others.yaml", "event: Other\n");
    until("the change", || place.log().contains("workspace changed"));
    order(&hub, "m3", "Other", "{}");
    until("the rows elsewhere", || {
        place.query_file("elsewhere.sqlite", "SELECT id FROM tracks ORDER BY id") == "m1,m2,m3"
    });
    until("the traits", || {
        let traits = get(&hub, "/admin/v1/profiles/u1");
        traits.contains(r#""orders":1"#) && traits.contains(r#""others":2"#)
    });
    assert_eq!(
        place.query("SELECT count(*) FROM tracks"),
        "2",
        "the former file is as it was"
    );
    until("the warehouse's progress", || {
        let warehouses = get(&hub, "/admin/v1/warehouses");
        [
            r#""path":"elsewhere.sqlite""#,
            r#""rows":3"#,
            r#""failing":null"#,
        ]
        .iter()
        .all(|part| warehouses.contains(part))
    });
    until("the profiles' progress", || {
        get(&hub, "/admin/v1/profiles").contains(r#""behind_bytes":0,"rows":3"#)
    });
}

#[test]
fn a_hub_does_not_start_with_a_wrong_workspace_and_says_what_is_wrong() {
    let place = Place::new();
    place.write("sources/web.yaml", "write_key: wk\n");
    let done = Command::new(BINARY)
        .args(["dev", "--port", "0", "--workspace"])
        .arg(place.path("workspace"))
        .arg("--data")
        .arg(place.path("data"))
        .output()
        .unwrap();
    assert!(!done.status.success());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("nothing was started"), "{told}");
    assert!(told.contains("sources/web.yaml:1"), "{told}");
    assert!(!place.path("data").exists());
}

#[test]
fn a_private_address_is_refused_unless_the_workspace_allows_it() {
    let place = Place::new();
    place.write(
        "destinations/hook.yaml",
        "type: webhook\nsettings: {url: '${env:HOOK}'}\n",
    );
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(&hub, "m1", "Other", "{}");
    until("the refusal", || {
        get(&hub, "/admin/v1/events/m1").contains("allow_private_network")
    });
    assert!(ids(&echo).is_empty());
}

#[test]
fn an_event_that_destinations_send_in_a_circle_is_refused_after_three_hops() {
    let place = Place::new();
    place.write(
        "destinations/hook.yaml",
        "type: webhook\nsettings: {url: 'http://127.0.0.1:9/'}\nallow_private_network: true\n",
    );
    let hub = place.hub("");
    for next in 1..=5 {
        place.write(
            &format!("sources/s{next}.yaml"),
            &format!("id: s{next}\nwrite_keys: [wk{next}]\n"),
        );
        place.write(
            &format!("destinations/d{next}.yaml"),
            &format!(
                "type: webhook\nsettings: {{url: 'http://{}/v1/track?writeKey=wk{next}'}}\nallow_private_network: true\n",
                hub.address
            ),
        );
    }
    // From each source to the next, and from the last one to the first.
    for from in 1..=5 {
        place.write(
            &format!("connections/c{from}.yaml"),
            &format!("source: s{from}\ndestination: d{}\n", from % 5 + 1),
        );
    }
    until("the workspace", || {
        get(&hub, "/admin/v1/connections").contains("\"c5\"")
    });
    let (status, _) = request(
        &hub.address,
        "POST",
        "/v1/track?writeKey=wk1",
        "",
        r#"{"messageId":"m1","userId":"u1","event":"Round"}"#,
    );
    assert_eq!(status, 200);
    let refused = "headwater_events_rejected_total{code=\"too_many_hops\"} 1";
    until("the refusal", || get(&hub, "/metrics").contains(refused));
    let rejected = Command::new(BINARY)
        .args(["export", "--rejected", "--data"])
        .arg(place.path("data"))
        .output()
        .unwrap();
    let text = String::from_utf8(rejected.stdout).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("{\"rejected\":\"too_many_hops\""), "{text}");
}

#[test]
fn a_plan_blocks_omits_and_marks_what_its_source_is_told_to() {
    let place = Place::new();
    place.write(
        "sources/web.yaml",
        "id: web\nwrite_keys: [wk]\nplan: orders\nenforcement:\n  track:\n    allowUnplannedEvents: false\n    \
         allowUnplannedEventProperties: false\n    allowPropertiesOnViolations: false\n    commonEventOnViolations: BLOCK\n",
    );
    place.write(
        "plans/orders.json",
        r#"{"rules":[
            {"type":"TRACK","key":"Order Completed","jsonSchema":{"properties":{"properties":{"required":["total"],
                "properties":{"total":{"type":"number"},"coupon":{"pattern":"^[A-Z]+$"}}}}}},
            {"type":"COMMON","jsonSchema":{"properties":{"userId":{"not":{"pattern":"@"}}}}}]}"#,
    );
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(
        &hub,
        "m1",
        "Order Completed",
        r#"{"coupon":"summer","colour":"red"}"#,
    );
    order(&hub, "m2", "Other", "{}");
    let (status, _) = request(
        &hub.address,
        "POST",
        "/v1/track",
        "authorization: Basic d2s6\r\n",
        r#"{"messageId":"m3","userId":"a@b.example","event":"Order Completed","properties":{"total":1}}"#,
    );
    assert_eq!(status, 200);
    until("the delivery", || ids(&echo) == ["m1"]);
    let way = |id: &str| get(&hub, &format!("/admin/v1/events/{id}"));
    until("the verdict", || {
        way("m1").contains(r#""verdict":"delivered""#)
    });
    let told = way("m1");
    for part in [
        r#""did":"omitted""#,
        "properties.total is required",
        "properties.coupon must match the pattern",
        "coupon was left out: it violates the plan",
        "colour was left out: the plan does not name it",
        r#""path":"properties.colour","before":"red""#,
        r#""path":"context.protocols.omitted_on_violation","after":["coupon"]"#,
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(
        way("m2").contains(r#""blocked":"unplanned""#),
        "{}",
        way("m2")
    );
    assert!(
        way("m3").contains(r#""blocked":"violations""#),
        "{}",
        way("m3")
    );
}
