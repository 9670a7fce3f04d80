//! `make hub-sim`: many lives; the last line is read by programs.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use headwater_hub_simulation::{Verdict, live};

/// Lives of the hub in virtual time.
#[derive(Debug, Parser)]
struct Args {
    /// How many lives.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// One life alone.
    #[arg(long)]
    seed: Option<u64>,
    /// End with the first life that goes wrong.
    #[arg(long)]
    stop: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seeds = match args.seed {
        Some(seed) => seed..seed + 1,
        None => 0..args.seeds,
    };
    let count = seeds.end - seeds.start;
    let mut all = Verdict::default();
    let mut out = std::io::stdout();
    for seed in seeds {
        let verdict = live(seed);
        if !verdict.is_clean() {
            let _ = writeln!(out, "seed {seed}: {verdict:?}");
        }
        all.add(verdict);
        if args.stop && !all.is_clean() {
            break;
        }
    }
    let Verdict {
        steps,
        crashes,
        lost,
        duplicated,
        stuck,
        wrong,
    } = all;
    let _ = writeln!(
        out,
        "hub-sim: seeds={count} steps={steps} crashes={crashes} lost={lost} duplicated={duplicated} stuck={stuck} wrong={wrong}"
    );
    if all.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
