//! How records lie in the log: today's layout, the first one, control records, and kinds that nobody knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_collector::log::{Committer, LogOptions, LogReader, Next, Note, Position, Topic};
use headwater_collector::read;
use headwater_model::time::Millis;
use headwater_store::disk::FaultyDisk;
use headwater_store::frame;
use serde_json::Value;

use crate::faults::{accepted, entry, options, stored};
use crate::http::{post, send};
use crate::process::{Collector, export};

const FIRST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/log-first-layout"
);

fn open(disk: &FaultyDisk, options: LogOptions) -> Committer {
    Committer::open(Arc::new(disk.clone()), options, Millis(1000))
        .unwrap()
        .0
}

fn all(disk: &FaultyDisk) -> Vec<Next> {
    let mut reader = LogReader::new(
        Arc::new(disk.clone()),
        Path::new("/data"),
        Position::default(),
    );
    let mut all = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Next::End => return all,
            next => all.push(next),
        }
    }
}

fn version(text: &'static str) -> Note {
    Note {
        topic: Topic::Version,
        text: text.into(),
    }
}

/// A folder as the first layout's writer left it.
fn first_layout(data: &Path) {
    std::fs::create_dir_all(data.join("log")).unwrap();
    let fixture = PathBuf::from(FIRST);
    std::fs::copy(fixture.join("key"), data.join("key")).unwrap();
    let segment = data.join("log/00000000000000000000.log");
    std::fs::copy(fixture.join("segment"), segment).unwrap();
}

const SOURCES: &str = r#"
[storage]
dir = "DATA"
[[sources]]
id = "shop-web"
name = "The shop's pages"
write_keys = ["wk_1"]
platform = "client"
"#;

#[test]
fn a_log_of_the_first_layout_reads_as_it_did_and_its_claims_hold_also_for_a_source_that_was_renamed()
 {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    first_layout(&data);
    let text = std::fs::read_to_string(Path::new(FIRST).join("expected.ndjson")).unwrap();
    let expected: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(export(&data, &["--rejected"]), expected);

    // Its dedupe window may be over by now: the claims are asked for at the time of its records.
    let disk: Arc<dyn headwater_store::disk::Disk> = Arc::new(headwater_store::disk::RealDisk);
    let options = LogOptions {
        dir: data.clone(),
        ..options()
    };
    let received = headwater_model::time::parse_iso("2026-11-29T17:20:00Z").unwrap();
    let (mut log, recovery) = Committer::open(disk, options, received).unwrap();
    assert_eq!((recovery.claims, recovery.damage.len()), (4, 0));
    let claim = log.fingerprinter().source("shop-web").claim(b"m-1");
    let mut again = entry(&log, &[1], received.0);
    again.events[0].claim = claim;
    let receipt = log.commit(received, vec![again]).unwrap().remove(0);
    assert_eq!(receipt.tally().duplicates, 1);
    drop(log);

    let collector = Collector::serve(dir.path(), SOURCES);
    let one = r#"{"batch":[{"type":"page","anonymousId":"a"}],"writeKey":"wk_1"}"#;
    assert_eq!(post(collector.port, "/v1/batch", one).status, 200);
    let events = export(&data, &["--rejected"]);
    assert_eq!(events[..expected.len()], expected[..]);
    let added = &events[expected.len()];
    assert_eq!(added["context"]["protocols"]["sourceId"], "shop-web");
    assert!(added["messageId"].as_str().unwrap().starts_with("hw-"));
}

