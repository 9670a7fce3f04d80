//! Deleted events: no reader sees them from the answer on, their bytes leave the segments, and nothing else changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use headwater_collector::config::Platform;
use headwater_collector::log::{
    Committer, Entry, LogReader, Next, Position, Rewriting, Slot, Stored, Topic, Verdict,
};
use headwater_collector::read;
use headwater_collector::sources::KeyTag;
use headwater_model::event::EventType;
use headwater_model::time::Millis;
use headwater_store::disk::{Disk, FaultyDisk};

use crate::faults::{HOUR, options};
use crate::http::{get, post, send};
use crate::process::{BINARY, Collector, run};

const DATA: &str = "/data";

fn open(disk: &FaultyDisk) -> Committer {
    Committer::open(Arc::new(disk.clone()), options(), Millis(0))
        .unwrap()
        .0
}

/// A batch of one event each: (messageId, user).
fn batch(log: &Committer, events: &[(&str, &str)]) -> Entry {
    let source = log.fingerprinter().source("s");
    let mut body = br#" {"context":{"traits":{"email":"envelope@x"}}, "batch" : ["#.to_vec();
    let mut slots = Vec::new();
    for (id, user) in events {
        if !slots.is_empty() {
            body.extend_from_slice(b" ,\n");
        }
        let event = format!(
            r#"{{"type":"page","name":"secret-{user}","userId":"{user}","messageId":"{id}"}}"#
        );
        slots.push(Slot {
            offset: body.len() as u32,
            len: event.len() as u32,
            verdict: Verdict::Accepted,
            claim: source.claim(id.as_bytes()),
        });
        body.extend_from_slice(event.as_bytes());
    }
    body.extend_from_slice(b"],\"sentAt\":null}\n");
    Entry {
        received: Millis(0),
        source: "s".into(),
        hops: 0,
        key: KeyTag(0),
        platform: Platform::Client,
        ip: Some([10, 1, 2, 3].into()),
        implied: None,
        events: slots,
        body: Bytes::from(body),
    }
}

fn put(log: &mut Committer, events: &[(&str, &str)]) -> u64 {
    let entry = batch(log, events);
    log.commit(Millis(0), vec![entry]).unwrap()[0]
        .tally()
        .accepted
}

/// Some segments of batches by `u-1`, `u-2` and both.
fn filled(disk: &FaultyDisk) -> Committer {
    let mut log = open(disk);
    for n in 0..20 {
        let id = |part: &str| format!("{n}{part}");
        put(&mut log, &[(&id("a"), "u-1"), (&id("b"), "u-2")]);
        put(&mut log, &[(&id("c"), "u-1"), (&id("d"), "u-1")]);
        put(&mut log, &[(&id("e"), "u-2")]);
    }
    log
}

fn records(disk: &FaultyDisk) -> Vec<Stored> {
    let mut reader = LogReader::new(Arc::new(disk.clone()), Path::new(DATA), Position::default());
    let mut all = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Next::Record(stored) => all.push(stored),
            Next::Control(control) => assert_eq!(control.note.topic, Topic::Delete),
            Next::Skipped { from, to } => panic!("nothing is readable from {from} to {to}"),
            Next::End => return all,
        }
    }
}

fn ids(stored: &[Stored]) -> Vec<String> {
    let items = stored.iter().flat_map(read::items);
    items
        .filter(|item| item.verdict.is_accepted())
        .map(|item| {
            let id = item.event.get("messageId").unwrap();
            id.as_str().unwrap().to_owned()
        })
        .collect()
}

/// Which of some texts lie in the log's files.
fn on_disk<'a>(disk: &FaultyDisk, texts: &[&'a str]) -> Vec<&'a str> {
    let files = disk.files().into_iter();
    let bytes: Vec<u8> = files
        .filter(|path| path.starts_with("/data/log"))
        .flat_map(|path| disk.contents(&path).unwrap())
        .collect();
    let holds = |text: &&&str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    texts.iter().filter(holds).copied().collect()
}

