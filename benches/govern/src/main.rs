//! What rules cost an event: `govern PEERS`, where PEERS is the folder of `bench.mjs` with its modules installed.
//!
//! A row is measured here, a peer's in Node, and the two take turns, so that a busy minute hits both. Figures are medians.

mod event;
mod filter;
mod peers;
mod stages;
mod timing;

use std::process::ExitCode;

/// Rounds of each row and of each peer.
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: govern PEERS_FOLDER");
        return ExitCode::from(2);
    };
    match run(&folder) {
        Ok(lines) => {
            for line in lines {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &str) -> Result<Vec<String>, String> {
    let (mut lines, mut filter_us) = (Vec::new(), Vec::new());
    let mut peers = peers::Peers::new(folder);
    for _ in 0..ROUNDS {
        filter_us.push(filter::round()?);
        peers.round()?;
    }
    let filter_us = measure::median(&filter_us);
    for (peer, figure) in peers.medians() {
        lines.push(measure::bench("filter", filter_us, "us", &peer, figure));
    }
    lines.extend(stages::rows(ROUNDS)?);
    Ok(lines)
}
