//! The crate as a host uses it, with the host's side written in Rust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use headwater_ffi::{
    Change, Client, Configuration, Consent, ConsentModel, Destination, DestinationInfo, Diagnostic,
    DropReport, Durability, FlushCallback, FlushReport, ForeignError, HeadwaterError, Identity,
    Lifecycle, Listener, Mode, Outcome, Platform, Reply, Request, Transport, Tried,
};

#[derive(Default)]
struct Hub {
    bodies: Mutex<Vec<String>>,
    /// What to do with the next requests, the first one first; then everything is taken.
    script: Mutex<Vec<Act>>,
}

enum Act {
    Drop,
    Throw,
    Status(u16),
}

impl Transport for Hub {
    fn send(&self, request: Request, reply: Arc<Reply>) -> Result<(), ForeignError> {
        let act = {
            let mut script = self.script.lock().unwrap();
            if script.is_empty() {
                Act::Status(200)
            } else {
                script.remove(0)
            }
        };
        match act {
            Act::Drop => {}
            Act::Throw => {
                return Err(ForeignError::Failed {
                    detail: "no socket".into(),
                });
            }
            Act::Status(status) => {
                if status == 200 {
                    let body = String::from_utf8(request.body).unwrap();
                    self.bodies.lock().unwrap().push(body);
                }
                reply.answer(status, None, None, Vec::new());
                // The second answer is nobody's.
                reply.no_answer();
            }
        }
        Ok(())
    }

    fn cancel(&self, _: u64) -> Result<(), ForeignError> {
        Ok(())
    }
}

impl Hub {
    fn sent(&self) -> String {
        self.bodies.lock().unwrap().join("\n")
    }
}

fn memory() -> Configuration {
    Configuration {
        write_key: "key".into(),
        endpoint: Some("https://hub.example".into()),
        durability: Some(Durability::Memory),
        gzip: Some(false),
        retry: Some(headwater_ffi::Retry {
            base_ms: Some(100),
            ..headwater_ffi::Retry::default()
        }),
        ..Configuration::default()
    }
}

fn client(configuration: Configuration, hub: &Arc<Hub>) -> Arc<Client> {
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(hub);
    Client::new(configuration, transport, None, None).unwrap()
}

#[test]
fn one_json_text_is_one_event() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    let receipt = client
        .call(
            r#"{"type":"track","event":"Buy","properties":{"price":19.90,"n":12345678901234567890},
                "context":{"a":1},"integrations":{"All":true},"messageId":"m-1",
                "timestamp":"2026-01-02T03:04:05.678Z","unknown":[1]}"#,
        )
        .unwrap();
    assert_eq!(receipt.outcome, Outcome::Queued);
    assert_eq!(receipt.message_id, "m-1");
    assert_eq!(client.flush_blocking().delivered, 1);
    let sent = hub.sent();
    for part in [
        r#""event":"Buy""#,
        r#""price":19.90"#,
        r#""n":12345678901234567890"#,
        r#""timestamp":"2026-01-02T03:04:05.678Z""#,
        r#""messageId":"m-1""#,
    ] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
}

