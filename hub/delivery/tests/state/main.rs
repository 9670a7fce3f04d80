//! Every backend of the delivery state keeps the same promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;

use std::sync::{Arc, Mutex};

use conformance::{bounds, conformance};
use headwater_collector::log::{LogId, Place};
use headwater_delivery::state::{
    Counts, Dead, DeliveryState, Delta, Keep, Known, MemoryState, Saved, SqliteState, StateError,
};

/// A state in memory that can be opened again.
struct Shared(Arc<Mutex<MemoryState>>);

impl DeliveryState for Shared {
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError> {
        self.0.lock().unwrap().load(connection, log)
    }

    fn adopt(
        &mut self,
        connection: &str,
        log: LogId,
        end: Place,
    ) -> Result<Option<Saved>, StateError> {
        self.0.lock().unwrap().adopt(connection, log, end)
    }

    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError> {
        self.0.lock().unwrap().commit(connection, log, delta)
    }

    fn dead(&mut self, connection: &str, most: usize) -> Result<Vec<Dead>, StateError> {
        self.0.lock().unwrap().dead(connection, most)
    }

    fn known(&mut self, connection: &str, log: LogId, place: Place) -> Result<Known, StateError> {
        self.0.lock().unwrap().known(connection, log, place)
    }

    fn expire(&mut self, now: i64) -> Result<u64, StateError> {
        self.0.lock().unwrap().expire(now)
    }

    fn counts(&mut self, connection: &str) -> Result<Counts, StateError> {
        self.0.lock().unwrap().counts(connection)
    }
}

#[test]
fn the_state_in_memory_conforms() {
    let state = Arc::new(Mutex::new(MemoryState::default()));
    conformance(|| Shared(Arc::clone(&state)));
    let state = Arc::new(Mutex::new(MemoryState::default().keeping(KEEP)));
    bounds(|| Shared(Arc::clone(&state)));
}

/// Little is kept.
const KEEP: Keep = Keep {
    letters: 3,
    age_ms: 1_000,
    ended: 4,
};

#[test]
fn the_state_in_sqlite_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance(|| SqliteState::open(&dir.path().join("delivery.sqlite")).unwrap());
    let file = dir.path().join("bounded.sqlite");
    bounds(|| SqliteState::open(&file).unwrap().keeping(KEEP));
}

#[test]
fn a_state_of_version_1_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("delivery.sqlite");
    drop(SqliteState::open(&file).unwrap());
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch("DROP TABLE ended; DROP TABLE versions; PRAGMA user_version = 1")
        .unwrap();
    drop(db);
    conformance(|| SqliteState::open(&file).unwrap());
}

#[test]
fn a_file_of_another_version_is_left_alone_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("delivery.sqlite");
    let db = rusqlite::Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = SqliteState::open(&file).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    assert!(error.contains("move the file away"), "{error}");
}
