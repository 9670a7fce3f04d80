//! The embedded warehouse: tables, names, and nothing twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_collector::log::{LogId, Place, Position};
use headwater_delivery::sinks::Row;
use headwater_delivery::sinks::sqlite::SqliteWarehouse;
use headwater_model::event::EventType;
use headwater_model::json::{Limits, parse};
use rusqlite::Connection;

const LOG: LogId = LogId([1; 16]);

fn row(kind: EventType, text: &str) -> Row {
    Row {
        place: Place::default(),
        source: "web".to_owned(),
        kind,
        event: parse(text.as_bytes(), &Limits::default())
            .unwrap()
            .into_object()
            .unwrap(),
    }
}

fn order(id: &str, properties: &str) -> Row {
    row(
        EventType::Track,
        &format!(
            r#"{{"messageId":"{id}","userId":"u1","event":"Order Completed","properties":{properties},"context":{{"ip":"1.2.3.4"}}}}"#
        ),
    )
}

fn to(position: u64) -> Place {
    Place::at(Position(position))
}

fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_track_is_a_row_of_tracks_and_of_its_events_table() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let rows = [
        order(
            "m1",
            r#"{"total":27.5,"product":{"name":"Lamp"},"tags":["a"]}"#,
        ),
        order("m2", r#"{"total":"free","product_name":"other"}"#),
        row(
            EventType::Identify,
            r#"{"messageId":"m3","userId":"u1","traits":{"email":"a@b"}}"#,
        ),
    ];
    assert_eq!(warehouse.load(LOG, to(10), &rows).unwrap().new, 3);
    let db = Connection::open(&file).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM tracks"), 2);
    assert_eq!(
        one::<String>(&db, "SELECT event_text FROM tracks WHERE id = 'm1'"),
        "Order Completed"
    );
    assert_eq!(
        one::<f64>(&db, "SELECT total FROM order_completed WHERE id = 'm1'"),
        27.5
    );
    assert_eq!(
        one::<String>(&db, "SELECT total FROM order_completed WHERE id = 'm2'"),
        "free"
    );
    assert_eq!(
        one::<String>(
            &db,
            "SELECT product_name FROM order_completed WHERE id = 'm2'"
        ),
        "other"
    );
    let other: String = one(
        &db,
        "SELECT column_name FROM _headwater_columns WHERE path = 'product.name'",
    );
    assert_ne!(other, "product_name");
    assert_eq!(
        one::<String>(
            &db,
            &format!("SELECT {other} FROM order_completed WHERE id = 'm1'")
        ),
        "Lamp"
    );
    assert_eq!(one::<String>(&db, "SELECT email FROM identifies"), "a@b");
}

