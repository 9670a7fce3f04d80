//! Who may have an event: what a plugin may change of that, what the tracking plan adds, and a hub that is left out.
use crate::host::*;

use headwater_engine::*;
use headwater_model::event::Event;
use headwater_model::json::{Object, Value};

fn with(integrations: &str) -> CallOptions {
    CallOptions {
        integrations: Some(object(integrations)),
        ..CallOptions::default()
    }
}

fn named(event: &str) -> CallKind {
    CallKind::Track {
        event: event.to_owned(),
        properties: raw("{}"),
    }
}

fn destination(key: &str) -> DestinationConfig {
    DestinationConfig {
        key: key.into(),
        categories: Vec::new(),
        needs_settings: false,
    }
}

/// The first half of a call.
fn stamped(host: &mut Host, integrations: &str) -> Event {
    let (entropy, spare_entropy) = (host.random(), host.random());
    let call = Call {
        kind: named("e"),
        options: with(integrations),
        at: None,
        entropy,
        spare_entropy,
        enrichment: None,
    };
    let event = host.engine.stamp(host.now, call).unwrap();
    host.drain();
    event
}

fn submit(host: &mut Host, event: Event) -> Receipt {
    let receipt = host.engine.submit(host.now, event).unwrap();
    host.drain();
    receipt
}

