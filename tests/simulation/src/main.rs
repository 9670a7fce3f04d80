//! `sim --seeds N [--from S]`: runs N lives and ends with one line of what was seen. A failure prints its seed, what was
//! wrong and the last steps of that life; `sim --seed S` runs that one again with its whole trace.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_simulation::{Life, Site, Totals};

const HELP: &str = "\
Whole lives of a client and a collector in virtual time, from one seed each.

Usage: sim [--seeds N] [--from S] [--threads T]
       sim --seed S

  --seeds N    how many lives (default 500)
  --from S     the first seed (default 0)
  --threads T  lives at a time (default: one a core)
  --seed S     one life, with its whole trace
  --keep-on    do not stop at the first failure
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut from, mut only, mut keep_on) = (500_u64, 0_u64, None, false);
    let mut threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
        let read = match argument.as_str() {
            "--seeds" => number().map(|n| seeds = n),
            "--from" => number().map(|n| from = n),
            "--threads" => number().map(|n| threads = n.max(1)),
            "--seed" => number().map(|n| only = Some(n)),
            "--keep-on" => {
                keep_on = true;
                Some(())
            }
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ => None,
        };
        if read.is_none() {
            eprintln!("sim: {argument}: not understood, or its number is missing\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    if let Some(seed) = only {
        let (life, site) = (Life::run(seed), Site::run(seed));
        println!("── one device");
        life.trace().iter().for_each(|line| println!("{line}"));
        println!("── a site of several tabs");
        site.trace().iter().for_each(|line| println!("{line}"));
        let mut totals = life.totals();
        totals.add(&site.totals());
        let failures = [life.failures(), site.failures()].concat();
        return finish(&totals, &[(seed, failures)]);
    }
    let next = AtomicU64::new(from);
    let gathered = Mutex::new((Totals::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let done = seed >= from.saturating_add(seeds);
                    let failed = gathered.lock().is_ok_and(|gathered| !gathered.1.is_empty());
                    if done || (failed && !keep_on) {
                        break;
                    }
                    let (life, site) = (Life::run(seed), Site::run(seed));
                    if let Ok(mut gathered) = gathered.lock() {
                        gathered.0.add(&life.totals());
                        gathered.0.add(&site.totals());
                        for (failures, trace) in [
                            (life.failures(), life.trace()),
                            (site.failures(), site.trace()),
                        ] {
                            if failures.is_empty() {
                                continue;
                            }
                            let tail = trace.iter().skip(trace.len().saturating_sub(25));
                            let mut lines = failures.to_vec();
                            lines.extend(tail.map(|line| format!("    {line}")));
                            gathered.1.push((seed, lines));
                        }
                    }
                }
            });
        }
    });
    match gathered.into_inner() {
        Ok((totals, failures)) => finish(&totals, &failures),
        Err(_) => ExitCode::FAILURE,
    }
}

fn finish(totals: &Totals, failures: &[(u64, Vec<String>)]) -> ExitCode {
    let mut failed = false;
    for (seed, lines) in failures.iter().filter(|(_, lines)| !lines.is_empty()) {
        failed = true;
        eprintln!("seed {seed} failed; again: sim --seed {seed}");
        for line in lines {
            eprintln!("  {line}");
        }
    }
    println!("{totals}");
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
