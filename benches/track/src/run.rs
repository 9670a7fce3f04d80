//! The run: the sink, then every contender in turn, several rounds, then the sudden ends.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use measure::{Failure, Scratch, free_port, knob};

use crate::case::{Case, Hub, Pace, RATE};
use crate::measured::WARM_UP;
use crate::report::{self, Row};
use crate::results;
use crate::sink;
use crate::turn::{self, Sink};

/// Calls of whom a call costs microseconds.
const CALLS: u32 = 100_000;
/// Calls of whom a call costs a disk's sync or a network round trip: enough for a p99, few enough to wait for.
const SLOW_CALLS: u32 = 2_000;
/// Calls at a pace: ten seconds.
const PACED_CALLS: u32 = 10 * RATE;
/// Calls at a pace while the hub is down: five seconds.
const OUTAGE_CALLS: u32 = 5 * RATE;
/// Calls before a process is killed.
const CALLS_BEFORE_KILL: u32 = 1_000;

/// Who calls without a pause, in the order in which they take their turns.
const BURSTS: [(&str, u32); 11] = [
    ("idle", CALLS),
    ("write(2)", CALLS),
    ("write", CALLS),
    ("headwater", CALLS),
    ("segment", CALLS),
    ("posthog-rs", CALLS),
    ("posthog-rs-default", CALLS),
    ("headwater-memory", CALLS),
    ("rudderanalytics", SLOW_CALLS),
    ("write+fdatasync", SLOW_CALLS),
    ("headwater-sync", SLOW_CALLS),
];

/// Who calls at a pace. One who waits for the disk in each call cannot keep it.
const PACED: [&str; 8] = [
    "idle",
    "write(2)",
    "write",
    "headwater",
    "segment",
    "posthog-rs",
    "headwater-memory",
    "rudderanalytics",
];

/// Whose calls are measured while the hub is down. A call of rudderanalytics waits through all of its tries then, seconds.
const OUTAGES: [&str; 3] = ["headwater", "segment", "posthog-rs"];

/// Everything that is measured, or what of it `TRACK_ONLY` names: `burst`, `even`, `down`.
fn cases(share: f64) -> Vec<Case> {
    let only: String = knob("TRACK_ONLY", String::new());
    let wanted = |part: &str| only.is_empty() || only.contains(part);
    let calls = |calls: u32| (f64::from(calls) * share) as u32;
    let mut cases = Vec::new();
    if wanted("burst") {
        cases.extend(BURSTS.map(|(name, count)| Case {
            name,
            calls: calls(count),
            pace: Pace::Burst,
            hub: Hub::Up,
        }));
    }
    let paced = |name, count, hub| Case {
        name,
        calls: calls(count),
        pace: Pace::Even,
        hub,
    };
    if wanted("even") {
        cases.extend(PACED.map(|name| paced(name, PACED_CALLS, Hub::Up)));
    }
    if wanted("down") {
        for hub in [Hub::Refuses, Hub::Fails] {
            cases.extend(OUTAGES.map(|name| paced(name, OUTAGE_CALLS, hub)));
        }
    }
    cases
}

pub(crate) fn run() -> Result<(), Failure> {
    let scratch = Scratch::new("track")?;
    let rounds: u32 = knob("TRACK_ROUNDS", 3);
    let mut sink = Sink::start(free_port()?)?;
    println!(
        "track: 12 properties, {rounds} rounds, {} processors, {}, sink in its own process",
        std::thread::available_parallelism()?,
        scratch.filesystem()
    );
    let mut rows: Vec<Row> = cases(knob("TRACK_SHARE", 1.0))
        .into_iter()
        .map(Row::new)
        .collect();
    for _ in 0..rounds {
        for row in &mut rows {
            let folder = scratch.fresh(row.case.name)?;
            row.rounds.push(turn::take(&row.case, &folder, &mut sink)?);
        }
    }
    report::tables(&rows, WARM_UP);
    let ours = lost_on_kill("headwater", &scratch, sink.port(), rounds)?;
    let theirs = lost_on_kill("posthog-rs-default", &scratch, sink.port(), rounds)?;
    results::lines(&rows, ours, theirs);
    Ok(())
}

/// Events that never arrived, the mean of the rounds, when the process was killed after its last call had returned
/// and was then started again.
fn lost_on_kill(
    name: &'static str,
    scratch: &Scratch,
    port: u16,
    rounds: u32,
) -> Result<f64, Failure> {
    let (mut lost, mut repeated) = (Vec::new(), 0);
    for _ in 0..rounds {
        let folder = scratch.fresh(name)?;
        if child(
            &["killed", name, &CALLS_BEFORE_KILL.to_string()],
            &folder,
            port,
        )? {
            return Err(format!("{name} ended before it was killed").into());
        }
        // What was on its way when the process died may still arrive.
        sleep(Duration::from_millis(200));
        if !child(&["recover", name], &folder, port)? {
            return Err(format!("{name} did not start again").into());
        }
        let tally = sink::take(port, 0)?;
        lost.push(f64::from(CALLS_BEFORE_KILL) - tally.events as f64);
        repeated += tally.repeated;
    }
    println!(
        "kill: {name}: of {CALLS_BEFORE_KILL} calls lost in each round {lost:?}, sent twice {repeated}"
    );
    Ok(lost.iter().sum::<f64>() / f64::from(rounds))
}

/// Whether a child ended by itself, and well; `false` when it was ended by a signal.
fn child(args: &[&str], folder: &Path, port: u16) -> Result<bool, Failure> {
    let status = Command::new(env::current_exe()?)
        .args(args)
        .arg(folder)
        .arg(port.to_string())
        .stdin(Stdio::null())
        .status()?;
    match status.code() {
        Some(0) => Ok(true),
        Some(code) => Err(format!("{args:?} ended with {code}").into()),
        None => Ok(false),
    }
}
