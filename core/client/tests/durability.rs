//! On the disk: restarts, deaths of the process, two on one directory, no room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use headwater::{Backend, BuildError, Client, DropReason, Durability, TrackError};
use hub::{Hub, eventually, names};
use serde_json::json;

/// An address where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";
/// Tells a child process of this test what to be.
const ROLE: &str = "HEADWATER_TEST_ROLE";

fn backends() -> Vec<Backend> {
    vec![
        Backend::SegmentLog,
        #[cfg(feature = "sled")]
        Backend::Sled,
    ]
}

fn on(directory: &Path, backend: Backend, url: &str) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(url)
        .directory(directory)
        .backend(backend)
        .no_proxy()
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
}

fn send(client: &Client, name: &str) {
    client.track(name, ()).user_id("u").send().unwrap();
}

/// Runs the test of this name once more in a process of its own, in this role.
fn child(test: &str, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

#[test]
fn a_restart_delivers_what_was_left_with_the_same_ids() {
    for backend in backends() {
        let directory = tempfile::tempdir().unwrap();
        let client = on(directory.path(), backend, NOBODY).build().unwrap();
        let receipt = client.track("a", ()).user_id("u").send().unwrap();
        send(&client, "b");
        let report = client.shutdown_blocking(Duration::from_millis(200));
        assert_eq!(report.pending, 2);
        let hub = Hub::open();
        let client = on(directory.path(), backend, &hub.url()).build().unwrap();
        let events = hub.wait_for(2);
        assert_eq!(names(&events), ["a", "b"]);
        assert_eq!(events[0]["messageId"], receipt.message_id());
        eventually("an empty queue", || client.queue().events == 0);
        drop(client);
        let client = on(directory.path(), backend, &hub.url()).build().unwrap();
        assert_eq!(client.flush_blocking().delivered, 0);
        assert_eq!(hub.events().len(), 2);
    }
}

#[test]
fn dropping_the_client_frees_the_directory_and_loses_nothing() {
    for backend in backends() {
        let directory = tempfile::tempdir().unwrap();
        for n in 0..20 {
            let client = on(directory.path(), backend, NOBODY).build().unwrap();
            assert_eq!(client.queue().events, n);
            send(&client, "x");
        }
    }
}

/// Calls as fast as it can and says how many returned; killed by the parent.
fn call_until_killed(role: &str) {
    let parts: Vec<&str> = role.split('|').collect();
    let durability = if parts[1] == "sync" {
        Durability::Sync
    } else {
        Durability::Buffered
    };
    let client = Client::builder("test-key")
        .endpoint(NOBODY)
        .directory(parts[2])
        .durability(durability)
        .no_proxy()
        .build()
        .unwrap();
    let log = std::fs::File::create(parts[3]).unwrap();
    for n in 0_u64.. {
        client
            .track("n", json!({ "n": n }))
            .user_id("u")
            .send()
            .unwrap();
        // After the call returned: what stands here must arrive.
        std::os::unix::fs::FileExt::write_all_at(&log, &(n + 1).to_le_bytes(), 0).unwrap();
    }
}

fn kill_and_recover(test: &str, durability: &str) {
    if let Some(role) = role() {
        call_until_killed(&role);
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (queue, log) = (home.path().join("queue"), home.path().join("returned"));
    let mut promised = 0;
    for round in 0..3_u64 {
        let returned = || -> u64 {
            std::fs::read(&log)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes)
        };
        let _ = std::fs::remove_file(&log);
        let role = format!("{round}|{durability}|{}|{}", queue.display(), log.display());
        let mut child = child(test, &role);
        eventually("calls of the child", || returned() > 50);
        child.kill().unwrap();
        child.wait().unwrap();
        promised += returned();
    }
    let hub = Hub::open();
    let client = on(&queue, Backend::SegmentLog, &hub.url()).build().unwrap();
    // Not a flush: the wait after the child's own failures outlives it.
    eventually("an empty queue", || client.queue().events == 0);
    let events = hub.events();
    assert!(
        events.len() as u64 >= promised,
        "{} < {promised}",
        events.len()
    );
    let mut ids: Vec<_> = events
        .iter()
        .map(|event| event["messageId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
    // Each life's events are there from the first on, in order, none missing.
    let mut expected = 0;
    for event in &events {
        let n = event["properties"]["n"].as_u64().unwrap();
        assert!(n == expected || n == 0, "{n} after {expected}");
        expected = n + 1;
    }
    assert_eq!(client.drops(), []);
}

#[test]
fn buffered_calls_that_returned_survive_a_kill() {
    kill_and_recover("buffered_calls_that_returned_survive_a_kill", "buffered");
}

#[test]
fn synced_calls_that_returned_survive_a_kill() {
    kill_and_recover("synced_calls_that_returned_survive_a_kill", "sync");
}

#[test]
fn a_second_client_on_the_directory_is_a_typed_error() {
    for backend in backends() {
        let directory = tempfile::tempdir().unwrap();
        let first = on(directory.path(), backend, NOBODY).build().unwrap();
        let error = on(directory.path(), backend, NOBODY).build().unwrap_err();
        assert!(
            matches!(error, BuildError::DirectoryInUse { .. }),
            "{error}"
        );
        send(&first, "still works");
        assert_eq!(first.queue().events, 1);
    }
}

#[test]
fn a_second_process_on_the_directory_gets_a_typed_error() {
    let test = "a_second_process_on_the_directory_gets_a_typed_error";
    if let Some(directory) = role() {
        let built = on(Path::new(&directory), Backend::SegmentLog, NOBODY).build();
        let in_use = matches!(built, Err(BuildError::DirectoryInUse { .. }));
        std::process::exit(if in_use { 42 } else { 1 });
    }
    let directory = tempfile::tempdir().unwrap();
    let client = on(directory.path(), Backend::SegmentLog, NOBODY)
        .build()
        .unwrap();
    let status = child(test, &directory.path().display().to_string())
        .wait()
        .unwrap();
    assert_eq!(status.code(), Some(42));
    drop(client);
}

#[test]
fn several_clients_live_in_one_process() {
    let (home, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let clients: Vec<Client> = (0..4)
        .map(|n| {
            on(
                &home.path().join(n.to_string()),
                Backend::SegmentLog,
                &hub.url(),
            )
            .build()
            .unwrap()
        })
        .collect();
    for client in &clients {
        send(client, "x");
        assert_eq!(client.flush_blocking().delivered, 1);
    }
    assert_eq!(hub.events().len(), 4);
}

#[test]
fn threads_share_the_syncs_and_each_call_is_durable() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = on(directory.path(), Backend::SegmentLog, &hub.url())
        .durability(Durability::Sync)
        .flush_at(10_000)
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| send(&client, "x")));
        }
    });
    assert_eq!(client.flush_blocking().delivered, 200);
}

