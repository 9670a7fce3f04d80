//! Several clients on one store, and calls that a host's own plugins see on their way.
use crate::host::*;

use headwater_engine::*;
use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::Value;

fn quiet() -> Config {
    let mut config = config();
    config.pace = Pace::NEVER;
    config
}

fn asking() -> Config {
    let mut config = quiet();
    config.consent = Some(ConsentConfig {
        model: ConsentModel::OptIn,
        categories: vec!["ads".into()],
        hold: Hold::Persist,
    });
    config
}

fn follower(config: Config) -> Host {
    let mut host = Host::new(config);
    host.input(Input::Lead(false));
    host
}

/// What two tabs do: everything the follower stored becomes the leader's.
fn hand_over(follower: &mut Host, leader: &mut Host, unstamped: bool) {
    let events = std::mem::take(&mut follower.store);
    let seqs = events.keys().map(|seq| Seq(*seq)).collect();
    follower.input(Input::GiveAway(seqs));
    let first = leader.engine.reserve(events.len() as u64).0;
    let mut adopted = Vec::new();
    for (seq, (at, body)) in (first..).zip(events.into_values()) {
        adopted.push(Stored {
            seq: Seq(seq),
            at,
            len: body.len() as u32,
            unstamped,
        });
        leader.store.insert(seq, (at, body));
    }
    leader.input(Input::Adopt(adopted));
}

#[test]
fn what_a_follower_stored_goes_out_through_the_leader_once_and_in_order() {
    let (mut leader, mut follower) = (Host::new(quiet()), follower(quiet()));
    leader.track("1");
    follower.track("2");
    follower.track("3");
    hand_over(&mut follower, &mut leader, false);
    leader.track("4");
    leader.flush();
    follower.flush();
    assert_eq!(leader.names(), ["1", "2", "3", "4"]);
    leader.answer(200);
    assert!(leader.store.is_empty());
    assert_eq!(follower.engine.queue().events, 0);
    assert!(follower.sent.is_empty());
    assert!(leader.reports.is_empty() && follower.reports.is_empty());
}

#[test]
fn a_follower_never_sends_and_its_flush_says_who_does() {
    let mut host = follower(config());
    for _ in 0..30 {
        host.track("e");
    }
    host.flush();
    host.pass(3_600_000);
    assert!(host.sent.is_empty());
    let (_, report) = host.flushed.last().unwrap();
    assert_eq!(report.pending, 30);
    assert!(
        report
            .waiting_for
            .as_deref()
            .unwrap()
            .contains("another client")
    );
    let mut leader = Host::new(quiet());
    hand_over(&mut host, &mut leader, false);
    assert_eq!(host.engine.next_deadline(), None, "nothing is left to do");
}

#[test]
fn a_flush_that_meets_a_hand_over_counts_its_events_as_pending() {
    let mut host = follower(quiet());
    host.track("1");
    // The follower leads for a moment, is offline, and follows again.
    host.input(Input::GiveAway(vec![Seq(0)]));
    host.track("2");
    host.input(Input::Flush(9));
    let (_, report) = host.flushed.last().unwrap();
    assert_eq!(
        (report.delivered, report.dropped, report.pending),
        (0, 0, 1)
    );
}

#[test]
fn a_client_that_comes_to_lead_sends_what_waits_at_once() {
    let mut host = follower(quiet());
    host.track("1");
    assert!(host.uploads.is_empty());
    host.input(Input::Lead(true));
    assert_eq!(host.names(), ["1"]);
}

#[test]
fn events_under_numbers_that_are_not_fresh_are_left_alone() {
    let mut host = Host::new(quiet());
    host.track("1");
    host.track("2");
    host.input(Input::Adopt(vec![Stored {
        seq: Seq(1),
        at: 1_000_000,
        len: 10,
        unstamped: false,
    }]));
    assert_eq!(host.engine.queue().events, 2);
}

#[test]
fn a_decision_taken_by_another_client_releases_and_is_told_once() {
    let (mut leader, mut follower) = (Host::new(asking()), follower(asking()));
    follower.track("f");
    leader.track("l");
    hand_over(&mut follower, &mut leader, true);
    assert!(leader.uploads.is_empty());
    follower.consent(&[("ads", true)]);
    let decision = follower.saved[&StateKey::Consent].clone();
    leader.input(Input::Saved(StateKey::Consent, decision));
    hand_over(&mut follower, &mut leader, false);
    leader.flush();
    assert_eq!(leader.names(), ["l", "f"]);
    let stamp = path(&leader.request(), "context.consent.categoryPreferences.ads");
    assert_eq!(stamp, Some(Value::Bool(true)));
    leader.answer(200);
    leader.flush();
    assert_eq!(leader.names(), ["Segment Consent Preference Updated"]);
    leader.answer(200);
    assert!(leader.store.is_empty());
}

#[test]
fn a_withdrawal_by_another_client_purges_here_too() {
    let mut host = Host::new(asking());
    host.consent(&[("ads", true)]);
    host.answer(200);
    host.track("1");
    host.input(Input::Saved(
        StateKey::Consent,
        br#"{"preferences":{"ads":false}}"#.to_vec(),
    ));
    assert!(host.store.is_empty());
    assert_eq!(host.reports[0].reason, DropReason::ConsentWithdrawn);
    assert!(matches!(host.track("2"), Receipt::Dropped(_)));
}

#[test]
fn a_damaged_decision_of_another_client_changes_nothing() {
    let mut host = Host::new(asking());
    host.track("1");
    host.input(Input::Saved(StateKey::Consent, b"{".to_vec()));
    host.flush();
    assert!(host.uploads.is_empty());
    assert_eq!(host.engine.queue().events, 1);
}