#[test]
fn an_event_without_an_id_gets_the_same_one_at_each_reading_and_another_in_another_log() {
    let ids = |key: u8| {
        let disk = FaultyDisk::new();
        let options = LogOptions {
            new_key: [key; 16],
            ..options()
        };
        let mut log = open(&disk, options);
        let mut nameless = entry(&log, &[1], 0);
        nameless.body = br#"{"batch":[{"type":"page","userId":"u"}]}"#.as_slice().into();
        nameless.events[0].verdict = headwater_collector::log::Verdict::AcceptedWithoutId;
        log.commit(Millis(0), vec![nameless.clone(), nameless])
            .unwrap();
        let read = || -> Vec<String> {
            let all = all(&disk).into_iter();
            all.flat_map(|next| match next {
                Next::Record(stored) => read::items(&stored).collect::<Vec<_>>(),
                _ => Vec::new(),
            })
            .map(|item| {
                item.event
                    .get("messageId")
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
        };
        let ids = read();
        assert_eq!(ids, read());
        assert_ne!(ids[0], ids[1]);
        ids
    };
    // The same key gives the same nonces: a simulation repeats itself.
    assert_eq!(ids(7), ids(7));
    // The same positions at another start, as after a restore, give others.
    assert!(ids(7).iter().all(|id| !ids(8).contains(id)));
}

#[test]
fn an_event_that_came_through_more_than_three_hubs_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let sent = |hops: &str, id: u32| {
        let body = format!(
            r#"{{"batch":[{{"type":"page","userId":"u","messageId":"{id}"}}],"writeKey":"k"}}"#
        );
        let headers = [("x-headwater-hops", hops), ("x-collector-strict", "1")];
        send(
            collector.port,
            "POST",
            "/v1/batch",
            &headers,
            body.as_bytes(),
        )
        .json()
    };
    assert_eq!(sent("3", 1)["accepted"], 1);
    for (id, hops) in [(2, "4"), (3, "300"), (4, "many")] {
        assert_eq!(
            sent(hops, id)["rejected"][0]["code"],
            "too_many_hops",
            "{hops}"
        );
    }
    assert_eq!(collector.export(&[]).len(), 1);
    let all = collector.export(&["--rejected"]);
    assert_eq!(all.len(), 4, "each can be asked for");
    // A sender that mends its loop is not told that the event is there already.
    assert_eq!(sent("0", 2)["accepted"], 1);
}

#[test]
fn control_records_lie_among_the_requests_at_their_place_and_survive_a_start() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, options());
    accepted(&mut log, &[1], 0).unwrap();
    let at = log
        .note(Millis(5), &version(r#"{"version":"v1"}"#))
        .unwrap();
    accepted(&mut log, &[2], 0).unwrap();
    for _ in 0..200 {
        log.note(Millis(5), &version(r#"{"version":"v2"}"#))
            .unwrap();
    }
    let end = log.extent().end;
    drop(log);
    let found = all(&disk);
    assert!(matches!(&found[0], Next::Record(_)) && matches!(&found[2], Next::Record(_)));
    let Next::Control(control) = &found[1] else {
        panic!("{:?}", found[1]);
    };
    assert_eq!((control.position, control.received), (at, Millis(5)));
    assert_eq!(control.note, version(r#"{"version":"v1"}"#));
    assert_eq!(found.len(), 203);
    let files = disk.files().into_iter();
    let segments = files.filter(|path| path.starts_with("/data/log")).count();
    assert!(segments > 1, "they begin segments as records do");
    disk.crash(1);
    let log = open(&disk, options());
    assert_eq!(log.extent().end, end);
    assert_eq!(all(&disk), found);
    assert_eq!(stored(&disk), [1, 2]);
}

#[test]
fn a_control_record_behind_damage_is_found_and_one_that_fails_is_not_there() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, options());
    accepted(&mut log, &[1], 0).unwrap();
    let at = log.note(Millis(5), &version("{}")).unwrap();
    disk.fail_syncs(1);
    assert!(log.note(Millis(5), &version(r#"{"n":1}"#)).is_err());
    accepted(&mut log, &[2], 0).unwrap();
    drop(log);
    disk.edit(Path::new("/data/log/00000000000000000000.log"), |bytes| {
        bytes[40] ^= 1;
    });
    let found = all(&disk);
    assert!(matches!(found[0], Next::Skipped { .. }));
    assert!(matches!(&found[1], Next::Control(control) if control.position == at));
    assert!(matches!(found[2], Next::Record(_)));
    assert_eq!(found.len(), 3);
}

#[test]
fn a_frame_of_a_kind_that_is_not_known_is_passed_over_and_counted() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk, options());
    accepted(&mut log, &[1], 0).unwrap();
    drop(log);
    disk.edit(Path::new("/data/log/00000000000000000000.log"), |bytes| {
        frame::encode_into(bytes, 9, &[b"of a later version"]).unwrap();
        // A topic of a later version.
        frame::encode_into(bytes, 2, &[&[0; 12], &[200], b"{}"]).unwrap();
    });
    let mut log = open(&disk, options());
    accepted(&mut log, &[2], 0).unwrap();
    let skipped = all(&disk)
        .iter()
        .filter(|next| matches!(next, Next::Skipped { .. }))
        .count();
    assert_eq!((skipped, stored(&disk)), (2, vec![1, 2]));
}
