//! Running one case: its processes against its mock, then the judgement.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::case::{Case, End, Pad, Run};
use crate::expect;
use crate::ledger;
use crate::mock::{Mock, Script};
use crate::process::{self, Finished};
use crate::sdk::Sdk;
use crate::template::fill;

/// How much longer another's client may take: its backoff is its own.
const PATIENCE: u32 = 4;
/// Until what a killed process had on its way is recorded.
const SETTLE: Duration = Duration::from_millis(50);

/// How a case ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is not as it must be; none when the case passed.
    pub failures: Vec<String>,
    /// The requests in short.
    pub story: String,
    /// What the processes said.
    pub said: Vec<String>,
    /// From start to end.
    pub took: Duration,
}

/// Runs a case with this CLI.
#[must_use]
pub fn run_case(case: &Case, sdk: &Sdk) -> Outcome {
    let begun = Instant::now();
    let mut outcome = Outcome {
        failures: Vec::new(),
        story: String::new(),
        said: Vec::new(),
        took: Duration::ZERO,
    };
    if let Err(problem) = attempt(case, sdk, &mut outcome) {
        outcome.failures.push(problem);
    }
    outcome.took = begun.elapsed();
    outcome
}

fn attempt(case: &Case, sdk: &Sdk, outcome: &mut Outcome) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let pad = match &case.pad {
        Some(pad) => calibrate(case, pad, sdk)?,
        None => String::new(),
    };
    let mock = Mock::start().map_err(|error| error.to_string())?;
    let variables = variables(&mock, directory.path(), &pad);
    let mut script = case.script.clone();
    script.fill(&mock.host());
    mock.play(script);
    for (number, run) in case.runs.iter().enumerate() {
        let finished = start(run, &variables, sdk, directory.path(), &mock)?;
        let which = if case.runs.len() > 1 {
            format!("run {}: ", number + 1)
        } else {
            String::new()
        };
        judge_run(run, &finished, sdk, &which, &mut outcome.failures);
        outcome
            .said
            .push(format!("{which}stdout: {}", finished.stdout.trim()));
        let stderr: Vec<&str> = finished.stderr.lines().take(20).collect();
        outcome
            .said
            .push(format!("{which}stderr: {}", stderr.join("\n          ")));
    }
    let seen = mock.seen();
    outcome
        .failures
        .extend(expect::judge(case, &seen, sdk.ours && !sdk.slow));
    outcome.story = ledger::story(&seen);
    Ok(())
}

fn variables(mock: &Mock, directory: &Path, pad: &str) -> Map<String, Value> {
    [
        ("host", mock.host()),
        ("directory", directory.join("queue").display().to_string()),
        ("pad", pad.to_owned()),
    ]
    .map(|(name, text)| (name.to_owned(), Value::from(text)))
    .into_iter()
    .collect()
}

fn start(
    run: &Run,
    variables: &Map<String, Value>,
    sdk: &Sdk,
    directory: &Path,
    mock: &Mock,
) -> Result<Finished, String> {
    let mut input = run.input.clone();
    fill(&mut input, variables);
    let mut limit = run.limit;
    if sdk.slow || !sdk.ours {
        limit *= PATIENCE;
    }
    if !sdk.ours {
        let timeout = input.pointer_mut("/config/timeout");
        if let Some((timeout, seconds)) =
            timeout.and_then(|timeout| timeout.as_u64().map(|seconds| (timeout, seconds)))
        {
            *timeout = Value::from(seconds * u64::from(PATIENCE));
        }
    }
    let kill = || run.kill_at.is_some_and(|at| mock.tracking_count() >= at);
    let finished = process::run(&sdk.command, &input.to_string(), directory, limit, kill)?;
    if finished.killed {
        std::thread::sleep(SETTLE);
    }
    Ok(finished)
}

/// Runs the case once with nothing in the padding, against a hub that takes everything, and answers what fills it up.
fn calibrate(case: &Case, pad: &Pad, sdk: &Sdk) -> Result<String, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mock = Mock::start().map_err(|error| error.to_string())?;
    mock.play(Script::open());
    let run = case.runs.first().ok_or("a case needs a run")?;
    start(
        run,
        &variables(&mock, directory.path(), ""),
        sdk,
        directory.path(),
        &mock,
    )?;
    let tries = ledger::tries(&mock.seen());
    let first = tries
        .first()
        .ok_or("nothing came while the size of an event was measured")?;
    let size = if pad.body {
        first.recorded.request.body.len()
    } else {
        first.sizes.first().copied().unwrap_or(0)
    };
    let missing = pad
        .bytes
        .checked_sub(size)
        .ok_or_else(|| format!("{size} bytes without any padding, {} wanted", pad.bytes))?;
    Ok(pad.filling(missing))
}

fn judge_run(run: &Run, finished: &Finished, sdk: &Sdk, which: &str, failures: &mut Vec<String>) {
    let mut fail = |text: String| failures.push(format!("{which}{text}"));
    let Some(status) = finished.status else {
        fail(format!(
            "the process did not end within {} ms and was killed",
            run.limit.as_millis()
        ));
        return;
    };
    if run.end == End::Died {
        if status.code().is_some() {
            fail(format!(
                "the process had to be killed, but ended by itself ({status})"
            ));
        }
        return;
    }
    let answer: Value = match serde_json::from_str(finished.stdout.trim()) {
        Ok(answer) => answer,
        Err(error) => {
            fail(format!(
                "stdout is not one JSON document ({error}); the process ended with {status}"
            ));
            return;
        }
    };
    let success = answer.get("success").and_then(Value::as_bool);
    if success != Some(run.end == End::Success) {
        fail(format!(
            "`success` is {} and must be {}",
            answer.get("success").unwrap_or(&Value::Null),
            run.end == End::Success
        ));
    }
    if answer.get("sentBatches").and_then(Value::as_u64).is_none() {
        fail("`sentBatches` is not a count".to_owned());
    }
    if success == Some(false) && answer.get("error").and_then(Value::as_str).is_none() {
        fail("`success` is false and no `error` says why".to_owned());
    }
    let code = i32::from(success != Some(true));
    if status.code() != Some(code) {
        fail(format!(
            "the process ended with {status}; with this `success` it must be {code}"
        ));
    }
    for (key, wanted) in run.says.as_object().into_iter().flatten() {
        let said = match answer.get(key) {
            Some(Value::Array(all)) if wanted.is_u64() => Value::from(all.len()),
            Some(said) => said.clone(),
            // Beyond the contract: what another's CLI does not count is judged by what arrived alone.
            None if !sdk.ours => continue,
            None => Value::Null,
        };
        if said != *wanted {
            fail(format!("the answer's {key} is {said} and must be {wanted}"));
        }
    }
}
