//! Events from the log, as the source stage leaves them.

use std::io;

use headwater_collector::log::{EventLog, Next, Place, Position, Stored};
use headwater_collector::read::items;
use headwater_govern::stages::{SourceOutcome, Trace, source_stage};
use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};
use headwater_workspace::{Compiled, CompiledSource};

/// How much of the log one turn reads; then the task looks after its other work.
const STRIDE: u64 = 4 << 20;

/// How many bytes of events one turn keeps. An envelope's context stands in each of its events, so a request of some
/// kilobytes may hold hundreds of megabytes of events: a turn ends in the middle of a record then.
const TURN_BYTES: usize = 2 << 20;

/// One event of the log.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it lies.
    pub place: Place,
    /// Its source's id.
    pub source: String,
    /// How many hubs it came through before.
    pub hops: u8,
    /// Its type.
    pub kind: EventType,
    /// What the source stage made of it.
    pub outcome: SourceOutcome,
}

impl Event {
    /// The event, blocked or not.
    #[must_use]
    pub fn event(&self) -> &Object {
        match &self.outcome {
            SourceOutcome::Passed(event) | SourceOutcome::Blocked { event, .. } => event,
        }
    }

    /// Its messageId.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.event()
            .get("messageId")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The accepted events of a record from the `from`th on, each through the source stage when it is asked for, with what the
/// rules did where `traced`.
pub fn events<'a>(
    compiled: &'a Compiled,
    stored: &'a Stored,
    from: u32,
    traced: bool,
) -> impl Iterator<Item = (Event, Trace)> + 'a {
    let source: Option<&CompiledSource> = compiled
        .sources
        .iter()
        .find(|source| source.id.as_str() == stored.head.source);
    items(stored)
        .filter(move |item| item.index as u64 >= u64::from(from))
        .filter_map(move |item| {
            let (true, Some(kind), Value::Object(event)) =
                (item.verdict.is_accepted(), item.kind, item.event)
            else {
                return None;
            };
            let mut trace = Trace::default();
            let outcome = match source {
                Some(source) => {
                    source_stage(&source.rules, kind, event, traced.then_some(&mut trace))
                }
                None => SourceOutcome::Passed(event),
            };
            let event = Event {
                place: Place {
                    index: u32::try_from(item.index).unwrap_or(u32::MAX),
                    ..Place::at(stored.position)
                },
                source: stored.head.source.clone(),
                hops: stored.head.hops,
                kind,
                outcome,
            };
            Some((event, trace))
        })
}

/// What one turn of reading found.
pub(super) struct Turn<T> {
    /// Where reading goes on.
    pub(super) to: Place,
    /// What `take` made of the events.
    pub(super) events: Vec<T>,
    /// Their bytes.
    pub(super) bytes: usize,
    /// Stretches of the log that hold no record that can be read.
    pub(super) unreadable: u64,
    /// Where the log ended when it was read.
    pub(super) end: Position,
}

/// Reads events from `from` on, about `most` that `take` keeps or some megabytes, or nothing where the log ends. `take`
/// says what it keeps of an event and how many bytes that are. Each event is decided before the next one is made, so that a turn holds no more than it keeps.
pub(super) fn read<T>(
    log: &dyn EventLog,
    compiled: &Compiled,
    from: Place,
    most: usize,
    mut take: impl FnMut(Event) -> Option<(T, usize)>,
) -> io::Result<Turn<T>> {
    let end = log.status().end;
    let mut reader = log.read(from.position);
    let mut turn = Turn {
        to: from,
        events: Vec::new(),
        bytes: 0,
        unreadable: 0,
        end,
    };
    while turn.events.len() < most && reader.passed() < STRIDE {
        match reader.advance()? {
            Next::Record(stored) => {
                let first = if stored.position == from.position {
                    from.index
                } else {
                    0
                };
                for (event, _) in events(compiled, &stored, first, false) {
                    let behind = event.place.next();
                    if let Some((taken, bytes)) = take(event) {
                        turn.events.push(taken);
                        turn.bytes += bytes;
                        if turn.bytes >= TURN_BYTES {
                            turn.to = behind;
                            return Ok(turn);
                        }
                    }
                }
            }
            Next::Control(_) => {}
            Next::Skipped { .. } => turn.unreadable += 1,
            Next::End => break,
        }
        turn.to = Place::at(reader.position());
    }
    Ok(turn)
}

/// About how many bytes an event is as JSON, without writing it.
pub(super) fn weight(event: &Object) -> usize {
    event
        .iter()
        .map(|(key, value)| key.len() + 4 + weight_of(value))
        .sum()
}

fn weight_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| weight_of(item) + 1).sum::<usize>() + 2,
        Value::Object(object) => weight(object) + 2,
    }
}

/// The event at a place; `None` when the log no longer has it.
pub(super) fn find(
    log: &dyn EventLog,
    compiled: &Compiled,
    place: Place,
) -> io::Result<Option<Event>> {
    let mut reader = log.read(place.position);
    loop {
        match reader.advance()? {
            Next::Record(stored) if stored.position == place.position => {
                return Ok(events(compiled, &stored, place.index, false)
                    .map(|(event, _)| event)
                    .find(|event| event.place == place));
            }
            // Damage before it in its segment.
            Next::Skipped { to, .. } if to <= place.position => {}
            _ => return Ok(None),
        }
    }
}

/// Where the log begins and ends now.
pub(super) fn extent(log: &dyn EventLog) -> (Position, Position) {
    let status = log.status();
    (status.first, status.end)
}
