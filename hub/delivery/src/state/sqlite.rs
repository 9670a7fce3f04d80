//! The state in a SQLite file (WAL, synchronous FULL): any SQL tool opens it.

mod write;

use std::path::Path;

use headwater_collector::log::{LogId, Place, Position};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Counts, Dead, DeliveryState, Delta, Ended, Keep, Known, Retry, Saved, StateError};
use write::{give_up, sql, trim, write};

/// The version of the tables, in `user_version`.
const TABLES: i64 = 2;

/// Positions, shards and indexes are below 2^63: SQLite's integers hold them.
const CREATE: &str = "
CREATE TABLE connections (
    connection TEXT NOT NULL,
    log        TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    PRIMARY KEY (connection, log)
) WITHOUT ROWID;
CREATE TABLE retry (
    connection TEXT NOT NULL,
    log        TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    first_try  INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (connection, log, shard, position, item)
) WITHOUT ROWID;
CREATE TABLE dead (
    connection TEXT NOT NULL,
    log        TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    first_try  INTEGER NOT NULL,
    last_try   INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    status     INTEGER,
    PRIMARY KEY (connection, log, shard, position, item)
) WITHOUT ROWID;
CREATE INDEX dead_by_time ON dead (connection, last_try);
CREATE TABLE counts (
    connection TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    events     INTEGER NOT NULL,
    PRIMARY KEY (connection, outcome, reason)
) WITHOUT ROWID;
";

/// What version 2 has more.
const CREATE_2: &str = "
CREATE TABLE ended (
    connection TEXT NOT NULL,
    log        TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (connection, log, shard, position, item)
) WITHOUT ROWID;
CREATE TABLE versions (
    connection TEXT NOT NULL,
    log        TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    version    TEXT NOT NULL,
    PRIMARY KEY (connection, log, shard, position, item)
) WITHOUT ROWID;
";

/// See the module.
#[derive(Debug)]
pub struct SqliteState {
    db: Connection,
    keep: Keep,
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> StateError {
        StateError(error.to_string())
    }
}

impl SqliteState {
    /// Opens the file, creating it if need be.
    ///
    /// # Errors
    /// [`StateError`]; also when another version wrote the file.
    pub fn open(path: &Path) -> Result<SqliteState, StateError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let tx = db.transaction()?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => {
                tx.execute_batch(CREATE)?;
                tx.execute_batch(CREATE_2)?;
                tx.pragma_update(None, "user_version", TABLES)?;
            }
            1 => {
                tx.execute_batch(CREATE_2)?;
                tx.pragma_update(None, "user_version", TABLES)?;
            }
            TABLES => {}
            other => {
                return Err(StateError(format!(
                    "{} has tables of version {other}, this build reads version {TABLES}; run the build that wrote it, or move the file away (deliveries then start anew)",
                    path.display()
                )));
            }
        }
        tx.commit()?;
        Ok(SqliteState {
            db,
            keep: Keep::default(),
        })
    }

    /// Keeps so much of what ended badly.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> SqliteState {
        self.keep = keep;
        self
    }
}

