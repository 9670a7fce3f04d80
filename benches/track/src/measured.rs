//! What a child process does with one contender: many measured calls, calls and then a sudden end, or nothing but
//! delivering what such an end left behind.

use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::str::FromStr;
use std::time::Instant;

use measure::{Failure, Samples, peak_rss_mib};
use rustix::process::{Signal, getpid, kill_process};

use crate::contender;
use crate::event::Order;

/// Calls before the measured ones: connections, first allocations and page faults are not what one call costs.
pub(crate) const WARM_UP: u32 = 1000;

/// What a child tells about its contender.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p99,
            p999,
            max,
            rate,
            rss,
            drain,
            refused,
        } = self;
        write!(f, "{p50} {p99} {p999} {max} {rate} {rss} {drain} {refused}")
    }
}

impl FromStr for Told {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let numbers = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<f64>, _>>()?;
        let [p50, p99, p999, max, rate, rss, drain, refused] = numbers[..] else {
            return Err(format!("a child told {text:?} instead of eight numbers").into());
        };
        Ok(Self {
            p50,
            p99,
            p999,
            max,
            rate,
            rss,
            drain,
            refused: refused as u32,
        })
    }
}

/// Measures `calls` calls after the warm-up, one after the other without a pause, and prints a [`Told`].
pub(crate) fn measure(name: &str, calls: u32, folder: &Path, port: u16) -> Result<(), Failure> {
    let mut contender = contender::start(name, (calls + WARM_UP) as usize, folder, port)?;
    let mut samples = Samples::with_room(calls as usize);
    let mut refused = 0;
    for seq in 0..WARM_UP {
        refused += u32::from(contender.track(&Order::new(seq)).is_err());
    }
    let begin = Instant::now();
    for seq in WARM_UP..WARM_UP + calls {
        let order = black_box(Order::new(seq));
        let called = Instant::now();
        let result = contender.track(&order);
        samples.record(called.elapsed());
        refused += u32::from(result.is_err());
    }
    let rate = f64::from(calls) / begin.elapsed().as_secs_f64();
    let called = Instant::now();
    contender.finish()?;
    let drain = called.elapsed().as_secs_f64();
    let at = samples.micros_at(&[0.5, 0.99, 0.999, 1.0]);
    let rss = peak_rss_mib(std::process::id())?;
    println!(
        "{}",
        Told {
            p50: at[0],
            p99: at[1],
            p999: at[2],
            max: at[3],
            rate,
            rss,
            drain,
            refused
        }
    );
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
        };
        assert_eq!(told.to_string().parse::<Told>().unwrap(), told);
    }
}
