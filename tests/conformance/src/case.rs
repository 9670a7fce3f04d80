//! One case: what the application does in one or more processes, what the hub answers, what must come of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::mock::Script;
use crate::template::lay;

/// The write key of every scenario that names none.
pub const WRITE_KEY: &str = "conformance-key";
const LONGEST: Duration = Duration::from_secs(20);

/// One case, ready to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The suite.
    pub suite: String,
    /// `suite/file: name`, unique.
    pub id: String,
    /// Its processes, one after the other, on one directory.
    pub runs: Vec<Run>,
    /// What the hub answers; goes on over all runs.
    pub script: Script,
    /// What must have come of it at the hub; see `expect`.
    pub expect: Value,
    /// Makes an event or a body exact to the byte.
    pub pad: Option<Pad>,
    /// What of our own optional input it cannot do without, by name: `headwater.consent`, `sequences.flush`, `restart`.
    pub needs: Vec<String>,
}

/// One process.
#[derive(Clone, Debug)]
pub struct Run {
    /// For `--input`, with `${host}`, `${directory}` and `${pad}` still in it.
    pub input: Value,
    /// How it must end; `success` by default.
    pub end: End,
    /// The process is killed once the mock has seen so many tracking requests, counted over all runs.
    pub kill_at: Option<usize>,
    /// Exact counts in the answer (`sentBatches`, `pending`, `refused`) and `reports`, where the case says so.
    pub says: Value,
    /// After which the process is killed and the case has failed.
    pub limit: Duration,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `success: true`, exit code 0.
    Success,
    /// `success: false`, exit code 1.
    Failure,
    /// By a signal, without an answer.
    Died,
}

/// `${pad}` is filled until the first event, or the first body, has exactly so many bytes.
#[derive(Clone, Debug)]
pub struct Pad {
    /// The size wanted.
    pub bytes: usize,
    /// Of the body, or of the first event in it.
    pub body: bool,
    /// What it is filled with; the rest that this does not fill is filled with `x`.
    pub with: String,
}

impl Case {
    /// Reads a scenario whose variables and short forms are filled in.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(suite: &str, stem: &str, scenario: &Value) -> Result<Case, String> {
        let name = scenario
            .get("name")
            .and_then(Value::as_str)
            .ok_or("a scenario needs a name")?;
        let id = format!("{suite}/{stem}: {name}");
        known(
            scenario,
            &[
                "name", "why", "each", "mock", "input", "runs", "end", "says", "killAt", "limitMs",
                "expect", "pad",
            ],
        )?;
        let runs = match scenario.get("runs").and_then(Value::as_array) {
            Some(runs) => runs.iter().map(Run::read).collect::<Result<_, _>>()?,
            None => vec![Run::read(scenario)?],
        };
        Ok(Case {
            needs: needs(scenario),
            suite: suite.to_owned(),
            id,
            runs,
            script: Script::read(scenario.get("mock").unwrap_or(&Value::Null))?,
            expect: scenario.get("expect").cloned().unwrap_or_default(),
            pad: scenario.get("pad").map(Pad::read).transpose()?,
        })
    }
}

/// The optional fields that a scenario sets. A client that does not know one would pass or fail for another reason.
fn needs(scenario: &Value) -> Vec<String> {
    let one = [scenario.clone()];
    let runs = scenario.get("runs").and_then(Value::as_array);
    let mut needs = Vec::new();
    for run in runs.map_or(&one[..], Vec::as_slice) {
        let input = run.get("input").unwrap_or(&Value::Null);
        let ours = input.get("headwater").and_then(Value::as_object);
        needs.extend(
            ours.into_iter()
                .flat_map(|ours| ours.keys())
                .map(|key| format!("headwater.{key}")),
        );
        let sequences = input.get("sequences").and_then(Value::as_array);
        for sequence in sequences.into_iter().flatten() {
            let ours = ["consent", "flush"].into_iter();
            needs.extend(
                ours.filter(|key| sequence.get(key).is_some())
                    .map(|key| format!("sequences.{key}")),
            );
        }
    }
    if runs.is_some() {
        needs.push("restart".to_owned());
    }
    needs.sort_unstable();
    needs.dedup();
    needs
}

impl Run {
    fn read(value: &Value) -> Result<Run, String> {
        let mut input = json!({
            "writeKey": WRITE_KEY,
            "apiHost": "http://${host}",
            "cdnHost": "http://${host}",
            "sequences": [],
            "config": {"flushAt": 20, "flushInterval": 10_000, "maxRetries": 10, "timeout": 10},
            "headwater": {"directory": "${directory}", "backoffMs": 100},
        });
        lay(&mut input, value.get("input").unwrap_or(&json!({})));
        let end = match value.get("end").and_then(Value::as_str) {
            None | Some("success") => End::Success,
            Some("failure") => End::Failure,
            Some("died") => End::Died,
            Some(other) => return Err(format!("no process ends as {other:?}")),
        };
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        Ok(Run {
            input,
            end,
            kill_at: number("killAt").and_then(|n| usize::try_from(n).ok()),
            says: value.get("says").cloned().unwrap_or_default(),
            limit: number("limitMs").map_or(LONGEST, Duration::from_millis),
        })
    }

    /// The events that the application calls for, up to the crash where there is one.
    pub fn events(&self) -> impl Iterator<Item = &Value> {
        let crash = self
            .input
            .pointer("/headwater/crashAfter")
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok());
        self.input
            .get("sequences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|sequence| sequence.get("events").and_then(Value::as_array))
            .flatten()
            .take(crash.unwrap_or(usize::MAX))
    }
}

impl Pad {
    fn read(value: &Value) -> Result<Pad, String> {
        known(value, &["event", "body", "with"])?;
        let size = |key: &str| value.get(key).and_then(Value::as_u64);
        let (bytes, body) = match (size("event"), size("body")) {
            (Some(bytes), None) => (bytes, false),
            (None, Some(bytes)) => (bytes, true),
            _ => return Err("pad needs `event` or `body`, a number of bytes".to_owned()),
        };
        let with = value.get("with").and_then(Value::as_str).unwrap_or("x");
        Ok(Pad {
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            body,
            with: with.to_owned(),
        })
    }

    /// A filling of exactly so many bytes.
    #[must_use]
    pub fn filling(&self, bytes: usize) -> String {
        let whole = bytes / self.with.len().max(1);
        let mut text = self.with.repeat(whole);
        text.push_str(&"x".repeat(bytes - text.len()));
        text
    }
}

/// Refuses fields that nobody reads: a mistyped expectation must not pass for a fulfilled one.
pub(crate) fn known(value: &Value, fields: &[&str]) -> Result<(), String> {
    match value
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, _)| !fields.contains(&key.as_str()))
    {
        Some((key, _)) => Err(format!("there is no field {key:?}; known are {fields:?}")),
        None => Ok(()),
    }
}
