//! Code of the application that runs inside the client: plugins, destinations, callbacks. Whatever it does, calls go on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use headwater::json::Value;
use headwater::{
    Client, Destination, DropReason, Durability, Event, FlushPolicy, Lifecycle, Now, Plugin,
    PluginError, Queue, Stage, Timeline,
};
use hub::{Answer, Hub, eventually, names};
use serde_json::json;

fn memory(hub: &Hub) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .no_proxy()
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
}

fn send(client: &Client, name: &str) {
    client.track(name, ()).user_id("u").send().unwrap();
}

type Act = Box<dyn FnMut(Event) -> Result<Option<Event>, PluginError> + Send>;

struct Does(Stage, Act);

fn does(
    stage: Stage,
    act: impl FnMut(Event) -> Result<Option<Event>, PluginError> + Send + 'static,
) -> Does {
    Does(stage, Box::new(act))
}

impl Plugin for Does {
    fn name(&self) -> &str {
        "does"
    }
    fn stage(&self) -> Stage {
        self.0
    }
    fn process(&mut self, event: Event) -> Result<Option<Event>, PluginError> {
        (self.1)(event)
    }
}

#[test]
fn an_enrichment_that_panics_or_fails_costs_its_own_work_alone() {
    let hub = Hub::open();
    let client = memory(&hub)
        .plugin(does(Stage::Enrichment, |_| panic!("a plugin that panics")))
        .plugin(does(Stage::Enrichment, |_| Err(PluginError("no".into()))))
        .plugin(does(Stage::Enrichment, |mut event| {
            event.properties.object().insert("seen", true);
            Ok(Some(event))
        }))
        .build()
        .unwrap();
    send(&client, "a");
    assert_eq!(client.flush_blocking().delivered, 1);
    assert_eq!(hub.events()[0]["properties"]["seen"], true);
}

#[test]
fn a_utility_plugin_sees_no_event_by_itself_and_is_used_by_its_name() {
    let hub = Hub::open();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let client = memory(&hub)
        .plugin(Does(
            Stage::Utility,
            Box::new(move |event| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok(Some(event))
            }),
        ))
        .build()
        .unwrap();
    send(&client, "e");
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    let name = client.with_plugin("does", |plugin| plugin.stage());
    assert_eq!(name, Some(Stage::Utility));
    assert_eq!(client.with_plugin("nobody", |_| ()), None);
}

#[test]
fn a_plugin_can_drop_an_event_and_the_report_says_so() {
    let hub = Hub::open();
    let client = memory(&hub)
        .plugin(does(Stage::Before, |event| {
            Ok((event.event.as_deref() != Some("secret")).then_some(event))
        }))
        .build()
        .unwrap();
    send(&client, "secret");
    send(&client, "open");
    assert_eq!(client.flush_blocking().delivered, 1);
    assert_eq!(names(&hub.events()), ["open"]);
    assert_eq!(client.drops(), [(DropReason::Plugin, 1)]);
    client.remove_plugin("does");
    send(&client, "secret");
    client.flush_blocking();
    assert_eq!(names(&hub.events()), ["open", "secret"]);
}

#[test]
fn a_plugin_that_calls_the_client_gets_its_calls_right_after_the_event_at_hand() {
    let hub = Hub::open();
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let client = memory(&hub)
        .plugin(does(Stage::Before, move |event| {
            if let (Some(client), Some("a")) = (theirs.get(), event.event.as_deref()) {
                client
                    .track("from a plugin", ())
                    .user_id("u")
                    .send()
                    .unwrap();
                client.track("and another", ()).user_id("u").send().unwrap();
                // None of these may wait for the lock that this very call holds.
                assert_eq!(client.queue().events, 0);
                let _ = client.identity();
                assert!(client.flush_blocking().delivered == 0);
                client.set_online(true);
            }
            Ok(Some(event))
        }))
        .build()
        .unwrap();
    slot.set(client.clone()).unwrap();
    send(&client, "a");
    send(&client, "b");
    client.flush_blocking();
    assert_eq!(
        names(&hub.wait_for(4)),
        ["a", "from a plugin", "and another", "b"]
    );
}

