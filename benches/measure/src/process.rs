//! What the kernel says about a process: its greatest resident size, and the time it was on a processor.

use std::fs;
use std::io::{Error, ErrorKind, Result};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_may_have_used_time() {
        assert!(peak_rss_mib(std::process::id()).unwrap() > 0.1);
        assert!(cpu(std::process::id()).unwrap().total() >= 0.0);
        assert!(peak_rss_mib(u32::MAX).is_err());
    }
}