#[test]
fn an_event_stored_before_the_decision_carries_it_in_the_envelope_whoever_sends_it() {
    let mut follower = follower(asking());
    follower.track("early");
    let mut leader = Host::new(asking());
    leader.consent(&[("ads", true)]);
    leader.answer(200);
    hand_over(&mut follower, &mut leader, true);
    leader.track("own");
    leader.flush();
    assert_eq!(leader.names(), ["early"]);
    let stamp = path(&leader.request(), "context.consent.categoryPreferences.ads");
    assert_eq!(stamp, Some(Value::Bool(true)));
    leader.answer(200);
    assert_eq!(leader.names(), ["own"]);
    assert_eq!(path(&leader.request(), "context"), None);
}

#[test]
fn an_identity_saved_by_another_client_counts_for_the_next_call() {
    let (mut one, mut two) = (Host::new(quiet()), Host::new(quiet()));
    one.identify("u1", r#"{"plan":"pro"}"#);
    let identity = one.saved[&StateKey::Identity].clone();
    two.input(Input::Saved(StateKey::Identity, identity));
    two.track("e");
    two.flush();
    assert_eq!(path(&two.events()[0], "userId"), Some(Value::from("u1")));
    assert_eq!(two.engine.identity().traits, object(r#"{"plan":"pro"}"#));
}

fn stamp(host: &mut Host, event: &str) -> Event {
    let (entropy, spare_entropy) = (host.random(), host.random());
    let call = Call {
        kind: CallKind::Track {
            event: event.to_owned(),
            properties: raw(r#"{"a":1}"#),
        },
        options: CallOptions::default(),
        at: None,
        entropy,
        spare_entropy,
        enrichment: None,
    };
    let event = host.engine.stamp(host.now, call).unwrap();
    host.drain();
    event
}

#[test]
fn a_call_in_two_halves_is_the_same_event() {
    let (mut whole, mut halves) = (Host::new(quiet()), Host::new(quiet()));
    whole.track("e");
    let event = stamp(&mut halves, "e");
    assert!(halves.store.is_empty());
    let receipt = halves.engine.submit(halves.now, event).unwrap();
    halves.drain();
    assert!(matches!(receipt, Receipt::Queued(_)));
    assert_eq!(whole.store, halves.store);
}

#[test]
fn a_stamped_event_keeps_the_user_it_was_made_for() {
    let mut host = Host::new(quiet());
    host.identify("u1", "{}");
    let event = stamp(&mut host, "e");
    host.identify("u2", "{}");
    host.engine.submit(host.now, event).unwrap();
    host.drain();
    host.flush();
    assert_eq!(path(&host.events()[2], "userId"), Some(Value::from("u1")));
}

#[test]
fn an_event_between_its_halves_is_dropped_when_consent_goes() {
    let mut host = Host::new(asking());
    let event = stamp(&mut host, "e");
    host.consent(&[("ads", false)]);
    let receipt = host.engine.submit(host.now, event).unwrap();
    host.drain();
    assert!(matches!(receipt, Receipt::Dropped(_)));
    assert_eq!(
        host.reports.last().unwrap().reason,
        DropReason::ConsentDenied
    );
    assert!(host.store.is_empty());
}

#[test]
fn an_event_whose_halves_lie_round_the_decision_carries_the_decision() {
    let mut host = Host::new(asking());
    let event = stamp(&mut host, "e");
    host.consent(&[("ads", true)]);
    host.answer(200);
    host.engine.submit(host.now, event).unwrap();
    host.drain();
    host.flush();
    let own = path(&host.events()[0], "context.consent.categoryPreferences.ads");
    assert_eq!(own, Some(Value::Bool(true)));
}

#[test]
fn an_event_that_grew_too_large_between_its_halves_is_refused() {
    let mut host = Host::new(quiet());
    let mut event = stamp(&mut host, "e");
    event.properties.object().insert("x", "y".repeat(40_000));
    let refused = host.engine.submit(host.now, event);
    assert!(matches!(refused, Err(CallError::TooLarge { .. })));
}

#[test]
fn a_discarded_event_is_reported_and_passes_the_start_of_the_session_on() {
    let mut config = quiet();
    config.session_timeout = Some(1_800_000);
    let mut host = Host::new(config);
    let event = stamp(&mut host, "dropped");
    host.engine.discard(&event, "my middleware");
    host.drain();
    assert_eq!(host.reports[0].reason, DropReason::Plugin);
    assert!(host.reports[0].detail.contains("my middleware"));
    host.track("e");
    host.flush();
    let first = path(&host.events()[0], "context.sessionStart");
    assert_eq!(first, Some(Value::Bool(true)));
}

#[test]
fn a_destination_that_comes_later_gets_events_from_then_on() {
    let mut host = Host::new(quiet());
    host.track("before");
    host.input(Input::Destination(DestinationConfig {
        key: "Late".into(),
        categories: Vec::new(),
        needs_settings: false,
    }));
    host.track("after");
    let names: Vec<_> = host
        .deliveries
        .iter()
        .map(|(_, _, event)| event.event.clone().unwrap())
        .collect();
    assert_eq!(names, ["after"]);
}

#[test]
fn a_decision_of_another_client_is_not_saved_again() {
    let mut host = Host::new(asking());
    host.saved.clear();
    let decision = br#"{"preferences":{"ads":true}}"#.to_vec();
    host.input(Input::Saved(StateKey::Consent, decision));
    assert!(host.saved.is_empty(), "{:?}", host.saved);
    assert!(matches!(host.track("e"), Receipt::Queued(_)));
}
