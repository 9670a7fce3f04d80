//! Durable ingest: how many events a second the collector acknowledges, next to the least that any server could do
//! for the same promise. Server, limit and generator are processes of their own; see `benches/README.md`.

mod body;
mod collector;
mod limit;
mod load;
mod run;

use std::process::ExitCode;

use measure::Failure;

fn main() -> ExitCode {
    match role() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("ingest: the collector's log does not hold exactly what was acknowledged");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("ingest: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// This program is all three: the run starts the other two from itself. False means that a count did not add up.
fn role() -> Result<bool, Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["limit", port, file] => limit::serve(port.parse()?, file.as_ref()).map(|()| true),
        ["load", port, batch, nonce] => {
            load::run(port.parse()?, batch.parse()?, nonce.parse()?).map(|()| true)
        }
        [] => run::run(None),
        [headwater] => run::run(Some(headwater.as_ref())),
        _ => Err("usage: ingest [PATH-OF-headwater]".into()),
    }
}
