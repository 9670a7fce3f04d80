//! The state in a SQLite file (WAL, synchronous FULL): any SQL tool opens it.

use std::path::Path;

use headwater_collector::log::{LogId, Place, Position};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Counts, Dead, DeliveryState, Delta, Retry, Saved, StateError};

/// The version of the tables, in `user_version`.
const TABLES: i64 = 1;

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

/// See the module.
#[derive(Debug)]
pub struct SqliteState {
    db: Connection,
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
        Ok(SqliteState { db })
    }
}

fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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

/// Writes a change in a transaction.
fn write(
    tx: &Transaction<'_>,
    connection: &str,
    log: LogId,
    delta: &Delta,
) -> Result<(), StateError> {
    let log = log.to_string();
    // Also without a cursor, so that a log that was begun is known.
    {
        let at = delta.cursor.unwrap_or_default();
        tx.prepare_cached(
            "INSERT INTO connections VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             shard = excluded.shard, position = excluded.position, item = excluded.item WHERE ?",
        )?
        .execute(params![
            connection,
            log,
            at.shard,
            sql(at.position.0),
            at.index,
            delta.cursor.is_some()
        ])?;
        let mut put =
            tx.prepare_cached("INSERT OR REPLACE INTO retry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        let mut remove = tx.prepare_cached(
            "DELETE FROM retry WHERE connection = ? AND log = ? AND shard = ? AND position = ? AND item = ?",
        )?;
        for (place, entry) in &delta.retry {
            let position = sql(place.position.0);
            match entry {
                Some(entry) => put.execute(params![
                    connection,
                    log,
                    place.shard,
                    position,
                    place.index,
                    entry.due,
                    entry.attempts,
                    entry.first,
                    entry.reason
                ])?,
                None => {
                    remove.execute(params![connection, log, place.shard, position, place.index])?
                }
            };
        }
        let mut bury =
            tx.prepare_cached("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        for dead in &delta.dead {
            bury.execute(params![
                connection,
                log,
                dead.place.shard,
                sql(dead.place.position.0),
                dead.place.index,
                dead.attempts,
                dead.first,
                dead.last,
                dead.reason,
                dead.status
            ])?;
        }
        let mut count = tx.prepare_cached(
            "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for ((outcome, reason), events) in &delta.counts.0 {
            count.execute(params![connection, outcome, reason, sql(*events)])?;
        }
    }
    Ok(())
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
        Ok(match cursor {
            Some(cursor) => Some(Saved { cursor, retry }),
            None if retry.is_empty() => None,
            None => Some(Saved {
                cursor: Place::default(),
                retry,
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
                "SELECT log FROM connections WHERE connection = ? ORDER BY position DESC LIMIT 1",
                params![connection],
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
        for table in ["connections", "retry"] {
            tx.execute(
                &format!("DELETE FROM {table} WHERE connection = ?"),
                params![connection],
            )?;
        }
        write(&tx, connection, log, &delta)?;
        tx.commit()?;
        Ok(Some(saved))
    }

    fn commit(&mut self, connection: &str, log: LogId, delta: &Delta) -> Result<(), StateError> {
        let tx = self.db.transaction()?;
        write(&tx, connection, log, delta)?;
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
