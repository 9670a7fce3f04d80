//! Through failures: retries, rejections, silence, no network; nothing lost, nothing out of order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// After all that a test waits for.
const NEVER: Duration = Duration::from_secs(120);
/// Whoever waited for a request would wait for thirty seconds.
const UNANSWERED: Duration = Duration::from_secs(20);

use headwater::{Client, Diagnostic, DropReason, Durability, Report, RetryConfig};
use hub::{Answer, Hub, eventually, names};
use serde_json::json;

fn client(hub: &Hub) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .no_proxy()
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
        .retry(RetryConfig {
            base: 100,
            ..RetryConfig::default()
        })
}

fn send(client: &Client, names: &[&str]) {
    for name in names {
        client.track(*name, ()).user_id("u").send().unwrap();
    }
}

fn same_ids_each_time(hub: &Hub) {
    let tries: Vec<Vec<String>> = hub
        .requests()
        .iter()
        .map(|(request, _)| {
            request
                .batch()
                .iter()
                .map(|event| event["messageId"].to_string())
                .collect()
        })
        .collect();
    assert!(tries.len() > 1);
    assert!(tries.iter().all(|ids| *ids == tries[0]), "{tries:?}");
}

#[test]
fn a_500_is_tried_again_with_the_same_message_ids() {
    let hub = Hub::scripted(|n, _| Answer::Status(if n < 2 { 500 } else { 200 }));
    let client = client(&hub).build().unwrap();
    send(&client, &["a", "b"]);
    let report = client.flush_blocking();
    assert_eq!((report.delivered, report.pending), (0, 2));
    assert!(report.retry_in.is_some());
    assert_eq!(names(&hub.wait_for(2)), ["a", "b"]);
    same_ids_each_time(&hub);
    assert_eq!(hub.requests()[1].0.header("x-retry-count"), Some("1"));
}

#[test]
fn a_connection_that_breaks_is_tried_again_with_the_same_message_ids() {
    let hub = Hub::scripted(|n, _| {
        if n < 2 {
            Answer::Hangup
        } else {
            Answer::Status(200)
        }
    });
    let client = client(&hub).build().unwrap();
    send(&client, &["a"]);
    client.flush_blocking();
    assert_eq!(names(&hub.wait_for(1)), ["a"]);
    same_ids_each_time(&hub);
}

#[test]
fn a_429_waits_as_long_as_the_hub_says() {
    let hub = Hub::scripted(|n, _| match n {
        0 => Answer::With(429, vec![("Retry-After".into(), "1".into())], Vec::new()),
        _ => Answer::Status(200),
    });
    let client = client(&hub).build().unwrap();
    send(&client, &["a"]);
    let begun = Instant::now();
    client.flush_blocking();
    hub.wait_for(1);
    assert!(
        begun.elapsed() >= Duration::from_millis(950),
        "{:?}",
        begun.elapsed()
    );
    same_ids_each_time(&hub);
}

#[test]
fn a_slow_hub_runs_into_the_timeout_and_gets_the_batch_again() {
    let hub = Hub::scripted(|n, _| match n {
        0 => Answer::Late(NEVER, 500),
        _ => Answer::Status(200),
    });
    let client = client(&hub)
        .request_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    send(&client, &["a"]);
    let report = client.flush_blocking();
    assert_eq!(report.pending, 1);
    hub.wait_for(1);
}

#[test]
fn calls_do_not_wait_for_a_hub_that_says_nothing() {
    let hub = Hub::scripted(|_, _| Answer::Late(NEVER, 200));
    let client = client(&hub).flush_at(1).build().unwrap();
    let begun = Instant::now();
    for _ in 0..1_000 {
        send(&client, &["a"]);
    }
    assert!(begun.elapsed() < UNANSWERED);
    assert_eq!(client.queue().events, 1_000);
}

