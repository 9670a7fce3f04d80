//! Plugins, device-mode destinations, the settings document.
use crate::host::*;

use headwater_engine::*;
use headwater_model::event::Event;
use headwater_model::json::Value;

struct Test<F>(&'static str, Stage, F);

impl<F: FnMut(Event) -> Result<Option<Event>, PluginError> + Send> Plugin for Test<F> {
    fn name(&self) -> &str {
        self.0
    }
    fn stage(&self) -> Stage {
        self.1
    }
    fn process(&mut self, event: Event) -> Result<Option<Event>, PluginError> {
        (self.2)(event)
    }
}

fn plugin<F: FnMut(Event) -> Result<Option<Event>, PluginError> + Send + 'static>(
    name: &'static str,
    stage: Stage,
    f: F,
) -> Box<dyn Plugin> {
    Box::new(Test(name, stage, f))
}

fn mark(name: &'static str, stage: Stage) -> Box<dyn Plugin> {
    plugin(name, stage, move |mut event| {
        let object = event.properties.object();
        let trail = object
            .get("trail")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned();
        object.insert("trail", format!("{trail}{name} "));
        Ok(Some(event))
    })
}

fn destination(key: &str, needs_settings: bool) -> DestinationConfig {
    DestinationConfig {
        key: key.into(),
        categories: Vec::new(),
        needs_settings,
    }
}

fn fetched(host: &mut Host, text: &str) {
    host.input(Input::SettingsFetched(Some((
        200,
        text.as_bytes().to_vec(),
    ))));
}

#[test]
fn plugins_run_by_stage_and_the_calls_own_enrichment_after_them() {
    let mut host = Host::new(config());
    for plugin in [
        mark("e", Stage::Enrichment),
        mark("b", Stage::Before),
        mark("u", Stage::Utility),
        mark("a", Stage::After),
    ] {
        host.engine.timeline().add(plugin);
    }
    let own: Enrichment = Box::new(|mut event| {
        event.event = Some("renamed".into());
        Some(event)
    });
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    host.full_call(kind, CallOptions::default(), Some(own))
        .unwrap();
    assert_eq!(
        path(&host.stored()[0], "properties.trail"),
        Some(Value::from("b e "))
    );
    assert_eq!(text(&host.stored()[0], "event").as_deref(), Some("renamed"));
}

#[test]
fn a_failing_or_panicking_enrichment_costs_neither_the_event_nor_its_neighbours() {
    let mut host = Host::new(config());
    let timeline = host.engine.timeline();
    timeline.add(plugin("fails", Stage::Enrichment, |_| {
        Err(PluginError("no".into()))
    }));
    timeline.add(plugin("panics", Stage::Enrichment, |_| panic!("oops")));
    timeline.add(mark("neighbour", Stage::Enrichment));
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    host.full_call(
        kind,
        CallOptions::default(),
        Some(Box::new(|_| panic!("own"))),
    )
    .unwrap();
    assert_eq!(
        path(&host.stored()[0], "properties.trail"),
        Some(Value::from("neighbour "))
    );
    assert_eq!(host.diagnostics.len(), 3);
}

#[test]
fn a_plugin_that_drops_an_event_is_named_in_the_report() {
    let mut host = Host::new(config());
    host.engine
        .timeline()
        .add(plugin("filter", Stage::Before, |_| Ok(None)));
    assert!(matches!(host.track("e"), Receipt::Dropped(_)));
    assert_eq!(
        (host.reports[0].reason, host.reports[0].detail.as_str()),
        (DropReason::Plugin, "dropped by filter")
    );
    host.engine.timeline().remove("filter");
    assert!(matches!(host.track("e"), Receipt::Queued(_)));
}

