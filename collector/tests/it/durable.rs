//! What was acknowledged is there, once, whatever ends the process.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::http::{strict, try_send};
use crate::process::{Collector, export};

pub(crate) fn batch(ids: &[String]) -> String {
    let events: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"type":"track","event":"E","userId":"u","messageId":"{id}","properties":{{"pad":"{}"}}}}"#, "x".repeat(200)))
        .collect();
    format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","))
}

pub(crate) fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

pub(crate) fn counted(events: &[serde_json::Value]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for event in events {
        *counts
            .entry(event["messageId"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

#[test]
fn a_retry_after_a_restart_is_still_a_duplicate() {
    let dir = tempdir().unwrap();
    let body = batch(&ids("m", 50));
    for round in 0..3 {
        let collector = Collector::dev(dir.path());
        let told = strict(collector.port, &body);
        assert_eq!(
            told["accepted"],
            if round == 0 { 50 } else { 0 },
            "round {round}"
        );
        assert_eq!(told["duplicates"], if round == 0 { 0 } else { 50 });
        if round == 0 {
            collector.kill();
        } else {
            collector.stop();
        }
    }
    assert_eq!(export(dir.path(), &[]).len(), 50);
}

#[test]
fn twenty_kills_under_load_lose_nothing_acknowledged_and_double_nothing() {
    let dir = tempdir().unwrap();
    kill_under_load(dir.path(), &Collector::dev, &|| true);
}

#[test]
fn twenty_kills_while_segments_move_into_the_archive_lose_nothing_and_double_nothing() {
    let dir = tempdir().unwrap();
    let config = r#"
[storage]
dir = "DATA"
segment_bytes = 65536
hot_hours = 0
[limits]
max_batch_bytes = 16384
[[sources]]
name = "s"
write_keys = ["k"]
"#;
    let archive = dir.path().join("data/archive");
    let moved = || {
        let files = std::fs::read_dir(&archive).into_iter().flatten().flatten();
        let mut names = files.map(|file| file.file_name());
        names.any(|name| name.to_string_lossy().ends_with(".hwa"))
    };
    kill_under_load(dir.path(), &|data| Collector::serve(data, config), &moved);
}

/// Gives a machine that is busy its time.
fn until_settled(settled: &dyn Fn() -> bool) {
    let begun = Instant::now();
    while !settled() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "no segment moved: this proves little"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill_under_load(data: &Path, start: &dyn Fn(&Path) -> Collector, settled: &dyn Fn() -> bool) {
    let port = Arc::new(AtomicU16::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let acked = Arc::new(Mutex::new(Vec::new()));
    let senders: Vec<_> = (0..6)
        .map(|sender| {
            let (port, done, acked) = (Arc::clone(&port), Arc::clone(&done), Arc::clone(&acked));
            std::thread::spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    let ids = ids(&format!("s{sender}-b{number}"), 20);
                    let body = batch(&ids);
                    number += 1;
                    // As an SDK does: the same batch again until it is acknowledged.
                    loop {
                        let answer = try_send(
                            port.load(Ordering::Relaxed),
                            "POST",
                            "/v1/batch",
                            &[],
                            body.as_bytes(),
                        );
                        if answer.is_some_and(|answer| answer.status == 200) {
                            acked.lock().unwrap().extend(ids);
                            break;
                        }
                        if done.load(Ordering::Relaxed) {
                            return;
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            })
        })
        .collect();
    for kill in 0..20 {
        let collector = start(data);
        port.store(collector.port, Ordering::Relaxed);
        // A machine that is busy gets some acknowledged in each life, too.
        let (before, begun) = (acked.lock().unwrap().len(), Instant::now());
        while acked.lock().unwrap().len() < before + 40 && begun.elapsed() < Duration::from_secs(30)
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(kill * 17 % 120));
        collector.kill();
    }
    let collector = start(data);
    port.store(collector.port, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(100));
    until_settled(settled);
    done.store(true, Ordering::Relaxed);
    senders
        .into_iter()
        .for_each(|sender| sender.join().unwrap());
    let counts = counted(&collector.export(&[]));
    let acked = acked.lock().unwrap();
    assert!(
        acked.len() > 400,
        "only {} were acknowledged: this proves little",
        acked.len()
    );
    let lost: Vec<_> = acked
        .iter()
        .filter(|id| !counts.contains_key(*id))
        .collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "doubled {doubled:?}");
}

fn segment(data: &Path) -> PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.pop().unwrap()
}

/// Three requests of one event each, then the process ends.
fn three(data: &Path) {
    let collector = Collector::dev(data);
    for id in ["a", "b", "c"] {
        strict(collector.port, &batch(&[id.to_owned()]));
    }
    collector.kill();
}

#[test]
fn a_cut_tail_costs_the_last_record_alone() {
    let dir = tempdir().unwrap();
    three(dir.path());
    let file = segment(dir.path());
    let len = std::fs::metadata(&file).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(len - 5)
        .unwrap();
    let collector = Collector::dev(dir.path());
    let told = strict(
        collector.port,
        &batch(&["a".into(), "b".into(), "c".into()]),
    );
    assert_eq!(
        (told["accepted"].as_u64(), told["duplicates"].as_u64()),
        (Some(1), Some(2))
    );
    assert_eq!(
        counted(&collector.export(&[])),
        HashMap::from(["a", "b", "c"].map(|id| (id.to_owned(), 1)))
    );
}

#[test]
fn a_flipped_byte_in_the_middle_costs_that_record_alone() {
    let dir = tempdir().unwrap();
    three(dir.path());
    let file = segment(dir.path());
    let len = std::fs::metadata(&file).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(&file).unwrap();
    file.seek(SeekFrom::Start(len / 2)).unwrap();
    file.write_all(b"\x01").unwrap();
    let collector = Collector::dev(dir.path());
    assert_eq!(
        counted(&collector.export(&[])),
        HashMap::from(["a", "c"].map(|id| (id.to_owned(), 1)))
    );
    strict(collector.port, &batch(&["d".into()]));
    assert_eq!(collector.export(&[]).len(), 3);
}

#[test]
fn a_record_of_a_later_version_is_passed_over() {
    let dir = tempdir().unwrap();
    three(dir.path());
    let mut frame = Vec::new();
    headwater_store::frame::encode_into(&mut frame, 200, &[b"from the future"]).unwrap();
    OpenOptions::new()
        .append(true)
        .open(segment(dir.path()))
        .unwrap()
        .write_all(&frame)
        .unwrap();
    let collector = Collector::dev(dir.path());
    strict(collector.port, &batch(&["d".into()]));
    assert_eq!(collector.export(&[]).len(), 4);
}

#[test]
fn a_segment_of_a_later_version_is_left_alone_and_the_log_goes_on_after_it() {
    let dir = tempdir().unwrap();
    three(dir.path());
    let path = segment(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..12].copy_from_slice(&headwater_store::frame::file_header(*b"HWEVLOG", 9));
    std::fs::write(&path, &bytes).unwrap();
    let collector = Collector::dev(dir.path());
    strict(collector.port, &batch(&["d".into()]));
    assert_eq!(
        counted(&collector.export(&[])),
        HashMap::from([("d".to_owned(), 1)])
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn two_collectors_do_not_share_a_folder() {
    let dir = tempdir().unwrap();
    let _first = Collector::dev(dir.path());
    let (fine, text) =
        crate::process::run(&["dev", "--port", "0", "--data", dir.path().to_str().unwrap()]);
    assert!(!fine && text.contains("in use"), "{text}");
}

/// A filesystem of a few megabytes, unmounted when dropped; `None` where mounting is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path());
        mount
            .status()
            .is_ok_and(|status| status.success())
            .then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

#[test]
fn a_full_disk_is_503_and_over_when_there_is_room() {
    let Some(disk) = SmallDisk::mount("4m") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI runs every test: mounting a small filesystem needs root"
        );
        // The same on a simulated disk: faults::a_full_disk_refuses_and_recovers_when_there_is_room.
        println!("not run: mounting a small filesystem needs root");
        return;
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let config = "[storage]\ndir = \"DATA\"\nmin_free_bytes = 0\n[[sources]]\nname = \"s\"\nwrite_keys = [\"k\"]\n";
    let collector = Collector::serve(disk.0.path(), config);
    let mut acked = Vec::new();
    let mut refused = None;
    for number in 0..500 {
        let ids = ids(&format!("b{number}"), 100);
        let answer = try_send(
            collector.port,
            "POST",
            "/v1/batch",
            &[],
            batch(&ids).as_bytes(),
        )
        .unwrap();
        if answer.status == 200 {
            acked.extend(ids);
        } else {
            refused = Some((ids, answer));
            break;
        }
    }
    let (ids, answer) = refused.expect("the disk gets full");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("30")),
        "{}",
        answer.text()
    );
    assert_eq!(crate::http::get(collector.port, "/readyz").status, 503);
    std::fs::remove_file(&ballast).unwrap();
    let answer = try_send(
        collector.port,
        "POST",
        "/v1/batch",
        &[],
        batch(&ids).as_bytes(),
    )
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    acked.extend(ids);
    assert_eq!(crate::http::get(collector.port, "/readyz").status, 200);
    let counts = counted(&collector.export(&[]));
    assert_eq!(counts.len(), acked.len());
    assert!(acked.iter().all(|id| counts.get(id) == Some(&1)));
}
