//! Claims are a cache of what the log says: whatever happens to their files, a retry is stored once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::durable::{batch, counted, ids};
use crate::http::{get, try_send};
use crate::process::Collector;

/// So few in memory that most lie on disk.
const CONFIG: &str = r#"
[server]
public_url = "https://hub.example"
[storage]
dir = "DATA"
min_free_bytes = 0
dedupe_memory = 2000
[[sources]]
name = "s"
write_keys = ["k"]
"#;

const BATCHES: usize = 200;
const EACH: usize = 50;

fn of_batch(prefix: &str, number: usize) -> Vec<String> {
    ids(&format!("{prefix}{number}"), EACH)
}

/// Sends a batch until it is taken, as an SDK does; how many of it were new.
pub(crate) fn deliver(port: u16, ids: &[String]) -> u64 {
    let begun = Instant::now();
    loop {
        let strict = [("x-collector-strict", "1")];
        let answer = try_send(port, "POST", "/v1/batch", &strict, batch(ids).as_bytes());
        match answer.map(|answer| (answer.status, answer)) {
            Some((200, answer)) => return answer.json()["accepted"].as_u64().unwrap(),
            Some((503, _)) if begun.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn metric(port: u16, name: &str) -> u64 {
    let text = get(port, "/metrics").text();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runs(data: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(data.join("claims")).unwrap();
    files.map(|entry| entry.unwrap().path()).collect()
}

fn fill(collector: &Collector) {
    for number in 0..BATCHES {
        assert_eq!(deliver(collector.port, &of_batch("a", number)), EACH as u64);
    }
    until("most claims are on disk", || {
        metric(collector.port, "headwater_claims_memory") <= 2000
    });
}

/// New events are new, retries are retries, and the log has each once.
fn is_exact(collector: &Collector, round: &str) {
    for number in 0..BATCHES / 4 {
        let new = of_batch(round, number);
        assert_eq!(deliver(collector.port, &new), EACH as u64, "{round}");
        assert_eq!(deliver(collector.port, &new), 0, "{round}");
    }
    for number in 0..BATCHES {
        assert_eq!(
            deliver(collector.port, &of_batch("a", number)),
            0,
            "{round}, batch {number}"
        );
    }
    until("ready", || get(collector.port, "/readyz").status == 200);
}

#[test]
fn damaged_claims_are_built_again_from_the_log_and_no_retry_is_stored_twice() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    fill(&collector);
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("noise", |bytes| {
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = (place * 31 % 251) as u8;
            }
        }),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("emptied", Vec::clear),
        ("bit", |bytes| bytes[100] ^= 4),
    ];
    let mut rebuilt = 0;
    for (name, damage) in &damages {
        assert!(!runs(&collector.data).is_empty(), "{name}");
        for path in runs(&collector.data) {
            // A merge may take one away meanwhile.
            if let Ok(mut bytes) = std::fs::read(&path)
                && !bytes.is_empty()
            {
                damage(&mut bytes);
                let _ = std::fs::write(&path, bytes);
            }
        }
        is_exact(&collector, name);
        let now = metric(collector.port, "headwater_claims_rebuilt_total");
        assert!(now > rebuilt, "{name}: {now} parts were built again");
        rebuilt = now;
        assert_eq!(metric(collector.port, "headwater_claims_in_doubt"), 0);
    }
    let counts = counted(&collector.export(&[]));
    assert_eq!(counts.len(), BATCHES * EACH * 2);
    assert!(counts.values().all(|count| *count == 1));
    let told = collector.log();
    assert!(told.contains("claims are damaged"), "{told}");
    // Once, and again after a quiet minute, which a busy machine may take for a round.
    let times = told.matches("claims are damaged").count();
    assert!(times <= damages.len(), "not for each group: {told}");
}

#[test]
fn a_claims_folder_that_is_removed_is_made_again_and_memory_stays_bounded() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    fill(&collector);
    std::fs::remove_dir_all(collector.data.join("claims")).unwrap();
    is_exact(&collector, "b");
    until("most claims are on disk", || {
        metric(collector.port, "headwater_claims_memory") <= 2000
    });
    assert!(!runs(&collector.data).is_empty());
    let told = collector.log();
    assert!(!told.contains("claims"), "{told}");
}

#[test]
fn claims_that_cannot_go_to_disk_are_told_once_and_refuse_events_before_memory_grows_without_end() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    fill(&collector);
    let folder = collector.data.join("claims");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, b"no folder").unwrap();
    let mut refused = None;
    let mut taken = Vec::new();
    for number in 0..BATCHES {
        let ids = of_batch("b", number);
        let answer = try_send(
            collector.port,
            "POST",
            "/v1/batch",
            &[],
            batch(&ids).as_bytes(),
        );
        match answer.unwrap().status {
            200 => taken.push(ids),
            503 => {
                refused = Some(ids);
                break;
            }
            other => panic!("{other}"),
        }
    }
    let refused = refused.expect("memory is bounded");
    assert!(metric(collector.port, "headwater_claims_memory") <= 3 * 2000);
    let ready = get(collector.port, "/readyz");
    assert!(
        ready.status == 503 && ready.text().contains("claims"),
        "{}",
        ready.text()
    );
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(deliver(collector.port, &refused), EACH as u64);
    for ids in &taken {
        assert_eq!(deliver(collector.port, ids), 0);
    }
    until("ready", || get(collector.port, "/readyz").status == 200);
    let told = collector.log();
    assert_eq!(
        told.matches("could not be written to disk").count(),
        1,
        "{told}"
    );
}

#[test]
fn claims_files_of_an_earlier_process_in_whatever_format_are_not_believed() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    fill(&collector);
    let data = collector.data.clone();
    collector.kill();
    for path in runs(&data) {
        std::fs::write(&path, vec![7; 10_000]).unwrap();
    }
    // As versions before page checksums named them.
    std::fs::write(data.join("claims/00000001.claims"), vec![0; 4096]).unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    is_exact(&collector, "b");
}
