//! Plugins that must not be left out, and fail: the event is never sent as it was, and never lost without a report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hub;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::{
    Client, Destination, DropReason, Durability, Event, Plugin, PluginError, Receipt, Report,
    Stage, Timeline,
};
use hub::{Hub, names};
use serde_json::json;

/// Takes `email` out, but for the first calls, at which it panics.
struct Scrub {
    panics: usize,
    stage: Stage,
    required: Option<bool>,
}

impl Plugin for Scrub {
    fn name(&self) -> &str {
        "scrub"
    }
    fn stage(&self) -> Stage {
        self.stage
    }
    fn required(&self) -> bool {
        self.required.unwrap_or(self.stage == Stage::Before)
    }
    fn process(&mut self, mut event: Event) -> Result<Option<Event>, PluginError> {
        let left = self.panics.checked_sub(1);
        self.panics = left.unwrap_or_default();
        assert!(left.is_none(), "a guard that panics");
        event.properties.object().remove("email");
        Ok(Some(event))
    }
}

fn scrub(panics: usize) -> Scrub {
    Scrub {
        panics,
        stage: Stage::Before,
        required: None,
    }
}

fn memory(hub: &Hub) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .no_proxy()
}

fn send(client: &Client) -> Receipt {
    let properties = json!({"email": "ada@example.com", "plan": "pro"});
    client
        .track("secret", properties)
        .user_id("u")
        .send()
        .unwrap()
}

fn leaks(hub: &Hub) -> bool {
    let requests = hub.requests();
    let mut bodies = requests.iter().map(|(request, _)| &request.body);
    bodies.any(|body| String::from_utf8_lossy(body).contains("ada@"))
}

#[test]
fn a_guard_that_panics_once_sends_its_event_a_second_later_as_it_should_be() {
    let hub = Hub::open();
    let client = memory(&hub).plugin(scrub(1)).build().unwrap();
    assert!(matches!(send(&client), Receipt::Held(_)));
    client.track("later", ()).user_id("u").send().unwrap();
    let report = client.shutdown_blocking(Duration::from_secs(60));
    assert_eq!(
        (report.delivered, report.pending, report.dropped),
        (2, 0, 0)
    );
    assert!(!leaks(&hub));
    assert_eq!(names(&hub.events()), ["later", "secret"]);
}

#[test]
fn a_required_enrichment_is_a_guard_and_a_plugin_before_can_say_that_it_is_none() {
    for (stage, required) in [(Stage::Enrichment, true), (Stage::Before, false)] {
        let hub = Hub::open();
        let mut plugin = scrub(1);
        (plugin.stage, plugin.required) = (stage, Some(required));
        let client = memory(&hub).plugin(plugin).build().unwrap();
        assert_eq!(matches!(send(&client), Receipt::Held(_)), required);
        client.flush_blocking();
        assert_eq!(hub.events().is_empty(), required);
    }
}

#[test]
fn what_a_guard_keeps_back_when_the_client_ends_is_tried_by_the_next_one() {
    let hub = Hub::open();
    let directory = tempfile::tempdir().unwrap();
    let builder = || {
        Client::builder("test-key")
            .endpoint(hub.url())
            .directory(directory.path())
            .no_proxy()
    };
    let client = builder().plugin(scrub(usize::MAX)).build().unwrap();
    send(&client);
    let report = client.shutdown_blocking(Duration::ZERO);
    assert_eq!(report.pending, 1);
    assert!(client.drops().is_empty());
    let client = builder().plugin(scrub(0)).build().unwrap();
    client.shutdown_blocking(Duration::from_secs(60));
    assert!(!leaks(&hub));
    assert_eq!(names(&hub.events()), ["secret"]);
}

#[test]
fn what_a_guard_keeps_back_in_memory_when_the_client_ends_is_reported() {
    let hub = Hub::open();
    let client = memory(&hub).plugin(scrub(usize::MAX)).build().unwrap();
    send(&client);
    client.shutdown_blocking(Duration::ZERO);
    assert_eq!(client.drops(), [(DropReason::NotKept, 1)]);
    assert!(hub.events().is_empty());
}

#[test]
fn a_guard_that_fails_at_each_try_is_reported_with_the_id_of_its_event() {
    let hub = Hub::open();
    let (told, reports) = channel::<Report>();
    let client = memory(&hub)
        .plugin(scrub(usize::MAX))
        .on_report(move |report| told.send(report.clone()).unwrap())
        .build()
        .unwrap();
    let id = send(&client).message_id().to_owned();
    let report = reports.recv().unwrap();
    assert_eq!((report.reason, report.count), (DropReason::PluginFailed, 1));
    assert_eq!(report.message_id, Some(id));
    assert!(report.detail.starts_with("scrub: "), "{}", report.detail);
    assert_eq!(client.flush_blocking().pending, 0);
    assert!(hub.events().is_empty());
}

#[test]
fn a_plugin_outside_of_the_client_sees_what_it_kept_back_again() {
    let hub = Hub::open();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let client = memory(&hub)
        .on_try(move |again| {
            assert_eq!(again.guards(), ["scrub"]);
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                // Dropped by the panic: that counts as failed.
                panic!("a handler that panics");
            }
            let mut event = again.event().clone();
            event.properties.object().remove("email");
            again.pass(event);
        })
        .build()
        .unwrap();
    let properties = json!({"email": "ada@example.com"});
    let event = client
        .track("secret", properties)
        .user_id("u")
        .stamp()
        .unwrap();
    let receipt = client.hold(event, "scrub", "it threw", vec!["scrub".into()]);
    assert!(matches!(receipt, Ok(Receipt::Held(_))));
    client.shutdown_blocking(Duration::from_secs(60));
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    assert!(!leaks(&hub));
    assert_eq!(names(&hub.events()), ["secret"]);
}

#[test]
fn without_anybody_to_run_it_again_what_was_kept_back_is_reported() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    let event = client.track("secret", ()).user_id("u").stamp().unwrap();
    client
        .hold(event, "scrub", "it threw", vec!["scrub".into()])
        .unwrap();
    let report = client.shutdown_blocking(Duration::from_secs(60));
    assert_eq!((report.delivered, report.pending), (0, 0));
    assert_eq!(client.drops(), [(DropReason::PluginFailed, 1)]);
}

#[test]
fn a_destinations_own_guard_that_fails_keeps_the_event_from_that_destination_only() {
    #[derive(Clone, Default)]
    struct Vendor(Arc<Mutex<Vec<String>>>);
    impl Destination for Vendor {
        fn key(&self) -> &str {
            "Vendor"
        }
        fn deliver(&mut self, event: &Event) -> Result<(), String> {
            let text = event.event.clone().unwrap_or_default();
            self.0.lock().unwrap().push(text);
            Ok(())
        }
    }
    let hub = Hub::open();
    let vendor = Vendor::default();
    let mut timeline = Timeline::default();
    timeline.add(Box::new(scrub(usize::MAX)));
    let (told, reports) = channel::<Report>();
    let client = memory(&hub)
        .destination_with(vendor.clone(), timeline)
        .on_report(move |report| told.send(report.clone()).unwrap())
        .build()
        .unwrap();
    send(&client);
    assert_eq!(client.flush_blocking().delivered, 1);
    let report = reports.recv().unwrap();
    assert_eq!(report.reason, DropReason::PluginFailed);
    assert_eq!(report.destination.as_deref(), Some("Vendor"));
    assert!(vendor.0.lock().unwrap().is_empty());
}