#[test]
fn impossible_configurations_are_typed_errors() {
    let build = |key: &str, url: &str| {
        Client::builder(key)
            .endpoint(url)
            .durability(Durability::Memory)
            .build()
            .unwrap_err()
    };
    assert!(matches!(build("", NOBODY), BuildError::WriteKey(_)));
    assert!(matches!(build("a key", NOBODY), BuildError::WriteKey(_)));
    for url in ["", "hub example", "ftp://hub.example", "http://"] {
        assert!(
            matches!(build("k", url), BuildError::Address { .. }),
            "{url}"
        );
    }
    let error = Client::builder("k").build().unwrap_err();
    assert!(matches!(error, BuildError::NoEndpoint));
    let error = Client::builder("k")
        .endpoint(NOBODY)
        .header("a b", "c")
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::Header { .. }));
    let error = Client::builder("k")
        .endpoint(NOBODY)
        .context(1)
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::Json { .. }));
}

#[test]
fn a_directory_that_cannot_be_made_is_a_typed_error() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = on(&file.join("queue"), Backend::SegmentLog, NOBODY)
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::Storage(_)), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}

/// Linux, as root: a filesystem of 256 KB.
#[cfg(target_os = "linux")]
struct Small(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Small {
    fn mount() -> Option<Small> {
        let place = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(place.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Small(place))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Asks for consent, and has it until it is withdrawn.
#[cfg(target_os = "linux")]
fn opted_out(directory: &Path) -> headwater::Builder {
    on(directory, Backend::SegmentLog, NOBODY)
        .device()
        .flush_at(100_000)
        .consent(headwater::ConsentConfig {
            model: headwater::ConsentModel::OptOut,
            categories: vec!["analytics".to_owned()],
            hold: headwater::Hold::Persist,
        })
}

#[cfg(target_os = "linux")]
#[test]
fn a_withdrawal_on_a_full_disk_is_known_to_the_next_start() {
    let Some(small) = Small::mount() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must be able to mount a small filesystem (needs root)"
        );
        eprintln!("cannot mount here (needs root); the store's own suites cover a full disk");
        return;
    };
    let (queue, filler) = (small.0.path().join("queue"), small.0.path().join("filler"));
    let unsaved = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&unsaved);
    let client = opted_out(&queue)
        .on_diagnostic(move |diagnostic| {
            if matches!(diagnostic, headwater::Diagnostic::StateNotSaved(_)) {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    client.track("a", ()).send().unwrap();
    let _ = std::fs::write(&filler, vec![0; 1 << 20]);
    client.set_consent([("analytics", false)]);
    eventually("the disk's refusal", || {
        unsaved.load(std::sync::atomic::Ordering::Relaxed) > 0
    });
    std::fs::remove_file(&filler).unwrap();
    // As another process would find it now: this one is not asked to close anything.
    eventually("the withdrawal on the disk", || {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(&queue).unwrap().flatten() {
            let _ = std::fs::copy(file.path(), copy.path().join(file.file_name()));
        }
        let next = opted_out(copy.path()).build().unwrap();
        let receipt = next.track("b", ()).send().unwrap();
        // The one event is that of the withdrawal itself.
        next.queue().events == 1 && matches!(receipt, headwater::Receipt::Dropped(_))
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_typed_error_and_a_report_and_nothing_stored_is_lost() {
    let Some(small) = Small::mount() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must be able to mount a small filesystem (needs root)"
        );
        eprintln!("cannot mount here (needs root); the store's own suites cover a full disk");
        return;
    };
    let hub = Hub::open();
    let client = on(small.0.path(), Backend::SegmentLog, &hub.url())
        .flush_at(100_000)
        .flush_bytes(u64::MAX)
        .build()
        .unwrap();
    let mut taken = 0;
    let error = loop {
        let call = client.track("x", json!({"filler": "f".repeat(8_000)}));
        match call.user_id("u").send() {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1_000);
    };
    assert!(matches!(error, TrackError::Storage(_)), "{error}");
    assert!(error.to_string().contains("full"), "{error}");
    eventually("the report", || {
        client.drops() == [(DropReason::StorageFailed, 1)]
    });
    assert_eq!(client.flush_blocking().delivered, taken);
    // The queue is drained: there is room again.
    send(&client, "y");
    assert_eq!(client.flush_blocking().delivered, 1);
    client.shutdown_blocking(Duration::from_secs(1));
}

#[test]
fn a_segment_of_an_unknown_version_is_reported_and_damaged_state_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let device = || on(directory.path(), Backend::SegmentLog, NOBODY).device();
    let client = device().build().unwrap();
    client.identify("u", ()).send().unwrap();
    drop(client);
    for file in std::fs::read_dir(directory.path()).unwrap().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let mut bytes = std::fs::read(file.path()).unwrap();
        if name.ends_with(".seg") {
            // The version follows the magic.
            for byte in bytes.iter_mut().take(16).skip(4) {
                *byte ^= 0x55;
            }
        } else if name.starts_with("identity.state") {
            *bytes.last_mut().unwrap() ^= 0x55;
        }
        std::fs::write(file.path(), bytes).unwrap();
    }
    let heard = std::sync::Arc::new(std::sync::Mutex::new((0, Vec::new())));
    let (reports, diagnostics) = (heard.clone(), heard.clone());
    let _client = device()
        .on_report(move |report| {
            assert_eq!(report.reason, DropReason::Corrupt);
            reports.lock().unwrap().0 += report.count;
        })
        .on_diagnostic(move |diagnostic| diagnostics.lock().unwrap().1.push(diagnostic.clone()))
        .build()
        .unwrap();
    eventually("the report and the diagnostic", || {
        let heard = heard.lock().unwrap();
        heard.0 == 1
            && heard.1.contains(&headwater::Diagnostic::StateUnreadable(
                headwater::StateKey::Identity,
            ))
    });
}

#[test]
fn a_client_that_let_go_of_its_directory_loses_nothing_and_takes_it_again_with_the_next_call() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let client = on(directory.path(), Backend::SegmentLog, NOBODY)
        .build()
        .unwrap();
    send(&client, "before");
    assert!(client.release());
    send(&client, "after");
    let again = on(directory.path(), Backend::SegmentLog, NOBODY).build();
    assert!(matches!(again, Err(BuildError::DirectoryInUse { .. })));
    assert!(client.release());
    // As an app that is suspended and then ended: nothing is closed.
    std::mem::forget(client);
    let client = on(directory.path(), Backend::SegmentLog, &hub.url())
        .build()
        .unwrap();
    assert_eq!(client.queue().events, 2);
    client.flush_blocking();
    assert_eq!(names(&hub.wait_for(2)), ["before", "after"]);
}

#[test]
fn a_client_whose_directory_another_took_meanwhile_says_so_with_each_call() {
    let (directory, hub) = (tempfile::tempdir().unwrap(), Hub::open());
    let first = on(directory.path(), Backend::SegmentLog, NOBODY)
        .build()
        .unwrap();
    send(&first, "handed over");
    assert!(first.release());
    let second = on(directory.path(), Backend::SegmentLog, &hub.url())
        .build()
        .unwrap();
    let call = || first.track("b", ()).user_id("u").send().unwrap_err();
    assert!(call().to_string().contains("in use by another client"));
    second.flush_blocking();
    drop(second);
    assert!(call().to_string().contains("build a new one"));
    assert_eq!(names(&hub.wait_for(1)), ["handed over"]);
}
