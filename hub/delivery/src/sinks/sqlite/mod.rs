//! The embedded warehouse: a SQLite file with Segment's tables. Any SQL tool opens it.
//!
//! One row an event in the table of its type (`tracks`, `identifies`, `pages`, `screens`, `groups`, `aliases`), and for
//! each track one more in the table of its event, with its properties as columns. The key of each table is `id`, the
//! messageId, with `source_id`: what comes twice from one source is stored once, and two sources never meet. Segment has a
//! schema for each source; here the sources share tables, since SQLite makes no transaction over several files in WAL mode
//! atomic. `_headwater_progress` says, per log, how far the log is loaded; it changes in the transaction that brings the
//! rows. `_headwater_tables` and `_headwater_columns` say which event and path has which name; `_rejects` has the values
//! that found no column.

mod cells;
mod load;
mod names;
mod schema;

use std::path::{Path, PathBuf};

use headwater_collector::log::{LogId, Place, Position};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Loaded, RangeSink, Row, SinkFailure};
use schema::Schema;

/// The version of the tables, in `user_version`.
const TABLES: i64 = 2;

const CREATE: &str = "
CREATE TABLE _headwater_progress (
    log       TEXT PRIMARY KEY,
    shard     INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    item      INTEGER NOT NULL,
    new_rows  INTEGER NOT NULL,
    rejected  INTEGER NOT NULL,
    loaded_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE _headwater_tables (
    event      TEXT PRIMARY KEY,
    table_name TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE _headwater_columns (
    table_name  TEXT NOT NULL,
    path        TEXT NOT NULL,
    column_name TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (table_name, path),
    UNIQUE (table_name, column_name)
) WITHOUT ROWID;
CREATE TABLE _rejects (
    id         TEXT NOT NULL,
    source_id  TEXT NOT NULL,
    table_name TEXT NOT NULL,
    reason     TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    rest       TEXT NOT NULL,
    PRIMARY KEY (id, source_id, table_name)
) WITHOUT ROWID;
";

/// Why the warehouse could not be opened or loaded.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// SQLite says so.
    #[error("the warehouse {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// Another version wrote the file.
    #[error(
        "the warehouse {} has tables of version {found}, this build loads version {TABLES}; move the file away, and what the \
         log has is loaded into a new one", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
}

impl From<WarehouseError> for SinkFailure {
    fn from(error: WarehouseError) -> SinkFailure {
        SinkFailure(error.to_string())
    }
}

impl RangeSink for SqliteWarehouse {
    fn progress(&mut self, log: LogId) -> Result<Option<Place>, SinkFailure> {
        Ok(SqliteWarehouse::progress(self, log)?)
    }

    fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<Loaded, SinkFailure> {
        Ok(SqliteWarehouse::load(self, log, to, rows)?)
    }

    fn totals(&mut self) -> Result<Loaded, SinkFailure> {
        Ok(SqliteWarehouse::totals(self)?)
    }
}

/// See the module.
#[derive(Debug)]
pub struct SqliteWarehouse {
    db: Connection,
    path: PathBuf,
    schema: Schema,
}

impl SqliteWarehouse {
    /// Opens the file, creating it if need be.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub fn open(path: &Path) -> Result<SqliteWarehouse, WarehouseError> {
        let open = || {
            let mut db = Connection::open(path)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "FULL")?;
            db.busy_timeout(std::time::Duration::from_secs(10))?;
            db.set_prepared_statement_cache_capacity(256);
            let tx = db.transaction()?;
            let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let known = "SELECT count(*) FROM sqlite_master WHERE name = '_headwater_progress'";
            let tables: i64 = tx.query_row(known, [], |row| row.get(0))?;
            if version == 0 && tables == 0 {
                tx.execute_batch(CREATE)?;
                tx.pragma_update(None, "user_version", TABLES)?;
            } else if version != TABLES {
                return Ok(Err(version));
            }
            tx.commit()?;
            let schema = Schema::read(&db)?;
            Ok(Ok((db, schema)))
        };
        match open() {
            Ok(Ok((db, schema))) => Ok(SqliteWarehouse {
                db,
                path: path.to_owned(),
                schema,
            }),
            Ok(Err(found)) => Err(WarehouseError::Version {
                path: path.to_owned(),
                found,
            }),
            Err(source) => Err(WarehouseError::Sqlite {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// How far `log` is loaded: everything before the place.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub fn progress(&self, log: LogId) -> Result<Option<Place>, WarehouseError> {
        self.db
            .query_row(
                "SELECT shard, position, item FROM _headwater_progress WHERE log = ?",
                params![log.to_string()],
                |row| {
                    let position: i64 = row.get(1)?;
                    Ok(Place {
                        shard: row.get(0)?,
                        position: Position(u64::try_from(position).unwrap_or(0)),
                        index: row.get(2)?,
                    })
                },
            )
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// What all loads brought.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub fn totals(&self) -> Result<Loaded, WarehouseError> {
        let sql = "SELECT coalesce(sum(new_rows), 0), coalesce(sum(rejected), 0) FROM _headwater_progress";
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        self.db
            .query_row(sql, [], |row| {
                Ok(Loaded {
                    new: number(row.get(0)?),
                    rejected: number(row.get(1)?),
                })
            })
            .map_err(|source| self.failed(source))
    }

    /// Loads rows and the progress `to` in one transaction.
    ///
    /// # Errors
    /// [`WarehouseError`]; then nothing of it is there.
    pub fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<Loaded, WarehouseError> {
        match self.try_load(log, to, rows) {
            Ok(loaded) => Ok(loaded),
            Err(source) => {
                // Columns that the transaction made are gone with it.
                if let Ok(again) = SqliteWarehouse::open(&self.path) {
                    *self = again;
                }
                Err(self.failed(source))
            }
        }
    }

    fn failed(&self, source: rusqlite::Error) -> WarehouseError {
        WarehouseError::Sqlite {
            path: self.path.clone(),
            source,
        }
    }

    fn try_load(&mut self, log: LogId, to: Place, rows: &[Row]) -> rusqlite::Result<Loaded> {
        let tx = self.db.transaction()?;
        let loaded = load::load(&tx, &mut self.schema, rows)?;
        let position = i64::try_from(to.position.0).unwrap_or(i64::MAX);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        tx.execute(
            "INSERT INTO _headwater_progress
             VALUES (?, ?, ?, ?, ?, ?, CAST(unixepoch('subsec') * 1000 AS INTEGER)) ON CONFLICT DO UPDATE SET
             shard = excluded.shard, position = excluded.position, item = excluded.item,
             new_rows = new_rows + excluded.new_rows, rejected = rejected + excluded.rejected,
             loaded_at = excluded.loaded_at",
            params![
                log.to_string(),
                to.shard,
                position,
                to.index,
                number(loaded.new),
                number(loaded.rejected)
            ],
        )?;
        tx.commit()?;
        Ok(loaded)
    }
}
