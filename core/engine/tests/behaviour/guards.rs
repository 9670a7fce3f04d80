//! Plugins that must not be left out, and fail.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::host::*;

use headwater_engine::*;
use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Value, parse};

/// Does what the script says, and passes when that is over. Takes `email` out of what it passes.
struct Guard {
    name: &'static str,
    stage: Stage,
    required: Option<bool>,
    script: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Plugin for Guard {
    fn name(&self) -> &str {
        self.name
    }
    fn stage(&self) -> Stage {
        self.stage
    }
    fn required(&self) -> bool {
        self.required.unwrap_or(self.stage == Stage::Before)
    }
    fn process(&mut self, mut event: Event) -> Result<Option<Event>, PluginError> {
        event.properties.object().remove("email");
        match self.script.lock().unwrap().pop_front() {
            Some("fails") => Err(PluginError("no connection".into())),
            Some("panics") => panic!("a guard that panics"),
            Some("drops") => Ok(None),
            _ => Ok(Some(event)),
        }
    }
}

type Script = Arc<Mutex<VecDeque<&'static str>>>;

fn script(what: &[&'static str]) -> Script {
    Arc::new(Mutex::new(what.iter().copied().collect()))
}

fn guard(what: &Script) -> Box<dyn Plugin> {
    Box::new(Guard {
        name: "scrub",
        stage: Stage::Before,
        required: None,
        script: Arc::clone(what),
    })
}

fn quiet() -> Config {
    let mut config = config();
    config.pace = Pace::NEVER;
    config
}

fn guarded(what: &Script) -> Config {
    let mut config = quiet();
    config.timeline.add(guard(what));
    config
}

fn secret(host: &mut Host) -> Receipt {
    let kind = CallKind::Track {
        event: "secret".into(),
        properties: raw(r#"{"email":"ada@example.com","plan":"pro"}"#),
    };
    host.call(kind, CallOptions::default()).unwrap()
}

/// Nothing that left, and nothing that a batch could be made of, holds what the guard takes out.
fn nothing_leaked(host: &mut Host) {
    host.flush();
    for upload in &host.sent {
        let text = format!("{:?}", host.body(upload));
        assert!(!text.contains("ada@"), "{text}");
    }
}

fn reasons(host: &Host) -> Vec<(DropReason, u64)> {
    host.reports
        .iter()
        .map(|report| (report.reason, report.count))
        .collect()
}

#[test]
fn what_a_failure_means_and_when_it_is_tried_again_is_as_in_the_vectors() {
    let vectors = include_str!("../../../../tests/vectors/engine/guards.json");
    let vectors = parse(vectors.as_bytes(), &Limits::default()).unwrap();
    let list = |key: &str| vectors.get(key).and_then(Value::as_array).unwrap();
    for case in list("waits") {
        let failures = case.get("failures").and_then(Value::as_i64).unwrap() as u32;
        let wait = case.get("wait").and_then(Value::as_i64).map(|ms| ms as u64);
        assert_eq!(wait_after(failures), wait, "{case}");
    }
    for case in list("plugins") {
        let stage = match case.get("type").and_then(Value::as_str).unwrap() {
            "before" => Stage::Before,
            "enrichment" => Stage::Enrichment,
            "after" => Stage::After,
            _ => Stage::Utility,
        };
        for how in ["fails", "panics"] {
            let mut host = Host::new(quiet());
            host.engine.timeline().add(Box::new(Guard {
                name: "scrub",
                stage,
                required: case.get("required").and_then(Value::as_bool),
                script: script(&[how]),
            }));
            let receipt = secret(&mut host);
            let kept = case.get("failure").and_then(Value::as_str) == Some("kept");
            assert_eq!(matches!(receipt, Receipt::Held(_)), kept, "{case}");
            host.flush();
            assert_eq!(host.sent.is_empty(), kept, "{case}");
        }
    }
    for case in list("lives") {
        let tries = case.get("tries").and_then(Value::as_array).unwrap();
        let does = script(&[]);
        for what in tries {
            does.lock()
                .unwrap()
                .push_back(match what.as_str().unwrap() {
                    "passes" => "passes",
                    "drops" => "drops",
                    _ => "fails",
                });
        }
        let mut host = Host::new(guarded(&does));
        secret(&mut host);
        let after = case.get("after").and_then(Value::as_i64).unwrap() as u64;
        if after > 0 {
            host.pass(after - 1);
            assert_eq!(host.engine.queue().events, 1, "{case}");
            assert!(host.reports.is_empty(), "{case}");
            host.pass(1);
        }
        let ends = match host.reports.as_slice() {
            [] => "queued",
            [report] => report.reason.as_str(),
            more => panic!("{case}: {more:?}"),
        };
        assert_eq!(
            Some(ends),
            case.get("ends").and_then(Value::as_str),
            "{case}"
        );
        nothing_leaked(&mut host);
        assert_eq!(host.sent.len(), usize::from(ends == "queued"), "{case}");
        assert_eq!(host.store.len(), host.sent.len(), "{case}");
        assert_eq!(does.lock().unwrap().len(), 0, "{case}");
    }
}

#[test]
fn an_event_that_a_guard_keeps_back_is_seen_again_as_it_was_stamped_and_by_every_plugin() {
    let does = script(&["passes", "fails"]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut host = Host::new(guarded(&does));
    let (told, first) = (Arc::clone(&seen), guard(&does));
    struct Look(Arc<Mutex<Vec<String>>>);
    impl Plugin for Look {
        fn name(&self) -> &str {
            "look"
        }
        fn stage(&self) -> Stage {
            Stage::Before
        }
        fn process(&mut self, mut event: Event) -> Result<Option<Event>, PluginError> {
            let properties = event.properties.object();
            self.0.lock().unwrap().push(format!("{properties:?}"));
            properties.insert("looked", true);
            Ok(Some(event))
        }
    }
    host.engine.timeline().remove("scrub");
    host.engine.timeline().add(first);
    host.engine.timeline().add(Box::new(Look(told)));
    host.engine.timeline().add(guard(&does));
    host.identify("u1", "{}");
    does.lock().unwrap().extend(["passes", "fails"]);
    secret(&mut host);
    host.identify("u2", "{}");
    host.pass(1_000);
    nothing_leaked(&mut host);
    let events = host.events();
    let secret = events
        .iter()
        .find(|event| event.get("event").and_then(Value::as_str) == Some("secret"))
        .unwrap();
    assert_eq!(secret.get("userId"), Some(&Value::from("u1")));
    assert_eq!(path(secret, "properties.looked"), Some(Value::Bool(true)));
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|text| !text.contains("looked"))
    );
}

#[test]
fn later_events_overtake_one_that_a_guard_keeps_back() {
    let does = script(&["fails"]);
    let mut host = Host::new(guarded(&does));
    assert!(matches!(secret(&mut host), Receipt::Held(_)));
    assert!(matches!(host.track("later"), Receipt::Queued(_)));
    host.flush();
    assert_eq!(host.names(), ["later"]);
    let (_, report) = host.flushed.last().cloned().unwrap_or_default();
    host.answer(200);
    let (_, report) = host.flushed.last().cloned().unwrap_or((0, report));
    assert_eq!((report.delivered, report.pending), (1, 1));
    assert_eq!(
        report.waiting_for.as_deref(),
        Some("a plugin that failed: it is tried again")
    );
    assert_eq!(report.retry_in, Some(1_000));
    host.pass(1_000);
    host.flush();
    assert_eq!(host.names(), ["secret"]);
}

#[test]
fn a_flush_without_a_hub_waits_for_the_guard_that_keeps_an_event_back_not_for_another_client() {
    let does = script(&["fails"]);
    let mut config = guarded(&does);
    config.hub = false;
    let mut host = Host::new(config);
    secret(&mut host);
    host.flush();
    let (_, report) = host.flushed.last().unwrap();
    assert_eq!(report.pending, 1);
    assert_eq!(
        report.waiting_for.as_deref(),
        Some("a plugin that failed: it is tried again")
    );
}

#[test]
fn a_process_that_dies_keeps_what_a_guard_kept_back_and_the_next_one_tries_it_at_once() {
    let does = script(&["fails"]);
    let mut host = Host::new(guarded(&does));
    secret(&mut host);
    assert!(host.store.values().all(|(at, _)| *at < 0));
    does.lock().unwrap().push_back("passes");
    let mut host = host.restart(guarded(&does));
    assert!(host.uploads.is_empty());
    host.pass(0);
    nothing_leaked(&mut host);
    assert_eq!(host.names(), ["secret"]);
    host.answer(200);
    assert!(host.store.is_empty());
}

#[test]
fn after_a_restart_without_its_guard_an_event_is_reported_and_never_sent() {
    let does = script(&["fails"]);
    let mut host = Host::new(guarded(&does));
    secret(&mut host);
    let mut host = host.restart(quiet());
    // The host is asked, and has no such plugin either.
    for _ in 0..3 {
        host.pass(10_000);
        for (id, _, guards) in host.tries.drain(..).collect::<Vec<_>>() {
            assert_eq!(guards, ["scrub"]);
            let (plugin, detail) = ("scrub".to_owned(), "it is not there".to_owned());
            host.input(Input::Tried {
                id,
                outcome: TryOutcome::Failed { plugin, detail },
            });
        }
    }
    assert_eq!(reasons(&host), [(DropReason::PluginFailed, 1)]);
    host.flush();
    assert!(host.sent.is_empty() && host.store.is_empty());
}

#[test]
fn a_host_that_never_answers_a_try_has_failed_it() {
    let mut host = Host::new(quiet());
    let event = stamped(&mut host);
    let receipt = host
        .engine
        .hold(host.now, event, ("scrub", "it threw"), vec!["scrub".into()]);
    host.drain();
    assert!(matches!(receipt, Receipt::Held(_)));
    host.pass(100_000);
    assert_eq!(host.tries.len(), 2);
    assert_eq!(reasons(&host), [(DropReason::PluginFailed, 1)]);
    assert!(host.reports[0].detail.starts_with("scrub"));
    // An answer that comes too late is nobody's.
    let (id, event, _) = host.tries.pop_back().unwrap();
    let outcome = TryOutcome::Passed(Box::new(Event::clone(&event)));
    host.input(Input::Tried { id, outcome });
    host.flush();
    assert!(host.sent.is_empty() && host.store.is_empty());
}

fn stamped(host: &mut Host) -> Event {
    let (entropy, spare_entropy) = (host.random(), host.random());
    let kind = CallKind::Track {
        event: "secret".into(),
        properties: raw(r#"{"email":"ada@example.com"}"#),
    };
    let call = Call {
        kind,
        options: CallOptions::default(),
        at: None,
        entropy,
        spare_entropy,
        enrichment: None,
    };
    host.engine.stamp(host.now, call).unwrap()
}

#[test]
fn an_event_that_the_hosts_plugins_let_pass_at_a_later_try_is_queued_as_they_left_it() {
    let mut host = Host::new(quiet());
    let event = stamped(&mut host);
    host.engine
        .hold(host.now, event, ("scrub", "it threw"), vec!["scrub".into()]);
    host.drain();
    host.pass(1_000);
    let (id, event, _) = host.tries.pop_front().unwrap();
    let mut event = Event::clone(&event);
    event.properties.object().remove("email");
    let outcome = TryOutcome::Passed(Box::new(event));
    host.input(Input::Tried { id, outcome });
    nothing_leaked(&mut host);
    assert_eq!(host.names(), ["secret"]);
}

#[test]
fn what_a_guard_keeps_back_goes_with_a_purge_and_with_a_withdrawal_and_is_counted() {
    for denied in [false, true] {
        let does = script(&["fails", "fails"]);
        let mut config = guarded(&does);
        config.consent = Some(ConsentConfig {
            model: ConsentModel::OptOut,
            categories: vec!["ads".into()],
            hold: Hold::Persist,
        });
        let mut host = Host::new(config);
        secret(&mut host);
        secret(&mut host);
        let reason = if denied {
            host.consent(&[("ads", false)]);
            DropReason::ConsentWithdrawn
        } else {
            host.input(Input::Purge);
            DropReason::Purged
        };
        assert_eq!(reasons(&host), [(reason, 2)]);
        let mut host = host.restart(guarded(&does));
        host.pass(20_000);
        nothing_leaked(&mut host);
        let left = host.stored();
        assert!(
            left.iter()
                .all(|event| text(event, "event").as_deref() != Some("secret"))
        );
    }
}

#[test]
fn nothing_is_written_of_an_event_that_a_guard_keeps_back_before_consent_where_nothing_may_be() {
    let does = script(&["fails"]);
    let mut config = guarded(&does);
    config.consent = Some(ConsentConfig {
        model: ConsentModel::OptIn,
        categories: vec!["ads".into()],
        hold: Hold::Memory,
    });
    let mut host = Host::new(config);
    secret(&mut host);
    assert_eq!(host.persisted, 0);
    host.input(Input::End { volatile: false });
    assert_eq!(reasons(&host), [(DropReason::NotKept, 1)]);
}

#[test]
fn a_disk_that_is_full_reports_the_event_that_it_could_not_keep_back() {
    let does = script(&["fails"]);
    let mut host = Host::new(guarded(&does));
    host.full = true;
    secret(&mut host);
    host.full = false;
    assert_eq!(reasons(&host), [(DropReason::StorageFailed, 1)]);
    host.pass(60_000);
    host.flush();
    assert!(host.sent.is_empty());
}

#[test]
fn a_thousand_events_are_kept_back_at_most_and_each_one_more_is_reported_at_once() {
    let mut host = Host::new(quiet());
    for _ in 0..1_003 {
        let event = stamped(&mut host);
        host.engine
            .hold(host.now, event, ("scrub", "it threw"), vec!["scrub".into()]);
        host.drain();
    }
    assert_eq!(host.engine.queue().events, 1_000);
    assert_eq!(reasons(&host), [(DropReason::PluginFailed, 1); 3]);
}

#[test]
fn a_guard_of_a_destinations_own_that_fails_keeps_the_event_from_that_destination_only() {
    let destination = |key: &str| DestinationConfig {
        key: key.into(),
        categories: Vec::new(),
        needs_settings: false,
    };
    let mut config = quiet();
    config.destinations = vec![destination("A"), destination("B")];
    let mut host = Host::new(config);
    host.track("e");
    host.track("later");
    let mut seen = Vec::new();
    for round in 0..3 {
        for (delivery, to, event) in host.deliveries.drain(..).collect::<Vec<_>>() {
            let fails = to == 0 && event.event.as_deref() == Some("e");
            if !fails {
                seen.push((to, event.event.clone().unwrap()));
            }
            let outcome = if fails {
                DeliveryOutcome::Guard("scrub: no connection".into())
            } else {
                DeliveryOutcome::Done
            };
            host.input(Input::Delivered { delivery, outcome });
        }
        assert_eq!(host.reports.len(), usize::from(round == 2));
        host.pass(10_000);
    }
    let to = |to: usize, name: &str| (to, name.to_owned());
    assert_eq!(seen, [to(1, "e"), to(0, "later"), to(1, "later")]);
    assert_eq!(reasons(&host), [(DropReason::PluginFailed, 1)]);
    assert_eq!(host.reports[0].destination.as_deref(), Some("A"));
    host.flush();
    assert_eq!(host.names(), ["e", "later"]);
}

#[test]
fn a_follower_hands_over_what_a_guard_keeps_back_and_the_leader_tries_it() {
    let does = script(&["fails", "passes"]);
    let mut leader = Host::new(guarded(&does));
    let mut follower = Host::new(guarded(&does));
    follower.input(Input::Lead(false));
    secret(&mut follower);
    let events = std::mem::take(&mut follower.store);
    follower.input(Input::GiveAway(
        events.keys().map(|seq| Seq(*seq)).collect(),
    ));
    assert_eq!(follower.engine.queue().events, 0);
    let first = leader.engine.reserve(events.len() as u64).0;
    let mut adopted = Vec::new();
    for (seq, (at, body)) in (first..).zip(events.into_values()) {
        adopted.push(Stored {
            seq: Seq(seq),
            at,
            len: body.len() as u32,
            unstamped: false,
        });
        leader.store.insert(seq, (at, body));
    }
    leader.input(Input::Adopt(adopted));
    leader.pass(0);
    nothing_leaked(&mut leader);
    assert_eq!(leader.names(), ["secret"]);
}

#[test]
fn what_an_earlier_life_kept_back_counts_as_queued_from_the_start_on() {
    let does = script(&["fails"]);
    let mut host = Host::new(guarded(&does));
    secret(&mut host);
    let stored = host.store.iter().next().map(|(seq, (at, body))| Stored {
        seq: Seq(*seq),
        at: *at,
        len: body.len() as u32,
        unstamped: false,
    });
    let start = Start {
        events: stored.into_iter().collect(),
        next_seq: 10,
        ..Start::default()
    };
    // Before it is read back.
    let engine = Engine::new(guarded(&does), start, host.now);
    assert_eq!(engine.queue().events, 1);
}