#[test]
fn a_plugin_that_answers_each_event_with_another_is_stopped() {
    let hub = Hub::open();
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    let client = memory(&hub)
        .plugin(does(Stage::Before, move |event| {
            if let Some(client) = theirs.get()
                && client.track("again", ()).user_id("u").send().is_err()
            {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Some(event))
        }))
        .build()
        .unwrap();
    slot.set(client.clone()).unwrap();
    send(&client, "a");
    assert_eq!(refused.load(Ordering::Relaxed), 1);
    assert_eq!(client.flush_blocking().pending, 0);
    assert!(hub.events().len() < 20);
}

#[test]
fn callbacks_may_panic_be_slow_and_call_back() {
    let hub = Hub::scripted(|_, request| {
        let bad = request.batch().iter().any(|event| event["event"] == "bad");
        Answer::Status(if bad { 400 } else { 200 })
    });
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let client = memory(&hub)
        .on_report(move |_| {
            if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                panic!("a callback that panics");
            }
            if let Some(client) = theirs.get() {
                send(client, "told");
                client.flush_blocking();
            }
        })
        .build()
        .unwrap();
    slot.set(client.clone()).unwrap();
    send(&client, "bad");
    client.flush_blocking();
    send(&client, "bad");
    client.flush_blocking();
    eventually("the second report", || heard.load(Ordering::Relaxed) == 2);
    assert_eq!(names(&hub.wait_for(1)), ["told"]);
}

/// Keeps what it is given; panics, fails or dawdles at the events that say so.
struct Records {
    key: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
    needs_settings: bool,
}

impl Destination for Records {
    fn key(&self) -> &str {
        self.key
    }
    fn needs_settings(&self) -> bool {
        self.needs_settings
    }
    fn update(&mut self, settings: &Value) {
        let mut text = Vec::new();
        settings.write(&mut text);
        let text = String::from_utf8(text).unwrap();
        self.seen.lock().unwrap().push(format!("settings {text}"));
    }
    fn deliver(&mut self, event: &Event) -> Result<(), String> {
        let name = event.event.clone().unwrap_or_default();
        match name.as_str() {
            "panic" => panic!("a destination that panics"),
            "fail" => return Err("it failed".to_owned()),
            "dawdle" => std::thread::sleep(Duration::from_secs(2)),
            _ => {}
        }
        self.seen.lock().unwrap().push(name);
        Ok(())
    }
    fn flush(&mut self) {
        self.seen.lock().unwrap().push("flush".to_owned());
    }
    fn reset(&mut self) {
        self.seen.lock().unwrap().push("reset".to_owned());
    }
}

fn records(key: &'static str) -> (Records, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let destination = Records {
        key,
        seen: Arc::clone(&seen),
        needs_settings: false,
    };
    (destination, seen)
}

#[test]
fn a_destination_that_panics_fails_or_dawdles_costs_its_neighbours_nothing() {
    let hub = Hub::open();
    let (bad, bad_seen) = records("Bad");
    let (good, good_seen) = records("Good");
    let mut quiet = Timeline::default();
    quiet.add(Box::new(does(Stage::Before, |event| {
        let own = matches!(event.event.as_deref(), Some("a" | "b"));
        Ok(own.then_some(event))
    })));
    let client = memory(&hub)
        .destination(bad)
        .destination_with(good, quiet)
        .build()
        .unwrap();
    for name in ["panic", "a", "fail", "dawdle", "b"] {
        send(&client, name);
    }
    assert_eq!(client.flush_blocking().delivered, 5);
    eventually("the good one", || {
        *good_seen.lock().unwrap() == ["a", "b", "flush"]
    });
    eventually("the reports", || {
        client.drops() == [(DropReason::DestinationFailed, 2)]
    });
    client.shutdown_blocking(Duration::from_secs(10));
    assert_eq!(bad_seen.lock().unwrap()[..3], ["a", "dawdle", "b"]);
}

#[test]
fn shutdown_waits_for_destinations_to_take_all_that_was_theirs() {
    let hub = Hub::open();
    let (destination, seen) = records("Slow");
    let client = memory(&hub).destination(destination).build().unwrap();
    for _ in 0..300 {
        send(&client, "x");
    }
    client.shutdown_blocking(Duration::from_secs(10));
    let taken = seen
        .lock()
        .unwrap()
        .iter()
        .filter(|name| *name == "x")
        .count();
    assert_eq!(taken, 300);
}

