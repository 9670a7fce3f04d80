//! Consent: held, released, denied, withdrawn, stamped.
use crate::host::*;

use headwater_engine::*;
use headwater_model::json::Value;

fn asking(model: ConsentModel, hold: Hold) -> Config {
    let mut config = config();
    config.pace = Pace::NEVER;
    config.consent = Some(ConsentConfig {
        model,
        categories: vec!["ads".into(), "analytics".into()],
        hold,
    });
    config
}

#[test]
fn under_opt_in_nothing_leaves_before_a_decision_and_all_leaves_in_order_after_it() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Persist));
    for name in ["1", "2"] {
        assert!(matches!(host.track(name), Receipt::Held(_)));
    }
    host.flush();
    host.pass(3_600_000);
    assert!(host.uploads.is_empty());
    assert_eq!(host.flushed[0].1.pending, 2);
    host.consent(&[("analytics", true)]);
    host.track("3");
    assert_eq!(host.names(), ["1", "2"]);
    let stamp = path(&host.request(), "context.consent.categoryPreferences");
    assert_eq!(
        stamp,
        Some(Value::Object(object(r#"{"ads":false,"analytics":true}"#)))
    );
    host.answer(200);
    assert_eq!(
        host.names(),
        ["Segment Consent Preference Updated", "3"],
        "what carries its own preferences is in a batch of its own"
    );
    assert_eq!(
        path(&host.request(), "context"),
        None,
        "later batches carry no stamp of the envelope's"
    );
    let own = path(
        &host.events()[1],
        "context.consent.categoryPreferences.analytics",
    );
    assert_eq!(own, Some(Value::Bool(true)));
}

#[test]
fn held_events_survive_a_restart_and_go_out_under_a_decision_made_then() {
    let config = || asking(ConsentModel::OptIn, Hold::Persist);
    let mut host = Host::new(config());
    host.track("1");
    let mut host = host.restart(config());
    host.flush();
    assert!(host.uploads.is_empty());
    host.consent(&[("ads", true)]);
    assert_eq!(host.names()[0], "1");
    assert!(path(&host.request(), "context.consent").is_some());
    let host = host.restart(config());
    assert_eq!(
        host.names()[0],
        "1",
        "a crash after the decision releases them all the same"
    );
    assert!(path(&host.request(), "context.consent").is_some());
}

#[test]
fn a_denial_purges_what_was_held_and_nothing_is_told_of_it() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Persist));
    host.track("1");
    host.consent(&[("ads", false)]);
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::ConsentDenied, 1)
    );
    assert!(host.store.is_empty());
    assert!(matches!(host.track("2"), Receipt::Dropped(_)));
    assert_eq!(host.reports[1].reason, DropReason::ConsentDenied);
    host.flush();
    assert!(host.sent.is_empty());
}

#[test]
fn a_withdrawal_purges_the_queue_and_tells_the_hub() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Persist));
    host.consent(&[("ads", true)]);
    host.answer(200);
    host.track("1");
    host.flush();
    host.consent(&[]);
    assert_eq!(host.cancelled.len(), 1);
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::ConsentWithdrawn, 1)
    );
    host.uploads.pop_front();
    assert_eq!(host.names(), ["Segment Consent Preference Updated"]);
    let stamp = path(&host.events()[0], "context.consent.categoryPreferences");
    assert_eq!(
        stamp,
        Some(Value::Object(object(r#"{"ads":false,"analytics":false}"#)))
    );
    host.answer(200);
    host.consent(&[("ads", true)]);
    assert!(
        matches!(host.track("again"), Receipt::Queued(_)),
        "without a restart"
    );
}

#[test]
fn each_event_carries_the_preferences_as_of_its_call() {
    let mut host = Host::new(asking(ConsentModel::OptOut, Hold::Persist));
    host.track("default");
    host.consent(&[("ads", false), ("analytics", true)]);
    host.track("after");
    let stored = host.stored();
    let ads = |at: usize| path(&stored[at], "context.consent.categoryPreferences.ads");
    assert_eq!(ads(0), Some(Value::Bool(true)));
    assert_eq!(ads(2), Some(Value::Bool(false)));
}

#[test]
fn the_same_decision_twice_says_nothing_new() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Persist));
    host.consent(&[("ads", true)]);
    host.consent(&[("ads", true), ("unknown", true)]);
    assert_eq!(host.persisted, 1);
}

#[test]
fn held_in_memory_nothing_is_written_about_the_user_until_they_agree() {
    let config = || asking(ConsentModel::OptIn, Hold::Memory);
    let mut host = Host::new(config());
    host.identify("u1", r#"{"email":"a@example.com"}"#);
    host.track("1");
    assert_eq!(host.persisted, 0);
    assert!(host.saved.is_empty());
    host.consent(&[("ads", true)]);
    assert!(host.saved.contains_key(&StateKey::Identity));
    assert_eq!(host.events().len(), 2);
    assert!(path(&host.request(), "context.consent").is_some());
    host.answer(200);
    host.answer(200);
    assert!(host.store.is_empty());
}

#[test]
fn held_in_memory_is_bounded_with_a_report() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Memory));
    for n in 0..1_003 {
        host.track(&n.to_string());
    }
    assert_eq!(host.reports.len(), 3);
    host.consent(&[("ads", false)]);
    assert_eq!(host.reports[3].count, 1_000);
}

