//! `corrupt --seeds N [--from S]`: runs N cases and ends with one line of what they cost. `corrupt --seed S` runs one again
//! and says what was done.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_corruption::{Case, Totals, run};

const HELP: &str = "\
Logs with known contents, damaged on purpose, from one seed each.

Usage: corrupt [--seeds N] [--from S] [--threads T]
       corrupt --seed S

  --seeds N    how many cases (default 2000)
  --from S     the first seed (default 0)
  --threads T  cases at a time (default: one a core)
  --seed S     one case, with all that was done and seen
";

/// Failures that are told; one is enough to work with.
const TOLD: usize = 5;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut from, mut only) = (2000_u64, 0_u64, None);
    let mut threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
        let read = match argument.as_str() {
            "--seeds" => number().map(|n| seeds = n),
            "--from" => number().map(|n| from = n),
            "--threads" => number().map(|n| threads = n.max(1)),
            "--seed" => number().map(|n| only = Some(n)),
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ => None,
        };
        if read.is_none() {
            eprintln!("corrupt: {argument}: not understood, or its number is missing\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    if let Some(seed) = only {
        let outcome = run(seed);
        println!("── seed {seed}: {:?}", Case::of(seed));
        let lines = outcome.told.iter().chain(&outcome.failures);
        lines.for_each(|line| println!("{line}"));
        let mut totals = Totals::default();
        totals.add(&outcome);
        return finish(&totals, u64::from(!outcome.is_good()));
    }
    let next = AtomicU64::new(from);
    let gathered = Mutex::new((Totals::default(), 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from.saturating_add(seeds) {
                        break;
                    }
                    let outcome = run(seed);
                    let Ok(mut gathered) = gathered.lock() else {
                        break;
                    };
                    gathered.0.add(&outcome);
                    if !outcome.is_good() {
                        gathered.1 += 1;
                        if gathered.1 <= TOLD as u64 {
                            eprintln!("seed {seed} failed; again: corrupt --seed {seed}");
                            let lines = outcome.told.iter().chain(&outcome.failures);
                            lines.for_each(|line| eprintln!("  {line}"));
                        }
                    }
                }
            });
        }
    });
    match gathered.into_inner() {
        Ok((totals, failed)) => finish(&totals, failed),
        Err(_) => ExitCode::FAILURE,
    }
}

fn finish(totals: &Totals, failed: u64) -> ExitCode {
    if failed > 0 {
        eprintln!("{failed} seeds failed");
    }
    println!("{totals}");
    if failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
