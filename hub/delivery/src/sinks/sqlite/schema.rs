//! The tables and columns that there are, and how new ones come: all that a load needs, at once, within bounds.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, Transaction, params};

use super::names;

/// Columns that a table may have; SQLite takes 2,000.
const MAX_COLUMNS: usize = 1_000;

/// Tables of types and events; Segment's users have some hundreds.
const MAX_TABLES: usize = 1_000;

/// Columns of all tables: SQLite reads the text of all of them when it opens the file, some 2 MB.
const MAX_ALL_COLUMNS: usize = 50_000;

/// Columns that one load may make, with those of new tables. A first load of many events has some hundreds.
const MAX_NEW_COLUMNS: usize = 2_000;

/// Columns that one load may add to tables that were there: for each one SQLite reads the whole schema again.
const MAX_ADDED: usize = 100;

/// The names of one table.
#[derive(Debug, Default)]
struct Table {
    /// Columns by the path of the value that they hold.
    columns: HashMap<String, String>,
    /// The names of all, also of those that every row has.
    names: HashSet<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Schema {
    tables: HashMap<String, Table>,
    /// The table of each event.
    events: HashMap<String, String>,
    /// Columns of all tables.
    columns: usize,
}

/// What a load wants of one table.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// The columns that every row has.
    pub(super) common: Vec<&'static str>,
    /// Paths that need a column, as they come.
    pub(super) paths: Vec<&'a str>,
}

impl Schema {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Schema> {
        let mut schema = Schema::default();
        let mut query = db.prepare("SELECT event, table_name FROM _headwater_tables")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            schema.events.insert(row.get(0)?, row.get(1)?);
        }
        let mut query =
            db.prepare("SELECT table_name, path, column_name FROM _headwater_columns")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (path, name): (String, String) = (row.get(1)?, row.get(2)?);
            let table = schema.tables.entry(row.get(0)?).or_default();
            table.names.insert(name.clone());
            table.columns.insert(path, name);
            schema.columns += 1;
        }
        Ok(schema)
    }

    /// The table of an event; `None` when there are too many.
    pub(super) fn table(&self, event: &str) -> Option<&str> {
        self.events.get(event).map(String::as_str)
    }

    /// The column of a path.
    pub(super) fn column(&self, table: &str, path: &str) -> Option<&str> {
        self.tables
            .get(table)?
            .columns
            .get(path)
            .map(String::as_str)
    }

    /// Why a path of the table has no column.
    pub(super) fn refusal(&self, table: &str) -> &'static str {
        let full = self
            .tables
            .get(table)
            .is_some_and(|table| table.names.len() >= MAX_COLUMNS);
        if full {
            "the table has too many columns"
        } else if self.columns >= MAX_ALL_COLUMNS {
            "the warehouse has too many columns"
        } else {
            "too many new columns in one load"
        }
    }

    /// Names tables for events that have none, as far as there is room.
    pub(super) fn name_events(
        &mut self,
        tx: &Transaction<'_>,
        events: &[&str],
    ) -> rusqlite::Result<()> {
        // The six tables of types have their room, whether they are there or not.
        let room = (MAX_TABLES - 6).saturating_sub(self.events.len());
        let mut new: Vec<&str> = Vec::new();
        let mut seen = HashSet::new();
        for event in events {
            if new.len() < room && !self.events.contains_key(*event) && seen.insert(*event) {
                new.push(event);
            }
        }
        let taken: HashSet<&str> = self.events.values().map(String::as_str).collect();
        let named = names::tables(new, |name| taken.contains(name));
        for (event, table) in named {
            tx.prepare_cached("INSERT INTO _headwater_tables VALUES (?, ?)")?
                .execute(params![event, table])?;
            self.events.insert(event.to_owned(), table);
        }
        Ok(())
    }

    /// Makes the tables and columns that a load needs, as far as the bounds allow.
    pub(super) fn extend(
        &mut self,
        tx: &Transaction<'_>,
        wanted: &BTreeMap<String, Wanted<'_>>,
    ) -> rusqlite::Result<()> {
        let (mut new, mut added) = (0, 0);
        for (name, wanted) in wanted {
            let is_new = !self.tables.contains_key(name);
            let table = self.tables.entry(name.clone()).or_default();
            if is_new {
                table.names = wanted.common.iter().map(|&name| name.to_owned()).collect();
                for column in &wanted.common {
                    // No path of an event begins with a dot.
                    note(tx, name, &format!(".{column}"), column)?;
                }
                self.columns += wanted.common.len();
            }
            let mut paths = HashSet::new();
            for path in &wanted.paths {
                let room = table.names.len() + paths.len() < MAX_COLUMNS
                    && self.columns < MAX_ALL_COLUMNS
                    && new < MAX_NEW_COLUMNS
                    && (is_new || added < MAX_ADDED);
                if room && !table.columns.contains_key(*path) && paths.insert(*path) {
                    new += 1;
                    added += usize::from(!is_new);
                    self.columns += 1;
                }
            }
            let named = names::columns(paths, |name| table.names.contains(name));
            if is_new {
                create(tx, name, &wanted.common, &named)?;
            }
            for (path, column) in named {
                if !is_new {
                    // No declared type: each cell keeps the type of its value.
                    tx.execute_batch(&format!(
                        "ALTER TABLE {} ADD COLUMN {}",
                        quoted(name),
                        quoted(&column)
                    ))?;
                }
                note(tx, name, path, &column)?;
                table.names.insert(column.clone());
                table.columns.insert(path.to_owned(), column);
            }
        }
        Ok(())
    }
}

fn create(
    tx: &Transaction<'_>,
    table: &str,
    common: &[&str],
    named: &[(&str, String)],
) -> rusqlite::Result<()> {
    let columns: Vec<String> = common
        .iter()
        .map(|name| match *name {
            "id" | "source_id" => format!("{} TEXT NOT NULL", quoted(name)),
            name => format!("{} TEXT", quoted(name)),
        })
        .chain(named.iter().map(|(_, column)| quoted(column)))
        .collect();
    tx.execute_batch(&format!(
        "CREATE TABLE {} ({}, PRIMARY KEY (id, source_id))",
        quoted(table),
        columns.join(", ")
    ))
}

fn note(tx: &Transaction<'_>, table: &str, path: &str, column: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO _headwater_columns VALUES (?, ?, ?)")?
        .execute(params![table, path, column])?;
    Ok(())
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