#[test]
fn integrations_and_settings_decide_what_a_destination_gets() {
    let hub = Hub::scripted(|_, request| {
        if request.method == "GET" {
            let document = br#"{"integrations":{"Wanted":{"apiKey":"k"}}}"#;
            Answer::With(200, Vec::new(), document.to_vec())
        } else {
            Answer::Status(200)
        }
    });
    let (mut wanted, wanted_seen) = records("Wanted");
    wanted.needs_settings = true;
    let (mut unwanted, unwanted_seen) = records("Unwanted");
    unwanted.needs_settings = true;
    let client = memory(&hub)
        .device()
        .destination(wanted)
        .destination(unwanted)
        .build()
        .unwrap();
    send(&client, "all");
    let call = client.track("none", ()).integrations(json!({"All": false}));
    call.send().unwrap();
    let call = client.track("only", ());
    call.integrations(json!({"All": false, "Wanted": true}))
        .send()
        .unwrap();
    client.reset();
    eventually("the destination", || wanted_seen.lock().unwrap().len() == 4);
    let seen = wanted_seen.lock().unwrap().clone();
    assert!(
        seen.contains(&r#"settings {"apiKey":"k"}"#.to_owned()),
        "{seen:?}"
    );
    let events: Vec<_> = seen
        .iter()
        .filter(|each| ["all", "only", "none"].contains(&each.as_str()))
        .collect();
    assert_eq!(events, ["all", "only"]);
    assert_eq!(
        unwanted_seen
            .lock()
            .unwrap()
            .iter()
            .filter(|each| *each == "all")
            .count(),
        0
    );
}

/// Stays at its first event until it is let go.
struct Stays(std::sync::mpsc::Receiver<()>, Arc<Mutex<Vec<String>>>);

impl Destination for Stays {
    fn key(&self) -> &str {
        "Slow"
    }
    fn deliver(&mut self, event: &Event) -> Result<(), String> {
        let name = event.event.clone().unwrap_or_default();
        self.1.lock().unwrap().push(name);
        let _ = self.0.recv();
        Ok(())
    }
}

#[test]
fn what_a_slow_destination_has_not_seen_when_consent_is_withdrawn_it_never_sees() {
    let hub = Hub::open();
    let (let_go, stay) = std::sync::mpsc::channel();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let client = memory(&hub)
        .device()
        .consent(headwater::ConsentConfig {
            model: headwater::ConsentModel::OptOut,
            categories: vec!["analytics".to_owned()],
            hold: headwater::Hold::Persist,
        })
        .destination(Stays(stay, Arc::clone(&seen)))
        .build()
        .unwrap();
    client.track("first", ()).send().unwrap();
    eventually("the first event", || seen.lock().unwrap().len() == 1);
    for _ in 0..20 {
        client.track("later", ()).send().unwrap();
    }
    client.set_consent([("analytics", false)]);
    drop(let_go);
    client.shutdown_blocking(Duration::from_secs(10));
    let seen = seen.lock().unwrap();
    assert!(!seen.iter().any(|name| name == "later"), "{seen:?}");
}

/// Calls the client from wherever the engine asks it something.
#[derive(Clone, Debug, Default)]
struct Meddles(Arc<OnceLock<Client>>);

impl FlushPolicy for Meddles {
    fn on_event(&mut self, _: Now, _: Queue) -> bool {
        if let Some(client) = self.0.get() {
            client.lifecycle(Lifecycle::Foreground);
        }
        false
    }
    fn on_lifecycle(&mut self, state: Lifecycle) -> bool {
        if let Some(client) = self.0.get() {
            client.lifecycle(state);
        }
        false
    }
    fn deadline(&self) -> Option<u64> {
        if let Some(client) = self.0.get() {
            client.set_online(true);
        }
        Some(0)
    }
    fn on_flush(&mut self) {
        if let Some(client) = self.0.get() {
            drop(client.flush());
        }
    }
}

#[test]
fn a_flush_policy_may_use_the_client_wherever_it_is_asked() {
    let hub = Hub::open();
    let policy = Meddles::default();
    let client = memory(&hub).flush_policy(policy.clone()).build().unwrap();
    policy.0.set(client.clone()).unwrap();
    within_half_a_minute(move || {
        for _ in 0..3 {
            send(&client, "e");
            assert_eq!(client.flush_blocking().pending, 0);
        }
        client.shutdown_blocking(Duration::from_secs(10));
    });
    assert_eq!(hub.events().len(), 3);
}

/// Runs `act` on a thread; a hang is a failure and not a test that never ends.
fn within_half_a_minute<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(act()));
    answer
        .recv_timeout(Duration::from_secs(30))
        .expect("it hangs")
}

