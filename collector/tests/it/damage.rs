//! Bits that changed on the disk: what they cost, and what is said about it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use crate::http::strict;
use crate::process::{Collector, export};

/// Events of about 480 bytes.
fn batch(ids: &[String]) -> String {
    let events: Vec<String> = ids
        .iter()
        .map(|id| {
            let pad = "x".repeat(400);
            format!(r#"{{"type":"track","event":"E","userId":"u","messageId":"{id}","properties":{{"pad":"{pad}"}}}}"#)
        })
        .collect();
    format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","))
}

fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

fn stored(data: &Path) -> BTreeSet<String> {
    let events = export(data, &[]);
    let ids: BTreeSet<String> = events
        .iter()
        .map(|event| event["messageId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), events.len(), "an event is there twice");
    ids
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(data.join("log")).unwrap();
    let mut files: Vec<PathBuf> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect();
    files.sort();
    files
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Segments of a few batches of twenty events.
const SMALL: &str = "[storage]\ndir = \"DATA\"\nsegment_bytes = 80000\nmin_free_bytes = 0\n\
                     [limits]\nmax_batch_bytes = 20000\nmax_single_bytes = 10000\nmax_event_bytes = 8000\n\
                     [[sources]]\nname = \"s\"\nwrite_keys = [\"k\"]\n";

#[test]
fn a_flipped_bit_in_a_record_of_300_kb_costs_that_record_alone_and_its_retry_is_new() {
    let dir = tempdir().unwrap();
    let large = ids("large", 600);
    let collector = Collector::dev(dir.path());
    strict(collector.port, &batch(&ids("before", 20)));
    let first = std::fs::metadata(&segments(dir.path())[0]).unwrap().len();
    strict(collector.port, &batch(&large));
    let second = std::fs::metadata(&segments(dir.path())[0]).unwrap().len();
    assert!(second - first > 300_000);
    for number in 0..30 {
        strict(
            collector.port,
            &batch(&ids(&format!("behind{number}"), 1000)),
        );
    }
    collector.kill();
    let file = segments(dir.path()).remove(0);
    let len = std::fs::metadata(&file).unwrap().len();
    edit(&file, |bytes| bytes[second as usize - 50] ^= 4);
    assert_eq!(stored(dir.path()).len(), 30_020);
    let collector = Collector::dev(dir.path());
    assert_eq!(
        std::fs::metadata(&file).unwrap().len(),
        len,
        "nothing is cut off"
    );
    assert_eq!(strict(collector.port, &batch(&large))["accepted"], 600);
    assert_eq!(
        strict(collector.port, &batch(&ids("behind7", 1000)))["duplicates"],
        1000
    );
    assert_eq!(stored(dir.path()).len(), 30_620);
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_costs_that_record_alone_and_its_retry_is_new() {
    let dir = tempdir().unwrap();
    let collector = Collector::serve(dir.path(), SMALL);
    let data = collector.data.clone();
    for number in 0..40 {
        strict(collector.port, &batch(&ids(&format!("b{number}"), 20)));
    }
    collector.kill();
    let all = stored(&data);
    assert!(segments(&data).len() > 3);
    edit(&segments(&data)[1], |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let left = stored(&data);
    let lost: Vec<String> = all.difference(&left).cloned().collect();
    assert_eq!(lost.len(), 20);
    let collector = Collector::serve(dir.path(), SMALL);
    assert_eq!(strict(collector.port, &batch(&lost))["accepted"], 20);
    assert_eq!(stored(&data), all);
}

#[test]
fn an_empty_or_short_sealed_segment_hides_no_later_one() {
    for length in [0, 1, 11] {
        let dir = tempdir().unwrap();
        let collector = Collector::serve(dir.path(), SMALL);
        let data = collector.data.clone();
        for number in 0..40 {
            strict(collector.port, &batch(&ids(&format!("b{number}"), 20)));
        }
        collector.kill();
        let all = stored(&data);
        let hit = segments(&data)[1].clone();
        edit(&hit, |bytes| bytes.truncate(length));
        let left = stored(&data);
        // Seven batches of 10 KB are in a segment.
        assert_eq!(all.len() - left.len(), 140, "{length} bytes long");
        let collector = Collector::serve(dir.path(), SMALL);
        assert_eq!(stored(&data), left);
        let lost: Vec<String> = all.difference(&left).take(20).cloned().collect();
        assert_eq!(strict(collector.port, &batch(&lost))["accepted"], 20);
    }
}

#[test]
fn a_sealed_segment_made_longer_costs_no_record_of_the_next() {
    for (at, count) in [(12, 37), (12, 4096), (30_000, 37), (usize::MAX, 4096)] {
        let dir = tempdir().unwrap();
        let collector = Collector::serve(dir.path(), SMALL);
        let data = collector.data.clone();
        for number in 0..40 {
            strict(collector.port, &batch(&ids(&format!("b{number}"), 20)));
        }
        collector.kill();
        let all = stored(&data);
        edit(&segments(&data)[1], |bytes| {
            let at = at.min(bytes.len());
            bytes.splice(at..at, (0..count).map(|n| n as u8 ^ 0x5a));
        });
        let left = stored(&data);
        let hit = if at == 30_000 { 20 } else { 0 };
        assert_eq!(all.len() - left.len(), hit, "{count} bytes at {at}");
        drop(Collector::serve(dir.path(), SMALL));
        assert_eq!(stored(&data), left);
    }
}

#[test]
fn a_flipped_bit_in_the_last_record_is_set_aside_and_told_and_nothing_is_cut_off() {
    let dir = tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    for id in ["a", "b", "c"] {
        strict(collector.port, &batch(&[id.to_owned()]));
    }
    collector.kill();
    let file = segments(dir.path()).remove(0);
    edit(&file, |bytes| {
        let at = bytes.len() - 50;
        bytes[at] ^= 1;
    });
    let damaged = std::fs::read(&file).unwrap();
    assert_eq!(stored(dir.path()).len(), 2);
    let collector = Collector::dev(dir.path());
    let name = file.file_name().unwrap().to_str().unwrap();
    collector.has_logged("ERROR");
    let told = collector.log();
    assert!(
        told.contains(name) && told.contains(&format!("to={}", damaged.len())),
        "{told}"
    );
    assert!(!told.contains("never acknowledged"), "{told}");
    assert_eq!(std::fs::read(&file).unwrap(), damaged, "nothing is cut off");
    let aside = std::fs::read_dir(dir.path().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with(".damaged"))
        .expect("a file of its own");
    assert!(damaged.ends_with(&std::fs::read(aside).unwrap()));
    assert_eq!(
        strict(collector.port, &batch(&["c".to_owned()]))["accepted"],
        1
    );
    assert_eq!(segments(dir.path()).len(), 2, "it goes on in a new segment");
    assert_eq!(stored(dir.path()).len(), 3);
}
