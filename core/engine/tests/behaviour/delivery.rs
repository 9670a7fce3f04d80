//! Order, batches, retries, rejected batches, the quota, flushes.
use crate::host::*;

use headwater_engine::*;
use headwater_model::id::Seq;
use headwater_model::json::Value;

fn plain() -> Config {
    let mut config = config();
    config.pace = Pace::NEVER;
    config
}

fn with_events(count: usize) -> Host {
    let mut host = Host::new(plain());
    for n in 0..count {
        host.track(&format!("e{n}"));
    }
    host
}

#[test]
fn a_batch_holds_the_events_in_the_order_of_their_calls_and_the_envelope() {
    let mut host = with_events(3);
    host.flush();
    let request = host.request();
    assert_eq!(host.names(), ["e0", "e1", "e2"]);
    assert_eq!(text(&request, "writeKey").as_deref(), Some("key"));
    assert_eq!(
        text(&request, "sentAt").as_deref(),
        Some("1970-01-01T00:16:40.000Z")
    );
    let upload = host.answer(200);
    assert_eq!(upload.url, "https://hub.example/v1/b");
    assert!(
        upload
            .headers
            .contains(&("Authorization".into(), "Basic a2V5Og==".into()))
    );
    assert!(
        !upload
            .headers
            .iter()
            .any(|(name, _)| name == "X-Retry-Count")
    );
    assert!(host.store.is_empty());
    assert_eq!(
        host.flushed,
        [(
            1,
            FlushReport {
                delivered: 3,
                ..FlushReport::default()
            }
        )]
    );
    host.pass(250);
    assert_eq!(host.engine.next_deadline(), None, "the engine is at rest");
}

#[test]
fn nothing_leaves_before_the_store_has_it() {
    let mut engine_host = Host::new(plain());
    let call = Call {
        kind: CallKind::Track {
            event: "e".into(),
            properties: raw("{}"),
        },
        options: CallOptions::default(),
        at: None,
        entropy: [1; 16],
        spare_entropy: [2; 16],
        enrichment: None,
    };
    let now = engine_host.now;
    engine_host.engine.call(now, call).unwrap();
    engine_host.engine.handle(now, Input::Flush(1));
    let mut seen = Vec::new();
    while let Some(effect) = engine_host.engine.poll_effect() {
        seen.push(effect);
    }
    assert!(
        !seen
            .iter()
            .any(|effect| matches!(effect, Effect::Upload(_)))
    );
    engine_host.engine.handle(now, Input::Persisted(Seq(0)));
    assert!(matches!(
        engine_host.engine.poll_effect(),
        Some(Effect::Upload(_))
    ));
}

#[test]
fn the_count_policy_sends_at_its_count_and_the_interval_policy_after_its_time() {
    let mut config = config();
    config.pace = Pace {
        events: 3,
        interval: Some(5_000),
        ..Pace::NEVER
    };
    let mut host = Host::new(config);
    host.track("1");
    host.track("2");
    assert!(host.uploads.is_empty());
    host.track("3");
    assert_eq!(host.names(), ["1", "2", "3"]);
    host.answer(200);
    host.track("4");
    host.pass(4_999);
    assert!(host.uploads.is_empty());
    host.pass(1);
    assert_eq!(host.names(), ["4"]);
}

#[test]
fn while_a_request_is_under_way_events_gather_and_a_handful_waits_for_its_own_time() {
    let mut config = config();
    config.pace = Pace {
        events: 3,
        interval: Some(5_000),
        ..Pace::NEVER
    };
    let mut host = Host::new(config);
    for event in ["1", "2", "3", "4", "5"] {
        host.track(event);
    }
    assert_eq!(host.names(), ["1", "2", "3"]);
    host.answer(200);
    assert!(host.uploads.is_empty(), "two are no batch");
    host.track("6");
    assert_eq!(host.names(), ["4", "5", "6"]);
    // A whole batch that gathered goes as soon as the way is free.
    for event in ["7", "8", "9"] {
        host.track(event);
    }
    host.answer(200);
    assert_eq!(host.names(), ["7", "8", "9"]);
    host.track("10");
    host.answer(200);
    assert!(host.uploads.is_empty());
    host.pass(5_000);
    assert_eq!(host.names(), ["10"]);
}

