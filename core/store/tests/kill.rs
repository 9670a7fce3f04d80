//! `kill -9` on a real process in a loop: nothing that had returned is lost, nothing that was forgotten comes back.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use headwater_store::testing::{body, verify};
use headwater_store::{Opened, SegmentOptions, StoreError, open_segment_log};

const CHILD: &str = "HEADWATER_STORE_CHILD";
const SIZE: usize = 660;

type Open = fn(&Path) -> Result<Opened, StoreError>;

fn segment_log(dir: &Path) -> Result<Opened, StoreError> {
    open_segment_log(dir, SegmentOptions::default())
}

/// Appends and forgets until it is killed, saying on standard output what has returned: `a SEQ` appended, `f SEQ` about to
/// forget all up to SEQ, `d SEQ` forgotten.
fn write_until_killed(open: Open) {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let mut opened = open(Path::new(&dir)).unwrap();
    let mut out = std::io::stdout().lock();
    let mut live: Vec<u64> = opened.events.iter().map(|entry| entry.seq).collect();
    for seq in opened.next_seq.. {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
        live.push(seq);
        out.write_all(format!("a {seq}\n").as_bytes()).unwrap();
        if seq % 50 == 0 {
            let front: Vec<u64> = live.drain(..live.len().min(45)).collect();
            let last = front.last().copied().unwrap_or(0);
            out.write_all(format!("f {last}\n").as_bytes()).unwrap();
            opened.store.forget(&front).unwrap();
            out.write_all(format!("d {last}\n").as_bytes()).unwrap();
        }
    }
}

fn kill_in_a_loop(open: Open, child: &str, rounds: u64, lines: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (mut appended, mut meant, mut done) = (0, 0, 0);
    let mut kept = Vec::new();
    for round in 0..rounds {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child, "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let mut seen = 0;
        let wanted = lines + round * 37 % lines;
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if line.is_empty() {
                break;
            }
            if let Some((verb, seq)) = line
                .strip_suffix('\n')
                .and_then(|line| line.split_once(' '))
            {
                match (verb, seq.parse::<u64>()) {
                    ("a", Ok(seq)) => appended = appended.max(seq),
                    ("f", Ok(seq)) => meant = meant.max(seq),
                    ("d", Ok(seq)) => done = done.max(seq),
                    _ => continue,
                }
                seen += 1;
                if seen == wanted {
                    process.kill().unwrap();
                }
            }
        }
        process.wait().unwrap();
        assert!(
            seen >= wanted,
            "the child ended by itself after {seen} lines"
        );
        let mut opened = open(dir.path()).unwrap();
        assert!(
            opened.recovery.corrupt_records == 0
                && opened.recovery.lost_events == 0
                && opened.recovery.set_aside.is_empty(),
            "{:?}",
            opened.recovery
        );
        kept = verify(&mut opened, SIZE);
        assert!(
            kept.iter().all(|seq| *seq > done),
            "round {round}: a forgotten event came back"
        );
        let expected = (meant + 1..=appended).collect::<Vec<_>>();
        assert!(
            expected.iter().all(|seq| kept.binary_search(seq).is_ok()),
            "round {round}: a returned event is lost"
        );
        assert!(opened.next_seq > appended);
    }
    assert!(!kept.is_empty() && appended > rounds * lines / 2);
}

#[test]
fn segment_log_child() {
    write_until_killed(segment_log);
}

#[test]
fn the_segment_log_loses_nothing_to_kill_9() {
    kill_in_a_loop(segment_log, "segment_log_child", 25, 3000);
}

#[cfg(feature = "sled")]
mod sled {
    use super::*;

    fn sled(dir: &Path) -> Result<Opened, StoreError> {
        headwater_store::open_sled(dir, headwater_store::SledOptions::default())
    }

    #[test]
    fn sled_child() {
        write_until_killed(sled);
    }

    #[test]
    fn sled_loses_nothing_to_kill_9() {
        kill_in_a_loop(sled, "sled::sled_child", 8, 300);
    }
}

/// A child process shares the descriptors of its parent until it has become a program of its own.
#[test]
fn a_directory_is_free_once_its_store_is_dropped_while_the_process_starts_others() {
    let dir = tempfile::tempdir().unwrap();
    let starting = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let program = std::env::current_exe().unwrap();
            for _ in 0..100 {
                let mut child = Command::new(&program)
                    .arg("--list")
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap();
                child.wait().unwrap();
            }
            starting.store(false, std::sync::atomic::Ordering::Relaxed);
        });
        while starting.load(std::sync::atomic::Ordering::Relaxed) {
            drop(segment_log(dir.path()).unwrap());
        }
    });
}
