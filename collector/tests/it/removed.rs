//! Files of the log that others remove, move or cut while the collector runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::tempdir;

use crate::claims::{deliver, metric, until};
use crate::durable::{batch, counted, ids};
use crate::http::{get, try_send};
use crate::process::{Collector, run};

/// Segments of some 80 kB: six batches each.
const CONFIG: &str = r#"
[storage]
dir = "DATA"
min_free_bytes = 0
segment_bytes = 80000
[limits]
max_batch_bytes = 20000
[[sources]]
name = "s"
write_keys = ["k"]
"#;

const EACH: usize = 40;

fn of_batch(number: usize) -> Vec<String> {
    ids(&format!("b{number}"), EACH)
}

fn send(collector: &Collector, batches: std::ops::Range<usize>) {
    for number in batches {
        let accepted = deliver(collector.port, &of_batch(number));
        assert_eq!(accepted, EACH as u64, "batch {number}");
    }
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "log"))
        .collect();
    files.sort();
    files
}

fn active(data: &Path) -> PathBuf {
    segments(data).pop().unwrap()
}

/// All of these batches are in the log once, and a retry is a duplicate, now and after a restart.
fn holds(dir: &Path, collector: Collector, batches: std::ops::Range<usize>) {
    let check = |collector: &Collector| {
        let counts = counted(&collector.export(&[]));
        for id in batches.clone().flat_map(of_batch) {
            assert_eq!(counts.get(&id), Some(&1), "{id}");
        }
        for number in batches.clone() {
            assert_eq!(deliver(collector.port, &of_batch(number)), 0, "{number}");
        }
    };
    check(&collector);
    collector.kill();
    check(&Collector::serve(dir, CONFIG));
}

fn incident(collector: &Collector) -> Option<String> {
    let ready = get(collector.port, "/readyz").json();
    ready["log"]["lastIncident"].as_str().map(str::to_owned)
}

#[test]
fn an_active_segment_that_is_removed_or_moved_or_replaced_loses_nothing() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("removed", |path| std::fs::remove_file(path).unwrap()),
        ("moved", |path| {
            std::fs::rename(path, path.with_extension("old")).unwrap();
        }),
        ("replaced by an empty file", |path| {
            std::fs::remove_file(path).unwrap();
            std::fs::write(path, b"").unwrap();
        }),
        ("replaced by something else", |path| {
            std::fs::rename(path, path.with_extension("old")).unwrap();
            std::fs::write(path, b"something else that somebody wants to keep").unwrap();
        }),
    ];
    for (name, change) in changes {
        let dir = tempdir().unwrap();
        let collector = Collector::serve(dir.path(), CONFIG);
        send(&collector, 0..3);
        change(&active(&collector.data));
        send(&collector, 3..10);
        change(&active(&collector.data));
        // Nobody sends: it is noticed all the same.
        let told = metric(collector.port, "headwater_log_incidents_total");
        until("it is noticed", || {
            metric(collector.port, "headwater_log_incidents_total") > told
        });
        let told = incident(&collector).expect(name);
        assert!(told.contains("nothing is lost"), "{name}: {told}");
        if name == "replaced by something else" {
            let kept = std::fs::read_dir(collector.data.join("log"))
                .unwrap()
                .filter(|entry| {
                    let path = entry.as_ref().unwrap().path();
                    std::fs::read(path).unwrap().starts_with(b"something else")
                });
            assert_eq!(kept.count(), 2, "what is not ours is kept");
        }
        assert_eq!(get(collector.port, "/readyz").status, 200, "{name}");
        holds(dir.path(), collector, 0..10);
    }
}

#[test]
fn a_log_folder_or_data_folder_that_is_removed_is_made_again_with_the_active_segment() {
    for whole in [false, true] {
        let dir = tempdir().unwrap();
        let collector = Collector::serve(dir.path(), CONFIG);
        send(&collector, 0..3);
        let data = collector.data.clone();
        std::fs::remove_dir_all(if whole {
            data.clone()
        } else {
            data.join("log")
        })
        .unwrap();
        send(&collector, 3..10);
        until("it is told", || incident(&collector).is_some());
        let (fine, text) = second(&data);
        assert!(!fine && text.contains("in use"), "{text}");
        holds(dir.path(), collector, 0..10);
    }
}

#[test]
fn a_data_folder_that_is_moved_refuses_events_until_it_is_back() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    send(&collector, 0..3);
    let (data, away) = (collector.data.clone(), dir.path().join("away"));
    std::fs::rename(&data, &away).unwrap();
    until("not ready", || get(collector.port, "/readyz").status == 503);
    let ready = get(collector.port, "/readyz").text();
    assert!(ready.contains("the data folder was moved"), "{ready}");
    let refused = batch(&of_batch(3));
    let answer = try_send(collector.port, "POST", "/v1/batch", &[], refused.as_bytes());
    assert_eq!(answer.unwrap().status, 503);
    assert!(!data.exists(), "nothing is written to the old place");
    std::fs::rename(&away, &data).unwrap();
    until("ready", || get(collector.port, "/readyz").status == 200);
    send(&collector, 3..10);
    holds(dir.path(), collector, 0..10);
}