#[test]
fn bytes_gather_while_a_request_is_under_way_as_events_do() {
    let mut host = with_events(1);
    let event = host.engine.queue().bytes;
    let mut config = config();
    config.pace = Pace {
        bytes: 3 * event,
        ..Pace::NEVER
    };
    host = Host::new(config);
    for event in ["1", "2", "3", "4", "5"] {
        host.track(&format!("e{event}"));
    }
    assert_eq!(host.names(), ["e1", "e2", "e3"]);
    host.answer(200);
    assert!(host.uploads.is_empty());
    host.track("e6");
    assert_eq!(host.names(), ["e4", "e5", "e6"]);
}

#[test]
fn a_flush_that_is_asked_for_takes_what_gathered_as_soon_as_the_way_is_free() {
    let mut config = config();
    config.pace = Pace {
        events: 3,
        ..Pace::NEVER
    };
    let mut host = Host::new(config);
    for event in ["1", "2", "3", "4"] {
        host.track(event);
    }
    host.flush();
    host.answer(200);
    assert_eq!(host.names(), ["4"]);
}

#[test]
fn a_backlog_goes_out_whole_when_the_hub_is_back_and_no_new_event_has_to_come() {
    let mut config = config();
    config.pace = Pace {
        events: 3,
        interval: Some(500),
        ..Pace::NEVER
    };
    let mut host = Host::new(config);
    for event in ["1", "2", "3"] {
        host.track(event);
    }
    host.answer(500);
    for event in ["4", "5", "6", "7"] {
        host.track(event);
    }
    host.pass(3_600_000);
    while !host.uploads.is_empty() {
        host.answer(200);
        host.pass(500);
    }
    assert_eq!(host.engine.queue().events, 0);
}

#[test]
fn going_to_the_background_flushes_and_syncs() {
    let mut host = Host::new(config());
    host.track("1");
    host.input(Input::Lifecycle(Lifecycle::Background));
    assert_eq!(host.names(), ["1"]);
    assert_eq!(host.syncs, 1);
}

#[test]
fn appended_events_are_synced_within_the_configured_time_once() {
    let mut host = with_events(5);
    host.pass(249);
    assert_eq!(host.syncs, 0);
    host.pass(1);
    assert_eq!(host.syncs, 1);
    host.pass(10_000);
    assert_eq!(host.syncs, 1);
}

#[test]
fn what_waited_before_a_restart_goes_out_first_and_keeps_its_message_id() {
    let host = with_events(2);
    let before: Vec<_> = host
        .stored()
        .iter()
        .map(|event| text(event, "messageId"))
        .collect();
    let mut host = host.restart(plain());
    host.track("later");
    assert_eq!(host.names(), ["e0", "e1"]);
    let after: Vec<_> = host
        .events()
        .iter()
        .map(|event| text(event, "messageId"))
        .collect();
    assert_eq!(before, after);
    host.answer(200);
    host.flush();
    assert_eq!(host.names(), ["later"]);
}

#[test]
fn a_failed_batch_comes_again_after_the_backoff_with_its_count_and_a_fresh_sent_at() {
    let mut host = with_events(1);
    host.flush();
    let first = text(&host.request(), "sentAt");
    let id = text(&host.events()[0], "messageId");
    for (wait, status) in [
        (500, Some(500)),
        (1_000, None),
        (2_000, Some(429)),
        (4_000, Some(408)),
    ] {
        match status {
            Some(status) => host.answer(status),
            None => host.no_answer(),
        };
        host.pass(wait - 1);
        assert!(host.uploads.is_empty(), "no try before its time");
        host.pass(1);
        assert_eq!(text(&host.events()[0], "messageId"), id);
        assert_ne!(text(&host.request(), "sentAt"), first);
    }
    let upload = host.answer(200);
    assert!(
        upload
            .headers
            .contains(&("X-Retry-Count".into(), "4".into()))
    );
    assert!(host.store.is_empty());
    assert!(!host.saved.contains_key(&StateKey::Retry));
}

