//! `headwater-e2e --input '<json>'`: the Rust SDK as the conformance runner drives it. One JSON document on stdout,
//! logs on stderr, exit code 0 when every event was delivered and 1 otherwise.

mod drive;
mod input;
mod outcome;

use std::process::ExitCode;

use serde_json::{Value, json};

const HELP: &str = "\
headwater-e2e: drives the Rust SDK by the e2e contract of Segment's SDKs

  headwater-e2e --input '<json>'    the input itself
  headwater-e2e --input @FILE       the input from a file, for what no command line can hold

Writes one JSON document {success, sentBatches, error?, …} to stdout and logs to stderr.
Exit code 0 when every event was delivered, 1 otherwise. The fields: tests/conformance/README.md";

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (answer, success) = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--input"), Some(text)) => run(&text).unwrap_or_else(|error| {
            (
                json!({"success": false, "sentBatches": 0, "error": error.to_string()}),
                false,
            )
        }),
        _ => {
            println!("{HELP}");
            return ExitCode::from(2);
        }
    };
    println!("{answer}");
    ExitCode::from(u8::from(!success))
}

fn run(text: &str) -> Result<(Value, bool), Box<dyn std::error::Error>> {
    let input = match text.strip_prefix('@') {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file)?),
        None => serde_json::from_str(text),
    };
    drive::run(&input.map_err(|error| format!("the input cannot be read: {error}"))?)
}
