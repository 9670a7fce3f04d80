//! Backup, destruction, restore: nothing is lost, and rows with keys are there once.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{BINARY, Place, get, ids, order, request, until};

/// Runs a command; whether it went well, and what it said.
fn run(arguments: &[&str]) -> (bool, String) {
    let done = Command::new(BINARY).args(arguments).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(said).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The files of the warehouse that is kept, in a folder.
fn warehouse_files(folder: &Path, mut each: impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("far.sqlite") {
            each(&path, name);
        }
    }
}

#[test]
fn what_a_backup_has_is_there_once_after_the_folder_is_lost_also_in_a_warehouse_that_was_not() {
    let place = Place::new();
    place.write("warehouses/far.yaml", "type: sqlite\npath: far.sqlite\n");
    let far = place.path("data").join("far.sqlite");
    let echo = place.echo();
    let hook = format!("http://{}/in", echo.address);
    let hub = place.hub(&hook);
    for n in 0..20 {
        order(
            &hub,
            &format!("a{n:02}"),
            "Order Completed",
            r#"{"total":1}"#,
        );
    }
    let rows = || place.query("SELECT count(*), count(DISTINCT id) FROM tracks");
    until("the deliveries", || ids(&echo).len() == 20);
    until("the rows", || rows() == "20\t20");
    let (data, backup) = (place.path("data"), place.path("backup"));
    // The hub runs on while it is taken.
    let (fine, said) = run(&["backup", text(&backup), "--data", text(&data)]);
    assert!(fine && backup.join("backup.json").is_file(), "{said}");
    let (fine, said) = run(&["backup", text(&backup), "--data", text(&data)]);
    assert!(!fine && said.contains("not empty"), "{said}");
    // What came after the backup is lost with the folder, but for one warehouse, which is kept.
    order(&hub, "late", "Order Completed", r#"{"total":1}"#);
    let far_rows = || {
        let far = text(&far).to_owned();
        let sql = "SELECT count(*), count(DISTINCT id) FROM tracks";
        let (_, said) = run(&["query", "--file", &far, sql]);
        said.lines().nth(1).unwrap_or_default().to_owned()
    };
    until("the late row", || far_rows() == "21\t21");
    drop(hub);
    let kept = place.path("kept");
    fs::create_dir(&kept).unwrap();
    warehouse_files(&data, |file, name| {
        fs::copy(file, kept.join(name)).unwrap();
    });
    fs::remove_dir_all(&data).unwrap();
    let (fine, said) = run(&["restore", text(&backup), "--data", text(&data)]);
    assert!(fine, "{said}");
    let (fine, said) = run(&["restore", text(&backup), "--data", text(&data)]);
    assert!(!fine && said.contains("not empty"), "{said}");
    warehouse_files(&data, |file, _| fs::remove_file(file).unwrap());
    warehouse_files(&kept, |file, name| {
        fs::copy(file, data.join(name)).unwrap();
    });
    let hub = place.hub(&hook);
    until("the verdict of an old event", || {
        get(&hub, "/admin/v1/events/a07").contains(r#""message_id":"a07""#)
    });
    for n in 0..10 {
        order(
            &hub,
            &format!("b{n:02}"),
            "Order Completed",
            r#"{"total":1}"#,
        );
    }
    // A retry of what is in the backup is known.
    order(&hub, "a03", "Order Completed", r#"{"total":1}"#);
    until("the rows", || rows() == "30\t30");
    until("the rows elsewhere", || far_rows() == "31\t31");
    until("the deliveries", || ids(&echo).len() == 31);
    until("the profile, from the log", || {
        get(&hub, "/admin/v1/profiles/u1") == r#"{"user_id":"u1","traits":{"orders":30}}"#
    });
    assert!(
        place.log().contains("on the log's former id"),
        "{}",
        place.log()
    );
}

#[test]
fn a_backup_that_is_not_whole_or_of_another_version_is_refused_with_a_reason() {
    let place = Place::new();
    let echo = place.echo();
    let hub = place.hub(&format!("http://{}/in", echo.address));
    order(&hub, "m1", "Order Completed", r#"{"total":1}"#);
    let (data, backup, new) = (place.path("data"), place.path("backup"), place.path("new"));
    let (fine, said) = run(&[
        "backup",
        text(&place.path("none")),
        "--data",
        text(&place.path("x")),
    ]);
    assert!(!fine && said.contains("no data folder"), "{said}");
    let (fine, said) = run(&["backup", text(&backup), "--data", text(&data)]);
    assert!(fine, "{said}");
    let restore = || run(&["restore", text(&backup), "--data", text(&new)]);
    let manifest = backup.join("backup.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, whole.replace(r#""version":1"#, r#""version":9"#)).unwrap();
    let (fine, said) = restore();
    assert!(!fine && said.contains("version 9"), "{said}");
    fs::write(&manifest, whole.replace("log/0000", "../0000")).unwrap();
    let (fine, said) = restore();
    assert!(!fine && said.contains("damaged"), "{said}");
    fs::remove_file(&manifest).unwrap();
    let (fine, said) = restore();
    assert!(!fine && said.contains("no whole backup"), "{said}");
    fs::write(&manifest, &whole).unwrap();
    let key = backup.join("key");
    let mut bytes = fs::read(&key).unwrap();
    bytes[3] ^= 1;
    fs::write(&key, bytes).unwrap();
    let (fine, said) = restore();
    assert!(!fine && said.contains("not what was written"), "{said}");
    assert!(!new.exists(), "nothing was restored");
}

#[test]
fn an_older_copy_of_the_log_and_another_ones_id_are_told_and_deliveries_go_on() {
    let place = Place::new();
    let echo = place.echo();
    let hook = format!("http://{}/in", echo.address);
    let hub = place.hub(&hook);
    for n in 0..5 {
        order(&hub, &format!("a{n}"), "Order Completed", r#"{"total":1}"#);
    }
    until("the deliveries", || ids(&echo).len() == 5);
    until("the cursor", || {
        get(&hub, "/admin/v1/connections").contains(r#""behind_bytes":0"#)
    });
    drop(hub);
    let log = place.path("data/log/00000000000000000000.log");
    fs::File::options()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(12)
        .unwrap();
    let hub = place.hub(&hook);
    until("the message", || {
        place
            .log()
            .contains("the log is shorter than what was delivered")
    });
    order(&hub, "b", "Order Completed", r#"{"total":1}"#);
    until("the delivery", || ids(&echo).len() == 6);
    until("the cursor", || {
        get(&hub, "/admin/v1/connections").contains(r#""behind_bytes":0"#)
    });
    drop(hub);
    fs::write(place.path("data/log-id"), [7; 20]).unwrap();
    let hub = place.hub(&hook);
    until("the message", || {
        place.log().contains("the log's id could not be read")
    });
    order(&hub, "c", "Order Completed", r#"{"total":1}"#);
    until("the delivery", || ids(&echo).len() == 7);
    let (status, _) = request(&hub.address, "GET", "/admin/v1/events/c", "", "");
    assert_eq!(status, 200);
}
