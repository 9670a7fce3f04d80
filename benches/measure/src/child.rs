//! Processes that the benchmark starts: each is ended by its own handle, whatever happens.

use std::env;
use std::io::{Error, Result};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{cpu, peak_rss_mib};

/// A server process on a loopback port; killed when this value goes.
#[derive(Debug)]
pub struct Served {
    child: Child,
    port: u16,
}

impl Served {
    /// Starts the command and waits until the port takes connections.
    ///
    /// # Errors
    /// When it cannot be started, ends at once, or does not listen within ten seconds.
    pub fn start(command: &mut Command, port: u16) -> Result<Self> {
        let mut served = Self {
            child: command.spawn()?,
            port,
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = served.child.try_wait()? {
                return Err(Error::other(format!("{command:?} ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(Error::other(format!(
                    "{command:?} does not listen on port {port}"
                )));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(served)
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its peak resident memory so far, in MiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn peak_rss_mib(&self) -> Result<f64> {
        peak_rss_mib(self.child.id())
    }

    /// Seconds of processor time it has used so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        Ok(cpu(self.child.id())?.total())
    }

    /// Asks it to end (SIGTERM) and waits for that; after ten seconds it is killed.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(
            pid.ok_or_else(|| Error::other("no process id"))?,
            Signal::TERM,
        )?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait()?.is_none() && Instant::now() < deadline {
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that nobody listens on now.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A setting from the environment, or its default when it is missing or no such value.
#[must_use]
pub fn knob<T: FromStr>(name: &str, default: T) -> T {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
