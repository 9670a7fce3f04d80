//! Carrying the input out on the real client.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use headwater::{
    Builder, Client, ConsentConfig, ConsentModel, Durability, Hold, Quota, RetryConfig,
};
use headwater_model::time::parse_iso;
use serde_json::{Map, Value};

use crate::input::{Event, Input, Ours};
use crate::outcome::Heard;

/// When the input names no time: how long the last flush may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const SETTINGS: Duration = Duration::from_secs(15);

/// Runs all sequences; answers the document for stdout and whether all is well.
pub(crate) fn run(input: &Input) -> Result<(Value, bool), Box<dyn Error>> {
    let heard = Heard::default();
    let (reports, diagnostics) = (heard.clone(), heard.clone());
    let client = configure(input)?
        .on_report(move |report| {
            say(&format!("{} events lost: {}", report.count, report.reason));
            reports.report(report);
        })
        .on_diagnostic(move |diagnostic| {
            say(&format!("{diagnostic:?}"));
            diagnostics.diagnostic(diagnostic);
        })
        .build()?;
    if input.headwater.await_settings {
        let until = Instant::now() + SETTINGS;
        while client.settings().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let mut refused = Vec::new();
    let mut calls = 0;
    for sequence in &input.sequences {
        std::thread::sleep(Duration::from_millis(sequence.delay_ms));
        if let Some(decision) = &sequence.consent {
            client.set_consent(decision.iter().map(|(id, granted)| (id.clone(), *granted)));
        }
        for event in &sequence.events {
            if let Err(error) = call(&client, event) {
                say(&format!("refused: {error}"));
                refused.push(error.to_string());
            }
            calls += 1;
            if input.headwater.crash_after == Some(calls) {
                // No destructor, no flush: as a process that dies.
                std::process::abort();
            }
        }
        if sequence.flush {
            client.flush_blocking();
        }
    }
    let timeout = input
        .config
        .timeout
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(TIMEOUT);
    let last = client.shutdown_blocking(timeout);
    Ok(heard.answer(&last, &refused))
}

fn configure(input: &Input) -> Result<Builder, Box<dyn Error>> {
    let Ours {
        mode,
        durability,
        directory,
        follow_api_host,
        consent,
        flush_bytes,
        max_batch_events,
        gzip,
        basic_auth,
        request_timeout_ms,
        backoff_ms,
        max_backoff_ms,
        max_rate_limited,
        max_total_ms,
        quota_events,
        ..
    } = &input.headwater;
    let mut builder = Client::builder(&input.write_key)
        .without_endpoint()
        .no_proxy()
        .durability(match durability.as_deref() {
            None | Some("buffered") => Durability::Buffered,
            Some("sync") => Durability::Sync,
            Some("memory") => Durability::Memory,
            Some(other) => return Err(format!("unknown durability {other:?}").into()),
        });
    builder = match mode.as_deref() {
        None | Some("server") => builder.server(),
        Some("device") => builder.device(),
        Some(other) => return Err(format!("unknown mode {other:?}").into()),
    };
    builder = match directory {
        Some(directory) => builder.directory(directory),
        None => builder.directory(std::env::temp_dir().join(format!(
            "headwater-e2e-{}-{}",
            std::process::id(),
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos()
        ))),
    };
    if let Some(host) = &input.api_host {
        builder = builder.endpoint(host);
    }
    if let Some(host) = &input.cdn_host {
        builder = builder.settings_host(host);
    }
    if *follow_api_host {
        builder = builder.follow_api_host();
    }
    if let Some(consent) = consent {
        builder = builder.consent(ConsentConfig {
            model: match consent.model.as_str() {
                "opt-in" => ConsentModel::OptIn,
                "opt-out" => ConsentModel::OptOut,
                other => return Err(format!("unknown consent model {other:?}").into()),
            },
            categories: consent.categories.clone(),
            hold: match consent.hold.as_deref() {
                None | Some("persist") => Hold::Persist,
                Some("memory") => Hold::Memory,
                Some(other) => return Err(format!("unknown hold {other:?}").into()),
            },
        });
    }
    if let Some(events) = input.config.flush_at {
        builder = builder.flush_at(events);
    }
    // Scenarios count requests, and are written for SDKs of which none sends sooner by itself.
    let interval = input.config.flush_interval.unwrap_or(30_000.0);
    builder = builder.flush_interval(Duration::try_from_secs_f64(interval / 1_000.0)?);
    if let Some(bytes) = flush_bytes {
        builder = builder.flush_bytes(*bytes);
    }
    if let Some(events) = max_batch_events {
        builder = builder.max_batch_events(*events);
    }
    if let Some(gzip) = gzip {
        builder = builder.gzip(*gzip);
    }
    if let Some(basic_auth) = basic_auth {
        builder = builder.basic_auth(*basic_auth);
    }
    if let Some(ms) = request_timeout_ms {
        builder = builder.request_timeout(Duration::from_millis(*ms));
    }
    if let Some(events) = quota_events {
        builder = builder.quota(Quota {
            events: *events,
            ..Quota::default()
        });
    }
    let usual = RetryConfig::default();
    Ok(builder.retry(RetryConfig {
        base: backoff_ms.unwrap_or(usual.base),
        max: max_backoff_ms.unwrap_or(usual.max),
        max_retries: input.config.max_retries,
        max_rate_limited: *max_rate_limited,
        max_total: *max_total_ms,
        ..usual
    }))
}

fn call(client: &Client, event: &Event) -> Result<(), Box<dyn Error>> {
    let none = Map::new();
    let properties = event.properties.as_ref().unwrap_or(&none);
    let traits = event.traits.as_ref().unwrap_or(&none);
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let mut call = match event.kind.as_str() {
        "track" => client.track(text(&event.event), properties),
        "identify" => client.identify(text(&event.user_id), traits),
        "page" => client.page(text(&event.name), properties),
        "screen" => client.screen(text(&event.name), properties),
        "group" => client.group(text(&event.group_id), traits),
        "alias" => client.alias(text(&event.user_id)),
        other => return Err(format!("unknown type {other:?}").into()),
    };
    if let Some(user_id) = &event.user_id {
        call = call.user_id(user_id);
    }
    if let Some(anonymous_id) = &event.anonymous_id {
        call = call.anonymous_id(anonymous_id);
    }
    if let Some(message_id) = &event.message_id {
        call = call.message_id(message_id);
    }
    if let Some(category) = &event.category {
        call = call.category(category);
    }
    if let Some(previous_id) = &event.previous_id {
        call = call.previous_id(previous_id);
    }
    if let Some(at) = &event.timestamp {
        let at = parse_iso(at).ok_or("the timestamp is no ISO 8601 time")?;
        let ms = Duration::from_millis(at.0.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let at = if at.0 < 0 {
            epoch.checked_sub(ms)
        } else {
            epoch.checked_add(ms)
        };
        call = call.timestamp(at.ok_or("the timestamp is out of range")?);
    }
    if let Some(context) = &event.context {
        call = call.context(context);
    }
    if let Some(integrations) = &event.integrations {
        call = call.integrations(integrations);
    }
    call.send()?;
    Ok(())
}

/// Logs go to stderr; stdout belongs to the answer.
#[allow(clippy::print_stderr)]
fn say(line: &str) {
    eprintln!("{line}");
}
