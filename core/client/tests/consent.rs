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
