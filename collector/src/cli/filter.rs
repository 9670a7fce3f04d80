//! Which events `tail` and `export` show, and how one is written.

use std::io::{self, Write};

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use super::terminal;
use crate::log::Stored;
use crate::read::{self, Item};

/// Arguments that pick events.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// Only events of this source.
    #[arg(long, short)]
    pub(super) source: Option<String>,
    /// Only events of this type: track, identify, page, screen, group or alias.
    #[arg(long = "type", short = 't', value_name = "TYPE", value_parser = kind)]
    pub(super) kind: Option<EventType>,
    /// Also what was rejected, as `{"rejected":CODE,"event":…}`.
    #[arg(long)]
    pub(super) rejected: bool,
}

fn kind(name: &str) -> Result<EventType, String> {
    EventType::parse(name)
        .ok_or_else(|| "must be track, identify, page, screen, group or alias".to_owned())
}

impl Filter {
    /// The events of a record that are wanted.
    pub(super) fn of<'a>(&'a self, stored: &'a Stored) -> impl Iterator<Item = Item> + 'a {
        let source = self.source.as_deref();
        let of_source = source.is_none_or(|source| source == stored.head.source);
        let wanted = |item: &Item| {
            (item.verdict.is_accepted() || (self.rejected && item.reason().is_some()))
                && self.kind.is_none_or(|kind| item.kind == Some(kind))
        };
        let items = of_source.then(|| read::items(stored));
        items.into_iter().flatten().filter(wanted)
    }
}

/// The JSON of an item.
fn json_of(item: Item) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    match item.reason() {
        Some(reason) => {
            let mut whole = Object::new();
            whole.insert("rejected", reason.code());
            whole.insert("event", item.event);
            whole.write(&mut text);
        }
        None => item.event.write(&mut text),
    }
    text
}

/// Writes an item as one line of JSON.
pub(super) fn write_item(out: &mut dyn Write, item: Item, on_terminal: bool) -> io::Result<()> {
    write_json(out, &json_of(item), on_terminal)
}

/// Writes JSON as one line; on a terminal without what a terminal obeys.
pub(super) fn write_json(out: &mut dyn Write, json: &[u8], on_terminal: bool) -> io::Result<()> {
    if on_terminal {
        let text = String::from_utf8_lossy(json);
        out.write_all(terminal::json(&text).as_bytes())?;
    } else {
        out.write_all(json)?;
    }
    out.write_all(b"\n")
}

/// Writes an item for people: time, type, name, who, where from. What strangers wrote is shown, not obeyed.
pub(super) fn write_line(out: &mut dyn Write, source: &str, item: &Item) -> io::Result<()> {
    let text = |key: &str| {
        item.event
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let first = |keys: [&str; 2]| {
        let found = keys.map(text).into_iter().find(|found| !found.is_empty());
        terminal::line(found.unwrap_or_default())
    };
    let name = first(["event", "name"]);
    let who = first(["userId", "anonymousId"]);
    let time = terminal::line(text("receivedAt"));
    let source = terminal::line(source);
    let kind = item.kind.map_or("?", |kind| kind.as_str());
    match item.reason() {
        Some(reason) => writeln!(
            out,
            "{:24}  rejected  {kind:8}  {}  [{source}]",
            "",
            reason.code()
        ),
        None => writeln!(out, "{time}  {kind:8}  {name:32}  {who}  [{source}]"),
    }
}
