//! Consent: held before a decision, over a restart too; released or purged by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::path::Path;

use headwater::{Client, ConsentConfig, ConsentModel, DropReason, Hold, Receipt};
use hub::{Hub, eventually, names};

fn asking(directory: &Path, hub: &Hub, hold: Hold) -> Client {
    Client::builder("test-key")
        .endpoint(hub.url())
        .directory(directory)
        .device()
        .no_proxy()
        .flush_at(1)
        .consent(ConsentConfig {
            model: ConsentModel::OptIn,
            categories: vec!["analytics".to_owned(), "ads".to_owned()],
            hold,
        })
        .build()
        .unwrap()
}

#[test]
fn what_was_held_over_a_restart_goes_out_in_order_when_it_is_granted() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = asking(directory.path(), &hub, Hold::Persist);
    let receipt = client.track("a", ()).send().unwrap();
    assert!(matches!(receipt, Receipt::Held(_)));
    let report = client.flush_blocking();
    assert_eq!(report.pending, 1);
    assert!(report.waiting_for.unwrap().contains("consent"));
    drop(client);

    let client = asking(directory.path(), &hub, Hold::Persist);
    client.track("b", ()).send().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(hub.requests().is_empty());
    client.set_consent([("analytics", true), ("ads", false)]);
    client.track("c", ()).send().unwrap();
    let events = hub.wait_for(4);
    assert_eq!(
        names(&events),
        ["a", "b", "Segment Consent Preference Updated", "c"]
    );
    let stamp = serde_json::json!({"analytics": true, "ads": false});
    assert_eq!(
        events[3]["context"]["consent"]["categoryPreferences"],
        stamp
    );
    let first = hub.requests()[0].0.json();
    assert_eq!(first["context"]["consent"]["categoryPreferences"], stamp);
}

#[test]
fn what_was_held_is_purged_with_a_report_when_it_is_denied() {
    for hold in [Hold::Persist, Hold::Memory] {
        let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
        let client = asking(directory.path(), &hub, hold);
        client.track("a", ()).send().unwrap();
        client.set_consent([("analytics", false)]);
        let receipt = client.track("b", ()).send().unwrap();
        assert!(matches!(receipt, Receipt::Dropped(_)));
        assert_eq!(client.flush_blocking().pending, 0);
        eventually("the reports", || {
            client.drops() == [(DropReason::ConsentDenied, 2)]
        });
        assert!(hub.requests().is_empty());
        drop(client);
        let client = asking(directory.path(), &hub, hold);
        assert!(matches!(
            client.track("c", ()).send().unwrap(),
            Receipt::Dropped(_)
        ));
    }
}

#[test]
fn what_was_held_in_memory_at_the_end_is_reported_and_nothing_of_it_was_written() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = asking(directory.path(), &hub, Hold::Memory);
    client.track("not to be written", ()).send().unwrap();
    let report = client.shutdown_blocking(std::time::Duration::from_secs(10));
    assert_eq!((report.dropped, report.pending), (1, 0));
    assert_eq!(client.drops(), [(DropReason::NotKept, 1)]);
    for file in std::fs::read_dir(directory.path()).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("not to be written"), "{file:?}");
        assert!(!text.contains("anonymousId"), "{file:?}");
    }
    assert!(hub.requests().is_empty());
}

#[test]
fn a_damaged_decision_lets_nothing_out_until_there_is_a_new_one() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = asking(directory.path(), &hub, Hold::Persist);
    client.set_consent([("analytics", true), ("ads", true)]);
    hub.wait_for(1);
    client.shutdown_blocking(std::time::Duration::from_secs(10));
    drop(client);
    let file = directory.path().join("consent.state");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 0x55;
    std::fs::write(&file, bytes).unwrap();

    let client = asking(directory.path(), &hub, Hold::Persist);
    let receipt = client.track("a", ()).send().unwrap();
    assert!(matches!(receipt, Receipt::Held(_)));
    assert_eq!(client.flush_blocking().pending, 1);
    assert_eq!(hub.events().len(), 1);
    client.set_consent([("analytics", true)]);
    assert_eq!(hub.wait_for(3)[1]["event"], "a");
}

#[test]
fn the_decision_can_be_read_back_over_a_restart_too() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = asking(directory.path(), &hub, Hold::Persist);
    assert_eq!(client.consent(), None);
    client.set_consent([("analytics", true)]);
    let decision = vec![("analytics".to_owned(), true), ("ads".to_owned(), false)];
    assert_eq!(client.consent(), Some(decision.clone()));
    drop(client);
    let client = asking(directory.path(), &hub, Hold::Persist);
    assert_eq!(client.consent(), Some(decision));
}
