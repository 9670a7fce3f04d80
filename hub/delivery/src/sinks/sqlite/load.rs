//! One load: what tables and columns it needs, then its rows.

use std::collections::{BTreeMap, HashMap};

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use rusqlite::types::Value as Cell;
use rusqlite::{Transaction, params, params_from_iter};

use super::cells::{cell, common, flat};
use super::schema::{Schema, Wanted, quoted};
use crate::sinks::{Loaded, Row};

/// One row of one table.
struct Entry<'a> {
    table: String,
    common: Vec<(&'static str, Cell)>,
    leaves: Vec<(String, &'a Value)>,
    /// The row of its type: each event has one.
    is_main: bool,
}

pub(super) fn load(
    tx: &Transaction<'_>,
    schema: &mut Schema,
    rows: &[Row],
) -> rusqlite::Result<Loaded> {
    let events: Vec<&str> = rows.iter().filter_map(event).collect();
    schema.name_events(tx, &events)?;
    let mut loaded = Loaded::default();
    let mut entries = Vec::with_capacity(rows.len() * 2);
    let mut homeless = Vec::new();
    for row in rows {
        let payload = row.kind.payload_key().and_then(|key| row.event.object(key));
        let leaves = payload.map(flat).unwrap_or_default();
        let table = event(row).and_then(|event| schema.table(event));
        let main = common(row, table);
        // A track's properties are columns of its event's table alone.
        let (own, other) = match (row.kind, table) {
            (EventType::Track, Some(table)) => (Vec::new(), Some((table.to_owned(), leaves))),
            (EventType::Track, None) => {
                homeless.push((main.clone(), leaves));
                (Vec::new(), None)
            }
            _ => (leaves, None),
        };
        if let Some((table, leaves)) = other {
            entries.push(Entry {
                table,
                common: main.clone(),
                leaves,
                is_main: false,
            });
        }
        entries.push(Entry {
            table: main_table(row.kind).to_owned(),
            common: main,
            leaves: own,
            is_main: true,
        });
    }
    let mut wanted: BTreeMap<String, Wanted<'_>> = BTreeMap::new();
    for entry in &entries {
        if !wanted.contains_key(&entry.table) {
            let common = entry.common.iter().map(|(name, _)| *name).collect();
            let paths = Vec::new();
            wanted.insert(entry.table.clone(), Wanted { common, paths });
        }
        if let Some(table) = wanted.get_mut(&entry.table) {
            let new = entry
                .leaves
                .iter()
                .filter(|(path, _)| schema.column(&entry.table, path).is_none());
            table.paths.extend(new.map(|(path, _)| path.as_str()));
        }
    }
    schema.extend(tx, &wanted)?;
    for entry in &entries {
        let (new, rest) = insert(tx, schema, entry)?;
        loaded.new += u64::from(new && entry.is_main);
        if new {
            let reason = schema.refusal(&entry.table);
            loaded.rejected += reject(tx, &entry.table, &entry.common, &rest, reason)?;
        }
    }
    for (common, leaves) in homeless {
        let rest: Vec<_> = leaves.iter().map(|(path, value)| (path, *value)).collect();
        loaded.rejected += reject(tx, "tracks", &common, &rest, "there are too many tables")?;
    }
    Ok(loaded)
}

/// The name of a track's event.
fn event(row: &Row) -> Option<&str> {
    (row.kind == EventType::Track)
        .then(|| row.event.get("event").and_then(Value::as_str))
        .flatten()
}

fn main_table(kind: EventType) -> &'static str {
    match kind {
        EventType::Track => "tracks",
        EventType::Identify => "identifies",
        EventType::Page => "pages",
        EventType::Screen => "screens",
        EventType::Group => "groups",
        EventType::Alias => "aliases",
    }
}

/// Values that have no column, by path.
type Rest<'a> = Vec<(&'a String, &'a Value)>;

/// Inserts a row: whether it is new, and what has no column.
fn insert<'a>(
    tx: &Transaction<'_>,
    schema: &Schema,
    entry: &'a Entry<'_>,
) -> rusqlite::Result<(bool, Rest<'a>)> {
    let mut rest = Vec::new();
    let mut cells: HashMap<&str, Cell> = HashMap::new();
    for (path, value) in &entry.leaves {
        match schema.column(&entry.table, path) {
            Some(column) => {
                cells.insert(column, cell(value));
            }
            None => rest.push((path, *value)),
        }
    }
    for (name, cell) in &entry.common {
        cells.insert(name, cell.clone());
    }
    // In one order, so that rows of the same columns share a statement.
    let mut cells: Vec<(&str, Cell)> = cells.into_iter().collect();
    cells.sort_by_key(|(name, _)| *name);
    let names: Vec<String> = cells.iter().map(|(name, _)| quoted(name)).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let new = tx
        .prepare_cached(&format!(
            "INSERT INTO {} ({}) VALUES ({marks}) ON CONFLICT DO NOTHING",
            quoted(&entry.table),
            names.join(", ")
        ))?
        .execute(params_from_iter(cells.into_iter().map(|(_, cell)| cell)))?;
    Ok((new > 0, rest))
}

/// Keeps the values that found no column, as one JSON object with paths as keys; how many they are.
fn reject(
    tx: &Transaction<'_>,
    table: &str,
    common: &[(&'static str, Cell)],
    rest: &Rest<'_>,
    reason: &str,
) -> rusqlite::Result<u64> {
    if rest.is_empty() {
        return Ok(0);
    }
    let of = |wanted: &str| {
        common
            .iter()
            .find(|(name, _)| *name == wanted)
            .map_or(Cell::Null, |(_, cell)| cell.clone())
    };
    let object: Object = rest
        .iter()
        .map(|(path, value)| (path.as_str(), (*value).clone()))
        .collect();
    let amount = object.len() as u64;
    let new = tx
        .prepare_cached("INSERT INTO _rejects VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![
            of("id"),
            of("source_id"),
            table,
            reason,
            i64::try_from(amount).unwrap_or(i64::MAX),
            Value::Object(object).to_string()
        ])?;
    Ok(if new > 0 { amount } else { 0 })
}
