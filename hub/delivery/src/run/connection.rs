//! One connection's task.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_collector::log::{EventLog, Place, Position};
use headwater_govern::stages::{ConnectionOutcome, SourceOutcome, connection_stage};
use headwater_model::json::Value;
use headwater_workspace::{Compiled, CompiledConnection, Id};
use tokio::sync::{mpsc, watch};

use super::reading::{self, Event};
use super::{Attempt, Hub};
use crate::machine::{Effect, Input, Limits, Machine, Outcome, RequestId};
use crate::sinks::http::WebhookSink;
use crate::state::{Counts, Delta, Resumed, Saved, StateError, resume};

/// Events of one turn of reading.
const MOST: usize = 1_000;

/// How long a task that ends waits for the answers to its requests in flight.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a task waits when the disk fails.
const DISK_WAIT: Duration = Duration::from_secs(1);

/// A body, ready to be sent.
struct Ready {
    message_id: String,
    hops: u8,
    body: Vec<u8>,
    /// The workspace that decided it: under another one it is decided again.
    version: String,
}

/// What tasks of this connection tell it.
enum Message {
    Input(Input),
    /// The log was read.
    Read {
        to: Place,
        items: Vec<(Place, Ready)>,
        passed: Vec<(Place, Counts)>,
        version: String,
    },
}

struct Task {
    hub: Hub,
    id: Id,
    machine: Machine,
    /// What was read and not sent yet. What is tried again is read again, under the rules of then.
    bodies: HashMap<Place, Ready>,
    messages: mpsc::UnboundedSender<Message>,
    sink: Option<(String, bool, WebhookSink)>,
}

