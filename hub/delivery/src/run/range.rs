//! One range sink's task: a warehouse, or another consumer of all events.

use std::sync::Arc;
use std::time::Duration;

use headwater_collector::log::{Place, Position};
use headwater_govern::stages::{ConnectionOutcome, SourceOutcome, connection_stage};
use headwater_workspace::{Compiled, Id};
use tokio::sync::watch;

use super::connection::start;
use super::{Hub, OpenSink, Standing, reading};
use crate::range::{RangeEffect, RangeInput, RangeLimits, RangeMachine};
use crate::sinks::{RangeSink, Row, resume};
use crate::state::Counts;

/// How long a task waits when the log cannot be read.
const DISK_WAIT: Duration = Duration::from_secs(1);

/// How many bytes of events wait for a load; as trees they take some ten times that.
const RANGE_BYTES: usize = 4 << 20;

struct Task {
    hub: Hub,
    /// For messages.
    name: String,
    /// The warehouse whose rules apply; none for a consumer of everything.
    id: Option<Id>,
    open: OpenSink,
    sink: Option<Box<dyn RangeSink>>,
    rows: Vec<Row>,
    bytes: usize,
    /// Where the log ended when it was read last.
    end: Position,
    stand: Standing,
}

pub(super) async fn run(
    hub: Hub,
    name: String,
    id: Option<Id>,
    open: OpenSink,
    stand: Standing,
    mut stop: watch::Receiver<bool>,
) {
    let mut machine = RangeMachine::new(RangeLimits::default());
    let mut task = Task {
        hub,
        name,
        id,
        open,
        sink: None,
        rows: Vec::new(),
        bytes: 0,
        end: Position::default(),
        stand,
    };
    loop {
        let mut at_end = false;
        while let Some(effect) = machine.poll() {
            let touches_sink = !matches!(effect, RangeEffect::Read { .. });
            let input = tokio::select! {
                input = task.carry_out(effect) => input,
                () = ending(&mut stop, touches_sink) => return,
            };
            at_end = matches!(input, RangeInput::Read { events: 0, .. });
            machine.handle((task.hub.now)(), &input);
            if *stop.borrow() {
                return;
            }
        }
        let now = (task.hub.now)();
        let wait = machine.deadline().map_or(Duration::from_secs(3600), |at| {
            Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
        });
        // What lies before the end that was seen was read, or cannot be.
        let (log, end) = (Arc::clone(&task.hub.log), task.end);
        let grown = async {
            if !at_end || !log.grown_beyond(end).await {
                std::future::pending::<()>().await;
            }
        };
        let input = tokio::select! {
            () = grown => RangeInput::Grown,
            () = tokio::time::sleep(wait) => RangeInput::Tick,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        machine.handle((task.hub.now)(), &input);
    }
}

/// Resolves when the task may end: what touches the sink goes on in a thread of its own and must have ended before another
/// task opens the sink. A process that stops waits no longer than it wants to; a load that it leaves is settled at the next
/// start.
async fn ending(stop: &mut watch::Receiver<bool>, touches_sink: bool) {
    let _ = stop.wait_for(|stop| *stop).await;
    if touches_sink {
        std::future::pending::<()>().await;
    }
}

impl Task {
    async fn carry_out(&mut self, effect: RangeEffect) -> RangeInput {
        match effect {
            RangeEffect::Open => self.open().await,
            RangeEffect::Read { from, most } => self.read(from, most).await,
            RangeEffect::Load { to, .. } => self.load(to).await,
        }
    }

    async fn open(&mut self) -> RangeInput {
        self.rows.clear();
        self.bytes = 0;
        let (open, log, sink) = (Arc::clone(&self.open), self.hub.log_id, self.sink.take());
        let end = Place::at(reading::extent(&*self.hub.log).1);
        let opened = tokio::task::spawn_blocking(move || {
            drop(sink);
            let mut sink = open()?;
            let progress = resume(&mut *sink, log, end).map_err(|error| error.to_string())?;
            let totals = sink.totals().map_err(|error| error.to_string())?;
            Ok::<_, String>((sink, progress, totals))
        })
        .await;
        match opened {
            Ok(Ok((sink, (progress, shortened), totals))) => {
                self.sink = Some(sink);
                if shortened {
                    tracing::error!(
                        sink = %self.name,
                        "the log is shorter than what was loaded of it: an older copy lies in the folder; loading goes on from \
                         its end"
                    );
                }
                self.stand.change(|stand| {
                    stand.progress = progress.unwrap_or_default();
                    stand.totals = totals;
                });
                RangeInput::Opened { progress }
            }
            Ok(Err(error)) => self.failed(&error),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, error: &str) -> RangeInput {
        tracing::error!(sink = %self.name, error, "cannot load events; trying again");
        self.stand.change(|stand| {
            stand.failures += 1;
            stand.failing = Some(error.to_owned());
        });
        RangeInput::Failed
    }

    async fn read(&mut self, from: Place, most: usize) -> RangeInput {
        loop {
            let rules = self.hub.rules.borrow().clone();
            let (log, id, name) = (
                Arc::clone(&self.hub.log),
                self.id.clone(),
                self.name.clone(),
            );
            let turn = tokio::task::spawn_blocking(move || {
                // Warehouses count nothing yet; what retention took is told.
                let from = start(&*log, &name, from, &mut Counts::default());
                reading::read(&*log, &rules, from, most, |event| {
                    let row = row(&rules, id.as_ref(), event)?;
                    let bytes = reading::weight(&row.event);
                    Some((row, bytes))
                })
            })
            .await;
            match turn {
                Ok(Ok(turn)) => {
                    self.end = turn.end;
                    self.bytes += turn.bytes;
                    let read = turn.events.len();
                    self.rows.extend(turn.events);
                    // The end is told by a reading that goes nowhere.
                    let ended = turn.to <= from;
                    return RangeInput::Read {
                        to: turn.to.max(from),
                        events: if ended { 0 } else { read.max(1) },
                        full: self.bytes >= RANGE_BYTES,
                    };
                }
                Ok(Err(error)) => {
                    tracing::warn!(sink = %self.name, %error, "cannot read the log; trying again");
                    tokio::time::sleep(DISK_WAIT).await;
                }
                Err(error) => {
                    tracing::error!(sink = %self.name, %error, "reading the log failed; trying again");
                    tokio::time::sleep(DISK_WAIT).await;
                }
            }
        }
    }

    async fn load(&mut self, to: Place) -> RangeInput {
        let (rows, log) = (std::mem::take(&mut self.rows), self.hub.log_id);
        self.bytes = 0;
        let Some(mut sink) = self.sink.take() else {
            return RangeInput::Failed;
        };
        let loaded = tokio::task::spawn_blocking(move || {
            let loaded = sink.load(log, to, &rows);
            (sink, loaded)
        })
        .await;
        match loaded {
            Ok((sink, Ok(loaded))) => {
                self.sink = Some(sink);
                let now = (self.hub.now)();
                self.stand.change(|stand| {
                    stand.progress = to;
                    stand.totals.new += loaded.new;
                    stand.totals.rejected += loaded.rejected;
                    stand.loaded_at = Some(now);
                    stand.failing = None;
                });
                RangeInput::Loaded
            }
            Ok((_, Err(error))) => self.failed(&error.to_string()),
            Err(error) => self.failed(&error.to_string()),
        }
    }
}

/// The row of an event, where the sink takes it.
fn row(rules: &Compiled, id: Option<&Id>, event: reading::Event) -> Option<Row> {
    let SourceOutcome::Passed(passed) = event.outcome else {
        return None;
    };
    if let Some(id) = id {
        let warehouse = rules
            .warehouses
            .iter()
            .find(|warehouse| warehouse.id == *id && warehouse.enabled)?;
        if let ConnectionOutcome::Dropped(_) = connection_stage(&warehouse.rules, &passed, None) {
            return None;
        }
    }
    Some(Row {
        place: event.place,
        source: event.source,
        kind: event.kind,
        event: passed,
    })
}