#[test]
fn retry_after_is_obeyed_on_any_retryable_status_in_both_forms_and_clamped() {
    for (header, wait) in [
        ("7", 7_000),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10_000),
        ("99999999999", 300_000),
    ] {
        let mut host = with_events(1);
        host.flush();
        host.answer_with(503, Some(header));
        host.pass(wait - 1);
        assert!(host.uploads.is_empty(), "{header}");
        host.pass(1);
        assert_eq!(host.uploads.len(), 1, "{header}");
    }
}

#[test]
fn a_retry_after_of_nothing_is_no_tight_loop() {
    let mut host = with_events(1);
    host.flush();
    host.answer_with(429, Some("0"));
    assert!(host.uploads.is_empty());
    host.pass(500);
    assert_eq!(host.uploads.len(), 1);
}

#[test]
fn a_wait_survives_a_restart_and_a_clock_that_jumped_cannot_stretch_it() {
    let mut host = with_events(1);
    host.flush();
    host.answer_with(429, Some("100"));
    let mut host = host.restart(plain());
    host.pass(99_999);
    assert!(host.uploads.is_empty());
    host.pass(1);
    assert!(
        host.answer(503)
            .headers
            .contains(&("X-Retry-Count".into(), "1".into()))
    );
    host.now.wall.0 -= 86_400_000;
    let mut host = host.restart(plain());
    host.pass(300_000);
    assert_eq!(host.uploads.len(), 1);
}

#[test]
fn later_events_wait_behind_a_batch_that_failed() {
    let mut host = with_events(1);
    host.flush();
    host.answer(500);
    host.track("later");
    host.flush();
    assert!(host.uploads.is_empty());
    host.pass(500);
    assert_eq!(host.names(), ["e0", "later"]);
}

#[test]
fn a_rejected_batch_is_halved_down_to_the_poison_event_and_the_rest_arrives_in_order() {
    for poison in 0..7 {
        let mut host = with_events(7);
        host.flush();
        let mut arrived = Vec::new();
        let mut requests = 0;
        while !host.uploads.is_empty() {
            let names = host.names();
            requests += 1;
            if names.contains(&format!("e{poison}")) {
                host.answer(if requests % 2 == 0 { 413 } else { 400 });
            } else {
                arrived.extend(names);
                host.answer(200);
            }
        }
        let expected: Vec<String> = (0..7)
            .filter(|n| *n != poison)
            .map(|n| format!("e{n}"))
            .collect();
        assert_eq!(arrived, expected);
        assert_eq!(host.reports.len(), 1);
        assert_eq!(host.reports[0].reason, DropReason::Rejected);
        assert!(host.store.is_empty());
        assert!(requests <= 7, "{requests} requests");
        let kept = &host.engine.quarantine()[0];
        assert_eq!(
            kept.path("event.event"),
            Some(&Value::from(format!("e{poison}")))
        );
        assert_eq!(
            host.flushed
                .last()
                .map(|(_, report)| (report.delivered, report.dropped)),
            Some((6, 1))
        );
        let host = host.restart(plain());
        assert_eq!(
            host.engine.quarantine().len(),
            1,
            "the quarantine survives a restart"
        );
    }
}

#[test]
fn a_status_that_no_retry_mends_drops_the_batch_with_a_report_and_goes_on() {
    for status in [401, 403, 404, 422, 501, 505, 511] {
        let mut host = with_events(2);
        host.flush();
        host.track("next");
        host.answer(status);
        assert_eq!(
            (host.reports[0].reason, host.reports[0].count),
            (DropReason::Refused, 2)
        );
        assert_eq!(host.reports[0].status, Some(status));
        host.flush();
        assert_eq!(host.names(), ["next"]);
    }
}

#[test]
fn with_a_limit_on_retries_the_batch_goes_after_exactly_that_many() {
    let mut config = plain();
    config.retry.max_retries = Some(3);
    let mut host = Host::new(config);
    host.track("e");
    host.flush();
    for _ in 0..4 {
        host.answer(500);
        host.pass(60_000);
    }
    assert_eq!(host.sent.len(), 4);
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::RetryLimit, 1)
    );
    assert!(host.store.is_empty());
}

#[test]
fn waits_that_the_hub_timed_do_not_count_against_the_retries() {
    let mut config = plain();
    config.retry.max_retries = Some(1);
    let mut host = Host::new(config);
    host.track("e");
    host.flush();
    for _ in 0..10 {
        host.answer_with(429, Some("1"));
        host.pass(1_000);
    }
    host.answer(200);
    assert!(host.reports.is_empty());
}

