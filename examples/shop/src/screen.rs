//! What is shown: one line a happening, with the seconds since the start and who it is about.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use headwater::json::{Object, Value};

use crate::account::Balance;
use crate::args::Args;
use crate::behind::Behind;
use crate::stored;

const BAR: usize = 24;
/// Users named in the table; the others are added up.
const NAMED: usize = 12;

/// Standard output, coloured where somebody looks at it.
#[derive(Debug)]
pub(crate) struct Screen {
    started: Instant,
    coloured: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            started: Instant::now(),
            coloured,
        }
    }

    /// A line about `who`: the shop, the SDK or the link.
    pub(crate) fn line(&self, who: &str, text: &str) {
        let colour = match who {
            "shop" => "36",
            "link" => "33",
            _ => "2",
        };
        let who = self.paint(colour, &format!("{who:<4}"));
        put(&format!(
            "{:>6.1} s  {who}  {text}",
            self.started.elapsed().as_secs_f64()
        ));
    }

    pub(crate) fn error(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.paint("31", "error"));
    }

    pub(crate) fn progress(&self, made: usize, of: usize, stored: u64) {
        let full = made * BAR / of.max(1);
        let bar = format!("{}{}", "█".repeat(full), "·".repeat(BAR - full));
        self.line(
            "shop",
            &format!(
                "{} {made}/{of} called, {stored} stored",
                self.paint("32", &bar)
            ),
        );
    }

    /// Where the events are now, by type and by user.
    pub(crate) fn arrived(&self, events: &[Object], args: &Args) {
        let text = |event: &Object, key| {
            event
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or("(nobody yet)")
                .to_owned()
        };
        let mut types: BTreeMap<String, usize> = BTreeMap::new();
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for event in events {
            *types.entry(text(event, "type")).or_default() += 1;
            *users.entry(text(event, "userId")).or_default() += 1;
        }
        put("");
        put(&self.paint("1", &format!("  In the collector: {} events", events.len())));
        if let Some(repeats) = stored::repeats(args) {
            put(&format!(
                "  Sent again by the SDK, and not stored again: {repeats}"
            ));
        }
        put("");
        let (types, users) = (column(types), column(users));
        let empty = String::new();
        for row in 0..types.len().max(users.len()) {
            let left = types.get(row).unwrap_or(&empty);
            let right = users.get(row).unwrap_or(&empty);
            put(format!("    {left:<20} {right}").trim_end());
        }
        put("");
    }

    /// The result; its last line is read by programs.
    pub(crate) fn balance(&self, balance: &Balance, behind: Option<Behind>) {
        for (id, member) in balance.changed.iter().take(NAMED) {
            put(&self.paint("31", &format!("  {id}: its {member} is not as it was sent")));
        }
        let Balance {
            sent,
            received,
            lost,
            duplicated,
            ..
        } = balance;
        let behind = behind.map_or(String::new(), |Behind { delivered, rows }| {
            format!(" delivered={delivered} rows={rows}")
        });
        put(&format!(
            "demo: sent={sent} received={received} lost={lost} duplicated={duplicated}{behind}"
        ));
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.coloured {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Most frequent first.
fn column(counts: BTreeMap<String, usize>) -> Vec<String> {
    let mut rows: Vec<(String, usize)> = counts.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let others: usize = rows.iter().skip(NAMED).map(|(_, count)| count).sum();
    let mut lines: Vec<String> = rows
        .iter()
        .take(NAMED)
        .map(|(name, count)| format!("{name:<14}{count:>4}"))
        .collect();
    if others > 0 {
        lines.push(format!("{:<14}{others:>4}", "others"));
    }
    lines
}

fn put(line: &str) {
    // Nobody reads any more: the exit code still tells.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
