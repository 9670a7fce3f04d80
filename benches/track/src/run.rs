//! The run: the sink, then every contender in turn, several rounds, then the sudden ends.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use measure::{Failure, Scratch, Served, free_port, knob};

use crate::measured::{Told, WARM_UP};
use crate::report::{self, Row};
use crate::sink;

/// Calls of whom a call costs microseconds.
const CALLS: u32 = 100_000;
/// Calls of whom a call costs a disk's sync or a network round trip: enough for a p99, few enough to wait for.
const SLOW_CALLS: u32 = 2_000;
/// Calls before a process is killed.
const CALLS_BEFORE_KILL: u32 = 1_000;

/// Whose calls are measured, in the order in which they take their turns.
const TURNS: [(&str, u32); 9] = [
    ("idle", CALLS),
    ("write", CALLS),
    ("headwater", CALLS),
    ("posthog-rs", CALLS),
    ("posthog-rs-default", CALLS),
    ("headwater-memory", CALLS),
    ("rudderanalytics", SLOW_CALLS),
    ("write+fdatasync", SLOW_CALLS),
    ("headwater-sync", SLOW_CALLS),
];

pub(crate) fn run() -> Result<(), Failure> {
    let scratch = Scratch::new("track")?;
    let rounds: u32 = knob("TRACK_ROUNDS", 3);
    let share: f64 = knob("TRACK_SHARE", 1.0);
    let port = free_port()?;
    let sink = Served::start(
        Command::new(env::current_exe()?).args(["sink", &port.to_string()]),
        port,
    )?;
    println!(
        "track: 12 properties, {rounds} rounds, {} processors, {}, sink in its own process",
        std::thread::available_parallelism()?,
        scratch.filesystem()
    );
    let mut rows: Vec<Row> = TURNS
        .iter()
        .map(|(name, calls)| Row::new(name, (f64::from(*calls) * share) as u32))
        .collect();
    for _ in 0..rounds {
        for row in &mut rows {
            let folder = scratch.fresh(row.name)?;
            let told = child(
                &["measure", row.name, &row.calls.to_string()],
                &folder,
                port,
            )?;
            let told: Told = told
                .ok_or_else(|| format!("{} did not finish", row.name))?
                .parse()?;
            row.rounds.push((told, sink::take(port)?));
        }
    }
    report::table(&rows, WARM_UP);
    let ours = lost_on_kill("headwater", &scratch, port, rounds)?;
    let theirs = lost_on_kill("posthog-rs-default", &scratch, port, rounds)?;
    report::lines(&rows, ours, theirs);
    sink.stop()?;
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
        )?
        .is_some()
        {
            return Err(format!("{name} ended before it was killed").into());
        }
        // What was on its way when the process died may still arrive.
        sleep(Duration::from_millis(200));
        child(&["recover", name], &folder, port)?
            .ok_or_else(|| format!("{name} did not start again"))?;
        let tally = sink::take(port)?;
        lost.push(f64::from(CALLS_BEFORE_KILL) - tally.events as f64);
        repeated += tally.repeated;
    }
    println!(
        "kill: {name}: of {CALLS_BEFORE_KILL} calls lost in each round {lost:?}, sent twice {repeated}"
    );
    Ok(lost.iter().sum::<f64>() / f64::from(rounds))
}

/// What a child printed; nothing when it was ended by a signal.
fn child(args: &[&str], folder: &Path, port: u16) -> Result<Option<String>, Failure> {
    let output = Command::new(env::current_exe()?)
        .args(args)
        .arg(folder)
        .arg(port.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    match output.status.code() {
        Some(0) => Ok(Some(String::from_utf8(output.stdout)?)),
        Some(code) => Err(format!("{args:?} ended with {code}").into()),
        None => Ok(None),
    }
}
