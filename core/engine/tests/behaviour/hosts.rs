//! Where events go: an address that nobody said yet, the one that the settings document says, and redirects.
use crate::host::*;

use headwater_engine::*;
use headwater_model::json::Value;

const FETCHED_FROM: &str = "https://cdn.example/v1/projects/key/settings";
const MOVED: &str = r#"{"integrations":{"Segment.io":{"apiHost":"hub.example/v1"}}}"#;

fn unaddressed() -> Config {
    let mut config = config();
    config.endpoint = Endpoint::UNKNOWN;
    config
}

fn by_document() -> Config {
    let mut config = unaddressed();
    config.settings = Some(SettingsConfig::new(FETCHED_FROM));
    config
}

fn fetched(host: &mut Host, status: u16, body: &str) {
    let answer = Some((status, body.as_bytes().to_vec()));
    host.input(Input::SettingsFetched(answer));
}

fn answer(host: &mut Host, status: u16, location: Option<&str>) -> Upload {
    host.answer_fully(status, None, location)
}

#[test]
fn without_an_address_nothing_is_sent_and_the_quota_bounds_what_waits() {
    let mut config = unaddressed();
    config.quota.events = 30;
    let mut host = Host::new(config);
    for n in 0..40 {
        host.track(&format!("e{n}"));
    }
    host.flush();
    host.pass(3_600_000);
    host.input(Input::Lifecycle(Lifecycle::Background));
    assert!(host.sent.is_empty());
    assert!(host.diagnostics.contains(&Diagnostic::NoEndpoint));
    assert_eq!(host.engine.queue().events, 30);
    let (_, report) = &host.flushed[0];
    assert_eq!(report.pending, 30);
    assert_eq!(report.waiting_for.as_deref(), Some("the hub's address"));
    assert!(
        host.reports
            .iter()
            .all(|report| report.reason == DropReason::QuotaEvents)
    );
    // A later start that names one sends what waited.
    let host = host.restart(self::config());
    assert_eq!(host.uploads.len(), 1);
    assert_eq!(host.names().len(), 30);
}

