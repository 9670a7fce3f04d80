//! Names and cells: what of an event becomes which column.

use std::hash::Hasher;

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use rusqlite::types::Value as Cell;

use crate::sinks::Row;

/// Tables that events are not named after.
const TAKEN: [&str; 8] = [
    "tracks",
    "identifies",
    "pages",
    "screens",
    "groups",
    "aliases",
    "users",
    "accounts",
];

/// The longest name in bytes, as PostgreSQL's.
const MAX_NAME: usize = 63;

/// How deep objects are flattened; what is deeper is stored as JSON.
const MAX_DEPTH: usize = 4;

/// The columns that every row of a type has.
pub(super) fn common(row: &Row) -> Vec<(&'static str, Cell)> {
    let event = &row.event;
    let text = |key: &str| event.get(key).map_or(Cell::Null, cell);
    let mut cells = vec![
        ("id", text("messageId")),
        ("anonymous_id", text("anonymousId")),
        ("user_id", text("userId")),
        ("received_at", text("receivedAt")),
        ("sent_at", text("sentAt")),
        ("timestamp", text("timestamp")),
        ("original_timestamp", text("originalTimestamp")),
        ("context", event.get("context").map_or(Cell::Null, cell)),
    ];
    match row.kind {
        EventType::Track => {
            let name = event
                .get("event")
                .and_then(Value::as_str)
                .unwrap_or_default();
            cells.push(("event", Cell::Text(table(name))));
            cells.push(("event_text", Cell::Text(name.to_owned())));
        }
        EventType::Page | EventType::Screen => {
            cells.push(("name", text("name")));
            cells.push(("category", text("category")));
        }
        EventType::Group => cells.push(("group_id", text("groupId"))),
        EventType::Alias => cells.push(("previous_id", text("previousId"))),
        EventType::Identify => {}
    }
    cells
}

/// The table of an event.
pub(super) fn table(event: &str) -> String {
    let name = snake(event);
    if TAKEN.contains(&name.as_str()) || name.starts_with("sqlite_") {
        cut(&format!("_{name}"))
    } else {
        name
    }
}

/// The column of a path: a name that nobody has. A second path with the same name gets six digits of its hash.
pub(super) fn name(path: &str, taken: impl Fn(&str) -> bool) -> String {
    let plain = snake(path);
    if !taken(&plain) {
        return plain;
    }
    let mut hasher = siphash(path);
    loop {
        let digits = format!("{:06x}", hasher & 0xff_ffff);
        let mut base = plain.clone();
        base.truncate(MAX_NAME - digits.len() - 1);
        let name = format!("{base}_{digits}");
        if !taken(&name) {
            return name;
        }
        hasher = hasher.wrapping_add(1);
    }
}

fn siphash(text: &str) -> u64 {
    let mut hasher = siphasher::sip::SipHasher24::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Small letters, digits and `_`; words parted where a capital begins one.
fn snake(text: &str) -> String {
    let words: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect();
    let mut name = headwater_govern::expression::snakecase(&words);
    if name.is_empty() {
        name.push('_');
    }
    cut(&name)
}

fn cut(name: &str) -> String {
    // ASCII alone: any cut is on a character boundary.
    name.get(..MAX_NAME.min(name.len()))
        .unwrap_or_default()
        .to_owned()
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The leaves of an object with their dotted paths; null makes no column.
pub(super) fn flat(object: &Object) -> Vec<(String, Cell)> {
    let mut leaves = Vec::new();
    flatten(object, "", 1, &mut leaves);
    leaves
}

fn flatten(object: &Object, under: &str, depth: usize, leaves: &mut Vec<(String, Cell)>) {
    for (key, value) in object.iter() {
        let path = if under.is_empty() {
            key.to_owned()
        } else {
            format!("{under}.{key}")
        };
        match value {
            Value::Null => {}
            Value::Object(inner) if depth < MAX_DEPTH => {
                flatten(inner, &path, depth + 1, leaves);
            }
            value => leaves.push((path, cell(value))),
        }
    }
}

/// A value as a cell. Numbers that neither an integer nor a double holds exactly stay text; lists and objects are JSON.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Integer(i64::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Cell::Integer(integer),
            (None, Some(double)) if is_exact(number.as_str(), double) => Cell::Real(double),
            _ => Cell::Text(number.to_string()),
        },
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Cell::Text(value.to_string()),
    }
}

/// Whether a double spells the number as it was written, for numbers of up to 15 digits, which a double keeps.
fn is_exact(text: &str, double: f64) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits <= 15 || format!("{double}") == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_tables_that_no_other_has() {
        for (event, expected) in [
            ("Order Completed", "order_completed"),
            ("Tracks", "_tracks"),
            ("users", "_users"),
            ("2FA Enabled", "2fa_enabled"),
            ("🙂", "_"),
            ("sqlite_master", "_sqlite_master"),
        ] {
            assert_eq!(table(event), expected);
        }
        assert_eq!(table(&"a".repeat(300)).len(), 63);
    }

    #[test]
    fn two_paths_never_share_a_column() {
        let mut taken: Vec<String> = Vec::new();
        for path in ["a.b", "a_b", "aB", "A b"] {
            let column = name(path, |name| taken.iter().any(|known| known == name));
            assert!(!taken.contains(&column), "{path}");
            taken.push(column);
        }
        assert_eq!(taken[0], "a_b");
    }

    #[test]
    fn no_number_changes_its_value() {
        let number = |text: &str| {
            cell(&Value::Number(
                headwater_model::json::Number::parse(text).unwrap(),
            ))
        };
        assert_eq!(number("27.5"), Cell::Real(27.5));
        assert_eq!(
            number("9007199254740993"),
            Cell::Integer(9_007_199_254_740_993)
        );
        assert_eq!(
            number("18446744073709551617"),
            Cell::Text("18446744073709551617".to_owned())
        );
        assert_eq!(
            number("0.12345678901234567890"),
            Cell::Text("0.12345678901234567890".to_owned())
        );
    }
}