#[test]
fn an_alias_continues_the_current_user_unless_it_says_otherwise() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    client.call(r#"{"type":"identify","userId":"u1"}"#).unwrap();
    client.call(r#"{"type":"alias","userId":"u2"}"#).unwrap();
    client
        .call(r#"{"type":"alias","userId":"u3","previousId":"u0"}"#)
        .unwrap();
    client.flush_blocking();
    assert!(hub.sent().contains(r#""previousId":"u1","userId":"u2""#));
    assert!(hub.sent().contains(r#""previousId":"u0","userId":"u3""#));
}

#[test]
fn what_is_no_call_is_refused_with_its_reason() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    for (call, word) in [
        ("", "call"),
        ("[]", "call"),
        (r#"{"type":"sing"}"#, "type"),
        (r#"{"type":"track"}"#, "name"),
        (
            r#"{"type":"track","event":"e","properties":[]}"#,
            "properties",
        ),
        (r#"{"type":"track","event":"e","context":7}"#, "context"),
        (
            r#"{"type":"track","event":"e","timestamp":"tomorrow"}"#,
            "timestamp",
        ),
    ] {
        match client.call(call) {
            Err(HeadwaterError::Invalid(text)) => assert!(text.contains(word), "{text}"),
            other => panic!("{call}: {other:?}"),
        }
    }
    let large = format!(
        r#"{{"type":"track","event":"e","properties":{{"x":"{}"}}}}"#,
        "x".repeat(40_000)
    );
    assert!(matches!(
        client.call(&large),
        Err(HeadwaterError::TooLarge(_))
    ));
    assert_eq!(client.queue().events, 0);
}

#[test]
fn the_halves_of_a_call_carry_what_plugins_changed() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    let stamped = client.stamp(r#"{"type":"track","event":"e"}"#).unwrap();
    assert!(stamped.contains("messageId"));
    let kept = client.stamp(r#"{"type":"track","event":"kept"}"#).unwrap();
    client
        .submit(&stamped.replace(r#""properties":{}"#, r#""properties":{"by":"plugin"}"#))
        .unwrap();
    client.discard(&kept, "sampler").unwrap();
    client.flush_blocking();
    assert!(hub.sent().contains(r#""by":"plugin""#));
    assert!(!hub.sent().contains("kept"));
    assert_eq!(client.drops()[0].reason, "plugin");
    assert!(client.submit("{}").is_err());
}

#[test]
fn a_transport_that_throws_or_forgets_its_reply_is_tried_again() {
    let hub = Arc::new(Hub::default());
    hub.script
        .lock()
        .unwrap()
        .extend([Act::Throw, Act::Drop, Act::Status(503)]);
    let client = client(memory(), &hub);
    client.call(r#"{"type":"track","event":"e"}"#).unwrap();
    let report = client.shutdown(20_000);
    assert_eq!((report.delivered, report.pending), (1, 0));
    assert!(matches!(
        client.call(r#"{"type":"track","event":"late"}"#),
        Err(HeadwaterError::Closed(_))
    ));
}

struct Flushed(Sender<FlushReport>);

impl FlushCallback for Flushed {
    fn on_flushed(&self, report: FlushReport) -> Result<(), ForeignError> {
        self.0.send(report).unwrap();
        Ok(())
    }
}

#[test]
fn a_flush_calls_back_when_it_is_through() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    client
        .call(r#"{"type":"screen","name":"Cart","category":"shop"}"#)
        .unwrap();
    let (told, heard) = channel();
    client.flush(Some(Arc::new(Flushed(told))));
    assert_eq!(heard.recv().unwrap().delivered, 1);
    client.flush(None);
}

#[test]
fn identity_comes_and_goes_as_text() {
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    client
        .import_identity(Identity {
            anonymous_id: "old-id".into(),
            user_id: Some("u".into()),
            traits: r#"{"plan":"pro"}"#.into(),
            group_id: None,
            group_traits: String::new(),
        })
        .unwrap();
    let identity = client.identity().unwrap();
    assert_eq!(identity.anonymous_id, "old-id");
    assert_eq!(identity.traits, r#"{"plan":"pro"}"#);
    client.reset();
    assert_ne!(client.identity().unwrap().anonymous_id, "old-id");
    let bad = Identity {
        anonymous_id: String::new(),
        ..identity
    };
    assert!(client.import_identity(bad).is_err());
}

struct Phone;

impl Platform for Phone {
    fn context(&self) -> Result<String, ForeignError> {
        Ok(r#"{"device":{"model":"X"},"locale":"de-DE"}"#.into())
    }
    fn online(&self) -> Result<Option<bool>, ForeignError> {
        Ok(Some(true))
    }
}

#[test]
fn the_platform_says_what_the_device_is_and_the_application_has_the_last_word() {
    let hub = Arc::new(Hub::default());
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(&hub);
    let configuration = Configuration {
        context: Some(r#"{"locale":"en-GB","library":{"name":"test","version":"1"}}"#.into()),
        ..memory()
    };
    let client = Client::new(configuration, transport, Some(Arc::new(Phone)), None).unwrap();
    client.call(r#"{"type":"track","event":"e"}"#).unwrap();
    client.flush_blocking();
    assert!(hub.sent().contains(r#""model":"X""#));
    assert!(hub.sent().contains(r#""locale":"en-GB""#));
    client.lifecycle(Lifecycle::Background);
}

struct Ear(Sender<String>);

impl Listener for Ear {
    fn on_report(&self, report: DropReport) -> Result<(), ForeignError> {
        self.0
            .send(format!("report {} {}", report.reason, report.count))
            .unwrap();
        Ok(())
    }
    fn on_diagnostic(&self, diagnostic: Diagnostic) -> Result<(), ForeignError> {
        self.0
            .send(format!("diagnostic {}", diagnostic.kind))
            .unwrap();
        Err(ForeignError::Failed {
            detail: "ignored".into(),
        })
    }
    fn on_change(&self, change: Change) -> Result<(), ForeignError> {
        self.0.send(format!("change {change:?}")).unwrap();
        Ok(())
    }
    fn on_try(&self, _: String, _: Vec<String>) -> Result<Tried, ForeignError> {
        Err(ForeignError::Failed {
            detail: "no plugins here".into(),
        })
    }
}

/// A host whose plugin fails once more and then takes `email` out.
struct Scrub(AtomicUsize);

impl Listener for Scrub {
    fn on_report(&self, _: DropReport) -> Result<(), ForeignError> {
        Ok(())
    }
    fn on_diagnostic(&self, _: Diagnostic) -> Result<(), ForeignError> {
        Ok(())
    }
    fn on_change(&self, _: Change) -> Result<(), ForeignError> {
        Ok(())
    }
    fn on_try(&self, event: String, guards: Vec<String>) -> Result<Tried, ForeignError> {
        assert_eq!(guards, ["Scrub", "Second"]);
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(ForeignError::Failed {
                detail: "it threw".into(),
            });
        }
        Ok(Tried::Passed {
            event: event.replace("ada@example.com", "-"),
        })
    }
}

#[test]
fn an_event_that_the_hosts_plugin_kept_back_is_asked_for_again_and_sent_as_it_should_be() {
    let hub = Arc::new(Hub::default());
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(&hub);
    let host = Arc::new(Scrub(AtomicUsize::new(0)));
    let client = Client::new(memory(), transport, None, Some(host)).unwrap();
    let event = client
        .stamp(r#"{"type":"track","event":"e","properties":{"email":"ada@example.com"}}"#)
        .unwrap();
    let guards = vec!["Scrub".to_owned(), "Second".to_owned()];
    let receipt = client.hold(&event, "Scrub", "it threw", guards).unwrap();
    assert_eq!(receipt.outcome, Outcome::Held);
    assert_eq!(client.queue().events, 1);
    let report = client.shutdown(60_000);
    assert_eq!((report.delivered, report.pending), (1, 0));
    assert!(hub.sent().contains(r#""email":"-""#));
    assert!(!hub.sent().contains("ada@"));
}

#[test]
fn a_host_whose_plugins_are_gone_has_the_event_reported() {
    let hub = Arc::new(Hub::default());
    let (told, heard) = channel();
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(&hub);
    let client = Client::new(memory(), transport, None, Some(Arc::new(Ear(told)))).unwrap();
    let event = client.stamp(r#"{"type":"track","event":"e"}"#).unwrap();
    client
        .hold(&event, "Scrub", "it threw", vec!["Scrub".into()])
        .unwrap();
    let report = heard.iter().find(|said| said.starts_with("report"));
    assert_eq!(report.unwrap(), "report plugin_failed 1");
    assert_eq!(client.flush_blocking().pending, 0);
    assert!(hub.sent().is_empty());
}

#[test]
fn the_listener_hears_of_reports_diagnostics_and_changes() {
    let hub = Arc::new(Hub::default());
    let (told, heard) = channel();
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(&hub);
    let client = Client::new(memory(), transport, None, Some(Arc::new(Ear(told)))).unwrap();
    client.call(r#"{"type":"identify","userId":"u"}"#).unwrap();
    assert_eq!(heard.recv().unwrap(), "change Identity");
    client.flush_blocking();
    assert_eq!(heard.recv().unwrap(), "diagnostic batch_delivered");
    client.call(r#"{"type":"track","event":"e"}"#).unwrap();
    client.purge();
    assert_eq!(heard.recv().unwrap(), "report purged 1");
}

struct Vendor(Sender<String>);

impl Destination for Vendor {
    fn deliver(&self, event: String) -> Result<(), ForeignError> {
        self.0.send(event).unwrap();
        Err(ForeignError::Failed {
            detail: "vendor says no".into(),
        })
    }
    fn update(&self, _: String) -> Result<(), ForeignError> {
        Ok(())
    }
    fn flush(&self) -> Result<(), ForeignError> {
        Ok(())
    }
    fn reset(&self) -> Result<(), ForeignError> {
        Ok(())
    }
}

#[test]
fn a_destination_gets_events_that_consent_allows_and_its_failures_are_counted() {
    let hub = Arc::new(Hub::default());
    let (told, heard) = channel();
    let configuration = Configuration {
        consent: Some(Consent {
            model: ConsentModel::OptIn,
            categories: vec!["ads".into(), "stats".into()],
            hold: None,
        }),
        ..memory()
    };
    let client = client(configuration, &hub);
    let info = |key: &str, category: &str| DestinationInfo {
        key: key.into(),
        categories: vec![category.into()],
        needs_settings: false,
    };
    client.add_destination(info("Ads", "ads"), Arc::new(Vendor(told.clone())));
    client.add_destination(info("Stats", "stats"), Arc::new(Vendor(told)));
    let receipt = client.call(r#"{"type":"track","event":"early"}"#).unwrap();
    assert_eq!(receipt.outcome, Outcome::Held);
    client.set_consent(HashMap::from([
        ("stats".into(), true),
        ("ads".into(), false),
    ]));
    client.shutdown(10_000);
    let events: Vec<String> = heard.try_iter().collect();
    assert_eq!(
        events
            .iter()
            .filter(|event| event.contains("early"))
            .count(),
        1
    );
    let failed = client
        .drops()
        .into_iter()
        .find(|drop| drop.reason == "destination_failed");
    assert_eq!(failed.unwrap().count, events.len() as u64);
}

#[test]
fn the_queue_survives_and_a_second_client_on_its_directory_is_told_so() {
    let place = tempfile::tempdir().unwrap();
    let on_disk = || Configuration {
        durability: None,
        directory: Some(place.path().display().to_string()),
        mode: Some(Mode::Server),
        ..memory()
    };
    let hub = Arc::new(Hub::default());
    hub.script.lock().unwrap().push(Act::Drop);
    let first = client(on_disk(), &hub);
    first
        .call(r#"{"type":"track","event":"e","userId":"u"}"#)
        .unwrap();
    let transport: Arc<dyn Transport> = Arc::<Hub>::clone(&hub);
    assert!(matches!(
        Client::new(on_disk(), transport, None, None),
        Err(HeadwaterError::DirectoryInUse(_))
    ));
    first.shutdown(0);
    drop(first);
    let second = client(on_disk(), &hub);
    assert!(second.identity().is_none());
    assert_eq!(second.shutdown(20_000).pending, 0);
    assert_eq!(hub.sent().matches(r#""event":"e""#).count(), 1);
}

#[test]
fn a_queue_on_disk_needs_a_place() {
    let hub: Arc<dyn Transport> = Arc::new(Hub::default());
    let configuration = Configuration {
        durability: None,
        ..memory()
    };
    assert!(matches!(
        Client::new(configuration, hub, None, None),
        Err(HeadwaterError::Configuration(_))
    ));
}

#[test]
fn a_straight_call_does_what_a_call_does() {
    let straight = |number: i64, text: &str| {
        let (address, length) = (text.as_ptr() as i64, text.len() as i32);
        // SAFETY: the text lives until the function returns.
        unsafe { headwater_ffi::headwater_call(number, address, length) }
    };
    let hub = Arc::new(Hub::default());
    let client = client(memory(), &hub);
    let number = Arc::clone(&client).number();
    assert_eq!(
        straight(
            number,
            r#"{"type":"track","event":"Straight","userId":"u"}"#
        ),
        0
    );
    client.take_error().unwrap();
    assert_eq!(straight(number, r#"{"type":"trick"}"#), -1);
    let error = client.take_error().unwrap_err();
    assert!(matches!(error, HeadwaterError::Invalid(_)), "{error}");
    client.take_error().unwrap();
    assert_eq!(client.flush_blocking().delivered, 1);
    assert!(hub.bodies.lock().unwrap()[0].contains("\"Straight\""));
    drop(client);
    assert_eq!(straight(number, "{}"), -1);
}
