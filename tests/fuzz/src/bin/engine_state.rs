//! Any bytes as saved state, settings document and Retry-After: no panic, and the engine comes to rest.
#![no_main]
use headwater_engine::{
    Call, CallKind, CallOptions, Config, ConsentConfig, ConsentModel, Effect, Endpoint, Engine,
    Hold, HttpOutcome, Input, Now, SettingsConfig, Start, StateKey,
};
use headwater_model::event::Payload;
use headwater_model::id::WriteKey;
use headwater_model::time::Millis;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut config = Config::new(
        WriteKey::new("key").expect("a key"),
        Endpoint::new("https://hub.example").expect("an address"),
    );
    config.session_timeout = Some(1_000);
    config.settings = Some(SettingsConfig {
        follow_api_host: true,
        ..SettingsConfig::new("https://hub.example/s")
    });
    config.consent = Some(ConsentConfig {
        model: ConsentModel::OptOut,
        categories: Vec::new(),
        hold: Hold::Persist,
    });
    let saved = StateKey::ALL
        .iter()
        .map(|key| (*key, bytes.to_vec()))
        .collect();
    let mut now = Now {
        wall: Millis(1_790_000_000_000),
        mono: 1,
    };
    let mut engine = Engine::new(
        config,
        Start {
            saved,
            ..Start::default()
        },
        now,
    );
    engine.handle(now, Input::SettingsFetched(Some((200, bytes.to_vec()))));
    let kind = CallKind::Track {
        event: "e".to_owned(),
        properties: Payload::Empty,
    };
    let options = CallOptions::default();
    let call = Call {
        kind,
        options,
        at: None,
        entropy: [1; 16],
        spare_entropy: [2; 16],
        enrichment: None,
    };
    let _ = engine.call(now, call);
    engine.handle(
        now,
        Input::SetConsent {
            preferences: vec![("a".to_owned(), true)],
            entropy: [3; 16],
        },
    );
    engine.handle(now, Input::Flush(1));
    let mut tries = 0;
    for _ in 0..200 {
        while let Some(effect) = engine.poll_effect() {
            match effect {
                Effect::Persist { seq, .. } => engine.handle(now, Input::Persisted(seq)),
                Effect::Upload(upload) => {
                    tries += 1;
                    let retry_after = Some(String::from_utf8_lossy(bytes).into_owned());
                    let status = if tries < 3 { 503 } else { 200 };
                    let outcome = HttpOutcome::Answered {
                        status,
                        retry_after,
                        location: None,
                    };
                    engine.handle(
                        now,
                        Input::Http {
                            request: upload.request,
                            outcome,
                        },
                    );
                }
                Effect::Sync => engine.handle(now, Input::Synced(true)),
                Effect::FetchSettings { .. } => engine.handle(now, Input::SettingsFetched(None)),
                _ => {}
            }
        }
        let Some(due) = engine.next_deadline() else {
            break;
        };
        let step = due.saturating_sub(now.mono).max(1);
        now = Now {
            wall: Millis(now.wall.0.saturating_add(i64::try_from(step).unwrap_or(0))),
            mono: now.mono + step,
        };
        engine.handle(now, Input::Timer);
    }
    assert_eq!(engine.queue().events, 0, "everything went out");
});