/// A place from three columns.
fn place(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Place> {
    let position: i64 = row.get(first + 1)?;
    Ok(Place {
        shard: row.get(first)?,
        position: Position(u64::try_from(position).unwrap_or(0)),
        index: row.get(first + 2)?,
    })
}

impl DeliveryState for SqliteState {
    fn load(&mut self, connection: &str, log: LogId) -> Result<Option<Saved>, StateError> {
        let log = log.to_string();
        let cursor = self
            .db
            .query_row(
                "SELECT shard, position, item FROM connections WHERE connection = ? AND log = ?",
                params![connection, log],
                |row| place(row, 0),
            )
            .optional()?;
        let mut query = self.db.prepare(
            "SELECT shard, position, item, due, attempts, first_try, reason FROM retry WHERE connection = ? AND log = ?",
        )?;
        let retry: Vec<Retry> = query
            .query_map(params![connection, log], |row| {
                Ok(Retry {
                    place: place(row, 0)?,
                    due: row.get(3)?,
                    attempts: row.get(4)?,
                    first: row.get(5)?,
                    reason: row.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let version = self
            .db
            .query_row(
                "SELECT version FROM versions WHERE connection = ? AND log = ?
                 ORDER BY shard DESC, position DESC, item DESC LIMIT 1",
                params![connection, log],
                |row| row.get(0),
            )
            .optional()?;
        Ok(match cursor {
            None if retry.is_empty() => None,
            cursor => Some(Saved {
                cursor: cursor.unwrap_or_default(),
                retry,
                version,
            }),
        })
    }

    fn adopt(
        &mut self,
        connection: &str,
        log: LogId,
        end: Place,
    ) -> Result<Option<Saved>, StateError> {
        let other: Option<String> = self
            .db
            .query_row(
                "SELECT log FROM connections WHERE connection = ? ORDER BY log = ? DESC, position DESC LIMIT 1",
                params![connection, log.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(other) = other.and_then(|log| LogId::parse(&log)) else {
            return Ok(None);
        };
        let Some(mut saved) = self.load(connection, other)? else {
            return Ok(None);
        };
        saved.cursor = saved.cursor.min(end);
        saved.retry.retain(|entry| entry.place < end);
        let mut delta = Delta {
            cursor: Some(saved.cursor),
            ..Delta::default()
        };
        for entry in &saved.retry {
            delta.put(entry.clone());
        }
        let tx = self.db.transaction()?;
        let (from, beyond) = (
            other.to_string(),
            "connection = ? AND log = ? AND (shard, position, item) >= (?, ?, ?)",
        );
        let cut: [&dyn rusqlite::ToSql; 5] = [
            &connection,
            &from,
            &end.shard,
            &sql(end.position.0),
            &end.index,
        ];
        give_up(&tx, beyond, &cut)?;
        for table in ["ended", "versions"] {
            tx.execute(
                &format!("DELETE FROM {table} WHERE {beyond}"),
                cut.as_slice(),
            )?;
        }
        for table in ["connections", "retry"] {
            tx.execute(
                &format!("DELETE FROM {table} WHERE connection = ?"),
                params![connection],
            )?;
        }
        for table in ["dead", "ended", "versions"] {
            tx.execute(
                &format!("UPDATE OR REPLACE {table} SET log = ? WHERE connection = ? AND log = ?"),
                params![log.to_string(), connection, from],
            )?;
        }
        write(&tx, connection, log, &delta)?;
        tx.commit()?;
        self.load(connection, log)
    }

    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        write(&tx, connection, log, delta)?;
        if !delta.dead.is_empty() || !delta.ended.is_empty() {
            trim(&tx, connection, self.keep)?;
        }
        tx.commit()?;
        Ok(())
    }

    fn dead(&mut self, connection: &str, most: usize) -> Result<Vec<Dead>, StateError> {
        let mut query = self.db.prepare(
            "SELECT shard, position, item, attempts, first_try, last_try, reason, status FROM dead
             WHERE connection = ? ORDER BY last_try DESC, shard DESC, position DESC, item DESC LIMIT ?",
        )?;
        let dead = query
            .query_map(params![connection, sql(most as u64)], |row| {
                Ok(Dead {
                    place: place(row, 0)?,
                    attempts: row.get(3)?,
                    first: row.get(4)?,
                    last: row.get(5)?,
                    reason: row.get(6)?,
                    status: row.get(7)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(dead)
    }

    fn known(&mut self, connection: &str, log: LogId, place: Place) -> Result<Known, StateError> {
        let log = log.to_string();
        let at = "connection = ? AND log = ? AND shard = ? AND position = ? AND item = ?";
        let key = params![
            connection,
            log,
            place.shard,
            sql(place.position.0),
            place.index
        ];
        let retry = self
            .db
            .prepare_cached(&format!(
                "SELECT due, attempts, first_try, reason FROM retry WHERE {at}"
            ))?
            .query_row(key, |row| {
                Ok(Known::Retrying(Retry {
                    place,
                    due: row.get(0)?,
                    attempts: row.get(1)?,
                    first: row.get(2)?,
                    reason: row.get(3)?,
                }))
            })
            .optional()?;
        let dead = self
            .db
            .prepare_cached(&format!(
                "SELECT attempts, first_try, last_try, reason, status FROM dead WHERE {at}"
            ))?
            .query_row(key, |row| {
                Ok(Known::Dead(Dead {
                    place,
                    attempts: row.get(0)?,
                    first: row.get(1)?,
                    last: row.get(2)?,
                    reason: row.get(3)?,
                    status: row.get(4)?,
                }))
            })
            .optional()?;
        let ended = self
            .db
            .prepare_cached(&format!("SELECT outcome, reason FROM ended WHERE {at}"))?
            .query_row(key, |row| {
                Ok(Known::Ended(Ended {
                    place,
                    outcome: row.get(0)?,
                    reason: row.get(1)?,
                }))
            })
            .optional()?;
        if let Some(known) = dead.or(ended).or(retry) {
            return Ok(known);
        }
        let passed: Option<bool> = self
            .db
            .prepare_cached(
                "SELECT (shard, position, item) > (?3, ?4, ?5) FROM connections WHERE connection = ?1 AND log = ?2",
            )?
            .query_row(key, |row| row.get(0))
            .optional()?;
        if passed != Some(true) {
            return Ok(Known::Waiting);
        }
        let version = self
            .db
            .prepare_cached(
                "SELECT version FROM versions WHERE connection = ?1 AND log = ?2
                 AND (shard, position, item) <= (?3, ?4, ?5) ORDER BY shard DESC, position DESC, item DESC LIMIT 1",
            )?
            .query_row(key, |row| row.get(0))
            .optional()?;
        Ok(Known::Decided(version))
    }

    fn expire(&mut self, now: i64) -> Result<u64, StateError> {
        let before = now.saturating_sub(self.keep.age_ms);
        let tx = self.db.transaction()?;
        let gone = give_up(&tx, "last_try < ?", &[&before])?;
        let connections: Vec<String> = tx
            .prepare("SELECT DISTINCT connection FROM connections")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for connection in connections {
            trim(&tx, &connection, self.keep)?;
        }
        tx.commit()?;
        Ok(gone)
    }

    fn counts(&mut self, connection: &str) -> Result<Counts, StateError> {
        let mut query = self
            .db
            .prepare("SELECT outcome, reason, events FROM counts WHERE connection = ?")?;
        let counts = query
            .query_map(params![connection], |row| {
                let events: i64 = row.get(2)?;
                Ok((
                    (row.get(0)?, row.get(1)?),
                    u64::try_from(events).unwrap_or(0),
                ))
            })?
            .collect::<Result<_, _>>()?;
        Ok(Counts(counts))
    }
}