#[test]
fn what_is_cut_off_the_active_segment_can_be_sent_again_and_the_rest_stays() {
    for keep_half in [false, true] {
        let dir = tempdir().unwrap();
        let collector = Collector::serve(dir.path(), CONFIG);
        send(&collector, 0..4);
        let path = active(&collector.data);
        let len = std::fs::metadata(&path).unwrap().len();
        // As logrotate's copytruncate does, with the descriptor of another.
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(if keep_half { len / 2 } else { 0 }).unwrap();
        send(&collector, 4..10);
        let told = incident(&collector).expect("it is told");
        assert!(told.contains("lost and can be sent again"), "{told}");
        assert_eq!(get(collector.port, "/readyz").status, 200);
        let again: u64 = (0..4)
            .map(|number| deliver(collector.port, &of_batch(number)))
            .sum();
        let lost = if keep_half { 2..=3 } else { 4..=4 };
        let lost = lost.start() * EACH as u64..=lost.end() * EACH as u64;
        assert!(lost.contains(&again), "{again} were taken again");
        holds(dir.path(), collector, 0..10);
    }
}

#[test]
fn sealed_segments_that_are_removed_or_cut_are_told_and_what_they_held_can_be_sent_again() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    send(&collector, 0..40);
    let files = segments(&collector.data);
    assert!(files.len() >= 5, "{files:?}");
    let before = counted(&collector.export(&[])).len();
    std::fs::remove_file(&files[1]).unwrap();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&files[3])
        .unwrap();
    file.set_len(30_000).unwrap();
    until("both are told", || {
        metric(collector.port, "headwater_log_incidents_total") >= 2
    });
    let left = counted(&collector.export(&[])).len();
    let again: u64 = (0..40)
        .map(|number| deliver(collector.port, &of_batch(number)))
        .sum();
    assert_eq!(again as usize, before - left);
    holds(dir.path(), collector, 0..40);
}

#[test]
fn bytes_that_another_appends_to_the_active_segment_cost_nothing() {
    use std::io::Write;
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    send(&collector, 0..3);
    std::fs::OpenOptions::new()
        .append(true)
        .open(active(&collector.data))
        .unwrap()
        .write_all(b"a line of somebody else\n")
        .unwrap();
    send(&collector, 3..10);
    assert!(incident(&collector).unwrap().contains("appended 24 bytes"));
    holds(dir.path(), collector, 0..10);
}

fn second(data: &Path) -> (bool, String) {
    run(&["dev", "--port", "0", "--data", data.to_str().unwrap()])
}

#[test]
fn a_lock_that_is_removed_lets_no_second_collector_in_and_is_made_again() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    send(&collector, 0..3);
    let lock = collector.data.join("lock");
    std::fs::remove_file(&lock).unwrap();
    let (fine, text) = second(&collector.data);
    assert!(!fine && text.contains("in use"), "{text}");
    until("the lock is there", || lock.exists());
    until("it is told", || incident(&collector).is_some());
    assert!(incident(&collector).unwrap().contains("`lock`"));
    send(&collector, 3..6);
    holds(dir.path(), collector, 0..6);
}

#[test]
fn a_key_that_is_removed_is_written_again_so_that_retries_are_known_after_a_restart() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    send(&collector, 0..3);
    std::fs::remove_file(collector.data.join("key")).unwrap();
    until("the key is there", || collector.data.join("key").exists());
    holds(dir.path(), collector, 0..3);
}

#[test]
fn segments_that_are_removed_under_load_lose_nothing_and_double_nothing() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), CONFIG);
    let (port, done) = (collector.port, Arc::new(AtomicBool::new(false)));
    let acked = Arc::new(Mutex::new(0));
    let senders: Vec<_> = (0..3)
        .map(|sender| {
            let (done, acked) = (Arc::clone(&done), Arc::clone(&acked));
            std::thread::spawn(move || {
                let mut sent = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let ids = ids(&format!("s{sender}-{}", sent.len()), EACH);
                    deliver(port, &ids);
                    sent.push(ids);
                    *acked.lock().unwrap() += 1;
                }
                sent
            })
        })
        .collect();
    for round in 1..=15 {
        until("some more are acknowledged", || {
            *acked.lock().unwrap() >= round * 8
        });
        // The one being written: it may have become a sealed one in between, which nobody holds open.
        let files = segments(&collector.data);
        let gone = dir.path().join(format!("gone-{round}"));
        std::fs::rename(files.last().unwrap(), &gone).unwrap();
        if segments(&collector.data).last() > files.last() {
            std::fs::rename(&gone, files.last().unwrap()).unwrap();
        } else {
            std::fs::remove_file(&gone).unwrap();
        }
        // Until then the one before it is the last that is seen.
        until("it is there again", || files.last().unwrap().exists());
    }
    done.store(true, Ordering::Relaxed);
    let sent: Vec<_> = senders
        .into_iter()
        .flat_map(|sender| sender.join().unwrap())
        .collect();
    until("ready", || get(port, "/readyz").status == 200);
    collector.kill();
    let collector = Collector::serve(dir.path(), CONFIG);
    let counts = counted(&collector.export(&[]));
    for id in sent.iter().flatten() {
        assert_eq!(counts.get(id), Some(&1), "{id}");
    }
}