#[test]
fn a_poison_event_is_found_set_aside_and_reported_and_the_rest_arrives() {
    let hub = Hub::scripted(|_, request| {
        let poisoned = request
            .batch()
            .iter()
            .any(|event| event["event"] == "poison");
        Answer::Status(if poisoned { 400 } else { 200 })
    });
    let reports: Arc<Mutex<Vec<Report>>> = Arc::default();
    let told = Arc::clone(&reports);
    let client = client(&hub)
        .on_report(move |report| told.lock().unwrap().push(report.clone()))
        .build()
        .unwrap();
    send(&client, &["a", "b", "poison", "c", "d"]);
    let report = client.flush_blocking();
    assert_eq!(
        (report.delivered, report.dropped, report.pending),
        (4, 1, 0)
    );
    assert_eq!(names(&hub.events()), ["a", "b", "c", "d"]);
    eventually("the report", || reports.lock().unwrap().len() == 1);
    let report = reports.lock().unwrap()[0].clone();
    assert_eq!(
        (report.reason, report.count, report.status),
        (DropReason::Rejected, 1, Some(400))
    );
    eventually("the quarantine", || client.quarantine().len() == 1);
    let entry = client.quarantine().remove(0);
    assert_eq!(
        entry
            .path("event.event")
            .and_then(headwater::json::Value::as_str),
        Some("poison")
    );
    assert_eq!(client.drops(), [(DropReason::Rejected, 1)]);
}

#[test]
fn a_401_drops_with_a_report() {
    let hub = Hub::scripted(|_, _| Answer::Status(401));
    let client = client(&hub).build().unwrap();
    send(&client, &["a"]);
    let report = client.flush_blocking();
    assert_eq!((report.dropped, report.pending), (1, 0));
    eventually("the count", || client.drops() == [(DropReason::Refused, 1)]);
}

#[test]
fn a_redirect_to_another_origin_is_no_delivery_and_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let elsewhere = Hub::open();
        let location = format!("{}/v1/batch", elsewhere.url());
        let to = location.clone();
        let hub = Hub::scripted(move |n, _| match n {
            0 => Answer::With(status, vec![("Location".into(), to.clone())], Vec::new()),
            _ => Answer::Status(200),
        });
        let told: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
        let heard = Arc::clone(&told);
        let client = client(&hub)
            .on_diagnostic(move |diagnostic| heard.lock().unwrap().push(diagnostic.clone()))
            .build()
            .unwrap();
        send(&client, &["a"]);
        let report = client.flush_blocking();
        assert_eq!((report.delivered, report.pending), (0, 1), "{status}");
        let location = Some(location);
        let wanted = Diagnostic::Redirected { status, location };
        eventually("the redirect is told", || {
            told.lock().unwrap().contains(&wanted)
        });
        // It is tried again by itself, where the application said.
        assert_eq!(names(&hub.wait_for(1)), ["a"]);
        assert!(elsewhere.requests().is_empty());
    }
}

#[test]
fn a_307_of_the_same_origin_is_followed_and_delivers() {
    let hub = Hub::scripted(|n, _| match n {
        0 => Answer::With(
            307,
            vec![("Location".into(), "/v2/batch".into())],
            Vec::new(),
        ),
        _ => Answer::Status(200),
    });
    let client = client(&hub).build().unwrap();
    send(&client, &["a"]);
    assert_eq!(client.flush_blocking().delivered, 1);
    let paths: Vec<_> = hub
        .requests()
        .into_iter()
        .map(|(request, _)| request.path)
        .collect();
    assert_eq!(paths, ["/v1/batch", "/v2/batch"]);
}

#[test]
fn offline_nothing_is_tried_and_online_everything_goes_out_in_order() {
    let hub = Hub::open();
    let client = client(&hub).flush_at(1).build().unwrap();
    client.set_online(false);
    send(&client, &["a", "b"]);
    let report = client.flush_blocking();
    assert_eq!(report.pending, 2);
    assert!(report.waiting_for.unwrap().contains("offline"));
    assert!(hub.requests().is_empty());
    client.set_online(true);
    assert_eq!(names(&hub.wait_for(2)), ["a", "b"]);
}

