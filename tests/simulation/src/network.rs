//! The network: what it does to requests and answers.

use std::sync::Arc;

use headwater_engine::{HttpOutcome, Input, Upload};
use headwater_model::event::Event;
use headwater_model::json::{Limits, Value, parse};

use crate::life::Life;

/// Something under way.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A request, on its way to the hub.
    Request {
        epoch: u64,
        request: u32,
        body: Vec<u8>,
        fate: Fate,
    },
    /// An answer, on its way to the device.
    Answer {
        epoch: u64,
        request: u32,
        outcome: HttpOutcome,
    },
    /// The settings document, or its failure.
    Settings {
        epoch: u64,
        answer: Option<(u16, Vec<u8>)>,
    },
    /// An event, on its way to a device-mode destination.
    Delivery {
        epoch: u64,
        delivery: u64,
        destination: usize,
        index: usize,
    },
    /// An event that a guard keeps back, on its way through the host's plugins again.
    Try {
        epoch: u64,
        id: u64,
        event: Arc<Event>,
    },
}

/// What happens to a request at the hub's door and to its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Taken, answered.
    Good,
    /// Something in front of the hub answers; the hub never sees it.
    Gateway(u16, Option<String>),
    /// Taken; something in front of the hub answers something else.
    Distorted(u16, Option<String>),
    /// Taken; the answer is cut off.
    CutOff,
    /// Taken; nothing ever comes back.
    Silent,
}

const STATUSES: [u16; 16] = [
    400, 401, 404, 408, 410, 413, 429, 307, 460, 500, 501, 502, 503, 302, 511, 529,
];
/// Where every batch goes at first.
pub(crate) const HOME: &str = "https://hub.example/v1/b";
/// Locations of redirects, and where a batch may go that is answered with a 307 or 308 and one of these.
pub(crate) const LOCATIONS: [(&str, Option<&str>); 5] = [
    ("/v2/b", Some("https://hub.example/v2/b")),
    (
        "https://hub.example:443/v2/b",
        Some("https://hub.example/v2/b"),
    ),
    ("https://elsewhere.example/v1/b", None),
    ("//elsewhere.example/v1/b", None),
    ("http://hub.example/v1/b", None),
];
const WAITS: [&str; 9] = [
    "0",
    "1",
    "7",
    "120",
    "99999999999",
    "-3",
    "soon",
    "Sat, 01 Jan 2000 00:00:00 GMT",
    "Fri, 31 Dec 2100 00:00:00 GMT",
];

impl Life {
    /// The device sends a batch.
    pub(crate) fn send(&mut self, upload: &Upload, body: Vec<u8>) {
        self.check_upload(upload, body.len());
        self.check_consent(&body);
        self.check_guarded(&body);
        self.note(|_| {
            format!(
                "upload {} with {} events, {} bytes",
                upload.request,
                upload.seqs.len(),
                body.len()
            )
        });
        let request = upload.request;
        let epoch = self.epoch;
        let delay = self.dice.range(1, 300);
        // What redirects often does so again where it led to.
        if self.pace.away && self.dice.chance(500) {
            self.totals.faults += 1;
            let fate = Fate::Gateway(307, None);
            let message = Message::Request {
                epoch,
                request,
                body,
                fate,
            };
            return self.post(delay, message);
        }
        if !(self.stormy && self.dice.chance(self.setup.weather)) {
            let message = Message::Request {
                epoch,
                request,
                body,
                fate: Fate::Good,
            };
            return self.post(delay, message);
        }
        self.totals.faults += 1;
        match self.dice.roll(10) {
            0 | 1 => {
                let answer = Message::Answer {
                    epoch,
                    request,
                    outcome: HttpOutcome::NoAnswer,
                };
                self.post(delay, answer);
            }
            2 => {
                // Nothing arrives, nothing comes back.
            }
            3 | 4 => {
                let fate = Fate::Gateway(self.status(), self.wait());
                self.post(
                    delay,
                    Message::Request {
                        epoch,
                        request,
                        body,
                        fate,
                    },
                );
            }
            5 => {
                let fate = Fate::Distorted(self.status(), self.wait());
                self.post(
                    delay,
                    Message::Request {
                        epoch,
                        request,
                        body,
                        fate,
                    },
                );
            }
            6 => self.post(
                delay,
                Message::Request {
                    epoch,
                    request,
                    body,
                    fate: Fate::CutOff,
                },
            ),
            7 => self.post(
                delay,
                Message::Request {
                    epoch,
                    request,
                    body,
                    fate: Fate::Silent,
                },
            ),
            8 => {
                // Twice, the second time much later.
                let late = self.dice.range(10, 200_000);
                self.post(
                    delay,
                    Message::Request {
                        epoch,
                        request,
                        body: body.clone(),
                        fate: Fate::Good,
                    },
                );
                self.post(
                    delay + late,
                    Message::Request {
                        epoch,
                        request,
                        body,
                        fate: Fate::Silent,
                    },
                );
            }
            _ => {
                // So slow that the device gives up before.
                let late = self.dice.range(36_000, 120_000);
                self.post(
                    late,
                    Message::Request {
                        epoch,
                        request,
                        body,
                        fate: Fate::Good,
                    },
                );
            }
        }
    }

    fn status(&mut self) -> u16 {
        self.dice.pick(&STATUSES).unwrap_or(500)
    }

