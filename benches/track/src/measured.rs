//! What a child process does with one contender: many measured calls, calls and then a sudden end, or nothing but
//! delivering what such an end left behind.

use std::hint::black_box;
use std::io::stdin;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use measure::{Failure, OwnCpu, Samples, peak_rss_mib};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use crate::case::{Pace, RATE};
use crate::contender;
use crate::event::Order;

/// Calls before the measured ones: connections, first allocations and page faults are not what one call costs.
pub(crate) const WARM_UP: u32 = 1000;
/// What a child says when the measured calls are about to begin, and when the last has returned.
pub(crate) const READY: &str = "ready";
pub(crate) const CALLED: &str = "called";

/// 2³² over the golden ratio: its multiples, cut to 32 bits, lie evenly however many there are.
const GOLDEN: u32 = 0x9E37_79B9;

/// What a child tells about its contender.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Microseconds within which half of the calls returned.
    pub(crate) p50: f64,
    /// Microseconds within which 99 of 100 calls returned.
    pub(crate) p99: f64,
    /// Microseconds within which 999 of 1,000 calls returned.
    pub(crate) p999: f64,
    /// Microseconds of the slowest call.
    pub(crate) max: f64,
    /// Calls a second, the first to the last.
    pub(crate) rate: f64,
    /// Peak resident memory in MiB, delivery included.
    pub(crate) rss: f64,
    /// Seconds that delivery took after the last call.
    pub(crate) drain: f64,
    /// Calls that returned an error.
    pub(crate) refused: u32,
    /// Processor time of the whole process for each measured call, delivery included, in microseconds of the program's own
    /// code.
    pub(crate) user: f64,
    /// The same in system calls.
    pub(crate) system: f64,
}

impl Told {
    /// Microseconds of processor time for each call.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// Measures `calls` calls after the warm-up and prints a [`Told`]. The run is told when they begin and when they are over,
/// and each time says when to go on: the hub changes meanwhile.
pub(crate) fn measure(
    name: &str,
    pace: Pace,
    calls: u32,
    folder: &Path,
    port: u16,
) -> Result<(), Failure> {
    let mut contender = contender::start(name, (calls + WARM_UP) as usize, folder, port)?;
    let mut samples = Samples::with_room(calls as usize);
    let mut refused = 0;
    for seq in 0..WARM_UP {
        refused += u32::from(contender.track(&Order::new(seq)).is_err());
    }
    halt(READY)?;
    let this = std::process::id();
    let before = OwnCpu::now()?;
    let begin = Instant::now();
    for call in 0..calls {
        if pace == Pace::Even {
            let at = begin + Duration::from_secs(1) * call / RATE + off_beat(call);
            sleep(at.saturating_duration_since(Instant::now()));
        }
        let order = black_box(Order::new(WARM_UP + call));
        let called = Instant::now();
        let result = contender.track(&order);
        samples.record(called.elapsed());
        refused += u32::from(result.is_err());
    }
    let rate = f64::from(calls) / begin.elapsed().as_secs_f64();
    halt(CALLED)?;
    let called = Instant::now();
    contender.finish()?;
    let drain = called.elapsed().as_secs_f64();
    let spent = before.spent()?;
    let at = samples.micros_at(&[0.5, 0.99, 0.999, 1.0]);
    let told = Told {
        p50: at[0],
        p99: at[1],
        p999: at[2],
        max: at[3],
        rate,
        rss: peak_rss_mib(this)?,
        drain,
        refused,
        user: spent.user * 1e6 / f64::from(calls),
        system: spent.system * 1e6 / f64::from(calls),
    };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

/// How much after its time a paced call comes: up to half the time between two, spread evenly. The kernel tells user and
/// system time apart by what it meets at its clock ticks, and the rate is a multiple of theirs: calls exactly at their times
/// would show it always the same moment, and one of the two figures would be 0.
fn off_beat(call: u32) -> Duration {
    let spread = u64::from(call.wrapping_mul(GOLDEN));
    Duration::from_nanos((spread * (500_000_000 / u64::from(RATE))) >> 32)
}

/// Says a word to the run and waits until it answers with a line.
fn halt(word: &str) -> Result<(), Failure> {
    println!("{word}");
    stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Makes the calls and kills its own process the moment the last has returned: SIGKILL, no chance to say good-bye.
pub(crate) fn killed(name: &str, calls: u32, folder: &Path, port: u16) -> Result<(), Failure> {
    let mut contender = contender::start(name, calls as usize, folder, port)?;
    for seq in 0..calls {
        contender.track(&Order::new(seq))?;
    }
    kill_process(getpid(), Signal::KILL)?;
    Err("survived SIGKILL".into())
}

/// What the next start of the application does: the SDK is opened on the same folder and delivers.
pub(crate) fn recover(name: &str, folder: &Path, port: u16) -> Result<(), Failure> {
    contender::start(name, 0, folder, port)?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paced_calls_come_in_their_order_and_at_no_beat() {
        let beat = Duration::from_secs(1) / RATE;
        let mut first_half = 0;
        for call in 0..10_000 {
            assert!(off_beat(call) <= beat / 2);
            first_half += u32::from(off_beat(call) < beat / 4);
        }
        assert!((4_900..5_100).contains(&first_half), "{first_half}");
    }

    #[test]
    fn what_a_child_tells_is_what_the_run_reads() {
        let told = Told {
            p50: 1.5,
            p99: 20.25,
            p999: 100.5,
            max: 900.0,
            rate: 1e5,
            rss: 7.5,
            drain: 0.5,
            refused: 2,
            user: 3.25,
            system: 1.0,
        };
        let line = serde_json::to_string(&told).unwrap();
        assert!(!line.contains('\n'), "a line is what the run reads");
        assert_eq!(serde_json::from_str::<Told>(&line).unwrap(), told);
    }
}