#[test]
fn events_go_by_themselves_at_the_count_and_at_the_interval() {
    let hub = Hub::open();
    let counted = client(&hub).flush_at(3).flush_interval(NEVER);
    let counted = counted.build().unwrap();
    send(&counted, &["a", "b"]);
    std::thread::sleep(Duration::from_millis(100));
    assert!(hub.requests().is_empty());
    send(&counted, &["c"]);
    assert_eq!(names(&hub.wait_for(3)), ["a", "b", "c"]);
    let timed = client(&hub)
        .flush_interval(Duration::from_millis(50))
        .build()
        .unwrap();
    send(&timed, &["d"]);
    assert_eq!(hub.wait_for(4).len(), 4);
}

#[test]
fn a_server_sends_at_500_events_and_a_device_at_20() {
    for (server, count) in [(true, 500), (false, 20)] {
        let hub = Hub::open();
        let builder = client(&hub).flush_interval(NEVER);
        let builder = if server { builder } else { builder.device() };
        let client = builder.build().unwrap();
        for _ in 1..count {
            send(&client, &["a"]);
        }
        assert_eq!(client.queue().events, count - 1);
        assert!(hub.requests().is_empty());
        send(&client, &["a"]);
        assert_eq!(hub.wait_for(count).len(), count);
        assert_eq!(hub.requests().len(), 1);
    }
}

#[test]
fn what_comes_while_a_request_is_under_way_goes_with_the_next_batch_and_not_in_a_request_of_its_own()
 {
    let (free, answer) = std::sync::mpsc::channel::<()>();
    let answer = Mutex::new(answer);
    let hub = Hub::scripted(move |n, _| {
        if n == 0 {
            answer.lock().unwrap().recv().unwrap();
        }
        Answer::Status(200)
    });
    let client = client(&hub).flush_at(10).flush_interval(NEVER);
    let client = client.build().unwrap();
    let first: Vec<String> = (0..14).map(|n| n.to_string()).collect();
    first.iter().for_each(|name| send(&client, &[name]));
    free.send(()).unwrap();
    let delivered = hub.wait_for(10).len();
    assert!(delivered <= 14);
    let rest: Vec<String> = (14..20).map(|n| n.to_string()).collect();
    rest.iter().for_each(|name| send(&client, &[name]));
    assert_eq!(hub.wait_for(20).len(), 20);
    assert_eq!(hub.requests().len(), 2);
}

#[test]
fn a_policy_of_the_applications_own_decides_and_one_that_panics_harms_nothing() {
    #[derive(Debug)]
    struct OnPanic(Arc<AtomicUsize>);
    impl headwater::FlushPolicy for OnPanic {
        fn on_event(&mut self, _: headwater::Now, _: headwater::Queue) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("a policy that panics");
        }
    }
    #[derive(Debug)]
    struct AtTwo;
    impl headwater::FlushPolicy for AtTwo {
        fn on_event(&mut self, _: headwater::Now, queue: headwater::Queue) -> bool {
            queue.events == 2
        }
    }
    let hub = Hub::open();
    let asked = Arc::new(AtomicUsize::new(0));
    let client = client(&hub)
        .flush_policy(OnPanic(Arc::clone(&asked)))
        .flush_policy(AtTwo)
        .build()
        .unwrap();
    send(&client, &["a", "b"]);
    assert_eq!(hub.wait_for(2).len(), 2);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn failed_tries_are_told_as_diagnostics() {
    let hub = Hub::scripted(|n, _| Answer::Status(if n == 0 { 503 } else { 200 }));
    let told: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let heard = Arc::clone(&told);
    let client = client(&hub)
        .on_diagnostic(move |diagnostic| heard.lock().unwrap().push(diagnostic.clone()))
        .build()
        .unwrap();
    send(&client, &["a"]);
    client.flush_blocking();
    hub.wait_for(1);
    eventually("the diagnostic", || !told.lock().unwrap().is_empty());
    assert!(matches!(
        told.lock().unwrap()[0],
        Diagnostic::UploadFailed {
            status: Some(503),
            failures: 1,
            ..
        }
    ));
}