    fn location(&mut self, status: u16) -> Option<String> {
        if status / 100 != 3 || self.dice.chance(200) {
            return None;
        }
        let (location, _) = self.dice.pick(&LOCATIONS)?;
        Some(location.to_owned())
    }

    fn wait(&mut self) -> Option<String> {
        if self.dice.chance(400) {
            self.dice.pick(&WAITS).map(str::to_owned)
        } else {
            None
        }
    }

    pub(crate) fn post(&mut self, delay: u64, message: Message) {
        self.next_message += 1;
        self.messages
            .insert((self.t + delay, self.next_message), message);
    }

    /// Time passes: messages arrive and the engine is woken, in order.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.t + ms;
        let mut wakes = 0_u32;
        loop {
            let message = self.messages.first_key_value().map(|(key, _)| *key);
            let deadline = self.process.as_ref().and_then(|process| {
                process
                    .engine
                    .next_deadline()
                    .map(|mono| mono.saturating_add(process.born).saturating_sub(1))
            });
            let at = match (message, deadline) {
                (None, None) => break,
                (Some((at, _)), None) => at,
                (None, Some(due)) => due,
                (Some((at, _)), Some(due)) => at.min(due),
            };
            if at > end {
                break;
            }
            self.t = self.t.max(at);
            match message {
                Some(key) if key.0 <= at => {
                    if let Some(message) = self.messages.remove(&key) {
                        self.totals.steps += 1;
                        self.arrive(message);
                    }
                }
                _ => self.input(Input::Timer),
            }
            wakes += 1;
            if wakes > 20_000 {
                self.fail("the machine does not come to rest".to_owned());
                break;
            }
        }
        self.t = end;
    }

    fn arrive(&mut self, message: Message) {
        match message {
            Message::Request {
                epoch,
                request,
                body,
                fate,
            } => self.at_the_hub(epoch, request, &body, fate),
            Message::Answer {
                epoch,
                request,
                outcome,
            } => {
                if epoch == self.epoch && self.process.is_some() {
                    self.note(|_| format!("answer to {request}: {outcome:?}"));
                    self.answered(request, &outcome);
                    self.input(Input::Http { request, outcome });
                }
            }
            Message::Settings { epoch, answer } => {
                if epoch == self.epoch && self.process.is_some() {
                    if let Some((200, text)) = &answer {
                        self.take_document(text);
                    }
                    self.input(Input::SettingsFetched(answer));
                }
            }
            Message::Delivery {
                epoch,
                delivery,
                destination,
                index,
            } => {
                if epoch == self.epoch && self.process.is_some() {
                    self.delivered(delivery, destination, index);
                }
            }
            Message::Try { epoch, id, event } => {
                if epoch == self.epoch && self.process.is_some() {
                    self.tried(id, &event);
                }
            }
        }
    }

    fn at_the_hub(&mut self, epoch: u64, request: u32, body: &[u8], fate: Fate) {
        if !self.hub.is_up() && self.dice.chance(500) {
            let now = self.true_time();
            self.hub.start(now);
        }
        if self.dice.chance(20) {
            self.stranger(body);
        }
        let answered = match &fate {
            Fate::Gateway(status, wait) => Some((*status, wait.clone())),
            _ if contains(body, b"\"poison\":true") => Some((
                if body.len().is_multiple_of(2) {
                    400
                } else {
                    413
                },
                None,
            )),
            _ => {
                let now = self.true_time();
                let answer = self.hub.take(now, body);
                if matches!(answer, Some((200, _))) {
                    let awaited = epoch == self.epoch && self.pace.waits_for(request);
                    self.arrived(body, awaited);
                } else if let Some((status, _)) = &answer
                    && *status != 503
                {
                    self.fail(format!("the hub refused a good batch with {status}"));
                }
                answer
            }
        };
        let answer = match (fate, answered) {
            (Fate::Silent, _) => return,
            (Fate::CutOff, _) | (_, None) => None,
            (Fate::Distorted(status, retry_after), _) => Some((status, retry_after)),
            (_, answered) => answered,
        };
        let outcome = match answer {
            Some((status, retry_after)) => HttpOutcome::Answered {
                status,
                retry_after,
                location: self.location(status),
            },
            None => HttpOutcome::NoAnswer,
        };
        let delay = self.dice.range(1, 300);
        self.post(
            delay,
            Message::Answer {
                epoch,
                request,
                outcome,
            },
        );
    }

    /// Another source happens to send an event of the same messageId: neither is a duplicate of the other.
    fn stranger(&mut self, body: &[u8]) {
        let Some(id) = message_ids(body).into_iter().next() else {
            return;
        };
        let now = self.true_time();
        if self.hub.take_strange(now, &id) {
            self.note(|_| format!("at the hub: a stranger's {id}"));
        }
    }

    /// Notes the order in which events were first taken by the hub.
    fn arrived(&mut self, body: &[u8], awaited: bool) {
        for id in message_ids(body) {
            if !self.arrivals.iter().any(|(known, _)| *known == id) {
                let first_try = awaited && !self.accounts.forgotten.contains(&id);
                let short = id.get(..8).unwrap_or_default().to_owned();
                self.arrivals.push((id, first_try));
                self.note(|_| {
                    format!("at the hub: {short}, awaited {awaited}, first try {first_try}")
                });
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn message_ids(body: &[u8]) -> Vec<String> {
    let envelope = parse(body, &Limits::default()).unwrap_or(Value::Null);
    let events = envelope.get("batch").and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .filter_map(|event| event.get("messageId").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}
