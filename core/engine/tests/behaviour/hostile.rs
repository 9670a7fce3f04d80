//! Thousands of short lives with anything happening at any moment: no panic, nothing unaccounted for.
use crate::host::*;

use headwater_engine::*;
use headwater_model::json::Value;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn configured(dice: &mut Dice) -> impl Fn() -> Config + use<> {
    let (consent, memory, quota, batch, limits) = (
        dice.roll(3),
        dice.roll(2),
        dice.roll(2),
        dice.roll(6) as usize,
        dice.roll(2),
    );
    move || {
        let mut config = config();
        config.pace = Pace {
            events: 3,
            interval: Some(5_000),
            ..Pace::NEVER
        };
        config.max_batch_events = batch + 1;
        if quota == 0 {
            config.quota.events = 7;
        }
        if limits == 0 {
            config.retry.max_retries = Some(2);
            config.retry.max_rate_limited = Some(2);
        }
        let hold = if memory == 0 {
            Hold::Memory
        } else {
            Hold::Persist
        };
        let model = if consent == 1 {
            ConsentModel::OptIn
        } else {
            ConsentModel::OptOut
        };
        config.consent = (consent > 0).then(|| ConsentConfig {
            model,
            categories: vec!["a".into(), "b".into()],
            hold,
        });
        config
    }
}

#[test]
fn every_accepted_event_is_delivered_reported_or_still_queued_whatever_happens() {
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let make = configured(&mut dice);
        let mut host = Host::new(make());
        let (mut accepted, mut lost_in_memory) = (0_u64, 0);
        let (mut delivered, mut order) = (0_u64, Vec::<i64>::new());
        for step in 0..60_i64 {
            match dice.roll(16) {
                0..=5 => {
                    let kind = CallKind::Track {
                        event: "e".into(),
                        properties: raw(&format!(r#"{{"n":{step}}}"#)),
                    };
                    match host.call(kind, CallOptions::default()).unwrap() {
                        // A dropped one is in the reports, like one that was queued and lost.
                        Receipt::Queued(_) | Receipt::Held(_) | Receipt::Dropped(_) => {
                            accepted += 1;
                        }
                        Receipt::LocalOnly(_) => {}
                    }
                }
                6..=8 if !host.uploads.is_empty() => {
                    let events = host.events();
                    let status = [200, 200, 204, 400, 413, 429, 500, 503, 401, 302, 307]
                        [dice.roll(11) as usize];
                    if (200..300).contains(&status) {
                        delivered += events.len() as u64;
                        order.extend(
                            events
                                .iter()
                                .filter_map(|e| path(e, "properties.n"))
                                .filter_map(|n| n.as_i64()),
                        );
                    }
                    let after = (dice.roll(2) == 0).then_some("3");
                    let location = (dice.roll(2) == 0).then_some("/v2/b");
                    host.answer_fully(status, after, location);
                }
                9 if !host.uploads.is_empty() => drop(host.no_answer()),
                10 => host.flush(),
                11 => host.pass(dice.roll(20_000)),
                12 => {
                    let preferences = [("a", dice.roll(2) == 0), ("b", dice.roll(3) == 0)];
                    let (attempted, in_memory) = (
                        host.attempted,
                        host.engine.queue().events - host.store.len(),
                    );
                    host.consent(&preferences);
                    // Its own event counts; what was held in memory was counted at its call.
                    let appended = host.attempted - attempted;
                    accepted += appended.saturating_sub(in_memory) as u64;
                }
                13 => host.full = dice.roll(4) == 0,
                14 => {
                    let connection = if dice.roll(3) == 0 {
                        Connection::Offline
                    } else {
                        Connection::Online
                    };
                    host.input(Input::Connection(connection));
                }
                15 if dice.roll(3) == 0 => {
                    let in_store = host.store.len();
                    lost_in_memory += (host.engine.queue().events
                        - in_store.min(host.engine.queue().events))
                        as u64;
                    let (reports, attempted) = (host.reports.clone(), host.attempted);
                    host = host.restart(make());
                    host.reports.splice(0..0, reports);
                    host.attempted = attempted;
                }
                _ => {}
            }
            // A cancelled request is not answered any more.
            let cancelled = std::mem::take(&mut host.cancelled);
            host.uploads
                .retain(|upload| !cancelled.contains(&upload.request));
        }
        let reported: u64 = host.reports.iter().map(|report| report.count).sum();
        let queued = host.engine.queue().events as u64;
        assert_eq!(
            accepted,
            delivered + reported + queued + lost_in_memory,
            "seed {seed}"
        );
        assert!(order.is_sorted(), "seed {seed}: {order:?}");
        assert!(host.engine.queue().bytes < 1 << 20);
        host.pass(3_600_000);
    }
}

#[test]
fn rubbish_from_the_store_the_network_and_the_settings_never_panics() {
    let mut dice = Dice(1);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..dice.roll(60))
            .map(|_| b"{}[]\":,0aE-\\u\xff"[dice.roll(14) as usize])
            .collect();
        let saved = StateKey::ALL
            .iter()
            .map(|key| (*key, bytes.clone()))
            .collect();
        let mut with_all = config();
        with_all.session_timeout = Some(1);
        with_all.settings = Some(SettingsConfig {
            defaults: Some(Value::Null),
            ..SettingsConfig::new("x")
        });
        with_all.consent = Some(ConsentConfig {
            model: ConsentModel::OptIn,
            categories: Vec::new(),
            hold: Hold::Persist,
        });
        let mut host = Host::start(
            with_all,
            Start {
                saved,
                ..Start::default()
            },
            i64::MAX - 1,
        );
        host.input(Input::SettingsFetched(Some((200, bytes.clone()))));
        host.track("e");
        host.consent(&[("a", true)]);
        host.flush();
        let after = String::from_utf8_lossy(&bytes).into_owned();
        if !host.uploads.is_empty() {
            host.answer_with(503, Some(&after));
        }
    }
}
