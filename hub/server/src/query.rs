//! `headwater query`: SQL over the embedded warehouse.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use headwater_collector::cli::Failure;
use headwater_model::json::{Object, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// Arguments of `headwater query`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headwater query \"SELECT event_text, count(*) AS n FROM tracks GROUP BY 1 ORDER BY 2 DESC\"
  headwater query --file warehouse.sqlite --json \"SELECT * FROM order_completed\"

The file is opened for reading alone; events are loaded within seconds of their arrival. Any other SQL tool opens it, too.")]
pub(crate) struct Query {
    /// One SELECT.
    sql: String,
    /// The data folder.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
    /// The warehouse's file; relative to the data folder.
    #[arg(long, value_name = "FILE", default_value = "warehouse.sqlite")]
    file: PathBuf,
    /// One JSON object a line, instead of columns parted by tabs.
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let path = self.data.join(&self.file);
        let failed =
            |error: rusqlite::Error| Failure::Usage(format!("{}: {error}", path.display()));
        if !path.exists() {
            return Err(Failure::Usage(format!(
                "{} is not there: name the data folder with --data, and see that the workspace has a warehouse",
                path.display()
            )));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags).map_err(failed)?;
        let mut statement = db.prepare(&self.sql).map_err(failed)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut out = BufWriter::new(std::io::stdout().lock());
        if !self.json {
            writeln!(out, "{}", names.join("\t"))?;
        }
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let mut object = Object::new();
            let mut line = Vec::with_capacity(names.len());
            for (index, name) in names.iter().enumerate() {
                let value = row.get_ref(index).map_err(failed)?;
                if self.json {
                    object.insert(name.as_str(), json(value));
                } else {
                    line.push(text(value));
                }
            }
            if self.json {
                writeln!(out, "{}", Value::Object(object))?;
            } else {
                writeln!(out, "{}", line.join("\t"))?;
            }
        }
        Ok(out.flush()?)
    }
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Value::from(number),
        ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::from(format!("{} bytes", bytes.len())),
    }
}

/// A cell for a terminal: what it would obey is escaped.
fn text(value: ValueRef<'_>) -> String {
    match json(value) {
        Value::Null => String::new(),
        Value::String(text) => text
            .chars()
            .map(|c| {
                if c.is_control() {
                    c.escape_default().to_string()
                } else {
                    c.to_string()
                }
            })
            .collect(),
        other => other.to_string(),
    }
}
