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

/// One event of the log.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it lies.
    pub place: Place,
    /// Its source, as the record names it.
    pub source: String,
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

/// The accepted events of a record, through the source stage. `trace` collects, for each, what the rules did.
pub fn events(
    compiled: &Compiled,
    stored: &Stored,
    mut trace: Option<&mut Vec<Trace>>,
) -> Vec<Event> {
    let source: Option<&CompiledSource> = compiled
        .sources
        .iter()
        .find(|source| source.id.as_str() == stored.head.source);
    let mut events = Vec::new();
    for item in items(stored) {
        let (true, Some(kind), Value::Object(event)) =
            (item.verdict.is_accepted(), item.kind, item.event)
        else {
            continue;
        };
        let mut steps = Trace::default();
        let outcome = match source {
            Some(source) => source_stage(
                &source.rules,
                kind,
                event,
                trace.is_some().then_some(&mut steps),
            ),
            None => SourceOutcome::Passed(event),
        };
        if let Some(traces) = trace.as_deref_mut() {
            traces.push(steps);
        }
        events.push(Event {
            place: Place {
                index: u32::try_from(item.index).unwrap_or(u32::MAX),
                ..Place::at(stored.position)
            },
            source: stored.head.source.clone(),
            kind,
            outcome,
        });
    }
    events
}

/// What one turn of reading found.
pub(super) struct Turn {
    /// Where reading goes on.
    pub(super) to: Place,
    pub(super) events: Vec<Event>,
    /// Stretches of the log that hold no record that can be read.
    pub(super) unreadable: u64,
}

/// Reads events from `from` on: at least one record, about `most` events, or nothing where the log ends.
pub(super) fn read(
    log: &dyn EventLog,
    compiled: &Compiled,
    from: Place,
    most: usize,
) -> io::Result<Turn> {
    let mut reader = log.read(from.position);
    let mut turn = Turn {
        to: from,
        events: Vec::new(),
        unreadable: 0,
    };
    while turn.events.len() < most && reader.position().0 < from.position.0.saturating_add(STRIDE) {
        match reader.advance()? {
            Next::Record(stored) => {
                let found = events(compiled, &stored, None);
                turn.events
                    .extend(found.into_iter().filter(|event| event.place >= from));
            }
            Next::Skipped { .. } => turn.unreadable += 1,
            Next::End => break,
        }
        turn.to = Place::at(reader.position());
    }
    Ok(turn)
}

/// The event at a place; `None` when the log no longer has it.
pub(super) fn find(
    log: &dyn EventLog,
    compiled: &Compiled,
    place: Place,
) -> io::Result<Option<Event>> {
    let mut reader = log.read(place.position);
    match reader.advance()? {
        Next::Record(stored) if stored.position == place.position => {
            Ok(events(compiled, &stored, None)
                .into_iter()
                .find(|event| event.place == place))
        }
        _ => Ok(None),
    }
}

/// Where the log begins now.
pub(super) fn first(log: &dyn EventLog) -> Position {
    log.status().first
}