/// Rewrites all there is to rewrite; how many segments changed.
fn rewrite(log: &mut Committer) -> io::Result<u64> {
    let mut segments = 0;
    while let Some(job) = log.rewrite_job(Millis(0)).map_err(io::Error::other)? {
        segments += u64::from(log.adopt_rewritten(job.run())?);
    }
    Ok(segments)
}

#[test]
fn no_reader_sees_a_deleted_users_events_from_the_answer_on_and_all_others_as_before() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    let before = records(&disk);
    let mut midway = LogReader::new(Arc::new(disk.clone()), Path::new(DATA), Position::default());
    assert!(matches!(midway.advance().unwrap(), Next::Record(_)));
    log.redact(Millis(0), "u-1", Rewriting::Daily).unwrap();
    let Next::Record(next) = midway.advance().unwrap() else {
        panic!("the second record");
    };
    assert!(ids(&[next]).is_empty(), "also one that reads already");
    // What comes later is another matter: deletion is not suppression.
    put(&mut log, &[("late", "u-1")]);
    let after = records(&disk);
    let (late, after) = after.split_last().unwrap();
    assert_eq!(ids(std::slice::from_ref(late)), ["late"]);
    assert_eq!(after.len(), before.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(after.position, before.position);
        assert_eq!(after.body.len(), before.body.len());
        assert!(!String::from_utf8_lossy(&after.body).contains("u-1"));
        let kept = read::items(before).zip(read::items(after));
        for ((old, new), slot) in kept.zip(&after.head.events) {
            if old.event.get("userId").unwrap().as_str() == Some("u-1") {
                assert_eq!(
                    (new.verdict, slot.verdict),
                    (Verdict::Redacted, Verdict::Redacted)
                );
                assert_eq!(after.event(slot).trim_ascii_end(), b"{}");
            } else {
                assert_eq!(new, old);
            }
        }
    }
    // A record of which nothing is left tells nothing of who sent it.
    let whole = &after[1];
    assert_eq!(whole.head.ip, Some([0, 0, 0, 0].into()));
    let body = String::from_utf8_lossy(&whole.body);
    assert!(
        !body.contains("envelope@x") && read::items(whole).count() == 2,
        "{body}"
    );
    assert_eq!(after[0].head.ip, Some([10, 1, 2, 3].into()));
}

#[test]
fn rewriting_takes_the_bytes_out_of_the_segments_and_keeps_what_readers_see_and_the_claims() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    log.redact(Millis(0), "u-1", Rewriting::Daily).unwrap();
    let seen = records(&disk);
    let lengths = |disk: &FaultyDisk| -> Vec<(PathBuf, usize)> {
        let files = disk.files().into_iter();
        files
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .map(|path| (path.clone(), disk.contents(&path).unwrap().len()))
            .collect()
    };
    assert!(
        log.rewrite_job(Millis(HOUR)).unwrap().is_none(),
        "it is collected for a day"
    );
    assert_eq!(on_disk(&disk, &["secret-u-1"]), ["secret-u-1"]);
    let job = log.rewrite_job(Millis(24 * HOUR)).unwrap().unwrap();
    let was = lengths(&disk);
    assert!(log.adopt_rewritten(job.run()).unwrap());
    assert!(rewrite(&mut log).unwrap() > 2);
    assert!(log.redactions()[0].rewritten);
    assert_eq!(
        on_disk(&disk, &["secret-u-1", "secret-u-2"]),
        ["secret-u-2"]
    );
    assert_eq!(lengths(&disk), was);
    assert_eq!(records(&disk), seen);
    drop(log);
    let (mut log, recovery) =
        Committer::open(Arc::new(disk.clone()), options(), Millis(0)).unwrap();
    assert!(recovery.damage.is_empty(), "{recovery:?}");
    for id in ["0a", "3c", "19d", "4b"] {
        assert_eq!(put(&mut log, &[(id, "u-1")]), 0, "{id} stays claimed");
    }
    assert_eq!(put(&mut log, &[("new", "u-1")]), 1);
    assert_eq!(rewrite(&mut log).unwrap(), 0, "nothing is left to do");
}

