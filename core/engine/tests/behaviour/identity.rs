//! Who an event is about, fixed at the call.
use crate::host::*;

use headwater_engine::*;
use headwater_model::json::Value;
use headwater_model::time::Millis;

#[test]
fn an_event_keeps_the_identity_of_its_call_whatever_comes_after() {
    let mut host = Host::new(config());
    host.track("before");
    host.identify("u1", "{}");
    host.track("as u1");
    let entropy = host.random();
    host.input(Input::Reset(entropy));
    host.track("after");
    let stored = host.stored();
    assert_eq!(text(&stored[0], "userId"), None);
    assert_eq!(text(&stored[2], "userId").as_deref(), Some("u1"));
    assert_eq!(text(&stored[3], "userId"), None);
    assert_ne!(
        text(&stored[3], "anonymousId"),
        text(&stored[2], "anonymousId")
    );
}

#[test]
fn identify_merges_traits_for_the_same_user_and_starts_fresh_for_another() {
    let mut host = Host::new(config());
    let first = host.engine.identity().anonymous_id.clone();
    host.identify("u1", r#"{"plan":"free","name":"A"}"#);
    host.identify("u1", r#"{"plan":"pro"}"#);
    assert_eq!(
        host.engine.identity().traits,
        object(r#"{"plan":"pro","name":"A"}"#)
    );
    assert_eq!(host.engine.identity().anonymous_id, first);
    host.identify("u2", r#"{"name":"B"}"#);
    assert_eq!(host.engine.identity().traits, object(r#"{"name":"B"}"#));
    assert_ne!(host.engine.identity().anonymous_id, first);
}

#[test]
fn becoming_known_keeps_the_anonymous_id_and_traits() {
    let mut host = Host::new(config());
    let first = host.engine.identity().anonymous_id.clone();
    let kind = CallKind::Identify {
        user_id: None,
        traits: raw(r#"{"plan":"free"}"#),
    };
    host.call(kind, CallOptions::default()).unwrap();
    host.identify("u1", "{}");
    assert_eq!(host.engine.identity().anonymous_id, first);
    assert_eq!(host.engine.identity().traits, object(r#"{"plan":"free"}"#));
}

#[test]
fn the_identity_survives_a_restart() {
    let mut host = Host::new(config());
    host.identify("u1", r#"{"a":[1,{"b":2.50}]}"#);
    let kind = CallKind::Group {
        group_id: "g".into(),
        traits: raw(r#"{"n":1}"#),
    };
    host.call(kind, CallOptions::default()).unwrap();
    let before = host.engine.identity().clone();
    let host = host.restart(config());
    assert_eq!(host.engine.identity(), &before);
}

#[test]
fn the_first_anonymous_id_is_saved_before_any_event() {
    let host = Host::new(config());
    let before = host.engine.identity().anonymous_id.clone();
    let host = host.restart(config());
    assert_eq!(host.engine.identity().anonymous_id, before);
}

#[test]
fn an_identity_that_cannot_be_read_is_reported_and_replaced() {
    let mut host = Host::new(config());
    host.saved
        .insert(StateKey::Identity, b"{\"anonymousId\":".to_vec());
    let host = host.restart(config());
    assert!(
        host.diagnostics
            .contains(&Diagnostic::StateUnreadable(StateKey::Identity))
    );
}

#[test]
fn alias_sends_exactly_what_it_was_given() {
    let mut host = Host::new(config());
    host.identify("u1", "{}");
    let kind = CallKind::Alias {
        user_id: "new".into(),
        previous_id: Some("old".into()),
    };
    host.call(kind, CallOptions::default()).unwrap();
    let kind = CallKind::Alias {
        user_id: "newer".into(),
        previous_id: None,
    };
    host.call(kind, CallOptions::default()).unwrap();
    let stored = host.stored();
    assert_eq!(text(&stored[1], "userId").as_deref(), Some("new"));
    assert_eq!(text(&stored[1], "previousId").as_deref(), Some("old"));
    assert_eq!(text(&stored[2], "previousId").as_deref(), Some("u1"));
    assert_eq!(
        host.engine.identity().user_id.as_deref(),
        Some("u1"),
        "an alias does not change who the user is"
    );
}

#[test]
fn importing_takes_over_an_existing_identity() {
    let mut host = Host::new(config());
    let identity =
        Identity::from_json(br#"{"anonymousId":"from-elsewhere","userId":"u9","traits":{"x":1}}"#)
            .unwrap();
    host.input(Input::Import(identity));
    host.track("e");
    assert_eq!(
        text(&host.stored()[0], "anonymousId").as_deref(),
        Some("from-elsewhere")
    );
    let host = host.restart(config());
    assert_eq!(host.engine.identity().user_id.as_deref(), Some("u9"));
}

#[test]
fn options_override_one_event_and_are_not_remembered() {
    let mut host = Host::new(config());
    let options = CallOptions {
        timestamp: Some(Millis(1_700_000_000_000)),
        message_id: Some("my-id".into()),
        context: Some(object(r#"{"app":{"name":"x"},"ip":null}"#)),
        integrations: Some(object(r#"{"All":false}"#)),
        anonymous_id: Some("anon".into()),
        user_id: Some("other".into()),
    };
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    let receipt = host.call(kind, options).unwrap();
    assert_eq!(receipt, Receipt::Queued("my-id".into()));
    host.track("next");
    let stored = host.stored();
    assert_eq!(
        text(&stored[0], "timestamp").as_deref(),
        Some("2023-11-14T22:13:20.000Z")
    );
    assert_eq!(text(&stored[0], "anonymousId").as_deref(), Some("anon"));
    assert_eq!(text(&stored[0], "userId").as_deref(), Some("other"));
    assert_eq!(path(&stored[0], "context.app.name"), Some(Value::from("x")));
    assert_eq!(
        path(&stored[0], "integrations.All"),
        Some(Value::Bool(false))
    );
    assert_eq!(text(&stored[1], "userId"), None);
}

#[test]
fn the_context_is_merged_deeply_and_the_caller_wins() {
    let mut config = config();
    config.context =
        object(r#"{"library":{"name":"l","version":"1"},"app":{"name":"a","build":"7"}}"#);
    let mut host = Host::new(config);
    host.input(Input::Context(object(r#"{"network":{"wifi":true}}"#)));
    let options = CallOptions {
        context: Some(object(r#"{"app":{"name":"b"}}"#)),
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
    let context = r#"{"library":{"name":"l","version":"1"},"app":{"name":"b","build":"7"},"network":{"wifi":true}}"#;
    assert_eq!(
        stored[0].get("context"),
        Some(&Value::Object(object(context)))
    );
}

#[test]
fn server_mode_needs_a_name_with_each_call_and_remembers_none() {
    let mut config = config();
    config.mode = Mode::Server;
    let mut host = Host::new(config);
    let track = || CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    assert_eq!(
        host.call(track(), CallOptions::default()),
        Err(CallError::NoIdentity)
    );
    host.identify("u1", "{}");
    assert_eq!(
        host.call(track(), CallOptions::default()),
        Err(CallError::NoIdentity)
    );
    let options = CallOptions {
        anonymous_id: Some("a".into()),
        ..CallOptions::default()
    };
    assert!(host.call(track(), options).is_ok());
    let alias = CallKind::Alias {
        user_id: "u".into(),
        previous_id: None,
    };
    assert_eq!(
        host.call(alias, CallOptions::default()),
        Err(CallError::EmptyAlias)
    );
    assert_eq!(host.stored().len(), 2);
    assert!(!host.saved.contains_key(&StateKey::Identity));
}

#[test]
fn a_call_that_cannot_be_an_event_is_refused_and_changes_nothing() {
    let mut host = Host::new(config());
    let huge = format!(r#"{{"x":"{}"}}"#, "y".repeat(33_000));
    let kind = CallKind::Identify {
        user_id: Some("u1".into()),
        traits: raw(&huge),
    };
    assert!(matches!(
        host.call(kind, CallOptions::default()),
        Err(CallError::TooLarge { limit: 32_768, .. })
    ));
    assert_eq!(host.engine.identity().user_id, None);
    let kind = CallKind::Track {
        event: String::new(),
        properties: raw("{}"),
    };
    assert_eq!(
        host.call(kind, CallOptions::default()),
        Err(CallError::EmptyEvent)
    );
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    let options = CallOptions {
        message_id: Some("x".repeat(101)),
        ..CallOptions::default()
    };
    assert_eq!(host.call(kind, options), Err(CallError::MessageId));
    assert!(host.store.is_empty());
    host.input(Input::Close);
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    assert_eq!(
        host.call(kind, CallOptions::default()),
        Err(CallError::Closed)
    );
}

#[test]
fn an_event_of_exactly_the_limit_is_taken_and_one_byte_more_is_refused() {
    let mut host = Host::new(config());
    host.track("probe");
    let base = host.store.values().next().unwrap().1.len() - r#"{"a":1}"#.len() - "probe".len();
    let room = 32 * 1024 - base - r#"{"x":""}"#.len() - 1;
    for (pad, fits) in [(room, true), (room + 1, false)] {
        let properties = raw(&format!(r#"{{"x":"{}"}}"#, "y".repeat(pad)));
        let kind = CallKind::Track {
            event: "e".into(),
            properties,
        };
        assert_eq!(host.call(kind, CallOptions::default()).is_ok(), fits);
    }
    assert_eq!(host.store.values().last().unwrap().1.len(), 32 * 1024);
}

#[test]
fn sessions_mark_their_first_event_and_end_after_the_timeout() {
    let mut config = config();
    config.session_timeout = Some(30 * 60_000);
    config.pace = Pace::NEVER;
    let mut host = Host::new(config);
    host.track("1");
    host.pass(60_000);
    host.track("2");
    host.pass(31 * 60_000);
    host.track("3");
    let stored = host.stored();
    let id = |at: usize| path(&stored[at], "context.sessionId");
    assert_eq!(id(0), Some(Value::from(1_000)));
    assert_eq!(
        path(&stored[0], "context.sessionStart"),
        Some(Value::Bool(true))
    );
    assert_eq!(id(1), id(0));
    assert_eq!(path(&stored[1], "context.sessionStart"), None);
    assert_ne!(id(2), id(0));
    assert_eq!(
        path(&stored[2], "context.sessionStart"),
        Some(Value::Bool(true))
    );
}

#[test]
fn a_session_goes_on_after_a_restart_within_the_timeout() {
    let with_sessions = || {
        let mut config = config();
        config.session_timeout = Some(30 * 60_000);
        config
    };
    let mut host = Host::new(with_sessions());
    host.track("1");
    let mut host = host.restart(with_sessions());
    host.now.wall.0 += 60_000;
    host.track("2");
    let stored = host.stored();
    assert_eq!(
        path(&stored[0], "context.sessionId"),
        path(&stored[1], "context.sessionId")
    );
    assert_eq!(path(&stored[1], "context.sessionStart"), None);
    host.now.wall.0 -= 10_000_000;
    host.track("the clock went back");
    assert_eq!(
        path(&host.stored()[2], "context.sessionStart"),
        Some(Value::Bool(true))
    );
}

#[test]
fn traits_that_add_up_to_too_much_are_refused_and_the_identity_stays_readable() {
    let mut host = Host::new(config());
    let mut refused = None;
    for n in 0..40 {
        let traits = raw(&format!(r#"{{"t{n}":"{}"}}"#, "x".repeat(30_000)));
        let kind = CallKind::Identify {
            user_id: Some("u1".into()),
            traits,
        };
        refused = refused.or(host.call(kind, CallOptions::default()).err());
    }
    assert!(matches!(refused, Some(CallError::TraitsTooLarge { .. })));
    let before = host.engine.identity().clone();
    assert_eq!(host.restart(config()).engine.identity(), &before);
}

#[test]
fn a_refused_first_event_leaves_the_sessions_mark_to_the_next_one() {
    let mut config = config();
    config.session_timeout = Some(60_000);
    let mut host = Host::new(config);
    let huge = format!(r#"{{"x":"{}"}}"#, "y".repeat(33_000));
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw(&huge),
    };
    assert!(host.call(kind, CallOptions::default()).is_err());
    host.track("e");
    assert_eq!(
        path(&host.stored()[0], "context.sessionStart"),
        Some(Value::Bool(true))
    );
}