/// Between the halves somebody sets options for a destination.
fn after_options_for(destination: &str, integrations: &str) -> (Value, usize) {
    let mut config = config();
    config.destinations = vec![self::destination("Amplitude")];
    let mut host = Host::new(config);
    let mut event = stamped(&mut host, integrations);
    let options = object(r#"{"session_id":42}"#);
    event.integrations.insert(destination, options);
    submit(&mut host, event);
    let kept = path(&host.stored()[0], "integrations").unwrap();
    (kept, host.deliveries.len())
}

fn value(text: &str) -> Value {
    Value::Object(object(text))
}

#[test]
fn an_integration_that_is_false_stays_off_when_a_plugin_sets_options_below_it() {
    assert_eq!(
        after_options_for("Amplitude", r#"{"Amplitude":false}"#),
        (value(r#"{"Amplitude":false}"#), 0)
    );
    assert_eq!(
        after_options_for("Amplitude", r#"{"All":false}"#),
        (value(r#"{"All":false}"#), 0)
    );
}

#[test]
fn options_that_a_plugin_sets_below_an_integration_that_is_on_stay() {
    for (before, after) in [
        ("{}", r#"{"Amplitude":{"session_id":42}}"#),
        (
            r#"{"Amplitude":true}"#,
            r#"{"Amplitude":{"session_id":42}}"#,
        ),
        (
            r#"{"All":false,"Amplitude":true}"#,
            r#"{"All":false,"Amplitude":{"session_id":42}}"#,
        ),
    ] {
        assert_eq!(
            after_options_for("Amplitude", before),
            (value(after), 1),
            "{before}"
        );
    }
    let hub = after_options_for("Segment.io", r#"{"All":false}"#);
    assert_eq!(
        hub.0,
        value(r#"{"All":false,"Segment.io":{"session_id":42}}"#)
    );
}

#[test]
fn a_plugin_that_says_true_switches_an_integration_on() {
    let mut config = config();
    config.destinations = vec![destination("Amplitude")];
    let mut host = Host::new(config);
    let mut event = stamped(&mut host, r#"{"Amplitude":false}"#);
    event.integrations.insert("Amplitude", true);
    submit(&mut host, event);
    assert_eq!(host.deliveries.len(), 1);
}

struct Session;

impl Plugin for Session {
    fn name(&self) -> &str {
        "session"
    }
    fn stage(&self) -> Stage {
        Stage::Enrichment
    }
    fn process(&mut self, mut event: Event) -> Result<Option<Event>, PluginError> {
        let options = object(r#"{"session_id":42}"#);
        event.integrations.insert("Amplitude", options);
        Ok(Some(event))
    }
}

#[test]
fn an_integration_that_is_false_stays_off_whatever_a_plugin_of_the_engines_own_sets_below_it() {
    let mut config = config();
    config.destinations = vec![destination("Amplitude")];
    config.timeline.add(Box::new(Session));
    let mut host = Host::new(config);
    host.call(named("e"), with(r#"{"Amplitude":false}"#))
        .unwrap();
    host.call(named("f"), with("{}")).unwrap();
    assert_eq!(
        path(&host.stored()[0], "integrations"),
        Some(value(r#"{"Amplitude":false}"#))
    );
    let got: Vec<_> = host
        .deliveries
        .iter()
        .map(|(_, _, event)| &event.event)
        .collect();
    assert_eq!(got, [&Some("f".to_owned())]);
}

/// A host that has this document, whose destinations have these names.
fn planned(document: &str, destinations: &[&str]) -> Host {
    let mut config = config();
    config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
    config.destinations = destinations.iter().copied().map(destination).collect();
    let mut host = Host::new(config);
    host.input(Input::SettingsFetched(Some((
        200,
        document.as_bytes().to_vec(),
    ))));
    host
}

fn on_the_wire(host: &mut Host, event: &str, integrations: &str) -> Object {
    host.call(named(event), with(integrations)).unwrap();
    let last = host.stored().last().cloned().unwrap();
    path(&last, "integrations")
        .and_then(Value::into_object)
        .unwrap_or_default()
}

#[test]
fn what_the_tracking_plan_blocks_is_on_the_wire() {
    let mut host = planned(
        r#"{"plan":{"track":{"X":{"enabled":true,"integrations":{"amplitude":false,"ga":true}},"Off":{"enabled":false}}}}"#,
        &["amplitude"],
    );
    for (event, before, after) in [
        ("X", "{}", r#"{"amplitude":false,"ga":true}"#),
        ("Off", "{}", r#"{"All":false,"Segment.io":true}"#),
        ("Free", r#"{"a":true}"#, r#"{"a":true}"#),
        // The plan switches off, and nothing on.
        ("X", r#"{"ga":false}"#, r#"{"ga":false,"amplitude":false}"#),
        (
            "X",
            r#"{"All":false}"#,
            r#"{"All":false,"amplitude":false}"#,
        ),
        (
            "X",
            r#"{"ga":{"id":1}}"#,
            r#"{"ga":{"id":1},"amplitude":false}"#,
        ),
        (
            "Off",
            r#"{"amplitude":true,"Segment.io":{"x":1}}"#,
            r#"{"amplitude":false,"Segment.io":true,"All":false}"#,
        ),
    ] {
        assert_eq!(
            on_the_wire(&mut host, event, before),
            object(after),
            "{event} {before}"
        );
    }
    assert_eq!(host.deliveries.len(), 1);
}

#[test]
fn an_event_that_the_plan_does_not_name_follows_its_default() {
    let mut host = planned(
        r#"{"plan":{"track":{"__default":{"enabled":false},"On":{"enabled":true},"Silent":{"integrations":{"a":false}}}}}"#,
        &[],
    );
    let blocked = object(r#"{"All":false,"Segment.io":true}"#);
    assert_eq!(on_the_wire(&mut host, "unknown", "{}"), blocked);
    assert_eq!(on_the_wire(&mut host, "On", "{}"), Object::new());
    // Its own entry does not say whether it is enabled.
    assert_eq!(on_the_wire(&mut host, "Silent", "{}"), blocked);
}

#[test]
fn the_plan_is_about_track_events_alone() {
    let mut host = planned(r#"{"plan":{"track":{"__default":{"enabled":false}}}}"#, &[]);
    host.identify("u1", "{}");
    assert_eq!(path(&host.stored()[0], "integrations"), None);
}

#[test]
fn actions_of_a_destination_that_the_plan_blocks_are_blocked_by_their_names() {
    let mut host = planned(
        r#"{"plan":{"track":{"X":{"enabled":true,"integrations":{"Fullstory":false}}}},"remotePlugins":[
            {"name":"Fullstory (Actions)","creationName":"Fullstory","settings":{"subscriptions":[{"partnerAction":"trackEvent"}]}},
            {"name":"Other","creationName":"Other","settings":{"subscriptions":[{"partnerAction":"trackEvent"}]}}]}"#,
        &[],
    );
    assert_eq!(
        on_the_wire(&mut host, "X", "{}"),
        object(r#"{"Fullstory":false,"Fullstory (Actions) trackEvent":false}"#)
    );
}

#[test]
fn what_the_plan_blocked_stays_off_when_a_plugin_sets_options_below_it() {
    let mut host = planned(
        r#"{"plan":{"track":{"e":{"enabled":true,"integrations":{"Amplitude":false}}}}}"#,
        &["Amplitude"],
    );
    let mut event = stamped(&mut host, "{}");
    event.integrations.insert("Amplitude", object(r#"{"a":1}"#));
    submit(&mut host, event);
    assert_eq!(
        path(&host.stored()[0], "integrations"),
        Some(value(r#"{"Amplitude":false}"#))
    );
    assert!(host.deliveries.is_empty());
}

/// A page whose application left the hub out when it began.
fn without_the_hub() -> Host {
    let mut config = config();
    config.hub = false;
    config.destinations = vec![destination("A")];
    Host::new(config)
}

#[test]
fn a_hub_that_is_left_out_gets_nothing_and_destinations_get_everything() {
    let mut host = without_the_hub();
    let receipt = host
        .call(named("e"), with(r#"{"Segment.io":true}"#))
        .unwrap();
    assert!(matches!(receipt, Receipt::LocalOnly(_)));
    let mut event = stamped(&mut host, "{}");
    event.integrations.insert("Segment.io", true);
    assert!(matches!(submit(&mut host, event), Receipt::LocalOnly(_)));
    assert!(host.store.is_empty());
    assert_eq!(host.deliveries.len(), 2);
    host.flush();
    assert!(host.uploads.is_empty());
}

#[test]
fn what_waits_for_the_hub_waits_on_while_it_is_left_out() {
    let mut host = Host::new(config());
    host.input(Input::Connection(Connection::Offline));
    host.track("before");
    let mut config = config();
    config.hub = false;
    let mut host = host.restart(config);
    host.input(Input::Lead(true));
    host.flush();
    let (_, report) = host.flushed.last().unwrap();
    assert_eq!(report.pending, 1);
    assert_eq!(
        report.waiting_for.as_deref(),
        Some("a client that has a hub: this one leaves it out")
    );
    host.pass(120_000);
    assert!(host.uploads.is_empty());
    assert_eq!(host.store.len(), 1);
    let mut host = host.restart(self::config());
    host.flush();
    assert_eq!(host.names(), ["before"]);
}

#[test]
fn a_decision_on_consent_is_not_told_to_a_hub_that_is_left_out() {
    let mut config = config();
    config.hub = false;
    config.consent = Some(ConsentConfig {
        model: ConsentModel::OptIn,
        categories: vec!["ads".into()],
        hold: Hold::Persist,
    });
    let mut host = Host::new(config);
    host.consent(&[("ads", true)]);
    host.flush();
    assert!(host.store.is_empty());
    assert!(host.uploads.is_empty());
    assert!(host.saved.contains_key(&StateKey::Consent));
}

#[test]
fn what_was_off_stays_off_in_an_event_that_a_guard_kept_back() {
    let mut config = config();
    config.destinations = vec![destination("Amplitude")];
    let mut host = Host::new(config);
    let event = stamped(&mut host, r#"{"Amplitude":false}"#);
    host.engine
        .hold(host.now, event, ("scrub", "no"), vec!["scrub".into()]);
    host.drain();
    host.pass(1_000);
    let (id, event, _) = host.tries.pop_front().unwrap();
    let mut event = Event::clone(&event);
    event.integrations.insert("Amplitude", object(r#"{"a":1}"#));
    let outcome = TryOutcome::Passed(Box::new(event));
    host.input(Input::Tried { id, outcome });
    host.flush();
    assert_eq!(
        path(&host.events()[0], "integrations"),
        Some(value(r#"{"Amplitude":false}"#))
    );
    assert!(host.deliveries.is_empty());
}

#[test]
fn an_event_that_a_guard_keeps_back_is_not_written_where_the_hub_is_left_out() {
    let mut host = without_the_hub();
    let event = stamped(&mut host, "{}");
    host.engine
        .hold(host.now, event, ("scrub", "no"), vec!["scrub".into()]);
    host.drain();
    assert!(host.store.is_empty());
    host.pass(1_000);
    let (id, event, _) = host.tries.pop_front().unwrap();
    let outcome = TryOutcome::Passed(Box::new(Event::clone(&event)));
    host.input(Input::Tried { id, outcome });
    host.flush();
    assert!(host.store.is_empty() && host.uploads.is_empty());
    assert_eq!(host.deliveries.len(), 1);
}
