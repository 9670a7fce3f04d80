//! One range sink's task: a warehouse, or another consumer of all events.

use std::sync::Arc;
use std::time::Duration;

use headwater_collector::log::Place;
use headwater_govern::stages::{ConnectionOutcome, SourceOutcome, connection_stage};
use headwater_workspace::{Compiled, Id};
use tokio::sync::watch;

use super::{Hub, OpenSink, reading};
use crate::range::{RangeEffect, RangeInput, RangeLimits, RangeMachine};
use crate::sinks::{RangeSink, Row};

/// How long a task waits when the log cannot be read.
const DISK_WAIT: Duration = Duration::from_secs(1);

struct Task {
    hub: Hub,
    /// For messages.
    name: String,
    /// The warehouse whose rules apply; none for a consumer of everything.
    id: Option<Id>,
    open: OpenSink,
    sink: Option<Box<dyn RangeSink>>,
    rows: Vec<Row>,
}

pub(super) async fn run(
    hub: Hub,
    name: String,
    id: Option<Id>,
    open: OpenSink,
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
    };
    loop {
        // Where the log ends: wait for more of it.
        let mut end: Option<Place> = None;
        while let Some(effect) = machine.poll() {
            // A load in hand is finished: it takes a moment, and nobody need ask what became of it.
            let input = match effect {
                RangeEffect::Open => task.open().await,
                RangeEffect::Read { from, most } => task.read(from, most).await,
                RangeEffect::Load { to, .. } => task.load(to).await,
            };
            if let RangeInput::Read { to, events: 0 } = &input {
                end = Some(*to);
            }
            machine.handle((task.hub.now)(), &input);
            if *stop.borrow() {
                return;
            }
        }
        let now = (task.hub.now)();
        let wait = machine.deadline().map_or(Duration::from_secs(3600), |at| {
            Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
        });
        let grown = async {
            match end {
                Some(end) => {
                    if !task.hub.log.grown_beyond(end.position).await {
                        std::future::pending::<()>().await;
                    }
                }
                None => std::future::pending().await,
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

impl Task {
    async fn open(&mut self) -> RangeInput {
        self.rows.clear();
        let (open, log, sink) = (Arc::clone(&self.open), self.hub.log_id, self.sink.take());
        let opened = tokio::task::spawn_blocking(move || {
            drop(sink);
            let mut sink = open()?;
            let progress = sink.progress(log).map_err(|error| error.to_string())?;
            Ok::<_, String>((sink, progress))
        })
        .await;
        match opened {
            Ok(Ok((sink, progress))) => {
                self.sink = Some(sink);
                RangeInput::Opened { progress }
            }
            Ok(Err(error)) => self.failed(&error),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, error: &str) -> RangeInput {
        tracing::error!(sink = %self.name, error, "cannot load events; trying again");
        RangeInput::Failed
    }

    async fn read(&mut self, from: Place, most: usize) -> RangeInput {
        loop {
            let rules = self.hub.rules.borrow().clone();
            let log = Arc::clone(&self.hub.log);
            let start = from.max(Place::at(reading::first(&*log)));
            let turn = {
                let rules = Arc::clone(&rules);
                tokio::task::spawn_blocking(move || reading::read(&*log, &rules, start, most)).await
            };
            match turn {
                Ok(Ok(turn)) => {
                    let before = self.rows.len();
                    for event in turn.events {
                        let row = self.row(&rules, event);
                        self.rows.extend(row);
                    }
                    // The end is told by a reading that goes nowhere.
                    let ended = turn.to <= from;
                    return RangeInput::Read {
                        to: turn.to.max(from),
                        events: if ended {
                            0
                        } else {
                            (self.rows.len() - before).max(1)
                        },
                    };
                }
                Ok(Err(error)) => {
                    tracing::warn!(sink = %self.name, %error, "cannot read the log; trying again");
                    tokio::time::sleep(DISK_WAIT).await;
                }
                Err(_) => std::future::pending().await,
            }
        }
    }

    fn row(&self, rules: &Compiled, event: reading::Event) -> Option<Row> {
        let SourceOutcome::Passed(passed) = event.outcome else {
            return None;
        };
        if let Some(id) = &self.id {
            let warehouse = rules
                .warehouses
                .iter()
                .find(|warehouse| warehouse.id == *id && warehouse.enabled)?;
            if let ConnectionOutcome::Dropped(_) = connection_stage(&warehouse.rules, &passed, None)
            {
                return None;
            }
        }
        Some(Row {
            kind: event.kind,
            event: passed,
        })
    }

    async fn load(&mut self, to: Place) -> RangeInput {
        let (rows, log) = (std::mem::take(&mut self.rows), self.hub.log_id);
        let Some(mut sink) = self.sink.take() else {
            return RangeInput::Failed;
        };
        let loaded = tokio::task::spawn_blocking(move || {
            let loaded = sink.load(log, to, &rows);
            (sink, loaded)
        })
        .await;
        match loaded {
            Ok((sink, Ok(_))) => {
                self.sink = Some(sink);
                RangeInput::Loaded
            }
            Ok((_, Err(error))) => self.failed(&error.to_string()),
            Err(error) => self.failed(&error.to_string()),
        }
    }
}
