//! The connection's state: in memory, or the real SQLite file. Its disk may be full.

use std::fs;
use std::path::PathBuf;

use headwater_collector::log::{LogId, Place};
use headwater_delivery::state::{
    Counts, Dead, DeliveryState, Delta, Keep, Known, MemoryState, Saved, SqliteState, StateError,
};
use tempfile::TempDir;

/// Few dead letters, so that they are given up within a life.
const KEEP: Keep = Keep {
    letters: 6,
    age_ms: 30 * 86_400_000,
    ended: 100_000,
};

#[derive(Debug)]
enum Backend {
    Memory(MemoryState),
    Sqlite(TempDir, Option<SqliteState>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    backend: Backend,
    /// Commits fail while this is on.
    pub(crate) failing: bool,
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("delivery.sqlite")
}

fn problem(error: impl std::fmt::Display) -> StateError {
    StateError(error.to_string())
}

impl State {
    pub(crate) fn new(in_sqlite: bool) -> State {
        let memory = MemoryState::default().keeping(KEEP);
        let backend = match tempfile::tempdir() {
            Ok(dir) if in_sqlite => Backend::Sqlite(dir, None),
            _ => Backend::Memory(memory),
        };
        State {
            backend,
            failing: false,
        }
    }

    /// The process died: what it had open is open no more.
    pub(crate) fn close(&mut self) {
        self.failing = false;
        if let Backend::Sqlite(_, open) = &mut self.backend {
            *open = None;
        }
    }

    /// A copy, as a backup has it; the state is closed.
    pub(crate) fn copy(&self) -> Result<State, StateError> {
        let backend = match &self.backend {
            Backend::Memory(state) => Backend::Memory(state.clone()),
            Backend::Sqlite(dir, _) => {
                let copy = tempfile::tempdir().map_err(problem)?;
                if file(dir).exists() {
                    fs::copy(file(dir), file(&copy)).map_err(problem)?;
                }
                Backend::Sqlite(copy, None)
            }
        };
        Ok(State {
            backend,
            failing: false,
        })
    }

    fn port(&mut self) -> Result<&mut dyn DeliveryState, StateError> {
        match &mut self.backend {
            Backend::Memory(state) => Ok(state),
            Backend::Sqlite(dir, open) => {
                if open.is_none() {
                    *open = Some(SqliteState::open(&file(dir))?.keeping(KEEP));
                }
                open.as_mut()
                    .map(|state| state as &mut dyn DeliveryState)
                    .ok_or_else(|| problem("it is closed"))
            }
        }
    }

    fn writing(&mut self) -> Result<&mut dyn DeliveryState, StateError> {
        if self.failing {
            return Err(problem("the disk is full"));
        }
        self.port()
    }
}

impl DeliveryState for State {
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError> {
        self.port()?.load(connection, log)
    }

    fn adopt(
        &mut self,
        connection: &str,
        log: LogId,
        end: Place,
    ) -> Result<Option<Saved>, StateError> {
        self.writing()?.adopt(connection, log, end)
    }

    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError> {
        self.writing()?.commit(connection, log, delta)
    }

    fn dead(&mut self, connection: &str, most: usize) -> Result<Vec<Dead>, StateError> {
        self.port()?.dead(connection, most)
    }

    fn known(&mut self, connection: &str, log: LogId, place: Place) -> Result<Known, StateError> {
        self.port()?.known(connection, log, place)
    }

    fn expire(&mut self, now: i64) -> Result<u64, StateError> {
        self.writing()?.expire(now)
    }

    fn counts(&mut self, connection: &str) -> Result<Counts, StateError> {
        self.port()?.counts(connection)
    }
}
