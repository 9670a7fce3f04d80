//! What the collector has stored: from its data folder, by `headwater export`, or over HTTP, from `/_inspect/good`.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use headwater::json::{self, Limits, Object, Value};

use crate::args::Args;
use crate::link::host;

const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_LISTING: usize = 64 << 20;

/// Why what is stored could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredError {
    #[error("cannot run {command}: {source}; name the collector's binary with --headwater")]
    Run { command: String, source: io::Error },
    #[error("{command} failed: {message}")]
    Export { command: String, message: String },
    #[error(
        "the collector's /_inspect does not answer as `headwater dev` does ({0}); give its folder with --data"
    )]
    Inspect(String),
    #[error("what the collector stored cannot be read: {0}")]
    Json(#[from] json::ParseError),
}

/// All stored events; over HTTP the latest thousand, which is what the collector keeps at hand.
pub(crate) fn read(args: &Args) -> Result<Vec<Object>, StoredError> {
    match &args.data {
        Some(data) => {
            let command = format!(
                "{} export --data {}",
                args.headwater.display(),
                data.display()
            );
            let done = Command::new(&args.headwater)
                .arg("export")
                .arg("--data")
                .arg(data)
                .output()
                .map_err(|source| StoredError::Run {
                    command: command.clone(),
                    source,
                })?;
            if !done.status.success() {
                let message = String::from_utf8_lossy(&done.stderr).trim().to_owned();
                return Err(StoredError::Export { command, message });
            }
            let lines = done
                .stdout
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty());
            let mut events = Vec::new();
            for line in lines {
                if let Value::Object(event) = json::parse(line, &Limits::default())? {
                    events.push(event);
                }
            }
            Ok(events)
        }
        None => {
            let listed = get(args, "/_inspect/good")?;
            let Some(items) = listed.get("items").and_then(Value::as_array) else {
                return Err(StoredError::Inspect("no items".to_owned()));
            };
            Ok(items
                .iter()
                .filter_map(|item| item.get("event")?.as_object().cloned())
                .collect())
        }
    }
}

/// How often the collector was sent an event that it had.
pub(crate) fn repeats(args: &Args) -> Option<u64> {
    get(args, "/_inspect/all").ok()?.get("duplicates")?.as_u64()
}

fn get(args: &Args, path: &str) -> Result<Value, StoredError> {
    let body = get_text(&args.endpoint, path)?;
    Ok(json::parse(
        body.as_bytes(),
        &Limits::default().with_max_bytes(LONGEST_LISTING),
    )?)
}

/// The body of an answer.
pub(crate) fn get_text(endpoint: &str, path: &str) -> Result<String, StoredError> {
    let fail = |error: io::Error| StoredError::Inspect(error.to_string());
    let host = host(endpoint).unwrap_or_default();
    let mut server = TcpStream::connect(&host).map_err(fail)?;
    server.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    write!(server, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").map_err(fail)?;
    let mut answer = Vec::new();
    server
        .take(LONGEST_LISTING as u64)
        .read_to_end(&mut answer)
        .map_err(fail)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = end
        .and_then(|end| answer.get(end + 4..))
        .unwrap_or_default();
    let status = answer
        .get(9..12)
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    if status != "200" {
        return Err(StoredError::Inspect(format!("status {status}")));
    }
    Ok(String::from_utf8_lossy(body).into_owned())
}