#[test]
fn integrations_decide_for_destinations_all_false_included() {
    let mut config = config();
    config.destinations = vec![destination("A", false), destination("B", false)];
    let mut host = Host::new(config);
    for integrations in [
        r#"{}"#,
        r#"{"All":false}"#,
        r#"{"All":false,"B":true}"#,
        r#"{"A":false}"#,
    ] {
        let options = CallOptions {
            integrations: Some(object(integrations)),
            ..CallOptions::default()
        };
        host.call(
            CallKind::Track {
                event: integrations.into(),
                properties: raw("{}"),
            },
            options,
        )
        .unwrap();
    }
    let got: Vec<(usize, &str)> = host
        .deliveries
        .iter()
        .map(|(_, to, event)| (*to, event.event.as_deref().unwrap()))
        .collect();
    assert_eq!(
        got,
        [
            (0, "{}"),
            (1, "{}"),
            (1, r#"{"All":false,"B":true}"#),
            (1, r#"{"A":false}"#)
        ]
    );
    assert_eq!(host.store.len(), 4, "the hub gets them all");
}

#[test]
fn a_destination_that_needs_settings_gets_what_waited_when_they_come_and_delivery_to_the_hub_never_waits()
 {
    let mut config = config();
    config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
    config.destinations = vec![destination("A", true), destination("Off", true)];
    let mut host = Host::new(config);
    assert_eq!(host.fetches, 1);
    host.track("1");
    host.track("2");
    host.flush();
    assert_eq!(host.names(), ["1", "2"]);
    assert!(host.deliveries.is_empty());
    fetched(&mut host, r#"{"integrations":{"A":{"apiKey":"k"}}}"#);
    assert_eq!(host.configured.len(), 1);
    let got: Vec<_> = host
        .deliveries
        .iter()
        .map(|(_, to, event)| (*to, event.event.clone().unwrap()))
        .collect();
    assert_eq!(got, [(0, "1".into()), (0, "2".into())]);
}

#[test]
fn cached_settings_serve_at_once_and_bad_ones_change_nothing() {
    let make = || {
        let mut config = config();
        config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
        config.destinations = vec![destination("A", true)];
        config
    };
    let mut host = Host::new(make());
    fetched(&mut host, r#"{"integrations":{"A":{}}}"#);
    let mut host = host.restart(make());
    host.input(Input::SettingsFetched(Some((200, b"<html>".to_vec()))));
    host.input(Input::SettingsFetched(Some((500, Vec::new()))));
    host.input(Input::SettingsFetched(None));
    host.track("1");
    assert_eq!(host.deliveries.len(), 1);
    assert_eq!(
        host.diagnostics
            .iter()
            .filter(|d| matches!(d, Diagnostic::SettingsFailed { .. }))
            .count(),
        3
    );
}

#[test]
fn a_destinations_consent_categories_are_kept_and_its_failures_reported() {
    let mut config = config();
    config.consent = Some(ConsentConfig {
        model: ConsentModel::OptIn,
        categories: vec!["ads".into(), "x".into()],
        hold: Hold::Persist,
    });
    config.destinations = vec![
        DestinationConfig {
            key: "Ads".into(),
            categories: vec!["ads".into()],
            needs_settings: false,
        },
        destination("Free", false),
    ];
    let mut host = Host::new(config);
    host.track("held");
    assert!(host.deliveries.is_empty());
    host.consent(&[("x", true)]);
    host.track("later");
    let got: Vec<_> = host
        .deliveries
        .iter()
        .map(|(_, to, event)| (*to, event.event.clone().unwrap()))
        .collect();
    assert_eq!(got, [(1, "held".into()), (1, "later".into())]);
    let (delivery, _, _) = host.deliveries.pop_front().unwrap();
    host.input(Input::Delivered {
        delivery,
        outcome: DeliveryOutcome::Failed("boom".into()),
    });
    assert_eq!(host.reports[0].reason, DropReason::DestinationFailed);
    assert_eq!(host.reports[0].destination.as_deref(), Some("Free"));
}

#[test]
fn the_tracking_plan_blocks_destinations_but_not_the_hub() {
    let mut config = config();
    config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
    config.destinations = vec![destination("A", true)];
    let mut host = Host::new(config);
    let plan = r#"{"integrations":{"A":{}},"plan":{"track":{"__default":{"enabled":true},"no":{"enabled":false}}}}"#;
    fetched(&mut host, plan);
    host.track("no");
    host.track("yes");
    assert_eq!(host.deliveries.len(), 1);
    assert_eq!(host.store.len(), 2);
}

#[test]
fn a_slow_destination_holds_up_nobody_and_its_overflow_is_reported() {
    let mut config = config();
    config.pace = Pace::NEVER;
    config.destinations = vec![destination("Slow", false), destination("Quick", false)];
    let mut host = Host::new(config);
    let mut quick = 0;
    for n in 0..1_100 {
        host.track(&n.to_string());
        while let Some(at) = host.deliveries.iter().position(|(_, to, _)| *to == 1) {
            let (delivery, _, _) = host.deliveries.remove(at).unwrap();
            quick += 1;
            host.input(Input::Delivered {
                delivery,
                outcome: DeliveryOutcome::Done,
            });
        }
    }
    assert_eq!(quick, 1_100);
    assert_eq!(host.deliveries.len(), 64);
    assert_eq!(host.reports.len(), 1_100 - 64 - 1_000);
    assert_eq!(host.reports[0].reason, DropReason::DestinationOverflow);
}

#[test]
fn settings_adjust_the_retry_table_within_the_clamps() {
    let mut config = config();
    config.pace = Pace::NEVER;
    config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
    let mut host = Host::new(config);
    let http = r#"{"integrations":{"Segment.io":{"httpConfig":{"backoffConfig":
        {"baseBackoffInterval":2,"jitterPercent":0,"maxRetryCount":1,"statusCodeOverrides":{"500":"drop","404":"retry","200":"drop"}}}}}}"#;
    fetched(&mut host, http);
    host.track("e");
    host.flush();
    host.answer(404);
    host.pass(1_999);
    assert!(host.uploads.is_empty());
    host.pass(1);
    host.answer(500);
    assert_eq!(host.reports[0].reason, DropReason::Refused);
    host.track("f");
    host.flush();
    host.answer(200);
    assert_eq!(host.reports.len(), 1);
}
