//! The runner itself: a client that is wrong in one way fails where that way shows, and for that reason; the same client
//! without the fault passes.
#![allow(clippy::unwrap_used, clippy::panic)]

use headwater_conformance::{run_case, scenario};

/// The failures of the first case whose name holds the text, with this fault.
fn failures(fault: &str, case: &str) -> Vec<String> {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let mut case = cases
        .into_iter()
        .find(|known| known.id.contains(case))
        .unwrap_or_else(|| panic!("no case holds {case:?}"));
    for run in &mut case.runs {
        run.limit = run.limit.min(std::time::Duration::from_secs(4));
        // Our own counts are more than the contract asks of a client.
        if let Some(says) = run.says.as_object_mut() {
            says.retain(|key, _| key == "sentBatches");
        }
    }
    let cli = env!("CARGO_BIN_EXE_wrong-cli");
    let command = [cli, "--fault", fault].map(str::to_owned);
    run_case(&case, &command).failures
}

const AGAIN: &str = "a 503 is tried again with the same ids";
const TYPES: &str = "each of the six types";
const TWO: &str = "two sequences with a pause";
const SECONDS: &str = "Retry-After in seconds on a 429";
const DROPPED: &str = "a 403 is never tried again";
const LIMIT: &str = "maxRetries 1 means 2 requests";
const UNCOUNTED: &str = "tries that the hub timed do not count";

#[test]
fn without_a_fault_it_passes() {
    for case in [AGAIN, TYPES, TWO, SECONDS, DROPPED, LIMIT, UNCOUNTED] {
        assert_eq!(failures("none", case), [""; 0], "{case}");
    }
}

#[test]
fn each_fault_fails_where_it_shows_and_for_its_reason() {
    let table = [
        ("new-ids", AGAIN, "messageId and timestamp must not change"),
        (
            "new-times",
            AGAIN,
            "messageId and timestamp must not change",
        ),
        ("hurries", AGAIN, "the wait was"),
        ("no-retry-count", AGAIN, "retryCounts are [null,null]"),
        ("gives-up", AGAIN, "\"a\" never arrived"),
        ("twice", TWO, "arrived 2 times"),
        ("reversed", TWO, "the order is"),
        ("loses-one", TWO, "\"first 4\" never arrived"),
        ("one-id", TWO, "have one messageId"),
        ("no-iso", TWO, "no ISO 8601 timestamp"),
        ("no-sent-at", TWO, "no ISO 8601 sentAt"),
        ("wrong-key", TWO, "does not name the source"),
        ("no-json", TWO, "no batch of JSON events"),
        ("drops-properties", TYPES, "properties is {}"),
        ("ignores-retry-after", SECONDS, "the wait was"),
        ("retries-all", DROPPED, "tracking requests: "),
        ("one-more", LIMIT, "tracking requests: 3"),
        ("counts-rate-limits", UNCOUNTED, "never arrived"),
        ("exit-code", TWO, "the process ended with"),
        ("lies", TWO, "`success` is false"),
        ("lies", DROPPED, "`success` is true"),
        ("silent", TWO, "stdout is not one JSON document"),
        ("noise-on-stdout", TWO, "stdout is not one JSON document"),
        ("hang", TWO, "did not end within"),
    ];
    std::thread::scope(|scope| {
        for (fault, case, reason) in table {
            scope.spawn(move || {
                let failures = failures(fault, case);
                assert!(
                    failures.iter().any(|failure| failure.contains(reason)),
                    "{fault} in {case:?}: {failures:?}"
                );
            });
        }
    });
}

#[test]
fn a_command_that_does_not_exist_fails_and_says_so() {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let outcome = run_case(cases.first().unwrap(), &["/no/such/cli".to_owned()]);
    assert!(
        outcome
            .failures
            .iter()
            .any(|failure| failure.contains("cannot be started"))
    );
}

#[test]
fn an_expectation_that_nobody_reads_is_refused() {
    let scenario = serde_json::json!({"name": "x", "input": {}, "expects": {}});
    let refused = headwater_conformance::case::Case::read("basic", "x", &scenario).unwrap_err();
    assert!(refused.contains("expects"), "{refused}");
}