#[test]
fn a_single_event_and_a_number_are_deleted_as_others_are_and_rejected_ones_too() {
    let disk = FaultyDisk::new();
    let mut log = open(&disk);
    let mut single = batch(&log, &[("1", "u")]);
    single.body = Bytes::from_static(br#" {"event":"x","userId":17,"messageId":"1"} "#);
    single.implied = Some(EventType::Track);
    single.events[0].offset = 1;
    single.events[0].len = single.body.len() as u32 - 2;
    let mut alias = single.clone();
    alias.body = Bytes::from_static(br#" {"userId":"v","previousId":"\u0031\u0037"} "#);
    alias.implied = Some(EventType::Alias);
    alias.events[0].len = alias.body.len() as u32 - 2;
    alias.events[0].verdict = Verdict::Rejected(headwater_collector::log::Reason::WrongType);
    log.commit(Millis(0), vec![single, alias]).unwrap();
    log.redact(Millis(0), "17", Rewriting::AtOnce).unwrap();
    for _ in 0..2 {
        let all = records(&disk);
        let verdicts: Vec<_> = all.iter().map(|one| one.head.events[0].verdict).collect();
        assert_eq!(verdicts, [Verdict::Redacted, Verdict::RedactedUnclaimed]);
        for one in &all {
            assert_eq!(one.body.trim_ascii(), b"{}");
            assert_eq!(read::items(one).count(), 1);
        }
        rewrite(&mut log).unwrap();
    }
}

#[test]
fn a_process_that_ends_between_any_two_writes_leaves_each_record_as_it_was_or_redacted() {
    let whole = FaultyDisk::new();
    drop(filled(&whole));
    let original = records(&whole);
    let others: Vec<String> = ids(&original)
        .into_iter()
        .filter(|id| id.ends_with('b') || id.ends_with('e'))
        .collect();
    let (mut steps, mut deleted, mut rewritten) = (0, 0, 0);
    loop {
        for power in [None, Some(steps)] {
            let disk = FaultyDisk::new();
            drop(filled(&disk));
            let mut log = open(&disk);
            disk.end_after(Some(steps));
            let told = log.redact(Millis(0), "u-1", Rewriting::AtOnce).is_ok();
            let done = told && rewrite(&mut log).is_ok();
            drop(log);
            disk.end_after(None);
            if let Some(seed) = power {
                disk.crash(seed);
            }
            let mut log = open(&disk);
            let found = records(&disk);
            assert_eq!(found.len(), original.len(), "step {steps}");
            let left = ids(&found);
            if told || left.len() < 100 {
                assert_eq!(left, others, "step {steps}: a deletion that is told holds");
                deleted += 1;
            } else {
                assert_eq!(found, original, "step {steps}");
            }
            // The next process finishes what this one began.
            log.redact(Millis(0), "u-1", Rewriting::AtOnce).unwrap();
            rewritten += rewrite(&mut log).unwrap();
            assert_eq!(on_disk(&disk, &["secret-u-1"]), [""; 0], "step {steps}");
            assert_eq!(ids(&records(&disk)), others);
            let drafts = disk.files().into_iter();
            let drafts = drafts.filter(|path| path.to_string_lossy().ends_with(".rewrite"));
            assert_eq!(drafts.count(), 0, "step {steps}");
            assert_eq!(put(&mut log, &[("0a", "u-1"), ("0b", "u-2")]), 0);
            if done && power.is_some() {
                assert!(
                    steps > 20 && deleted > 20 && rewritten > 50,
                    "{steps} {deleted} {rewritten}"
                );
                return;
            }
        }
        steps += 1;
    }
}

#[test]
fn a_deletion_outlives_the_file_that_tells_it_and_nobody_reads_while_that_is_damaged() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    log.redact(Millis(0), "u-1", Rewriting::Daily).unwrap();
    let told = log.redactions().to_vec();
    let seen = ids(&records(&disk));
    drop(log);
    let file = Path::new("/data/redactions");
    // A process that ended right behind the control record.
    disk.remove(file).unwrap();
    assert_eq!(open(&disk).redactions(), told);
    assert_eq!(ids(&records(&disk)), seen);
    let size = disk.contents(file).unwrap().len();
    for at in 0..size {
        disk.edit(file, |bytes| bytes[at] ^= 4);
        let mut reader =
            LogReader::new(Arc::new(disk.clone()), Path::new(DATA), Position::default());
        let error = reader.advance().unwrap_err();
        assert!(error.to_string().contains("start the collector"), "{error}");
        let mut log = open(&disk);
        assert_eq!(log.redactions(), told, "byte {at}");
        let incident = log.take_incidents().remove(0).to_string();
        assert!(incident.contains("tells of 1 deletions"), "{incident}");
        // The reader that refused goes on where it was.
        assert!(matches!(reader.advance().unwrap(), Next::Record(_)));
        assert_eq!(ids(&records(&disk)), seen);
    }
}

#[test]
fn a_deletion_holds_also_where_the_log_is_shorter_than_it_was_at_an_earlier_one() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    log.redact(Millis(0), "u-9", Rewriting::AtOnce).unwrap();
    drop(log);
    // Somebody begins anew, or an older copy lies in the folder.
    for path in disk.files() {
        if path.starts_with("/data/log/") || path.starts_with("/data/claims/") {
            disk.remove(&path).unwrap();
        }
    }
    let mut log = open(&disk);
    put(&mut log, &[("1", "u-1"), ("2", "u-2")]);
    log.redact(Millis(0), "u-1", Rewriting::AtOnce).unwrap();
    assert_eq!(ids(&records(&disk)), ["2"]);
    assert_eq!(rewrite(&mut log).unwrap(), 1);
    assert_eq!(on_disk(&disk, &["secret-u-1"]), [""; 0]);
    drop(log);
    assert_eq!(open(&disk).redactions().len(), 2);
    assert_eq!(ids(&records(&disk)), ["2"]);
}

