//! The embedded warehouse: a SQLite file with Segment's tables. Any SQL tool opens it.
//!
//! One row an event in the table of its type (`tracks`, `identifies`, `pages`, `screens`, `groups`, `aliases`), and for
//! each track one more in the table of its event, with its properties as columns. `id` is the messageId and the key of
//! each table: what comes twice is stored once. `_headwater_progress` says, per log, how far the log is loaded; it changes
//! in the transaction that brings the rows.

mod columns;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use headwater_collector::log::{LogId, Place, Position};
use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OptionalExtension, Transaction, params, params_from_iter};

use columns::{common, name, quoted, table};

use super::{RangeSink, Row, SinkFailure};

/// Columns that a table may have; SQLite takes 2,000. What is beyond lies in `_rejects`.
const MAX_COLUMNS: usize = 1_000;

/// Tables of events; Segment's users have some hundreds. The properties of an event beyond lie in `_rejects`.
const MAX_TABLES: usize = 1_000;

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS _headwater_progress (
    log      TEXT PRIMARY KEY,
    shard    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    item     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _headwater_columns (
    table_name  TEXT NOT NULL,
    path        TEXT NOT NULL,
    column_name TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (table_name, path),
    UNIQUE (table_name, column_name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _rejects (
    table_name TEXT NOT NULL,
    path       TEXT NOT NULL,
    id         TEXT NOT NULL,
    value      TEXT NOT NULL,
    reason     TEXT NOT NULL
);
";

/// Why the warehouse could not be opened or loaded.
#[derive(Debug, thiserror::Error)]
#[error("the warehouse {}: {source}", path.display())]
pub struct WarehouseError {
    path: PathBuf,
    source: rusqlite::Error,
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

    fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<u64, SinkFailure> {
        Ok(SqliteWarehouse::load(self, log, to, rows)?)
    }
}

/// See the module.
#[derive(Debug)]
pub struct SqliteWarehouse {
    db: Connection,
    path: PathBuf,
    /// The columns of each table, by the path of the value that they hold.
    tables: HashMap<String, BTreeMap<String, String>>,
}

impl SqliteWarehouse {
    /// Opens the file, creating it if need be.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub fn open(path: &Path) -> Result<SqliteWarehouse, WarehouseError> {
        let at = |source| WarehouseError {
            path: path.to_owned(),
            source,
        };
        let open = || {
            let db = Connection::open(path)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "FULL")?;
            db.busy_timeout(std::time::Duration::from_secs(10))?;
            db.execute_batch(CREATE)?;
            let mut tables: HashMap<String, BTreeMap<String, String>> = HashMap::new();
            {
                let mut query =
                    db.prepare("SELECT table_name, path, column_name FROM _headwater_columns")?;
                let mut rows = query.query([])?;
                while let Some(row) = rows.next()? {
                    tables
                        .entry(row.get(0)?)
                        .or_default()
                        .insert(row.get(1)?, row.get(2)?);
                }
            }
            Ok(SqliteWarehouse {
                db,
                path: path.to_owned(),
                tables,
            })
        };
        open().map_err(at)
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

    /// Loads rows and the progress `to` in one transaction. Returns how many events are new.
    ///
    /// # Errors
    /// [`WarehouseError`]; then nothing of it is there.
    pub fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<u64, WarehouseError> {
        match self.try_load(log, to, rows) {
            Ok(new) => Ok(new),
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
        WarehouseError {
            path: self.path.clone(),
            source,
        }
    }

    fn try_load(&mut self, log: LogId, to: Place, rows: &[Row]) -> rusqlite::Result<u64> {
        let tx = self.db.transaction()?;
        let mut new = 0;
        for row in rows {
            let main = match row.kind {
                EventType::Track => "tracks",
                EventType::Identify => "identifies",
                EventType::Page => "pages",
                EventType::Screen => "screens",
                EventType::Group => "groups",
                EventType::Alias => "aliases",
            };
            let cells = common(row);
            let payload = row.kind.payload_key().and_then(|key| row.event.object(key));
            // A track's properties are columns of its event's table alone.
            let own = if row.kind == EventType::Track {
                None
            } else {
                payload
            };
            let mut load = Load {
                tx: &tx,
                tables: &mut self.tables,
            };
            new += load.insert(main, &cells, own)?;
            if row.kind == EventType::Track
                && let Some(event) = row.event.get("event").and_then(Value::as_str)
            {
                let name = table(event);
                if load.tables.contains_key(&name) || load.tables.len() < MAX_TABLES {
                    load.insert(&name, &cells, payload)?;
                } else if let Some(payload) = payload {
                    let whole = Cell::Text(Value::Object(payload.clone()).to_string());
                    load.reject(
                        &name,
                        "properties",
                        &cells,
                        &whole,
                        "there are too many tables",
                    )?;
                }
            }
        }
        let position = i64::try_from(to.position.0).unwrap_or(i64::MAX);
        tx.execute(
            "INSERT INTO _headwater_progress VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             shard = excluded.shard, position = excluded.position, item = excluded.item",
            params![log.to_string(), to.shard, position, to.index],
        )?;
        tx.commit()?;
        Ok(new)
    }
}

struct Load<'a> {
    tx: &'a Transaction<'a>,
    tables: &'a mut HashMap<String, BTreeMap<String, String>>,
}

impl Load<'_> {
    /// Inserts one row; how many were new.
    fn insert(
        &mut self,
        table: &str,
        common: &[(&'static str, Cell)],
        payload: Option<&Object>,
    ) -> rusqlite::Result<u64> {
        if !self.tables.contains_key(table) {
            self.create(table, common)?;
        }
        let mut names: Vec<String> = common.iter().map(|(name, _)| quoted(name)).collect();
        let mut cells: Vec<Cell> = common.iter().map(|(_, cell)| cell.clone()).collect();
        for (path, cell) in payload.map(columns::flat).unwrap_or_default() {
            match self.column(table, &path)? {
                Some(column) => {
                    names.push(quoted(&column));
                    cells.push(cell);
                }
                None => {
                    self.reject(
                        table,
                        &path,
                        common,
                        &cell,
                        "the table has too many columns",
                    )?;
                }
            }
        }
        let marks = vec!["?"; names.len()].join(", ");
        let statement = format!(
            "INSERT INTO {} ({}) VALUES ({marks}) ON CONFLICT DO NOTHING",
            quoted(table),
            names.join(", ")
        );
        let new = self
            .tx
            .prepare_cached(&statement)?
            .execute(params_from_iter(cells))?;
        Ok(new as u64)
    }

    fn create(&mut self, table: &str, common: &[(&'static str, Cell)]) -> rusqlite::Result<()> {
        let columns: Vec<String> = common
            .iter()
            .map(|(name, _)| match *name {
                "id" => "\"id\" TEXT PRIMARY KEY NOT NULL".to_owned(),
                name => format!("{} TEXT", quoted(name)),
            })
            .collect();
        self.tx.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {} ({})",
            quoted(table),
            columns.join(", ")
        ))?;
        let mut known = BTreeMap::new();
        for (name, _) in common {
            // A path that no event has: it begins with a dot.
            let path = format!(".{name}");
            self.note(table, &path, name)?;
            known.insert(path, (*name).to_owned());
        }
        self.tables.insert(table.to_owned(), known);
        Ok(())
    }

    /// The column of a path, made if need be; `None` when the table is full.
    fn column(&mut self, table: &str, path: &str) -> rusqlite::Result<Option<String>> {
        let Some(columns) = self.tables.get_mut(table) else {
            return Ok(None);
        };
        if let Some(column) = columns.get(path) {
            return Ok(Some(column.clone()));
        }
        if columns.len() >= MAX_COLUMNS {
            return Ok(None);
        }
        let taken = |name: &str| {
            columns
                .values()
                .any(|column| column.eq_ignore_ascii_case(name))
        };
        let column = name(path, taken);
        columns.insert(path.to_owned(), column.clone());
        // No declared type: each cell keeps the type of its value.
        self.tx.execute_batch(&format!(
            "ALTER TABLE {} ADD COLUMN {}",
            quoted(table),
            quoted(&column)
        ))?;
        self.note(table, path, &column)?;
        Ok(Some(column))
    }

    fn note(&self, table: &str, path: &str, column: &str) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO _headwater_columns VALUES (?, ?, ?)")?
            .execute(params![table, path, column])?;
        Ok(())
    }

    fn reject(
        &self,
        table: &str,
        path: &str,
        common: &[(&'static str, Cell)],
        cell: &Cell,
        reason: &str,
    ) -> rusqlite::Result<()> {
        let id = common
            .iter()
            .find(|(name, _)| *name == "id")
            .map_or(&Cell::Null, |(_, id)| id);
        let value = match cell {
            Cell::Text(text) => text.clone(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Null | Cell::Blob(_) => String::new(),
        };
        self.tx
            .prepare_cached("INSERT INTO _rejects VALUES (?, ?, ?, ?, ?)")?
            .execute(params![table, path, id, value, reason])?;
        Ok(())
    }
}