#[test]
fn shutdown_drains_through_retries_and_then_refuses_calls() {
    let hub = Hub::scripted(|n, _| Answer::Status(if n < 2 { 500 } else { 200 }));
    let client = client(&hub).build().unwrap();
    send(&client, &["a", "b"]);
    let report = client.shutdown_blocking(Duration::from_secs(10));
    assert_eq!((report.delivered, report.pending), (2, 0));
    let error = client.track("late", ()).user_id("u").send().unwrap_err();
    assert!(error.to_string().contains("shut down"), "{error}");
    assert_eq!(client.shutdown_blocking(Duration::from_secs(1)).pending, 0);
    assert_eq!(client.flush_blocking().pending, 0);
}

#[test]
fn shutdown_returns_at_its_timeout_with_what_remains() {
    let hub = Hub::scripted(|_, _| Answer::Late(NEVER, 200));
    let client = client(&hub).build().unwrap();
    send(&client, &["a"]);
    let begun = Instant::now();
    let report = client.shutdown_blocking(Duration::from_millis(300));
    assert_eq!((report.delivered, report.dropped), (0, 1));
    assert!(report.waiting_for.is_some());
    assert!(begun.elapsed() < UNANSWERED);
}

#[test]
fn requests_go_through_the_proxy() {
    let proxy = Hub::open();
    let client = Client::builder("test-key")
        .endpoint("http://hub.invalid/v1")
        .durability(Durability::Memory)
        .proxy(proxy.url())
        .build()
        .unwrap();
    client.track("a", json!({})).user_id("u").send().unwrap();
    assert_eq!(client.flush_blocking().delivered, 1);
    assert_eq!(proxy.requests()[0].0.path, "http://hub.invalid/v1/batch");
}

#[test]
fn settings_are_fetched_from_the_endpoint_and_no_event_waits_for_them() {
    let hub = Hub::scripted(|_, request| {
        if request.method == "GET" {
            Answer::With(
                200,
                Vec::new(),
                br#"{"integrations":{"X":{"a":1}}}"#.to_vec(),
            )
        } else {
            Answer::Status(200)
        }
    });
    let client = client(&hub).settings().build().unwrap();
    send(&client, &["a"]);
    assert_eq!(client.flush_blocking().delivered, 1);
    eventually("the settings", || client.settings().is_some());
    let paths: Vec<_> = hub
        .requests()
        .into_iter()
        .map(|(request, _)| request.path)
        .collect();
    assert!(
        paths.contains(&"/v1/projects/test-key/settings".to_owned()),
        "{paths:?}"
    );
}

#[test]
fn a_batch_that_the_hub_took_is_not_sent_again_because_its_answer_never_ends() {
    let hub = Hub::scripted(|_, _| Answer::Unfinished(200));
    let client = client(&hub)
        .request_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    send(&client, &["a"]);
    assert_eq!(client.flush_blocking().delivered, 1);
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn what_memory_held_at_the_end_is_reported() {
    let hub = Hub::scripted(|_, _| Answer::Hangup);
    let client = client(&hub).build().unwrap();
    send(&client, &["a", "b"]);
    let report = client.shutdown_blocking(Duration::from_millis(200));
    assert_eq!((report.pending, report.dropped), (0, 2));
    assert_eq!(client.drops(), [(DropReason::NotKept, 2)]);
}

#[test]
fn when_to_send_can_be_changed_while_the_client_runs() {
    let hub = Hub::open();
    let client = Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .flush_at(100)
        .flush_interval(Duration::from_secs(3_600))
        .no_proxy()
        .build()
        .unwrap();
    let send = |name: &str| client.track(name, ()).user_id("u").send().unwrap();
    send("a");
    client.set_flush(Some(2), None);
    send("b");
    assert_eq!(names(&hub.wait_for(2)), ["a", "b"]);
    eventually("the answer", || client.queue().events == 0);
    client.set_flush(Some(100), None);
    send("c");
    send("d");
    send("e");
    assert_eq!(client.queue().events, 3);
    // For what waits already, too.
    client.set_flush(None, Some(Duration::from_millis(1)));
    assert_eq!(hub.wait_for(5).len(), 5);
}