#[test]
fn a_full_disk_puts_rewriting_off_and_a_deletion_is_taken_all_the_same() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    disk.set_capacity(Some(disk.used() + 600));
    log.redact(Millis(0), "u-1", Rewriting::AtOnce).unwrap();
    assert!(rewrite(&mut log).is_err());
    let is_draft = |path: &PathBuf| path.extension().is_some_and(|end| end == "rewrite");
    assert!(
        !disk.files().iter().any(is_draft),
        "half of a copy is in the way of events"
    );
    let seen = records(&disk);
    assert_eq!(ids(&seen).len(), 40);
    disk.set_capacity(None);
    assert!(rewrite(&mut log).unwrap() > 2);
    assert_eq!(on_disk(&disk, &["secret-u-1"]), [""; 0]);
    assert_eq!(records(&disk), seen);
}

#[test]
fn retention_may_remove_a_segment_while_it_is_rewritten() {
    let disk = FaultyDisk::new();
    let mut log = filled(&disk);
    log.redact(Millis(0), "u-1", Rewriting::AtOnce).unwrap();
    let job = log.rewrite_job(Millis(0)).unwrap().unwrap();
    let rewritten = job.run();
    disk.remove(Path::new("/data/log/00000000000000000000.log"))
        .unwrap();
    assert!(
        !log.adopt_rewritten(rewritten).unwrap(),
        "it does not come back"
    );
    rewrite(&mut log).unwrap();
    assert_eq!(on_disk(&disk, &["secret-u-1"]), [""; 0]);
}