#[test]
fn rows_that_come_twice_are_stored_once_and_progress_is_per_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    assert_eq!(warehouse.progress(LOG).unwrap(), None);
    let rows = [order("m1", r#"{"total":1}"#)];
    assert_eq!(warehouse.load(LOG, to(10), &rows).unwrap().new, 1);
    assert_eq!(warehouse.progress(LOG).unwrap(), Some(to(10)));
    let other = LogId([2; 16]);
    assert_eq!(
        warehouse.progress(other).unwrap(),
        None,
        "a restored log begins anew"
    );
    assert_eq!(warehouse.load(other, to(4), &rows).unwrap().new, 0);
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    assert_eq!(warehouse.progress(LOG).unwrap(), Some(to(10)));
    assert_eq!(
        warehouse
            .load(LOG, to(20), &[order("m2", r#"{"Total":2}"#)])
            .unwrap()
            .new,
        1
    );
}

#[test]
fn hostile_names_are_names_and_a_table_that_is_full_loses_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let mut rows = vec![
        row(
            EventType::Track,
            r#"{"messageId":"h1","event":"x\"; DROP TABLE tracks; --","properties":{"a\"b":1,"":2,"id":"mine","SELECT":3,"_headwater":4}}"#,
        ),
        row(
            EventType::Track,
            r#"{"messageId":"h2","event":"","properties":{}}"#,
        ),
    ];
    for part in 0..4 {
        let properties: Vec<String> = (0..400)
            .map(|n| format!("\"p{}\":{n}", part * 400 + n))
            .collect();
        rows.push(order(
            &format!("w{part}"),
            &format!("{{{}}}", properties.join(",")),
        ));
    }
    warehouse.load(LOG, to(10), &rows).unwrap();
    let db = Connection::open(&file).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM tracks"), 6);
    let columns: i64 = one(
        &db,
        "SELECT count(*) FROM pragma_table_info('order_completed')",
    );
    assert!(columns <= 1_000);
    let rejects: i64 = one(&db, "SELECT sum(amount) FROM _rejects");
    assert_eq!(
        columns - 11 + rejects,
        1_600,
        "every value is in a column or in _rejects"
    );
}

#[test]
fn events_beyond_a_thousand_tables_are_tracks_and_their_properties_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let rows: Vec<Row> = (0..1_100)
        .map(|n| {
            row(
                EventType::Track,
                &format!(
                    r#"{{"messageId":"m{n}","event":"Event x{n}y","properties":{{"n":{n}}}}}"#
                ),
            )
        })
        .collect();
    assert_eq!(warehouse.load(LOG, to(1), &rows).unwrap().new, 1_100);
    let db = Connection::open(&file).unwrap();
    let tables: i64 = one(
        &db,
        "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
    );
    assert!(tables <= 1_010, "{tables}");
    let kept: i64 = one(
        &db,
        "SELECT count(*) FROM _rejects WHERE reason = 'there are too many tables'",
    );
    assert_eq!(kept, 1_100 - 994);
    assert_eq!(
        one::<String>(&db, "SELECT rest FROM _rejects WHERE id = 'm1099'"),
        r#"{"n":1099}"#
    );
}

#[test]
fn a_load_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    warehouse
        .load(LOG, to(1), &[order("m0", r#"{"a":1}"#)])
        .unwrap();
    let db = Connection::open(&file).unwrap();
    db.execute_batch("CREATE TRIGGER no BEFORE INSERT ON order_completed WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END")
        .unwrap();
    let rows = [
        order("m1", r#"{"fresh":1}"#),
        order("bad", r#"{"other":1}"#),
    ];
    assert!(warehouse.load(LOG, to(9), &rows).is_err());
    assert_eq!(warehouse.progress(LOG).unwrap(), Some(to(1)));
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM tracks"), 1);
    db.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(warehouse.load(LOG, to(9), &rows).unwrap().new, 2);
    assert_eq!(
        one::<i64>(&db, "SELECT fresh FROM order_completed WHERE id = 'm1'"),
        1
    );
}

#[test]
fn the_same_message_id_from_two_sources_is_two_rows_of_each_table() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let web = order("m1", r#"{"total":1}"#);
    let app = Row {
        source: "app".to_owned(),
        ..order("m1", r#"{"total":2}"#)
    };
    let rows = [web, app.clone(), app];
    assert_eq!(warehouse.load(LOG, to(1), &rows).unwrap().new, 2);
    let db = Connection::open(&file).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM tracks"), 2);
    for (source, total) in [("web", 1), ("app", 2)] {
        let sql = format!("SELECT total FROM order_completed WHERE source_id = '{source}'");
        assert_eq!(one::<i64>(&db, &sql), total);
    }
}

#[test]
fn a_dotted_key_and_an_object_have_columns_of_their_own_and_no_property_takes_a_common_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let rows = [order(
        "m1",
        r#"{"a.b":1,"a":{"b":2},"":{"id":"x"},"source_id":"y","id":"z"}"#,
    )];
    warehouse.load(LOG, to(1), &rows).unwrap();
    let db = Connection::open(&file).unwrap();
    let value = |path: &str| -> String {
        let column: String = db
            .query_row(
                "SELECT column_name FROM _headwater_columns WHERE path = ? AND table_name = 'order_completed'",
                [path],
                |row| row.get(0),
            )
            .unwrap();
        one(
            &db,
            &format!("SELECT CAST(\"{column}\" AS TEXT) FROM order_completed"),
        )
    };
    assert_eq!(value(r"a\.b"), "1");
    assert_eq!(value("a.b"), "2");
    assert_eq!(value(r"\e.id"), "x");
    assert_eq!(value("source_id"), "y");
    assert_eq!(value("id"), "z");
    assert_eq!(one::<String>(&db, "SELECT id FROM order_completed"), "m1");
}

#[test]
fn events_without_an_ascii_letter_have_tables_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    let events = ["Заказ", "注文", "🙂", "🙃", "", "order", "Order", "ORDER "];
    let rows: Vec<Row> = events
        .iter()
        .enumerate()
        .map(|(n, event)| {
            row(
                EventType::Track,
                &format!(r#"{{"messageId":"m{n}","event":"{event}","properties":{{"n":{n}}}}}"#),
            )
        })
        .collect();
    warehouse.load(LOG, to(1), &rows).unwrap();
    let db = Connection::open(&file).unwrap();
    for (n, event) in events.iter().enumerate() {
        let table: String = one(
            &db,
            &format!("SELECT event FROM tracks WHERE event_text = '{event}'"),
        );
        assert_eq!(
            one::<i64>(&db, &format!("SELECT sum(n) FROM \"{table}\"")),
            i64::try_from(n).unwrap(),
            "{event}"
        );
    }
}

#[test]
fn a_load_adds_a_hundred_columns_at_most_and_counts_what_found_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let mut warehouse = SqliteWarehouse::open(&file).unwrap();
    warehouse
        .load(LOG, to(1), &[order("m0", r#"{"total":1}"#)])
        .unwrap();
    let properties: Vec<String> = (0..350).map(|n| format!("\"p{n}\":{n}")).collect();
    let rows = [order("m1", &format!("{{{}}}", properties.join(",")))];
    let loaded = warehouse.load(LOG, to(2), &rows).unwrap();
    assert_eq!((loaded.new, loaded.rejected), (1, 250));
    let db = Connection::open(&file).unwrap();
    let columns = "SELECT count(*) FROM pragma_table_info('order_completed')";
    assert_eq!(one::<i64>(&db, columns), 11 + 1 + 100);
    assert_eq!(
        one::<i64>(&db, "SELECT rest ->> '$.p349' FROM _rejects"),
        349
    );
    // The same rows again, as after a restore: neither rows nor rejects come twice.
    let again = warehouse.load(LogId([2; 16]), to(2), &rows).unwrap();
    assert_eq!((again.new, again.rejected), (0, 0));
    assert_eq!(one::<i64>(&db, "SELECT sum(amount) FROM _rejects"), 250);
}

#[test]
fn a_warehouse_of_the_former_layout_is_left_alone_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.sqlite");
    let db = Connection::open(&file).unwrap();
    db.execute_batch("CREATE TABLE _headwater_progress (log TEXT)")
        .unwrap();
    let error = SqliteWarehouse::open(&file).unwrap_err().to_string();
    assert!(error.contains("version 0"), "{error}");
    assert!(error.contains("move the file away"), "{error}");
}