#[test]
fn a_callback_may_shut_down() {
    let hub = Hub::scripted(|_, _| Answer::Status(400));
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let (told, heard) = std::sync::mpsc::channel();
    let client = memory(&hub)
        .on_report(move |_| {
            if let Some(client) = theirs.get() {
                let report = client.shutdown_blocking(Duration::from_secs(3_600));
                let _ = told.send(report);
            }
        })
        .build()
        .unwrap();
    slot.set(client.clone()).unwrap();
    send(&client, "refused");
    drop(client.flush());
    within_half_a_minute(move || heard.recv().unwrap());
    eventually("the end", || {
        client.track("e", ()).user_id("u").send().is_err()
    });
}

struct ShutsDown(Arc<OnceLock<Client>>, std::sync::mpsc::Sender<()>);

impl Destination for ShutsDown {
    fn key(&self) -> &str {
        "ShutsDown"
    }
    fn deliver(&mut self, _: &Event) -> Result<(), String> {
        if let Some(client) = self.0.get() {
            client.shutdown_blocking(Duration::from_secs(3_600));
            let _ = self.1.send(());
        }
        Ok(())
    }
}

#[test]
fn a_destination_may_shut_down_and_what_waits_is_sent() {
    let hub = Hub::open();
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let (told, heard) = std::sync::mpsc::channel();
    let client = memory(&hub)
        .destination(ShutsDown(Arc::clone(&slot), told))
        .build()
        .unwrap();
    slot.set(client.clone()).unwrap();
    send(&client, "e");
    within_half_a_minute(move || heard.recv().unwrap());
    assert_eq!(names(&hub.wait_for(1)), ["e"]);
}

#[test]
fn whatever_a_deep_chain_of_calls_asks_for_is_done() {
    let hub = Hub::open();
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let flushes = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&flushes);
    let client = memory(&hub)
        .device()
        .plugin(does(Stage::Before, move |event| {
            if let Some(client) = theirs.get() {
                // The eighth is the last whose call is taken.
                if client.track("deeper", ()).send().is_err() {
                    client.reset();
                    client.update_context(json!({"deep": true})).unwrap();
                }
                asked.lock().unwrap().push(client.flush());
            }
            Ok(Some(event))
        }))
        .build()
        .unwrap();
    let before = client.identity().unwrap().anonymous_id;
    slot.set(client.clone()).unwrap();
    client.track("first", ()).send().unwrap();
    assert_ne!(client.identity().unwrap().anonymous_id, before);
    let flushes = std::mem::take(&mut *flushes.lock().unwrap());
    assert_eq!(flushes.len(), 9);
    within_half_a_minute(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for flush in flushes {
            runtime.block_on(flush);
        }
    });
    client.remove_plugin("does");
    client.track("last", ()).send().unwrap();
    client.flush_blocking();
    assert_eq!(hub.events().last().unwrap()["context"]["deep"], true);
}

#[test]
fn what_a_caller_said_is_in_no_debug_text() {
    let hub = Hub::open();
    let client = memory(&hub).build().unwrap();
    let call = client
        .track("private event", json!({"secret": "properties"}))
        .user_id("private-user")
        .context(json!({"secret": "context"}));
    let text = format!("{call:?}");
    assert!(
        !text.contains("private") && !text.contains("secret"),
        "{text}"
    );
    let builder = Client::builder("test-key").endpoint("https://user:hidden@hub.example");
    let text = format!("{builder:?}");
    assert!(!text.contains("hidden"), "{text}");
}
