//! What is called arrives, with every field, in order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::time::{Duration, SystemTime};

use headwater::{CallError, Client, Durability, Receipt, TrackError};
use hub::Hub;
use serde_json::json;

fn memory(hub: &Hub) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .no_proxy()
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
}

#[test]
fn all_six_calls_arrive_in_order_with_their_fields() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    client
        .track("Order Completed", json!({"total": 27.5, "items": [1, 2]}))
        .user_id("u1")
        .send()
        .unwrap();
    client
        .identify("u1", json!({"plan": "pro"}))
        .send()
        .unwrap();
    client
        .page("Home", json!({"path": "/"}))
        .category("Docs")
        .anonymous_id("a1")
        .send()
        .unwrap();
    client.screen("Main", ()).user_id("u1").send().unwrap();
    client
        .group("g1", json!({"seats": 3}))
        .user_id("u1")
        .send()
        .unwrap();
    client.alias("u1").previous_id("a1").send().unwrap();
    let report = client.flush_blocking();
    assert_eq!((report.delivered, report.pending), (6, 0));
    let events = hub.events();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        kinds,
        ["track", "identify", "page", "screen", "group", "alias"]
    );
    assert_eq!(events[0]["event"], "Order Completed");
    assert_eq!(
        events[0]["properties"],
        json!({"total": 27.5, "items": [1, 2]})
    );
    assert_eq!(events[0]["userId"], "u1");
    assert_eq!(events[1]["traits"], json!({"plan": "pro"}));
    assert_eq!(events[2]["name"], "Home");
    assert_eq!(events[2]["category"], "Docs");
    assert_eq!(events[2]["anonymousId"], "a1");
    assert_eq!(events[3]["properties"], json!({}));
    assert_eq!(events[4]["groupId"], "g1");
    assert_eq!(events[5]["previousId"], "a1");
    assert_eq!(events[5]["userId"], "u1");
    for event in &events {
        assert_eq!(event["messageId"].as_str().unwrap().len(), 36);
        assert_eq!(event["context"]["library"]["name"], "headwater-rust");
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}

#[test]
fn what_a_call_overrides_is_what_arrives() {
    let hub = Hub::open();
    let client = memory(&hub)
        .context(json!({"app": {"name": "shop", "version": "1"}}))
        .build()
        .unwrap();
    let receipt = client
        .track("x", ())
        .user_id("u")
        .timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_001))
        .message_id("my-id")
        .context(json!({"app": {"version": "2"}}))
        .integrations(json!({"All": true, "Amplitude": false}))
        .enrich(|mut event| {
            event.properties.object().insert("extra", "yes");
            Some(event)
        })
        .send()
        .unwrap();
    assert_eq!(receipt, Receipt::Queued("my-id".to_owned()));
    client.flush_blocking();
    let events = hub.events();
    assert_eq!(events[0]["messageId"], "my-id");
    assert_eq!(events[0]["timestamp"], "1970-01-01T00:16:40.001Z");
    assert_eq!(
        events[0]["context"]["app"],
        json!({"name": "shop", "version": "2"})
    );
    assert_eq!(
        events[0]["integrations"],
        json!({"All": true, "Amplitude": false})
    );
    assert_eq!(events[0]["properties"]["extra"], "yes");
}

#[test]
fn the_request_is_compressed_signed_and_wrapped_as_the_api_wants_it() {
    let hub = Hub::open();
    let client = memory(&hub).header("X-Team", "shop").build().unwrap();
    client.track("x", ()).user_id("u").send().unwrap();
    client.flush_blocking();
    let (request, _) = hub.requests().remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/v1/batch");
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Basic dGVzdC1rZXk6"));
    assert_eq!(request.header("x-team"), Some("shop"));
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("headwater-rust/")
    );
    let body = request.json();
    assert_eq!(body["writeKey"], "test-key");
    assert!(body["sentAt"].is_string());
}

#[test]
fn a_body_goes_plain_and_without_the_key_header_where_that_is_asked_for() {
    let hub = Hub::open();
    let client = memory(&hub).gzip(false).basic_auth(false).build().unwrap();
    client.track("x", ()).user_id("u").send().unwrap();
    client.flush_blocking();
    let (request, _) = hub.requests().remove(0);
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.batch().len(), 1);
}

#[test]
fn a_server_call_that_names_nobody_is_a_typed_error() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    let error = client.track("x", ()).send().unwrap_err();
    assert!(matches!(error, TrackError::Call(CallError::NoIdentity)));
    assert_eq!(client.queue().events, 0);
}

#[test]
fn hostile_arguments_are_typed_errors_and_queue_nothing() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    let nan = client.track("x", std::collections::BTreeMap::from([("a", f64::NAN)]));
    let error = nan.user_id("u").send().unwrap_err();
    assert!(
        matches!(
            error,
            TrackError::Json {
                what: "properties",
                ..
            }
        ),
        "{error}"
    );
    let error = client.track("x", [1, 2]).user_id("u").send().unwrap_err();
    assert!(error.to_string().contains("an array"), "{error}");
    let error = client
        .track("x", json!({"a": "b".repeat(33_000)}))
        .user_id("u")
        .send()
        .unwrap_err();
    assert!(
        matches!(error, TrackError::Call(CallError::TooLarge { .. })),
        "{error}"
    );
    let error = client.track("", ()).user_id("u").send().unwrap_err();
    assert!(matches!(error, TrackError::Call(CallError::EmptyEvent)));
    let error = client
        .track("x", ())
        .user_id("u")
        .context(3)
        .send()
        .unwrap_err();
    assert!(
        matches!(
            error,
            TrackError::Json {
                what: "context",
                ..
            }
        ),
        "{error}"
    );
    let error = client
        .track("x", ())
        .user_id("u")
        .message_id("m".repeat(101))
        .send()
        .unwrap_err();
    assert!(matches!(error, TrackError::Call(CallError::MessageId)));
    assert_eq!(client.queue().events, 0);
}

#[test]
fn calls_of_each_thread_arrive_in_their_order() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..200 {
                    client
                        .track("n", json!({"n": n}))
                        .user_id(thread.to_string())
                        .send()
                        .unwrap();
                }
            });
        }
    });
    let report = client.flush_blocking();
    assert_eq!(report.pending, 0);
    let events = hub.events();
    assert_eq!(events.len(), 1_600);
    for thread in 0..8 {
        let user = thread.to_string();
        let own: Vec<_> = events
            .iter()
            .filter(|event| event["userId"] == user.as_str())
            .map(|event| event["properties"]["n"].as_i64().unwrap())
            .collect();
        assert_eq!(own, (0..200).collect::<Vec<_>>());
    }
}

#[test]
fn a_device_keeps_its_user_until_reset() {
    let hub = Hub::open();
    let client = memory(&hub).device().build().unwrap();
    client.track("before", ()).send().unwrap();
    client
        .identify("u1", json!({"plan": "pro"}))
        .send()
        .unwrap();
    client.track("known", ()).send().unwrap();
    let first = client.identity().unwrap();
    assert_eq!(first.user_id.as_deref(), Some("u1"));
    client.reset();
    client.track("after", ()).send().unwrap();
    client.flush_blocking();
    let events = hub.events();
    assert_eq!(events[0]["userId"], json!(null));
    assert_eq!(events[0]["anonymousId"], first.anonymous_id.as_str());
    assert_eq!(events[2]["userId"], "u1");
    assert_eq!(events[3]["userId"], json!(null));
    assert_ne!(events[3]["anonymousId"], events[0]["anonymousId"]);
    assert_eq!(client.identity().unwrap().user_id, None);
}
