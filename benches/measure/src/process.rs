//! What the kernel says about a process: its greatest resident size, and the time it was on a processor.

use std::fs;
use std::io::{Error, ErrorKind, Result};

use rustix::time::{ClockId, clock_gettime};

/// Peak resident memory (`VmHWM`) of a process in MiB.
///
/// # Errors
/// When the process has ended or `/proc` is not there.
pub fn peak_rss_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "no VmHWM in /proc/PID/status"))
}

/// Seconds on a processor, in the program's own code and in the system's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpu {
    /// In the program's own code.
    pub user: f64,
    /// In system calls, for it.
    pub system: f64,
}

impl Cpu {
    /// Both together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.user + self.system
    }

    /// What came to it since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user - earlier.user,
            system: self.system - earlier.system,
        }
    }
}

/// Processor time that a process has used so far, ended threads included; the kernel tells it in hundredths of a second.
///
/// # Errors
/// As for [`peak_rss_mib`].
pub fn cpu(pid: u32) -> Result<Cpu> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let wrong = || Error::new(ErrorKind::InvalidData, "unexpected /proc/PID/stat");
    // The name in parentheses may hold spaces; what follows it does not.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(wrong)?;
    let seconds = |at: usize| {
        let ticks = fields.split_whitespace().nth(at)?.parse::<f64>().ok()?;
        Some(ticks / rustix::param::clock_ticks_per_second() as f64)
    };
    Ok(Cpu {
        user: seconds(11).ok_or_else(wrong)?,
        system: seconds(12).ok_or_else(wrong)?,
    })
}

/// What this process has used so far, by its own clock, and what the kernel met at its clock ticks.
#[derive(Debug, Clone, Copy)]
pub struct OwnCpu {
    seconds: f64,
    ticks: Cpu,
}

impl OwnCpu {
    /// Now.
    ///
    /// # Errors
    /// As for [`peak_rss_mib`].
    pub fn now() -> Result<Self> {
        let clock = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Self {
            seconds: clock.tv_sec as f64 + clock.tv_nsec as f64 / 1e9,
            ticks: cpu(std::process::id())?,
        })
    }

    /// What came to it since then: both together to the nanosecond, divided between them as the ticks were.
    ///
    /// # Errors
    /// As for [`peak_rss_mib`].
    pub fn spent(&self) -> Result<Cpu> {
        let now = Self::now()?;
        let (seconds, ticks) = (now.seconds - self.seconds, now.ticks.since(&self.ticks));
        let share = if ticks.total() > 0.0 {
            ticks.user / ticks.total()
        } else {
            1.0
        };
        Ok(Cpu {
            user: seconds * share,
            system: seconds * (1.0 - share),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_may_have_used_time() {
        assert!(peak_rss_mib(std::process::id()).unwrap() > 0.1);
        assert!(cpu(std::process::id()).unwrap().total() >= 0.0);
        assert!(peak_rss_mib(u32::MAX).is_err());
    }

    #[test]
    fn a_microsecond_of_work_shows_in_the_processs_own_time() {
        let before = OwnCpu::now().unwrap();
        let mut sum = 0_u64;
        for number in 0..100_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }
        let spent = before.spent().unwrap();
        assert!(spent.total() > 1e-6, "{spent:?}");
        assert!(spent.user >= 0.0 && spent.system >= 0.0, "{spent:?}");
    }
}
