//! Users whose events are not taken in.

use std::os::unix::fs::MetadataExt;

use tempfile::tempdir;

use crate::http::try_send;
use crate::process::{Collector, run};

const BATCH: &str = r#"{"batch":[
    {"type":"track","event":"A","userId":"kept","messageId":"m-1"},
    {"type":"track","event":"Secret purchase","userId":"gone-user","messageId":"m-2"},
    {"type":"page","anonymousId":"gone-device","messageId":"m-3"},
    {"type":"alias","userId":"new","previousId":"gone-user","messageId":"m-4"}]}"#;

fn send(collector: &Collector) {
    let headers = [
        ("authorization", "Basic azo="),
        ("content-type", "application/json"),
    ];
    let answer = try_send(
        collector.port,
        "POST",
        "/v1/batch",
        &headers,
        BATCH.as_bytes(),
    );
    assert_eq!(answer.unwrap().status, 200);
}

fn message_ids(collector: &Collector) -> Vec<String> {
    let events = collector.export(&[]);
    let ids = events
        .iter()
        .map(|event| event["messageId"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn events_of_suppressed_users_are_cut_out_before_they_are_stored_and_taken_again_after() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    let collector = Collector::dev(&data);
    let folder = data.to_str().unwrap();
    let (done, said) = run(&[
        "suppress",
        "add",
        "--data",
        folder,
        "gone-user",
        "gone-device",
    ]);
    assert!(done, "{said}");
    assert!(said.contains("2 added, 2 suppressed"), "{said}");
    let file = std::fs::read_to_string(data.join("suppressions")).unwrap();
    assert!(!file.contains("gone"), "{file}");
    let mode = std::fs::metadata(data.join("suppressions")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    send(&collector);
    assert_eq!(message_ids(&collector), ["m-1"]);
    for entry in std::fs::read_dir(data.join("log")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for part in ["gone-user", "gone-device", "Secret"] {
            assert!(
                !bytes
                    .windows(part.len())
                    .any(|window| window == part.as_bytes())
            );
        }
    }
    let (done, said) = run(&["suppress", "list", "--data", folder]);
    assert!(
        done && said.contains("2 suppressed") && !said.contains("gone"),
        "{said}"
    );
    let (done, said) = run(&["suppress", "remove", "--data", folder, "gone-user"]);
    assert!(done && said.contains("1 removed, 1 suppressed"), "{said}");
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    // What was suppressed had no claim on its messageId.
    send(&collector);
    assert_eq!(message_ids(&collector), ["m-1", "m-2", "m-4"]);
    collector.stop();
}

#[test]
fn of_a_request_with_suppressed_users_alone_nothing_of_them_is_stored_whoever_they_send_as() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    let folder = data.to_str().unwrap();
    let config = "[storage]\ndir = \"DATA\"\nmin_free_bytes = 0\n[[sources]]\nname = \"shop\"\nwrite_keys = [\"k\"]\n";
    let collector = Collector::serve(dir.path(), config);
    let (done, said) = run(&["suppress", "add", "--data", folder, "gone-user"]);
    assert!(done, "{said}");
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let body = br#"{"context":{"traits":{"email":"gone@mail.example"}},"batch":[
        {"type":"page","userId":"gone-user","name":"Secret"}],"sentAt":"2026-01-01T00:00:00Z"}"#;
    for key in ["Basic azo=", "Basic eDo="] {
        let headers = [("authorization", key), ("content-type", "application/json")];
        let answer = try_send(collector.port, "POST", "/v1/batch", &headers, body);
        assert_eq!(answer.unwrap().status, 200, "{key}");
    }
    collector.stop();
    for folder in ["log", "strangers/log"] {
        let files = std::fs::read_dir(data.join(folder)).unwrap();
        let bytes: Vec<u8> = files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        for part in ["gone", "Secret"] {
            let holds = |window: &[u8]| window == part.as_bytes();
            assert!(!bytes.windows(part.len()).any(holds), "{folder} {part}");
        }
    }
}

#[test]
fn a_damaged_list_of_suppressed_users_refuses_to_start() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    Collector::dev(&data).stop();
    std::fs::write(
        data.join("suppressions"),
        "headwater suppressions 1\nrubbish\n",
    )
    .unwrap();
    let folder = data.to_str().unwrap();
    let (done, said) = run(&["dev", "--port", "0", "--data", folder]);
    assert!(!done && said.contains("line 2 is damaged"), "{said}");
}