#[test]
fn offline_means_no_tries_and_online_ends_a_wait_that_the_network_caused() {
    let mut host = with_events(1);
    host.flush();
    host.no_answer();
    host.input(Input::Connection(Connection::Offline));
    host.pass(600_000);
    assert!(host.uploads.is_empty());
    host.input(Input::Connection(Connection::Online));
    assert_eq!(host.uploads.len(), 1);
    host.answer_with(429, Some("60"));
    host.input(Input::Connection(Connection::Offline));
    host.input(Input::Connection(Connection::Online));
    assert!(host.uploads.is_empty(), "the hub's own wait stays");
}

#[test]
fn a_request_that_never_gets_an_answer_is_given_up_and_tried_again() {
    let mut host = with_events(1);
    host.flush();
    let lost = host.uploads.pop_front().unwrap();
    host.pass(35_000);
    assert_eq!(host.cancelled, [lost.request]);
    host.pass(1_000);
    assert_eq!(host.names(), ["e0"]);
    let late = HttpOutcome::Answered {
        status: 200,
        retry_after: None,
        location: None,
    };
    host.input(Input::Http {
        request: lost.request,
        outcome: late,
    });
    assert_eq!(
        host.store.len(),
        1,
        "an answer to a request that was given up is ignored"
    );
    host.answer(200);
    assert!(host.store.is_empty());
}

#[test]
fn over_the_quota_the_oldest_go_with_a_report_but_never_what_is_in_flight() {
    let mut config = plain();
    config.quota.events = 3;
    let mut host = Host::new(config);
    host.track("1");
    host.flush();
    for n in 2..=5 {
        host.track(&n.to_string());
    }
    let total: u64 = host.reports.iter().map(|report| report.count).sum();
    assert_eq!(
        (host.reports[0].reason, total),
        (DropReason::QuotaEvents, 2)
    );
    assert_eq!(host.names(), ["1"]);
    host.answer(200);
    host.flush();
    assert_eq!(host.names(), ["4", "5"]);
}

#[test]
fn the_quota_counts_bytes_and_age_too() {
    let mut config = plain();
    config.quota.bytes = 40_000;
    config.quota.age = 60_000;
    let mut host = Host::new(config);
    let big = format!(r#"{{"x":"{}"}}"#, "y".repeat(15_000));
    for _ in 0..3 {
        host.call(
            CallKind::Track {
                event: "big".into(),
                properties: raw(&big),
            },
            CallOptions::default(),
        )
        .unwrap();
    }
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::QuotaBytes, 1)
    );
    host.pass(60_001);
    host.track("young");
    assert_eq!(
        (host.reports[1].reason, host.reports[1].count),
        (DropReason::TooOld, 2)
    );
    assert_eq!(host.store.len(), 1);
}

#[test]
fn a_full_disk_is_reported_and_costs_only_the_event_it_hit() {
    let mut host = with_events(1);
    host.full = true;
    host.track("lost");
    host.full = false;
    host.track("fine");
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::StorageFailed, 1)
    );
    host.flush();
    assert_eq!(host.names(), ["e0", "fine"]);
}

#[test]
fn events_that_the_store_lost_are_reported_and_the_rest_goes_out() {
    let mut host = with_events(3);
    host.flush();
    let upload = host.uploads.pop_front().unwrap();
    let outcome = HttpOutcome::Unreadable(vec![Seq(1)]);
    host.input(Input::Http {
        request: upload.request,
        outcome,
    });
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::Corrupt, 1)
    );
    assert_eq!(host.names(), ["e0", "e2"]);
}

#[test]
fn a_flush_that_meets_a_failure_says_what_is_pending_and_when_the_next_try_is() {
    let mut host = with_events(2);
    host.flush();
    host.answer(503);
    let (_, report) = &host.flushed[0];
    assert_eq!(
        (report.delivered, report.pending, report.retry_in),
        (0, 2, Some(500))
    );
    host.flush();
    assert_eq!(
        host.flushed.len(),
        2,
        "a flush during the wait answers at once"
    );
    assert!(host.uploads.is_empty());
}

