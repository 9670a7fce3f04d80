//! The runner itself: a client that is wrong in one way fails where that way shows, and for that reason; the same client
//! without the fault passes.
#![allow(clippy::unwrap_used, clippy::panic)]

use headwater_conformance::sdk::Sdk;
use headwater_conformance::{run_case, scenario};

/// The failures of the first case whose name holds the text, with this fault.
fn failures(fault: &str, case: &str) -> Vec<String> {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let mut case = cases
        .into_iter()
        .find(|known| known.id.contains(case))
        .unwrap_or_else(|| panic!("no case holds {case:?}"));
    if fault == "hang" {
        for run in &mut case.runs {
            run.limit = std::time::Duration::from_secs(4);
        }
    }
    let cli = env!("CARGO_BIN_EXE_wrong-cli");
    let sdk = Sdk::of_command(&format!("'{cli}' --fault {fault}"));
    run_case(&case, &sdk).failures
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
    let outcome = run_case(cases.first().unwrap(), &Sdk::of_command("/no/such/cli"));
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

#[test]
fn a_foreign_cli_is_asked_for_nothing_that_it_does_not_know_and_that_is_no_pass() {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let foreign = Sdk::of_command("node cli.js");
    for case in &cases {
        let ours = case.needs.iter().any(|need| need.contains("consent"));
        assert!(!ours || foreign.skips(case).is_some(), "{}", case.id);
    }
    let skipped = foreign.skips(cases.iter().find(|case| case.suite == "crash").unwrap());
    assert!(skipped.unwrap().starts_with("not offered: "));
    let asked = cases.iter().filter(|case| foreign.skips(case).is_none());
    assert!(
        asked.count() > 80,
        "most of the contract is still asked for"
    );
}

#[test]
fn an_answer_that_counts_wrongly_fails_and_one_of_ours_that_does_not_count_fails_too() {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let mut case = cases
        .into_iter()
        .find(|case| case.id.contains(TWO))
        .unwrap();
    let mut sdk = Sdk::of_command(&format!(
        "'{}' --fault none",
        env!("CARGO_BIN_EXE_wrong-cli")
    ));
    case.runs[0].says = serde_json::json!({"sentBatches": 77});
    assert!(run_case(&case, &sdk).failures[0].contains("sentBatches"));
    case.runs[0].says = serde_json::json!({"pending": 0});
    assert_eq!(run_case(&case, &sdk).failures, [""; 0]);
    sdk.ours = true;
    assert!(run_case(&case, &sdk).failures[0].contains("pending is null"));
}

#[test]
fn every_sdk_of_the_list_is_complete_and_skips_only_cases_that_exist() {
    let cases = scenario::load(&scenario::folder()).unwrap();
    let text = include_str!("../sdks.json");
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    for name in all.keys() {
        let sdk = Sdk::named(name).unwrap();
        assert_eq!(sdk.check_skips(&cases), Ok(()), "{name}");
    }
}