#[test]
fn a_saved_decision_that_cannot_be_read_counts_as_none() {
    let config = || asking(ConsentModel::OptIn, Hold::Persist);
    for broken in [
        &b"{"[..],
        br#"{"preferences":{"ads":"yes"}}"#,
        br#"{"preferences":null}"#,
    ] {
        let mut host = Host::new(config());
        host.consent(&[("ads", true)]);
        host.saved.insert(StateKey::Consent, broken.to_vec());
        let mut host = host.restart(config());
        assert!(
            host.diagnostics
                .contains(&Diagnostic::StateUnreadable(StateKey::Consent))
        );
        assert!(matches!(host.track("1"), Receipt::Held(_)));
    }
}

#[test]
fn a_callers_context_cannot_forge_consent() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Persist));
    host.consent(&[("analytics", true)]);
    let context = object(r#"{"consent":{"categoryPreferences":{"ads":true}}}"#);
    let options = CallOptions {
        context: Some(context),
        ..CallOptions::default()
    };
    host.call(
        CallKind::Track {
            event: "e".into(),
            properties: raw("{}"),
        },
        options,
    )
    .unwrap();
    let stored = host.stored();
    assert_eq!(
        path(&stored[1], "context.consent.categoryPreferences.ads"),
        Some(Value::Bool(false))
    );
}

#[test]
fn a_power_cut_that_brings_purged_events_back_does_not_send_them() {
    let config = || asking(ConsentModel::OptIn, Hold::Persist);
    for then in [&[][..], &[("ads", true)]] {
        let mut host = Host::new(config());
        host.track("1");
        host.track("2");
        let before = host.store.clone();
        host.consent(&[("ads", false)]);
        assert!(host.store.is_empty());
        host.store = before;
        let mut host = host.restart(config());
        host.consent(then);
        host.flush();
        assert!(host.uploads.is_empty() || host.names() == ["Segment Consent Preference Updated"]);
        assert_eq!(
            (host.reports[0].reason, host.reports[0].count),
            (DropReason::Purged, 2)
        );
    }
}

#[test]
fn under_opt_out_a_decision_that_cannot_be_read_holds_everything_until_there_is_a_new_one() {
    let config = || asking(ConsentModel::OptOut, Hold::Persist);
    let mut host = Host::new(config());
    host.consent(&[]);
    host.saved.insert(StateKey::Consent, b"{".to_vec());
    let mut host = host.restart(config()).restart(config());
    assert!(
        matches!(host.track("1"), Receipt::Held(_)),
        "still so at the start after that"
    );
    host.flush();
    assert!(host.uploads.is_empty());
    host.consent(&[("ads", true)]);
    assert_eq!(host.names().last().map(String::as_str), Some("1"));
}

#[test]
fn an_event_kept_from_the_hub_stays_away_from_it_when_held_events_are_released() {
    for hold in [Hold::Persist, Hold::Memory] {
        let mut config = asking(ConsentModel::OptIn, hold);
        config.destinations = vec![DestinationConfig {
            key: "A".into(),
            categories: Vec::new(),
            needs_settings: false,
        }];
        let mut host = Host::new(config);
        let options = CallOptions {
            integrations: Some(object(r#"{"Segment.io":false}"#)),
            ..CallOptions::default()
        };
        let kind = CallKind::Track {
            event: "local".into(),
            properties: raw("{}"),
        };
        assert!(matches!(
            host.call(kind, options),
            Ok(Receipt::LocalOnly(_))
        ));
        host.consent(&[("ads", true)]);
        assert_eq!(host.names(), ["Segment Consent Preference Updated"]);
        assert_eq!(host.deliveries.len(), 1, "the destination gets it");
    }
}

#[test]
fn after_a_denial_nothing_about_the_user_is_written_where_memory_was_asked_for() {
    let config = || asking(ConsentModel::OptIn, Hold::Memory);
    let mut host = Host::new(config());
    host.consent(&[("ads", true)]);
    host.identify("u1", "{}");
    host.consent(&[]);
    assert!(!host.saved.contains_key(&StateKey::Identity));
    host.identify("u2", r#"{"email":"a@example.com"}"#);
    assert!(!host.saved.contains_key(&StateKey::Identity));
    let host = host.restart(config());
    assert!(!host.saved.contains_key(&StateKey::Identity));
}

#[test]
fn a_withdrawal_empties_the_quarantine_and_stops_what_destinations_have_not_seen() {
    let mut config = asking(ConsentModel::OptOut, Hold::Persist);
    config.destinations = vec![DestinationConfig {
        key: "A".into(),
        categories: Vec::new(),
        needs_settings: false,
    }];
    let mut host = Host::new(config);
    host.track("poison");
    host.flush();
    host.answer(400);
    assert_eq!(host.engine.quarantine().len(), 1);
    host.consent(&[]);
    assert!(host.engine.quarantine().is_empty() && !host.saved.contains_key(&StateKey::Quarantine));
    assert_eq!(host.stopped, 1);
}

#[test]
fn the_applications_own_context_cannot_forge_consent_for_held_events() {
    let mut config = asking(ConsentModel::OptIn, Hold::Persist);
    config.context = object(r#"{"consent":{"categoryPreferences":{"ads":true}}}"#);
    let mut host = Host::new(config);
    host.input(Input::Context(object(
        r#"{"consent":{"categoryPreferences":{"ads":true}}}"#,
    )));
    host.track("1");
    host.consent(&[("analytics", true)]);
    assert_eq!(path(&host.events()[0], "context.consent"), None);
    assert_eq!(
        path(&host.request(), "context.consent.categoryPreferences.ads"),
        Some(Value::Bool(false))
    );
}

#[test]
fn what_only_memory_holds_is_reported_when_the_client_ends() {
    let mut host = Host::new(asking(ConsentModel::OptIn, Hold::Memory));
    host.track("1");
    host.input(Input::End { volatile: false });
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::NotKept, 1)
    );
}