#[test]
fn what_is_queued_waits_for_the_document_that_names_the_host_and_goes_nowhere_before() {
    let mut host = Host::new(by_document());
    host.track("early");
    host.flush();
    assert!(host.sent.is_empty());
    assert!(!host.diagnostics.contains(&Diagnostic::NoEndpoint));
    assert!(
        host.flushed.is_empty(),
        "a flush waits for the document, too"
    );
    fetched(&mut host, 200, MOVED);
    assert_eq!(host.names(), ["early"]);
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn a_document_that_cannot_come_leaves_its_own_host() {
    for cannot in [Some((404, "")), Some((200, "<html>")), None] {
        let mut host = Host::new(by_document());
        host.track("a");
        host.flush();
        assert!(host.sent.is_empty());
        match cannot {
            Some((status, body)) => fetched(&mut host, status, body),
            None => host.input(Input::SettingsFetched(None)),
        }
        assert_eq!(answer(&mut host, 200, None).url, "https://cdn.example/v1/b");
    }
}

#[test]
fn a_document_without_a_host_leaves_its_own_host() {
    let mut host = Host::new(by_document());
    host.track("a");
    host.flush();
    fetched(&mut host, 200, r#"{"integrations":{}}"#);
    assert_eq!(answer(&mut host, 200, None).url, "https://cdn.example/v1/b");
}

#[test]
fn a_document_that_never_answers_is_waited_for_only_so_long() {
    let mut host = Host::new(by_document());
    host.track("a");
    host.flush();
    host.pass(14_000);
    assert!(host.sent.is_empty());
    host.pass(2_000);
    assert_eq!(host.sent[0].url, "https://cdn.example/v1/b");
    // It comes late, and counts from then on.
    fetched(&mut host, 200, MOVED);
    answer(&mut host, 503, None);
    host.pass(60_000);
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn what_a_guessed_host_refuses_is_kept_for_the_host_that_the_document_names() {
    let mut config = by_document();
    if let Some(settings) = &mut config.settings {
        settings.defaults = Some(Value::Object(object(r#"{"plan":{}}"#)));
    }
    let mut host = Host::new(config);
    host.track("a");
    host.flush();
    fetched(&mut host, 500, "");
    answer(&mut host, 403, None);
    assert!(host.reports.is_empty());
    fetched(&mut host, 200, MOVED);
    host.pass(60_000);
    assert_eq!(host.names(), ["a"]);
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn a_refusal_by_a_guessed_host_that_comes_after_the_document_drops_nothing() {
    let mut config = by_document();
    if let Some(settings) = &mut config.settings {
        settings.defaults = Some(Value::Object(object(r#"{"plan":{}}"#)));
    }
    let mut host = Host::new(config);
    host.track("a");
    host.flush();
    fetched(&mut host, 500, "");
    // The request is under way to the guess when the document names the hub.
    fetched(&mut host, 200, MOVED);
    let upload = answer(&mut host, 404, None);
    assert_eq!(upload.url, "https://cdn.example/v1/b");
    assert!(host.reports.is_empty());
    host.pass(60_000);
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn a_stored_document_names_the_host_before_it_is_fetched_again() {
    let mut host = Host::new(by_document());
    fetched(&mut host, 200, MOVED);
    let mut host = host.restart(by_document());
    host.track("a");
    host.flush();
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn settings_of_the_applications_own_name_the_host_and_nothing_is_fetched() {
    let mut config = unaddressed();
    config.settings = Some(SettingsConfig {
        defaults: Some(Value::Object(object(MOVED))),
        ..SettingsConfig::new("")
    });
    let mut host = Host::new(config);
    host.track("a");
    host.flush();
    host.pass(100_000_000);
    assert_eq!(host.fetches, 0);
    assert_eq!(host.sent[0].url, "https://hub.example/v1/b");
}

#[test]
fn defaults_that_name_no_host_do_not_end_the_wait_for_the_document() {
    let mut config = by_document();
    if let Some(settings) = &mut config.settings {
        settings.defaults = Some(Value::Object(object(r#"{"integrations":{}}"#)));
    }
    let mut host = Host::new(config);
    host.track("a");
    host.flush();
    assert!(host.sent.is_empty());
    fetched(&mut host, 200, MOVED);
    assert_eq!(host.sent[0].url, "https://hub.example/v1/b");
}

#[test]
fn a_host_that_the_application_names_does_not_wait_for_a_document() {
    let mut config = config();
    config.settings = Some(SettingsConfig::new(FETCHED_FROM));
    let mut host = Host::new(config);
    host.track("a");
    host.flush();
    fetched(
        &mut host,
        200,
        r#"{"integrations":{"Segment.io":{"apiHost":"x.example"}}}"#,
    );
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn a_redirect_is_no_delivery_it_is_told_and_tried_again() {
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        let mut host = Host::new(config());
        host.track("a");
        host.flush();
        let elsewhere = "https://user:pass@login.example/x?token=1";
        answer(&mut host, status, Some(elsewhere));
        assert_eq!(host.engine.queue().events, 1, "{status}");
        assert_eq!(host.store.len(), 1);
        let told = Diagnostic::Redirected {
            status,
            location: Some("https://login.example/x".to_owned()),
        };
        assert!(host.diagnostics.contains(&told), "{:?}", host.diagnostics);
        host.pass(10_000);
        let again = answer(&mut host, 200, None);
        assert_eq!(again.url, "https://hub.example/v1/b");
        let tries = ("X-Retry-Count".to_owned(), "1".to_owned());
        assert!(again.headers.contains(&tries), "{:?}", again.headers);
        assert!(host.reports.is_empty());
    }
}

#[test]
fn a_307_of_the_same_origin_is_followed_once_and_at_once() {
    let mut host = Host::new(config());
    host.track("a");
    host.flush();
    let first = answer(&mut host, 307, Some("/v2/b"));
    let second = answer(&mut host, 200, None);
    assert_eq!(second.url, "https://hub.example/v2/b");
    assert_eq!(second.seqs, first.seqs);
    assert!(
        !second
            .headers
            .iter()
            .any(|(name, _)| name == "X-Retry-Count")
    );
    assert!(host.store.is_empty());
    let (_, report) = &host.flushed[0];
    assert_eq!(report.delivered, 1);
}

#[test]
fn a_second_redirect_in_a_row_is_not_followed() {
    let mut host = Host::new(config());
    host.track("a");
    host.flush();
    answer(&mut host, 308, Some("/v2/b"));
    answer(&mut host, 308, Some("/v3/b"));
    assert!(host.uploads.is_empty());
    assert_eq!(host.engine.queue().events, 1);
    host.pass(10_000);
    // The next try begins where the application said.
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn a_redirect_is_not_followed_where_the_device_went_offline_meanwhile() {
    let mut host = Host::new(config());
    host.track("a");
    host.flush();
    host.input(Input::Connection(Connection::Offline));
    answer(&mut host, 307, Some("/v2/b"));
    assert!(host.uploads.is_empty());
    host.input(Input::Connection(Connection::Online));
    assert_eq!(answer(&mut host, 200, None).url, "https://hub.example/v1/b");
}

#[test]
fn the_first_404_names_the_address_and_later_ones_do_not() {
    let mut host = Host::new(config());
    for name in ["a", "b"] {
        host.track(name);
        host.flush();
        answer(&mut host, 404, None);
    }
    let told: Vec<_> = host
        .diagnostics
        .iter()
        .filter(|told| matches!(told, Diagnostic::NotFound { .. }))
        .collect();
    let url = "https://hub.example/v1/b".to_owned();
    assert_eq!(told, [&Diagnostic::NotFound { url }]);
}
