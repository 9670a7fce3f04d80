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

/// Seconds of processor time, user and system, that a process has used so far.
///
/// # Errors
/// As for [`peak_rss_mib`].
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let wrong = || Error::new(ErrorKind::InvalidData, "unexpected /proc/PID/stat");
    // The name in parentheses may hold spaces; what follows it does not.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(wrong)?;
    let ticks = |at: usize| {
        fields
            .split_whitespace()
            .nth(at)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let total = ticks(11).ok_or_else(wrong)? + ticks(12).ok_or_else(wrong)?;
    Ok(total / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_may_have_used_time() {
        assert!(peak_rss_mib(std::process::id()).unwrap() > 0.1);
        assert!(cpu_seconds(std::process::id()).unwrap() >= 0.0);
        assert!(peak_rss_mib(u32::MAX).is_err());
    }
}
