//! `headwater plan`: what the binary says of events and plans.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit code, standard output and standard error.
fn plan(arguments: &[&str], input: &str, folder: &Path) -> (bool, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .arg("plan")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that needs no input may be done before it is written.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout), text(done.stderr))
}

const EVENTS: &str = r#"{"type":"track","messageId":"m1","event":"Order Completed","properties":{"order_id":"o1","total":27.5,"currency":"EUR"}}
{"type":"track","messageId":"m2","event":"Order Completed","properties":{"total":"27","products":[{"price":"1"},{"price":"2"}],"colour":"crimson"}}

{"type":"track","messageId":"m3","event":"Order Complete","properties":{}}
no event
{"type":"page","messageId":"m4"}
"#;

#[test]
fn check_reports_what_is_not_as_planned_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (fine, report, told) = plan(&["check", "--standard", "ecommerce"], EVENTS, dir.path());
    assert!(!fine);
    assert!(told.contains("3 lines are not as planned"), "{told}");
    for line in [
        "Order Completed                                 2  1 with violations",
        "         1  properties.order_id is required  (first: m2)",
        "         2  properties.products.*.price must be number  (first: m2)",
        "         1  colour is not in the plan",
        "Order Complete                                  1  not in the plan",
        "page                                            1  as planned",
        "4 events checked against E-commerce, 2 as planned",
        "  line 5: ",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
    assert!(
        !report.contains("crimson") && !report.contains("27.5"),
        "{report}"
    );
}

#[test]
fn check_says_the_same_in_json_and_makes_violation_events() {
    let dir = tempfile::tempdir().unwrap();
    let (_, report, _) = plan(
        &["check", "--standard", "ecommerce", "--json"],
        EVENTS,
        dir.path(),
    );
    assert!(
        report.contains(r#""events_checked":4,"not_as_planned":2,"no_events":1"#),
        "{report}"
    );
    let (_, events, _) = plan(
        &["check", "--standard", "ecommerce", "--events"],
        EVENTS,
        dir.path(),
    );
    assert_eq!(events.lines().count(), 4, "{events}");
    assert!(
        events
            .lines()
            .all(|line| line.contains(r#""event":"Violation Generated""#)),
        "{events}"
    );
    let fine = EVENTS.lines().next().unwrap();
    assert!(plan(&["check", "--standard", "ecommerce"], fine, dir.path()).0);
}

#[test]
fn a_plan_that_infer_proposes_fits_the_events_it_was_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let mut events = String::new();
    for n in 0..20 {
        let currency = if n % 4 == 0 { "USD" } else { "EUR" };
        let coupon = if n % 2 == 0 { r#","coupon":null"# } else { "" };
        events.push_str(&format!(
            "{{\"type\":\"track\",\"event\":\"Order Completed\",\"properties\":{{\"order_id\":\"o{n}\",\"total\":{n}.5,\"currency\":\"{currency}\",\"products\":[{{\"quantity\":{n}}}]{coupon}}}}}\n"
        ));
    }
    events.push_str("{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"age\":3}}\n");
    let (fine, proposed, told) = plan(&["infer", "--name", "Shop"], &events, dir.path());
    assert!(fine, "{told}");
    for part in [
        r#""enum": ["EUR","USD"]"#,
        r#""$comment": "20 of 20: EUR 15, USD 5""#,
        r#""$comment": "10 of 20""#,
        r#""required": ["currency","order_id","products","total"]"#,
        r#""type": "IDENTIFY""#,
    ] {
        assert!(proposed.contains(part), "{part}\n{proposed}");
    }
    std::fs::write(dir.path().join("plan.json"), proposed).unwrap();
    let (fine, report, told) = plan(&["check", "plan.json"], &events, dir.path());
    assert!(fine, "{report}{told}");
    assert!(
        report.contains("21 events checked against Shop, 21 as planned"),
        "{report}"
    );
}

#[test]
fn diff_tells_changes_and_fails_where_one_can_break_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, properties: &str| {
        let text = format!(
            r#"{{"rules":[{{"type":"TRACK","key":"A","jsonSchema":{{"properties":{{"properties":{properties}}}}}}}]}}"#
        );
        std::fs::write(dir.path().join(name), text).unwrap();
    };
    write(
        "old.json",
        r#"{"required":["a"],"properties":{"a":{"type":"integer"},"b":{"enum":["x","y"]},"c":{"maximum":5}}}"#,
    );
    write(
        "wider.json",
        r#"{"properties":{"a":{"type":["number","null"]},"b":{"enum":["x","y","z"]},"c":{"maximum":9},"d":{}}}"#,
    );
    let (fine, told, _) = plan(&["diff", "old.json", "wider.json"], "", dir.path());
    assert!(fine, "{told}");
    assert!(told.contains("5 changes, 0 breaking"), "{told}");
    let (fine, told, problem) = plan(&["diff", "wider.json", "old.json"], "", dir.path());
    assert!(
        !fine && problem.contains("give the rule a new `version`"),
        "{problem}"
    );
    assert!(told.contains("breaking  properties.a"), "{told}");
    assert!(
        told.contains("was number or null, is integer") && told.contains("5 breaking"),
        "{told}"
    );
    let (fine, told, _) = plan(&["diff", "old.json", "old.json", "--json"], "", dir.path());
    assert!(fine && told == "[]\n", "{told}");
}

#[test]
fn a_plan_that_cannot_be_used_is_refused_with_file_place_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("plan.json"),
        r#"{"rules":[{"type":"PAGE","jsonSchema":{"pattern":"(?=a)"}}]}"#,
    )
    .unwrap();
    let (fine, _, told) = plan(&["check", "plan.json"], "", dir.path());
    assert!(
        !fine && told.contains("plan.json: rules[0].jsonSchema.pattern: must not look ahead"),
        "{told}"
    );
    let (fine, _, told) = plan(&["standard", "shop"], "", dir.path());
    assert!(!fine && told.contains("there are b2b, ecommerce"), "{told}");
}