#[test]
fn a_flush_of_nothing_is_done_at_once() {
    let mut host = Host::new(plain());
    host.flush();
    assert_eq!(host.flushed, [(1, FlushReport::default())]);
}

#[test]
fn a_backlog_leaves_in_batches_within_all_three_limits() {
    let mut config = plain();
    config.max_batch_bytes = 2_000;
    config.max_batch_events = 4;
    let mut host = Host::new(config);
    for n in 0..30 {
        let properties = raw(&format!(r#"{{"x":"{}"}}"#, "é".repeat(n * 7)));
        host.call(
            CallKind::Track {
                event: format!("e{n}"),
                properties,
            },
            CallOptions::default(),
        )
        .unwrap();
    }
    host.flush();
    let mut names = Vec::new();
    while !host.uploads.is_empty() {
        assert!(host.uploads[0].body_bytes <= 2_000 && host.uploads[0].seqs.len() <= 4);
        names.extend(host.names());
        host.answer(200);
    }
    assert_eq!(names, (0..30).map(|n| format!("e{n}")).collect::<Vec<_>>());
}

#[test]
fn a_purge_empties_the_queue_with_a_report() {
    let mut host = with_events(3);
    host.flush();
    host.input(Input::Purge);
    assert!(host.store.is_empty());
    assert_eq!(host.cancelled.len(), 1);
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::Purged, 3)
    );
    assert_eq!(host.flushed[0].1.dropped, 3);
}

#[test]
fn an_event_kept_from_the_hub_is_not_queued_for_it() {
    let mut host = Host::new(plain());
    let options = CallOptions {
        integrations: Some(object(r#"{"Segment.io":false}"#)),
        ..CallOptions::default()
    };
    let kind = CallKind::Track {
        event: "e".into(),
        properties: raw("{}"),
    };
    assert!(matches!(
        host.call(kind, options),
        Ok(Receipt::LocalOnly(_))
    ));
    assert!(host.store.is_empty());
}

#[test]
fn a_flush_whose_last_event_the_store_refused_still_sends_the_others_and_ends() {
    let mut host = with_events(2);
    let now = host.now;
    let call = Call {
        kind: CallKind::Track {
            event: "e".into(),
            properties: raw("{}"),
        },
        options: CallOptions::default(),
        at: None,
        entropy: [1; 16],
        spare_entropy: [2; 16],
        enrichment: None,
    };
    host.engine.call(now, call).unwrap();
    host.engine.handle(now, Input::Flush(1));
    host.full = true;
    host.drain();
    assert_eq!(host.names(), ["e0", "e1"]);
    host.answer(200);
    assert_eq!(host.flushed.len(), 1);
}

#[test]
fn a_clock_that_jumps_ages_no_event() {
    let mut config = plain();
    config.quota.age = 60_000;
    let mut host = Host::new(config);
    host.track("1");
    host.now.wall.0 += 56 * 365 * 86_400_000;
    host.pass(50_000);
    host.track("2");
    assert!(host.reports.is_empty());
    host.pass(10_001);
    host.track("3");
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::TooOld, 1)
    );
}

#[test]
fn a_wait_that_is_over_leaves_no_deadline_in_the_past() {
    let mut host = with_events(1);
    host.flush();
    host.answer(500);
    let now = Now {
        mono: host.now.mono + 10_000,
        ..host.now
    };
    let call = Call {
        kind: CallKind::Track {
            event: "e".into(),
            properties: raw("{}"),
        },
        options: CallOptions::default(),
        at: None,
        entropy: [1; 16],
        spare_entropy: [2; 16],
        enrichment: None,
    };
    host.engine.call(now, call).unwrap();
    host.engine.handle(now, Input::Flush(9));
    host.engine.handle(now, Input::Timer);
    assert!(host.engine.next_deadline().is_none_or(|due| due > now.mono));
}

#[test]
fn segments_that_were_set_aside_are_reported() {
    let start = Start {
        set_aside: 2,
        torn_bytes: 7,
        ..Start::default()
    };
    let host = Host::start(plain(), start, 1_000_000);
    assert_eq!(
        (host.reports[0].reason, host.reports[0].count),
        (DropReason::Corrupt, 2)
    );
    assert!(
        host.diagnostics
            .contains(&Diagnostic::TornTail { bytes: 7 })
    );
}
