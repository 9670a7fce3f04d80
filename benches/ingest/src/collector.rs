//! The collector under test: started with its defaults and one source, stopped, and asked what it stored.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use measure::{Failure, Served, free_port};

/// Starts `headwater serve`, its data below `folder`. Only what must be said is configured: where to listen, where
/// to write, and the write key; limits, dedupe and durability are the defaults.
pub(crate) fn start(binary: &Path, folder: &Path) -> Result<Served, Failure> {
    let port = free_port()?;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\ndir = {:?}\n[[sources]]\nname = \"bench\"\nwrite_keys = [\"bench\"]\n",
        folder.join("data")
    );
    fs::write(config_of(folder), config)?;
    let log = fs::File::create(folder.join("log"))?;
    let mut command = Command::new(binary);
    command
        .arg("serve")
        .arg("--config")
        .arg(config_of(folder))
        .env("RUST_LOG", "warn")
        .stdout(log.try_clone()?)
        .stderr(log);
    Served::start(&mut command, port).map_err(|failure| {
        let said = fs::read_to_string(folder.join("log")).unwrap_or_default();
        format!("{failure}: {said}").into()
    })
}

/// Events in the log of a stopped collector: the lines of `headwater export`, the way any user would count them.
pub(crate) fn stored(binary: &Path, folder: &Path) -> Result<u64, Failure> {
    let mut export = Command::new(binary)
        .arg("export")
        .arg("--data")
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = 0;
    if let Some(out) = export.stdout.take() {
        let mut out = BufReader::with_capacity(1 << 20, out);
        loop {
            let read = out.fill_buf()?;
            if read.is_empty() {
                break;
            }
            lines += memchr::memchr_iter(b'\n', read).count() as u64;
            let read = read.len();
            out.consume(read);
        }
    }
    let status = export.wait()?;
    if status.success() {
        Ok(lines)
    } else {
        Err(format!("headwater export ended with {status}").into())
    }
}

fn config_of(folder: &Path) -> PathBuf {
    folder.join("headwater.toml")
}