fn files_hold(data: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(data.join("log")).unwrap();
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn an_operator_deletes_a_user_over_http_and_sees_that_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::dev(dir.path());
    let port = collector.port;
    let event = |id: &str, user: &str| {
        let text = format!(
            r#"{{"batch":[{{"type":"identify","userId":"{user}","messageId":"{id}","traits":{{"email":"{user}@x"}}}}],"writeKey":"k"}}"#
        );
        send(
            port,
            "POST",
            "/v1/batch",
            &[("x-collector-strict", "1")],
            text.as_bytes(),
        )
        .json()
    };
    event("1", "anna");
    event("2", "berta");
    assert_eq!(
        get(port, "/_inspect/good").json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"userId":""}"#,
        r#"{"userId":"a","rewrite":"now"}"#,
        r#"{"userId":"a","user":1}"#,
    ] {
        let answer = post(port, "/admin/v1/redactions", wrong);
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    let answer = post(
        port,
        "/admin/v1/redactions",
        r#"{"userId":"anna","rewrite":"at_once"}"#,
    );
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(!answer.text().contains("anna"));
    let shown = get(port, "/_inspect/good").text();
    assert!(
        shown.contains("berta") && !shown.contains("anna"),
        "{shown}"
    );
    let exported = collector.export(&[]);
    assert_eq!(exported.len(), 1);
    let raw = Collector::export(&collector, &["--raw"]);
    assert!(!format!("{raw:?}").contains("anna"));
    let started = std::time::Instant::now();
    while get(port, "/admin/v1/redactions").json()["redactions"][0]["rewritten"] != true {
        assert!(started.elapsed() < std::time::Duration::from_secs(60));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!files_hold(&collector.data, "anna") && files_hold(&collector.data, "berta"));
    assert_eq!(
        event("1", "anna")["duplicates"],
        1,
        "its messageId stays claimed"
    );
    assert_eq!(
        event("3", "anna")["accepted"],
        1,
        "deletion is not suppression"
    );
    assert!(!collector.log().contains("anna"));
}

#[test]
fn the_command_deletes_a_user_where_no_collector_runs_and_says_so_where_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let redact = |user: &str| run(&["redact", "--data", data, "--user", user]);
    let collector = Collector::dev(dir.path());
    let one = r#"{"batch":[{"type":"page","userId":"anna"},{"type":"page","userId":"berta"}],"writeKey":"k"}"#;
    post(collector.port, "/v1/batch", one);
    let (done, told) = redact("anna");
    assert!(!done && told.contains("in use"), "{told}");
    collector.stop();
    let (done, told) = redact("anna");
    assert!(done && told.contains("1 segments were rewritten"), "{told}");
    assert!(!files_hold(dir.path(), "anna") && files_hold(dir.path(), "berta"));
    let (done, told) = redact("");
    assert!(!done && told.contains("userId"), "{told}");
    let help = run(&["redact", "--help"]).1;
    assert!(help.contains("/admin/v1/redactions"), "{BINARY}: {help}");
}

#[test]
fn kills_while_deleted_events_leave_the_log_cost_nothing_else_and_bring_none_of_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = 10;
    for round in 0..rounds {
        let collector = Collector::dev(dir.path());
        let events: Vec<String> = (0..50)
            .flat_map(|n| {
                ["gone", "stays"].map(|user| {
                    format!(
                        r#"{{"type":"page","userId":"{user}-{round}","messageId":"{user}-{round}-{n}","name":"secret-{user}"}}"#
                    )
                })
            })
            .collect();
        let body = format!(r#"{{"batch":[{}],"writeKey":"k"}}"#, events.join(","));
        assert_eq!(post(collector.port, "/v1/batch", &body).status, 200);
        let asked = format!(r#"{{"userId":"gone-{round}","rewrite":"at_once"}}"#);
        let answer = post(collector.port, "/admin/v1/redactions", &asked);
        assert_eq!(answer.status, 202);
        std::thread::sleep(std::time::Duration::from_micros(round * 700));
        collector.kill();
        let left = crate::process::export(dir.path(), &[]);
        assert_eq!(left.len() as u64, (round + 1) * 50);
        assert!(left.iter().all(|event| event["name"] == "secret-stays"));
    }
    let collector = Collector::dev(dir.path());
    // One more takes those along that a kill left.
    let last = r#"{"userId":"nobody","rewrite":"at_once"}"#;
    assert_eq!(
        post(collector.port, "/admin/v1/redactions", last).status,
        202
    );
    let started = std::time::Instant::now();
    let open = || {
        let told = get(collector.port, "/admin/v1/redactions").json();
        let told = told["redactions"].as_array().unwrap().clone();
        assert_eq!(told.len() as u64, rounds + 1);
        told.iter().any(|one| one["rewritten"] == false)
    };
    while open() {
        assert!(started.elapsed() < std::time::Duration::from_secs(60));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!files_hold(dir.path(), "secret-gone"));
    assert_eq!(collector.export(&[]).len() as u64, rounds * 50);
}
