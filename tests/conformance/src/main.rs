//! The conformance runner; see `--help`.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use headwater_conformance::arguments::{Arguments, HELP};
use headwater_conformance::case::Case;
use headwater_conformance::sdk::Sdk;
use headwater_conformance::{Outcome, run_case, scenario};

const JOBS: usize = 8;

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("conformance: {problem}");
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::print_stdout)]
fn run() -> Result<bool, String> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    if arguments.help {
        println!("{HELP}");
        return Ok(true);
    }
    let mut cases = scenario::load(&scenario::folder())?;
    let sdk = match &arguments.cli {
        Some(line) => Sdk::of_command(line),
        None => Sdk::named(arguments.sdk.as_deref().unwrap_or("rust"))?,
    };
    sdk.check_skips(&cases)?;
    cases.retain(|case| wanted(case, &arguments));
    if cases.is_empty() {
        return Err("no case has such a name; --list names them".to_owned());
    }
    if arguments.list {
        cases.iter().for_each(|case| println!("{}", case.id));
        return Ok(true);
    }
    sdk.make()?;
    let mut skipped = 0;
    cases.retain(|case| match sdk.skips(case) {
        Some(why) => {
            println!("skip  {}: {why}", case.id);
            skipped += 1;
            false
        }
        None => true,
    });

    let begun = Instant::now();
    let (passed, failed) = run_all(cases, &sdk, &arguments);
    println!(
        "{} in {:.1} s, {skipped} skipped",
        sdk.name,
        begun.elapsed().as_secs_f64()
    );
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0 && passed > 0)
}

fn wanted(case: &Case, arguments: &Arguments) -> bool {
    (arguments.suites.is_empty() || arguments.suites.contains(&case.suite))
        && arguments
            .case
            .as_ref()
            .is_none_or(|text| case.id.contains(text))
}

#[allow(clippy::print_stdout)]
fn run_all(cases: Vec<Case>, sdk: &Sdk, arguments: &Arguments) -> (usize, usize) {
    let waiting = Mutex::new(VecDeque::from(cases));
    let counts = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.unwrap_or(JOBS) {
            scope.spawn(|| {
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(case) = next else { return };
                    let outcome = run_case(&case, sdk);
                    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                    println!("{}", describe(&case, &outcome, arguments.verbose));
                    if outcome.failures.is_empty() {
                        counts.0 += 1;
                    } else {
                        counts.1 += 1;
                    }
                }
            });
        }
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn describe(case: &Case, outcome: &Outcome, verbose: bool) -> String {
    let passed = outcome.failures.is_empty();
    let word = if passed { "ok  " } else { "FAIL" };
    let mut text = format!("{word}  {} ({} ms)", case.id, outcome.took.as_millis());
    for failure in &outcome.failures {
        text.push_str(&format!("\n  ✗ {failure}"));
    }
    if !passed || verbose {
        text.push_str("\n  requests:\n");
        text.push_str(outcome.story.trim_end());
        for line in &outcome.said {
            text.push_str(&format!("\n  {line}"));
        }
    }
    text
}
