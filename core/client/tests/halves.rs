//! Calls in two halves, and destinations that come later: what hosts with plugins of their own need.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::{
    CallKind, CallOptions, Change, Client, DropReason, Durability, Event, Payload, Plugin,
    PluginError, Receipt, Reply, Request, Response, Stage, TrackError, Transport,
};
use serde_json::{Value, json};

/// Takes everything, and remembers the events.
#[derive(Clone, Default)]
struct Hub(Arc<Mutex<Vec<Value>>>);

impl Transport for Hub {
    fn send(&self, request: Request, reply: Reply) {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let batch = body["batch"].as_array().unwrap().clone();
        self.0.lock().unwrap().extend(batch);
        reply.answer(Response {
            status: 200,
            ..Response::default()
        });
    }
}

impl Hub {
    fn builder(&self) -> headwater::Builder {
        Client::builder("test-key")
            .endpoint("https://hub.example")
            .durability(Durability::Memory)
            .gzip(false)
            .device()
            .transport(self.clone())
    }

    fn events(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn both_halves_of_a_call_are_one_call() {
    let hub = Hub::default();
    let client = hub.builder().build().unwrap();
    let mut event = client.track("e", json!({"a": 1})).stamp().unwrap();
    event.properties.object().insert("b", 2_i64);
    let id = event.message_id.as_str().to_owned();
    assert_eq!(client.submit(event).unwrap(), Receipt::Queued(id.clone()));
    assert_eq!(client.flush_blocking().delivered, 1);
    let events = hub.events();
    assert_eq!(events[0]["messageId"], id.as_str());
    assert_eq!(events[0]["properties"], json!({"a": 1, "b": 2}));
}

#[test]
fn a_stamped_event_keeps_its_user_and_the_identify_behind_it_counts_at_once() {
    let hub = Hub::default();
    let client = hub.builder().build().unwrap();
    let before = client.track("before", ()).stamp().unwrap();
    let identify = client
        .identify("u1", json!({"plan": "pro"}))
        .stamp()
        .unwrap();
    assert_eq!(client.identity().unwrap().user_id.as_deref(), Some("u1"));
    let after = client.track("after", ()).stamp().unwrap();
    for event in [before, identify, after] {
        client.submit(event).unwrap();
    }
    client.flush_blocking();
    let users: Vec<Value> = hub
        .events()
        .iter()
        .map(|event| event["userId"].clone())
        .collect();
    assert_eq!(users, [Value::Null, json!("u1"), json!("u1")]);
}

#[test]
fn a_discarded_event_is_reported_with_its_plugin_and_never_sent() {
    let hub = Hub::default();
    let (told, reports) = channel();
    let client = hub
        .builder()
        .on_report(move |report| told.send(report.clone()).unwrap())
        .build()
        .unwrap();
    let event = client.track("e", ()).stamp().unwrap();
    client.discard(&event, "sampler");
    let report = reports.recv().unwrap();
    assert_eq!((report.reason, report.count), (DropReason::Plugin, 1));
    assert_eq!(
        report.message_id.as_deref(),
        Some(event.message_id.as_str())
    );
    assert!(report.detail.contains("sampler"));
    client.shutdown_blocking(Duration::from_secs(10));
    assert!(hub.events().is_empty());
}

#[test]
fn a_call_from_parts_is_the_call_that_they_say() {
    let hub = Hub::default();
    let client = hub.builder().build().unwrap();
    let kind = CallKind::Screen {
        category: Some("shop".into()),
        name: Some("Cart".into()),
        properties: Payload::Empty,
    };
    let options = CallOptions {
        message_id: Some("m-1".into()),
        ..CallOptions::default()
    };
    client.call(kind, options).send().unwrap();
    client.flush_blocking();
    let events = hub.events();
    assert_eq!(events[0]["type"], "screen");
    assert_eq!(events[0]["category"], "shop");
    assert_eq!(events[0]["messageId"], "m-1");
}

/// Stamps a call whenever it sees an event.
struct Stamping(Client, Sender<Result<Event, TrackError>>);

impl Plugin for Stamping {
    fn name(&self) -> &'static str {
        "stamping"
    }
    fn stage(&self) -> Stage {
        Stage::Before
    }
    fn process(&mut self, event: Event) -> Result<Option<Event>, PluginError> {
        let _ = self.1.send(self.0.track("inner", ()).stamp());
        let _ = self.0.submit(event.clone());
        Ok(None)
    }
}

#[test]
fn inside_a_plugin_there_is_no_first_half_and_the_second_waits_for_the_event_at_hand() {
    let hub = Hub::default();
    let client = hub.builder().build().unwrap();
    let (told, stamped) = channel();
    client.add_plugin(Stamping(client.clone(), told));
    client.track("e", ()).send().unwrap();
    assert!(matches!(stamped.recv().unwrap(), Err(TrackError::Inside)));
    client.remove_plugin("stamping");
    client.shutdown_blocking(Duration::from_secs(10));
}

struct Tape(&'static str, Sender<String>);

impl headwater::Destination for Tape {
    fn key(&self) -> &str {
        self.0
    }
    fn deliver(&mut self, event: &Event) -> Result<(), String> {
        let name = event.event.clone().unwrap_or_default();
        self.1.send(name).map_err(|error| error.to_string())
    }
}

#[test]
fn a_destination_added_later_gets_what_is_called_from_then_on() {
    let hub = Hub::default();
    let client = hub.builder().build().unwrap();
    client.track("early", ()).send().unwrap();
    let (told, heard) = channel();
    client.add_destination(Tape("Tape", told.clone()));
    client.add_destination(Tape("Other", told));
    client
        .track("late", ())
        .integrations(json!({"Other": false}))
        .send()
        .unwrap();
    client
        .track("last", ())
        .integrations(json!({"Tape": false}))
        .send()
        .unwrap();
    client.shutdown_blocking(Duration::from_secs(10));
    let mut names: Vec<String> = heard.try_iter().collect();
    names.sort();
    assert_eq!(names, ["last", "late"]);
}

#[test]
fn a_change_of_the_user_is_told() {
    let hub = Hub::default();
    let (told, heard) = channel();
    let client = hub
        .builder()
        .on_change(move |change| told.send(change).unwrap())
        .build()
        .unwrap();
    client.identify("u1", ()).send().unwrap();
    assert_eq!(heard.recv().unwrap(), Change::Identity);
    client.reset();
    assert_eq!(heard.recv().unwrap(), Change::Identity);
}
