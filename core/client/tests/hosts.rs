//! Where events go: nowhere that nobody named.
#![allow(clippy::unwrap_used, clippy::panic)]

mod hub;

use std::sync::{Arc, Mutex};

use headwater::{BuildError, Builder, Client, Diagnostic, Durability};
use hub::{Answer, Hub, eventually, names};

fn builder() -> Builder {
    Client::builder("test-key")
        .durability(Durability::Memory)
        .no_proxy()
        .device()
}

fn track(client: &Client, event: &str) {
    client.track(event, serde_json::json!({})).send().unwrap();
}

#[test]
fn without_an_endpoint_building_fails_and_says_which_line_to_write() {
    let error = builder().build().unwrap_err();
    assert!(matches!(error, BuildError::NoEndpoint));
    let text = error.to_string();
    assert!(
        text.contains(".endpoint(\"https://hub.example/v1\")"),
        "{text}"
    );
    assert!(text.contains("api.segment.io/v1"), "{text}");
}

#[test]
fn an_application_that_must_start_without_an_endpoint_keeps_its_events_and_hears_of_it() {
    let told: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let heard = Arc::clone(&told);
    let client = builder()
        .without_endpoint()
        .on_diagnostic(move |diagnostic| heard.lock().unwrap().push(diagnostic.clone()))
        .build()
        .unwrap();
    track(&client, "a");
    let report = client.flush_blocking();
    assert_eq!((report.delivered, report.pending), (0, 1));
    eventually("it is told", || {
        told.lock().unwrap().contains(&Diagnostic::NoEndpoint)
    });
}

#[test]
fn the_settings_document_names_the_hub_and_nothing_is_sent_before() {
    let hub = Hub::open();
    let named = hub.url().replace("http://", "");
    let document = format!(
        r#"{{"integrations":{{"Segment.io":{{"apiHost":"{named}/moved","protocol":"http"}}}}}}"#
    );
    let cdn = Hub::scripted(move |_, request| {
        assert_eq!(request.path, "/cdn/projects/test-key/settings");
        Answer::With(200, Vec::new(), document.clone().into_bytes())
    });
    let client = builder()
        .settings_host(format!("{}/cdn", cdn.url()))
        .flush_at(1)
        .build()
        .unwrap();
    track(&client, "a");
    assert_eq!(names(&hub.wait_for(1)), ["a"]);
    assert_eq!(hub.requests()[0].0.path, "/moved/b");
    assert!(
        cdn.requests()
            .iter()
            .all(|(request, _)| request.method == "GET")
    );
}

#[test]
fn a_settings_document_that_cannot_be_had_leaves_its_own_host() {
    let hub = Hub::scripted(|_, request| match request.method.as_str() {
        "GET" => Answer::Status(404),
        _ => Answer::Status(200),
    });
    let client = builder()
        .settings_host(hub.url())
        .flush_at(1)
        .build()
        .unwrap();
    track(&client, "a");
    eventually("it arrives", || {
        hub.requests()
            .iter()
            .any(|(request, status)| request.path == "/v1/b" && *status == 200)
    });
}

#[test]
fn a_server_posts_to_batch_under_the_prefix_and_a_device_to_b() {
    let hub = Hub::open();
    for (device, path) in [(true, "/segment/b"), (false, "/segment/batch")] {
        let client = builder().endpoint(format!("{}/segment", hub.url()));
        let client = if device {
            client.device()
        } else {
            client.server()
        };
        let client = client.build().unwrap();
        let call = client.track("a", serde_json::json!({})).user_id("u");
        call.send().unwrap();
        assert_eq!(client.flush_blocking().delivered, 1);
        let last = hub.requests().pop().unwrap();
        assert_eq!(last.0.path, path);
    }
}
