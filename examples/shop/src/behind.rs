//! What the hub behind the collector did with the events: which the destination got, and which are rows.

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use headwater::json::{self, Limits, Value};

use crate::args::Args;
use crate::stored::{StoredError, get_text};

/// How long deliveries and rows may take; they take some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The tables in which every event is one row.
const TABLES: [&str; 6] = [
    "tracks",
    "identifies",
    "pages",
    "screens",
    "groups",
    "aliases",
];

/// What arrived behind the hub, of the events that were sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    pub(crate) delivered: usize,
    pub(crate) rows: usize,
}

/// Waits until both are complete, or for nothing more.
pub(crate) fn wait(args: &Args, sent: &HashSet<&str>) -> Result<Option<Behind>, StoredError> {
    let (Some(echo), Some(data)) = (&args.echo, &args.data) else {
        return Ok(None);
    };
    let started = Instant::now();
    loop {
        let ids = get_text(echo, "/_ids")?;
        let delivered = ids.lines().filter(|id| sent.contains(id)).count();
        let rows = rows(args, data)?
            .iter()
            .filter(|id| sent.contains(id.as_str()))
            .count();
        let complete = delivered == sent.len() && rows == sent.len();
        if complete || started.elapsed() > PATIENCE {
            return Ok(Some(Behind { delivered, rows }));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The ids of all rows.
fn rows(args: &Args, data: &std::path::Path) -> Result<Vec<String>, StoredError> {
    let file = std::path::absolute(data.join(&args.warehouse)).unwrap_or_default();
    if !file.exists() {
        return Ok(Vec::new());
    }
    let there = query(
        args,
        &file,
        "SELECT name AS id FROM sqlite_master WHERE type = 'table'",
    )?;
    let parts: Vec<String> = TABLES
        .iter()
        .filter(|table| there.iter().any(|name| name == *table))
        .map(|table| format!("SELECT id FROM {table}"))
        .collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    query(args, &file, &parts.join(" UNION ALL "))
}

/// One column, named `id`.
fn query(args: &Args, file: &std::path::Path, sql: &str) -> Result<Vec<String>, StoredError> {
    let command = format!("{} query", args.headwater.display());
    let done = Command::new(&args.headwater)
        .args(["query", "--json", "--file"])
        .arg(file)
        .arg(sql)
        .output()
        .map_err(|source| StoredError::Run {
            command: command.clone(),
            source,
        })?;
    if !done.status.success() {
        let message = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(StoredError::Export { command, message });
    }
    let mut ids = Vec::new();
    for line in done
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let row = json::parse(line, &Limits::default())?;
        ids.extend(row.get("id").and_then(Value::as_str).map(str::to_owned));
    }
    Ok(ids)
}
