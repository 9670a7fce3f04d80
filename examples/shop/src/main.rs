//! The demo: a recorded evening in a shop goes through the real SDK, over a link that breaks, to a collector; in the
//! end the messageIds that were sent are compared with those that the collector has stored, and, where a hub is behind it,
//! with those that its destination got and its warehouse has as rows.
//!
//! ```text
//! session.ndjson ─▶ headwater (server mode) ─▶ link (resets, 503, 429, lost answers) ─▶ collector
//!        └───────────────────────── compared by messageId ◀──── headwater export ◀─────────┘
//! ```

mod account;
mod args;
mod behind;
mod fault;
mod link;
mod screen;
mod session;
mod stored;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use headwater::{Client, Diagnostic, RetryConfig};

use account::Account;
use args::Args;
use link::Link;
use screen::Screen;
use session::Call;

/// Small batches: many requests, so that the link has something to break.
const EVENTS_A_BATCH: usize = 10;
const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// Longer than any evening of faults takes; what waits then counts as lost.
const DRAIN: Duration = Duration::from_secs(60);
const PROGRESS: Duration = Duration::from_secs(1);

/// Why the demo could not be run. A loss is none of these; it is the demo's result.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Session(#[from] session::SessionError),
    #[error("{0}")]
    Link(#[from] link::LinkError),
    #[error("the SDK did not start: {0}")]
    Sdk(#[from] headwater::BuildError),
    #[error("call {number} was refused by the SDK: {source}")]
    Call {
        number: usize,
        source: headwater::TrackError,
    },
    #[error("{0}")]
    Stored(#[from] stored::StoredError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let screen = Arc::new(Screen::new());
    match run(&args, &screen) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            screen.error(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, screen: &Arc<Screen>) -> Result<bool, Failure> {
    let calls = session::load(args.session.as_deref())?;
    let evening = Duration::from_millis(calls.last().map_or(0, |call| call.at));
    let link = Link::start(&args.endpoint, args.plan(), Arc::clone(screen))?;
    screen.line("shop", &opening(args, &calls, evening));

    let queue = tempfile::tempdir()?;
    let client = client(args, screen, &link, queue.path())?;
    let account = play(args, screen, &client, &link, &calls, evening)?;
    screen.line("shop", "closing time: the SDK sends what still waits");
    let rest = client.shutdown_blocking(DRAIN);
    if rest.pending > 0 || rest.dropped > 0 {
        let why = rest.waiting_for.as_deref().unwrap_or("see above");
        screen.line(
            "sdk",
            &format!(
                "{} still wait, {} dropped: {why}",
                rest.pending, rest.dropped
            ),
        );
    }
    let tally = link.tally();
    screen.line(
        "link",
        &format!(
            "{} requests, {} faults, {} retries",
            tally.requests, tally.faults, tally.retries
        ),
    );

    let stored = stored::read(args)?;
    let balance = account.settle(&stored);
    screen.arrived(&stored, args);
    let behind = behind::wait(args, &account.ids())?;
    screen.balance(&balance, behind);
    let all =
        behind.is_none_or(|behind| behind.delivered == balance.sent && behind.rows == balance.sent);
    Ok(balance.is_even() && all)
}

fn opening(args: &Args, calls: &[Call], evening: Duration) -> String {
    let speed = if args.speed > 0.0 {
        format!("{:.0} s", evening.as_secs_f64() / args.speed)
    } else {
        "one go".to_owned()
    };
    format!(
        "{} calls of one evening, {} minutes, in {speed} · faults {}",
        calls.len(),
        evening.as_secs() / 60,
        if args.faults.are_on() {
            format!("on, seed {}", args.seed)
        } else {
            "off".to_owned()
        },
    )
}

fn client(
    args: &Args,
    screen: &Arc<Screen>,
    link: &Link,
    queue: &std::path::Path,
) -> Result<Client, Failure> {
    let (reports, diagnostics) = (Arc::clone(screen), Arc::clone(screen));
    let client = Client::builder(&args.write_key)
        .endpoint(format!("http://{}", link.address()))
        .directory(queue)
        .no_proxy()
        .max_batch_events(EVENTS_A_BATCH)
        .flush_at(EVENTS_A_BATCH)
        .flush_interval(FLUSH_EVERY)
        // The collector then says what became of each event, which the link shows.
        .header("X-Collector-Strict", "1")
        .retry(RetryConfig {
            base: 100,
            ..RetryConfig::default()
        })
        .on_report(move |report| {
            reports.line(
                "sdk",
                &format!(
                    "{} dropped: {} {}",
                    report.count, report.reason, report.detail
                ),
            );
        })
        .on_diagnostic(move |diagnostic| {
            if let Diagnostic::UploadFailed {
                status,
                failures,
                retry_in,
            } = diagnostic
            {
                let what = status.map_or("no answer".to_owned(), |status| status.to_string());
                diagnostics.line(
                    "sdk",
                    &format!("{what}, try {failures}: again in {retry_in} ms"),
                );
            }
        })
        .build()?;
    Ok(client)
}

/// Makes the calls, each at its time of the evening, and keeps the account of what was sent.
fn play<'a>(
    args: &Args,
    screen: &Screen,
    client: &Client,
    link: &Link,
    calls: &'a [Call],
    evening: Duration,
) -> Result<Account<'a>, Failure> {
    let (started, mut shown) = (Instant::now(), Instant::now());
    // The evening ends now, so that the events are of today.
    let opened = SystemTime::now() - evening;
    let mut account = Account::default();
    for (number, call) in calls.iter().enumerate() {
        if args.speed > 0.0 {
            let due = started + Duration::from_millis(call.at).div_f64(args.speed);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let when = opened + Duration::from_millis(call.at);
        let receipt = call.send(client, when).map_err(|source| Failure::Call {
            number: number + 1,
            source,
        })?;
        account.sent(receipt.message_id(), call);
        if let Some(story) = call.story() {
            screen.line("shop", &story);
        }
        if shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            screen.progress(number + 1, calls.len(), link.tally().stored);
        }
    }
    screen.progress(calls.len(), calls.len(), link.tally().stored);
    Ok(account)
}
