//! Requests carried out by the application's own means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::{Client, Durability, Reply, Request, Response, RetryConfig, Transport};

type Script = dyn FnMut(&Request) -> Option<u16> + Send;

/// Answers as the script says; `None` drops the reply.
#[derive(Clone)]
struct Scripted {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    fn new(script: impl FnMut(&Request) -> Option<u16> + Send + 'static) -> Scripted {
        Scripted {
            script: Arc::new(Mutex::new(script)),
            seen: Arc::default(),
        }
    }
}

impl Transport for Scripted {
    fn send(&self, request: Request, reply: Reply) {
        let status = (self.script.lock().unwrap())(&request);
        self.seen.lock().unwrap().push(request);
        if let Some(status) = status {
            std::thread::spawn(move || {
                reply.answer(Response {
                    status,
                    ..Response::default()
                });
            });
        }
    }
}

fn client(transport: &Scripted) -> Client {
    Client::builder("test-key")
        .endpoint("https://hub.example")
        .durability(Durability::Memory)
        .gzip(false)
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
        .retry(RetryConfig {
            base: 1,
            ..RetryConfig::default()
        })
        .transport(transport.clone())
        .build()
        .unwrap()
}

#[test]
fn a_transport_of_the_applications_own_delivers() {
    let transport = Scripted::new(|_| Some(200));
    let client = client(&transport);
    client.track("e", ()).user_id("u").send().unwrap();
    assert_eq!(client.flush_blocking().delivered, 1);
    let seen = transport.seen.lock().unwrap();
    assert_eq!(seen[0].method, "POST");
    assert_eq!(seen[0].url, "https://hub.example/v1/batch");
    let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(body["batch"][0]["event"], "e");
    assert!(!format!("{:?}", seen[0]).contains("test-key"));
}

#[test]
fn a_reply_that_is_dropped_counts_as_no_answer_and_the_batch_goes_again() {
    let mut tries = 0;
    let transport = Scripted::new(move |_| {
        tries += 1;
        (tries > 2).then_some(200)
    });
    let client = client(&transport);
    client.track("e", ()).user_id("u").send().unwrap();
    let report = client.shutdown_blocking(Duration::from_secs(20));
    assert_eq!((report.delivered, report.pending), (1, 0));
    assert_eq!(transport.seen.lock().unwrap().len(), 3);
}

#[test]
fn what_the_transport_never_answers_does_not_hold_up_a_shutdown() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    struct Silent(Arc<Mutex<Vec<Reply>>>);
    impl Transport for Silent {
        fn send(&self, _: Request, reply: Reply) {
            self.0.lock().unwrap().push(reply);
        }
    }
    let client = Client::builder("test-key")
        .endpoint("http://hub.example")
        .durability(Durability::Memory)
        .transport(Silent(Arc::clone(&kept)))
        .build()
        .unwrap();
    client.track("e", ()).user_id("u").send().unwrap();
    let report = client.shutdown_blocking(Duration::from_millis(100));
    assert_eq!(report.dropped, 1);
    // An answer that comes after the end is nobody's.
    for reply in kept.lock().unwrap().drain(..) {
        reply.answer(Response::default());
    }
}
