//! The collector as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) struct Collector {
    child: Child,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    log: Arc<Mutex<String>>,
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_headwater-collector");

impl Collector {
    /// `headwater dev` on this folder.
    pub(crate) fn dev(data: &Path) -> Self {
        Self::dev_with(data, &[])
    }

    /// `headwater dev` on this folder, with more arguments.
    pub(crate) fn dev_with(data: &Path, more: &[&str]) -> Self {
        let usual = ["dev", "--port", "0", "--data", data.to_str().unwrap()];
        Self::start(data, &[&usual, more].concat())
    }

    /// `headwater serve` with this configuration; its `[storage] dir` is `data`.
    pub(crate) fn serve(data: &Path, config: &str) -> Self {
        let file = data.join("headwater.toml");
        let dir = data.join("data");
        std::fs::write(&file, config.replace("DATA", dir.to_str().unwrap())).unwrap();
        Self::start(
            &dir,
            &["serve", "--port", "0", "--config", file.to_str().unwrap()],
        )
    }

    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(arguments)
            .env("HEADWATER_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (errors, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let _ = writeln!(std::io::stderr(), "{line}");
                *kept.lock().unwrap() += &(line + "\n");
            }
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines
            .next()
            .expect("the collector says where it listens")
            .unwrap();
        let port = first.rsplit(':').next().unwrap().parse().unwrap();
        assert!(first.starts_with("listening on http://"), "{first}");
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            port,
            data: data.to_owned(),
            log,
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log says this.
    pub(crate) fn has_logged(&self, text: &str) {
        let started = Instant::now();
        while !self.log().contains(text) {
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(30), "{text} in {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of a series of `/metrics`, labels included in its name; 0 where it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = crate::http::get(self.port, "/metrics").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Ends it as a power cut would: no signal it could handle.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn export(&self, more: &[&str]) -> Vec<Value> {
        export(&self.data, more)
    }

    /// Peak resident memory in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that `headwater export` writes.
pub(crate) fn export(data: &Path, more: &[&str]) -> Vec<Value> {
    let output = Command::new(BINARY)
        .args(["export", "--data", data.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}
