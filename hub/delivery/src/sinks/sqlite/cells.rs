//! Cells: what of an event stands in which column.

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use rusqlite::types::Value as Cell;

use crate::sinks::Row;

/// How deep objects are flattened; what is deeper is stored as JSON.
const MAX_DEPTH: usize = 4;

/// The columns that every row of a type has. `table` is the table of a track's event.
pub(super) fn common(row: &Row, table: Option<&str>) -> Vec<(&'static str, Cell)> {
    let event = &row.event;
    let text = |key: &str| event.get(key).map_or(Cell::Null, cell);
    let mut cells = vec![
        ("id", text("messageId")),
        ("source_id", Cell::Text(row.source.clone())),
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
            let table = table.map_or(Cell::Null, |table| Cell::Text(table.to_owned()));
            cells.push(("event", table));
            cells.push(("event_text", text("event")));
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

/// The leaves of an object with their paths; null makes no column. A path is the keys with dots in between. A dot or
/// backslash of a key has a backslash before it, and an empty key is `\\e`, so that no two leaves have one path.
pub(super) fn flat(object: &Object) -> Vec<(String, &Value)> {
    let mut leaves = Vec::new();
    flatten(object, "", 1, &mut leaves);
    leaves
}

fn flatten<'a>(
    object: &'a Object,
    under: &str,
    depth: usize,
    leaves: &mut Vec<(String, &'a Value)>,
) {
    for (key, value) in object.iter() {
        let key = match key {
            "" => "\\e".to_owned(),
            key => key.replace('\\', "\\\\").replace('.', "\\."),
        };
        let path = if under.is_empty() {
            key
        } else {
            format!("{under}.{key}")
        };
        match value {
            Value::Null => {}
            Value::Object(inner) if depth < MAX_DEPTH => {
                flatten(inner, &path, depth + 1, leaves);
            }
            value => leaves.push((path, value)),
        }
    }
}

/// A value as a cell. Numbers that neither an integer nor a double holds exactly stay text; lists and objects are JSON.
pub(super) fn cell(value: &Value) -> Cell {
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
    fn no_two_leaves_have_one_path() {
        let object = headwater_model::json::parse(
            br#"{"a.b":1,"a":{"b":2,"":3,"b.":{"c":4}},"a\\":{"b":5},"":{"id":6},"\\e":{"id":7}}"#,
            &headwater_model::json::Limits::default(),
        )
        .unwrap()
        .into_object()
        .unwrap();
        let paths: Vec<String> = flat(&object).into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                r"a\.b", "a.b", r"a.\e", r"a.b\..c", r"a\\.b", r"\e.id", r"\\e.id"
            ]
        );
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
