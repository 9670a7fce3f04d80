//! What a `track()` costs the thread that calls it, next to the peers on crates.io. Every contender runs in a child
//! process of its own, so that its peak memory is its own; see `benches/README.md`.

mod case;
mod contender;
mod event;
mod measured;
mod report;
mod results;
mod run;
mod sink;
mod turn;

use std::path::Path;
use std::process::ExitCode;

use measure::Failure;

fn main() -> ExitCode {
    match role() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("track: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// This program is all of them: the run starts the sink and the contenders from itself.
fn role() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["sink", port] => Ok(sink::serve(port.parse()?)?),
        ["measure", name, pace, calls, folder, port] => measured::measure(
            name,
            pace.parse()?,
            calls.parse()?,
            Path::new(folder),
            port.parse()?,
        ),
        ["killed", name, calls, folder, port] => {
            measured::killed(name, calls.parse()?, Path::new(folder), port.parse()?)
        }
        ["recover", name, folder, port] => {
            measured::recover(name, Path::new(folder), port.parse()?)
        }
        [] => run::run(),
        _ => Err("usage: track".into()),
    }
}