pub(super) async fn run(hub: Hub, id: Id, end: Place, mut stop: watch::Receiver<bool>) {
    let saved = loop {
        let (with, of) = (hub.clone(), id.clone());
        let begun = tokio::task::spawn_blocking(move || begin(&with, &of, end)).await;
        match begun.unwrap_or_else(|error| Err(StateError(error.to_string()))) {
            Ok(saved) => break saved,
            Err(error) => {
                tracing::error!(connection = %id, %error, "cannot read what was delivered; trying again");
                tokio::select! {
                    () = tokio::time::sleep(DISK_WAIT) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
    };
    // Bounded by what the machine has asked for: one read, one commit, some requests.
    let (messages, mut answers) = mpsc::unbounded_channel();
    let mut task = Task {
        machine: Machine::new(Limits::default(), saved, (hub.now)()),
        bodies: HashMap::new(),
        messages,
        sink: None,
        hub,
        id,
    };
    task.handle(Input::Tick);
    loop {
        let now = (task.hub.now)();
        let wait = task
            .machine
            .deadline()
            .map_or(Duration::from_secs(3600), |at| {
                Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
            });
        tokio::select! {
            Some(message) = answers.recv() => task.take(message),
            () = tokio::time::sleep(wait) => task.handle(Input::Tick),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    // Answers that are there already, and those that come within a moment, are not thrown away; and a commit that is on its
    // way must not come after the last one.
    let last = tokio::time::Instant::now() + LAST_ANSWERS;
    while task.machine.is_committing() || task.machine.in_flight() > 0 {
        let message = if task.machine.is_committing() {
            answers.recv().await
        } else {
            match tokio::time::timeout_at(last, answers.recv()).await {
                Ok(message) => message,
                Err(_) => break,
            }
        };
        match message {
            Some(Message::Input(input)) => task.machine.wind_down((task.hub.now)(), input),
            Some(Message::Read { .. }) => {}
            None => break,
        }
    }
    task.finish().await;
}

/// What was saved, also for a connection that is new, which begins at `end`: a restart skips nothing.
fn begin(hub: &Hub, id: &Id, end: Place) -> Result<Saved, StateError> {
    let (saved, resumed) = hub.with_state(|state| resume(state, id.as_str(), hub.log_id, end))?;
    match resumed {
        Resumed::New | Resumed::Known => {}
        Resumed::Adopted => tracing::warn!(
            connection = %id, cursor = %saved.cursor,
            "goes on from where it was on the log's former id"
        ),
        Resumed::Shortened => tracing::error!(
            connection = %id, %end,
            "the log is shorter than what was delivered of it: an older copy lies in the folder; deliveries go on from its end"
        ),
    }
    Ok(saved)
}

impl Task {
    fn take(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.handle(input),
            Message::Read {
                to,
                items,
                passed,
                version,
            } => {
                let places = items.iter().map(|(place, _)| *place).collect();
                self.bodies.extend(items);
                self.handle(Input::Read {
                    to,
                    items: places,
                    passed,
                    version,
                });
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle((self.hub.now)(), input);
        while let Some(effect) = self.machine.poll() {
            match effect {
                Effect::Read { from } => self.read(from),
                Effect::Send {
                    request,
                    place,
                    attempts,
                } => self.send(request, place, attempts),
                Effect::Commit(delta) => self.commit(delta),
            }
        }
    }

    fn read(&self, from: Place) {
        let (hub, id, messages) = (self.hub.clone(), self.id.clone(), self.messages.clone());
        tokio::spawn(async move {
            let mut changes = hub.rules.clone();
            loop {
                let rules = Arc::clone(&changes.borrow_and_update());
                // A task whose connection is gone is about to end, or its connection comes back: nothing is decided.
                if !rules.connections.iter().any(|known| known.id == id) {
                    if changes.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                let (log, of) = (Arc::clone(&hub.log), id.clone());
                let read = tokio::task::spawn_blocking(move || read(&*log, &rules, &of, from));
                match read.await {
                    Ok(Ok(Ok(message))) => {
                        let _ = messages.send(message);
                        return;
                    }
                    Ok(Ok(Err(end))) => {
                        if !hub.log.grown_beyond(end).await {
                            return;
                        }
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(connection = %id, %error, "cannot read the log; trying again");
                        tokio::time::sleep(DISK_WAIT).await;
                    }
                    Err(ended) if ended.is_cancelled() => return,
                    Err(fault) => {
                        tracing::error!(connection = %id, %fault, "a fault of ours stopped the reading; trying again");
                        tokio::time::sleep(DISK_WAIT).await;
                    }
                }
            }
        });
    }

    fn send(&mut self, request: RequestId, place: Place, attempts: u32) {
        let rules = self.hub.rules.borrow().clone();
        let Some(connection) = rules
            .connections
            .iter()
            .find(|connection| connection.id == self.id)
        else {
            self.answer_retry(request, "the connection is being removed".to_owned());
            return;
        };
        let sink = match self.sink(connection) {
            Ok(sink) => sink,
            Err(reason) => {
                self.answer_retry(request, reason);
                return;
            }
        };
        let (hub, id, messages) = (self.hub.clone(), self.id.clone(), self.messages.clone());
        let ready = self
            .bodies
            .remove(&place)
            .filter(|ready| ready.version == rules.version);
        tokio::spawn(async move {
            let ready = match ready {
                Some(ready) => Ok(ready),
                None => look_up(&hub, &rules, &id, place).await,
            };
            let outcome = match ready {
                Ok(ready) => sink.send(&ready.message_id, ready.hops, ready.body).await,
                Err(outcome) => outcome,
            };
            let (name, reason) = match &outcome {
                Outcome::Delivered => ("delivered", ""),
                Outcome::Retry { reason, .. } => ("retry", reason.as_str()),
                Outcome::Passed { outcome, reason } => (*outcome, reason.as_str()),
                Outcome::Rejected { reason, .. } => ("rejected", reason.as_str()),
            };
            hub.seen.add(Attempt {
                connection: id.as_str().to_owned(),
                place,
                at: (hub.now)(),
                before: attempts,
                outcome: name,
                reason: reason.to_owned(),
            });
            let _ = messages.send(Message::Input(Input::Answered { request, outcome }));
        });
    }

    fn answer_retry(&self, request: RequestId, reason: String) {
        let outcome = Outcome::Retry {
            reason,
            after: None,
        };
        let _ = self
            .messages
            .send(Message::Input(Input::Answered { request, outcome }));
    }

    fn sink(&mut self, connection: &CompiledConnection) -> Result<WebhookSink, String> {
        let webhook = &connection.destination.webhook;
        if let Some((url, private, sink)) = &self.sink
            && *url == webhook.url
            && *private == webhook.allow_private_network
        {
            return Ok(sink.clone());
        }
        let sink = WebhookSink::new(webhook).map_err(|error| error.to_string())?;
        self.sink = Some((
            webhook.url.clone(),
            webhook.allow_private_network,
            sink.clone(),
        ));
        Ok(sink)
    }

    fn commit(&self, delta: Delta) {
        let (hub, id, messages) = (self.hub.clone(), self.id.clone(), self.messages.clone());
        tokio::task::spawn_blocking(move || {
            let done = hub.with_state(|state| state.commit(id.as_str(), hub.log_id, &delta));
            let input = match done {
                Ok(()) => Input::Committed,
                Err(error) => {
                    tracing::error!(connection = %id, %error, "cannot write down what was delivered; trying again");
                    Input::CommitFailed
                }
            };
            let _ = messages.send(Message::Input(input));
        });
    }

    /// Writes down what is decided.
    async fn finish(mut self) {
        let delta = self.machine.unsaved();
        if delta.is_empty() {
            return;
        }
        let (hub, id) = (self.hub.clone(), self.id.clone());
        let done = tokio::task::spawn_blocking(move || {
            hub.with_state(|state| state.commit(id.as_str(), hub.log_id, &delta))
        })
        .await;
        if let Err(error) = done.unwrap_or_else(|error| Err(StateError(error.to_string()))) {
            tracing::warn!(connection = %self.id, %error, "what was delivered last is delivered again after the next start");
        }
    }
}

/// Reads from the log and decides by the rules; where the log ends, that end.
fn read(
    log: &dyn EventLog,
    rules: &Compiled,
    id: &Id,
    from: Place,
) -> std::io::Result<Result<Message, Position>> {
    let mut counts = Counts::default();
    let start = start(log, id.as_str(), from, &mut counts);
    let mut passed = Vec::new();
    let connection = rules.connections.iter().find(|known| known.id == *id);
    let turn = reading::read(log, rules, start, MOST, |event| {
        match decide_one(connection?, &event, rules)? {
            Ok(ready) => {
                passed.push((event.place, std::mem::take(&mut counts)));
                let bytes = ready.body.len();
                Some(((event.place, ready), bytes))
            }
            Err((outcome, reason)) => {
                counts.count(outcome, &reason, 1);
                None
            }
        }
    })?;
    if turn.to <= from {
        return Ok(Err(turn.end));
    }
    if turn.unreadable > 0 {
        counts.count("unreadable", "", turn.unreadable);
    }
    passed.push((turn.to, counts));
    Ok(Ok(Message::Read {
        to: turn.to,
        items: turn.events,
        passed,
        version: rules.version.clone(),
    }))
}

/// Where reading begins: retention may have removed what lay at `from`. That is told and counted, in bytes, since nobody
/// knows any more how many events they were.
pub(super) fn start(log: &dyn EventLog, who: &str, from: Place, passed: &mut Counts) -> Place {
    let (first, _) = reading::extent(log);
    let start = from.max(Place::at(first));
    let gone = log.between(from.position, start.position);
    // A log that is new begins behind its file's header.
    if gone > 0 && from != Place::default() {
        tracing::error!(
            connection = who,
            bytes = gone,
            "retention has removed events before they were read; raise storage.retain_bytes, or mend the destination sooner"
        );
        passed.count("expired_bytes", "retention", gone);
    }
    start
}

/// `None`: the event is another source's.
fn decide_one(
    connection: &CompiledConnection,
    event: &Event,
    rules: &Compiled,
) -> Option<Result<Ready, (&'static str, String)>> {
    if event.source != connection.source.as_str() {
        return None;
    }
    if !connection.enabled {
        return Some(Err(("disabled", String::new())));
    }
    let body = match &event.outcome {
        SourceOutcome::Blocked { reason, .. } => {
            return Some(Err(("blocked", reason.as_str().to_owned())));
        }
        SourceOutcome::Passed(body) => body,
    };
    Some(match connection_stage(&connection.rules, body, None) {
        ConnectionOutcome::Dropped(reason) => Err(("dropped", reason.as_str().to_owned())),
        ConnectionOutcome::Deliver(body) => Ok(Ready {
            message_id: event.message_id().to_owned(),
            hops: event.hops,
            body: Value::Object(body.into_owned()).to_vec(),
            version: rules.version.clone(),
        }),
    })
}

/// The body of an event that was read before, by the rules of now.
async fn look_up(
    hub: &Hub,
    rules: &Arc<Compiled>,
    id: &Id,
    place: Place,
) -> Result<Ready, Outcome> {
    let (log, compiled) = (Arc::clone(&hub.log), Arc::clone(rules));
    let found = tokio::task::spawn_blocking(move || reading::find(&*log, &compiled, place)).await;
    let event = match found {
        Ok(Ok(Some(event))) => event,
        Ok(Ok(None)) => {
            return Err(Outcome::Passed {
                outcome: "expired",
                reason: "the log no longer has it".to_owned(),
            });
        }
        Ok(Err(error)) => {
            return Err(Outcome::Retry {
                reason: format!("the log: {error}"),
                after: None,
            });
        }
        Err(_) => {
            return Err(Outcome::Retry {
                reason: "the log could not be read".to_owned(),
                after: None,
            });
        }
    };
    let decided = rules
        .connections
        .iter()
        .find(|connection| connection.id == *id)
        .and_then(|connection| decide_one(connection, &event, rules));
    match decided {
        Some(Ok(ready)) => Ok(ready),
        Some(Err((outcome, reason))) => Err(Outcome::Passed { outcome, reason }),
        None => Err(Outcome::Passed {
            outcome: "dropped",
            reason: "the connection has another source now".to_owned(),
        }),
    }
}
