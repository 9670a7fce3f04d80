//! Events from lines of text.

use std::io::{BufRead, Read, Write};

use headwater_collector::cli::Failure;
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};

/// The longest line, in bytes: twice the largest request.
const MAX_LINE: u64 = 1 << 20;

/// So many lines that are no events are told.
const TOLD: usize = 5;

/// Lines that are no events.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    pub(super) count: u64,
    first: Vec<String>,
}

impl Wrong {
    fn add(&mut self, line: u64, problem: impl std::fmt::Display) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(format!("line {line}: {problem}"));
        }
    }

    pub(super) fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.count > 0 {
            writeln!(out, "{} lines are no events:", self.count)?;
        }
        for problem in &self.first {
            writeln!(out, "  {problem}")?;
        }
        Ok(())
    }
}

/// Calls `take` with each event.
pub(super) fn each(
    mut input: impl BufRead,
    wrong: &mut Wrong,
    mut take: impl FnMut(EventType, &Object) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = input
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if read as u64 > MAX_LINE {
            wrong.add(number, format_args!("is longer than {MAX_LINE} bytes"));
            // What is left of it.
            while !line.ends_with(b"\n") {
                line.clear();
                if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                    return Ok(());
                }
            }
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value = match parse(&line, &Limits::default().with_max_bytes(2 << 20)) {
            Ok(value) => value,
            Err(error) => {
                wrong.add(number, error);
                continue;
            }
        };
        let kind = value
            .get("type")
            .and_then(Value::as_str)
            .and_then(EventType::parse);
        match (kind, &value) {
            (Some(kind), Value::Object(event)) => take(kind, event)?,
            _ => wrong.add(
                number,
                "has no `type` of an event (track, identify, page, screen, group, alias)",
            ),
        }
    }
}

/// A text for a terminal: what it would obey is escaped.
pub(super) fn plain(text: &str) -> String {
    let escape = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
