//! A batch's way through its requests and answers. No I/O: [`Exchange::next`] says what to send, [`Exchange::answer`] takes what
//! came back, [`Exchange::result`] is what became of each event.

use headwater_govern::expression::{Formula, Names, Root, Run, Scope};
use headwater_model::json::{Limits, Object, Value, parse};

use crate::definition::{Action, Definition, Does, Follow, Request};
use crate::file::Then;
use crate::prepare::Prepared;
use crate::request::{HttpRequest, RequestError};
use crate::settings::Settings;

/// The longest answer that is read as JSON, in bytes.
pub const MAX_ANSWER: usize = 1 << 20;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Delivered,
    /// It is tried again.
    Retry {
        /// Why.
        reason: String,
    },
    /// It is not taken, ever.
    Rejected {
        /// Why.
        reason: String,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names, small, and values.
    pub headers: Object,
    /// The body, as JSON where it is some.
    pub body: Value,
}

impl Answer {
    /// An answer of bytes.
    #[must_use]
    pub fn new(status: u16, headers: Object, body: &[u8]) -> Answer {
        let limits = Limits::default()
            .with_max_bytes(MAX_ANSWER)
            .with_max_depth(Limits::PAYLOAD_DEPTH);
        Answer {
            status,
            headers,
            body: parse(body, &limits)
                .unwrap_or_else(|_| Value::from(&*String::from_utf8_lossy(body))),
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// Of each event, in order.
    pub verdicts: Vec<Verdict>,
    /// Whether it is to be sent again in halves.
    pub split: bool,
    /// How long the destination wants to be left alone, in milliseconds.
    pub pause_ms: Option<u64>,
}

/// A batch under way.
#[derive(Debug)]
pub struct Exchange<'a> {
    definition: &'a Definition,
    settings: &'a Settings,
    action: &'a Action,
    events: Vec<Prepared<'a>>,
    items: Value,
    /// The event of each item.
    owners: Vec<usize>,
    /// The request or step that is next.
    at: usize,
    done: bool,
    taken: Object,
    verdicts: Vec<Verdict>,
    split: bool,
    pause_ms: Option<u64>,
}

impl Definition {
    /// Begins with events that share a request (one, or those that [`Prepared::shares_with`] joins); `None` when there is none.
    #[must_use]
    pub fn exchange<'a>(
        &'a self,
        settings: &'a Settings,
        mut events: Vec<Prepared<'a>>,
    ) -> Option<Exchange<'a>> {
        let action = self.actions.get(events.first()?.action)?;
        let mut items = Vec::new();
        let mut owners = Vec::new();
        for (index, event) in events.iter_mut().enumerate() {
            owners.extend(std::iter::repeat_n(index, event.items.len()));
            items.append(&mut event.items);
        }
        Some(Exchange {
            definition: self,
            settings,
            action,
            verdicts: vec![Verdict::Delivered; events.len()],
            events,
            items: Value::Array(items),
            owners,
            at: 0,
            done: false,
            taken: Object::new(),
            split: false,
            pause_ms: None,
        })
    }
}

/// What a status means, where a definition says nothing: 2xx alone is delivered; a redirect, a missing right and a full hand are
/// tried again; what is wrong with the request itself is not.
#[must_use]
pub fn general(status: u16) -> Verdict {
    let reason = status.to_string();
    match status {
        200..=299 => Verdict::Delivered,
        300..=399 | 401 | 403 | 407 | 408 | 423 | 425 | 429 => Verdict::Retry { reason },
        400..=499 | 501 | 505 => Verdict::Rejected { reason },
        _ => Verdict::Retry { reason },
    }
}

fn outcome(then: Then, reason: String) -> Verdict {
    match then {
        Then::Delivered => Verdict::Delivered,
        Then::Retry => Verdict::Retry { reason },
        Then::Reject => Verdict::Rejected { reason },
    }
}

impl<'a> Exchange<'a> {
    /// The next request; `None`: there is none, see [`Exchange::result`]. `token` is the access token of a destination that uses
    /// OAuth.
    ///
    /// # Errors
    /// [`RequestError`]: nothing can be sent of these events.
    pub fn next(
        &mut self,
        sent: i64,
        token: Option<&str>,
    ) -> Result<Option<HttpRequest>, RequestError> {
        while !self.done {
            let Some(request) = self.current() else {
                self.done = true;
                break;
            };
            if let Some(condition) = &request.condition
                && !self
                    .with_scope(sent, None, |scope| {
                        condition.holds(scope, &mut Run::default())
                    })
                    .unwrap_or(false)
            {
                self.at += 1;
                continue;
            }
            return self
                .with_scope(sent, None, |scope| {
                    self.definition.request(request, scope, token)
                })
                .map(Some);
        }
        Ok(None)
    }

    /// The request for an access token, where one is needed.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn token_request(&self) -> Result<Option<HttpRequest>, RequestError> {
        self.with_scope(0, None, |scope| self.definition.token_request(scope))
    }

    /// Takes the answer to the request that [`Exchange::next`] gave.
    pub fn answer(&mut self, answer: &Answer, sent: i64) {
        if self.action.steps.is_empty() {
            self.classified(answer, sent);
        } else {
            self.stepped(answer, sent);
        }
    }

    /// What became of the events.
    #[must_use]
    pub fn result(&self) -> BatchResult {
        BatchResult {
            verdicts: self.verdicts.clone(),
            split: self.split,
            pause_ms: self.pause_ms,
        }
    }

    fn current(&self) -> Option<&'a Request> {
        let action = self.action;
        if !action.steps.is_empty() {
            return action.steps.get(self.at).map(|step| &step.request);
        }
        match &action.batch_request {
            Some(request) if self.at == 0 && self.events.len() > 1 => Some(request),
            _ => action.requests.get(self.at),
        }
    }

    fn with_scope<T>(
        &self,
        sent: i64,
        answer: Option<&Answer>,
        inside: impl FnOnce(&Scope<'_>) -> T,
    ) -> T {
        let nothing = Object::new();
        let first = self.events.first();
        let names = Names {
            settings: Some(&self.settings.values),
            host: self.settings.host.as_deref(),
            tables: Some(&self.definition.tables),
            fields: first.map(|event| &event.fields),
            items: Some(&self.items),
            now: first.map(|event| event.now),
            sent: Some(sent),
            steps: Some(&self.taken),
            status: answer.map(|answer| answer.status),
            headers: answer.map(|answer| &answer.headers),
            body: answer.map(|answer| &answer.body),
        };
        inside(&Scope {
            root: Root::Object(first.map_or(&nothing, |event| event.event)),
            names: &names,
            turn: None,
        })
    }

    fn holds(&self, formula: &Formula, answer: &Answer, sent: i64) -> bool {
        self.with_scope(sent, Some(answer), |scope| {
            formula.holds(scope, &mut Run::default())
        })
        .unwrap_or(false)
    }

    fn value(&self, formula: &Formula, answer: &Answer, sent: i64) -> Option<Value> {
        self.with_scope(sent, Some(answer), |scope| {
            formula
                .evaluate(scope, &mut Run::default())
                .ok()
                .and_then(headwater_govern::expression::Worth::into_value)
        })
    }

    fn all(&mut self, verdict: &Verdict) {
        self.verdicts.fill(verdict.clone());
        self.done = *verdict != Verdict::Delivered;
    }

    /// `Retry-After`, in seconds.
    fn general(&mut self, answer: &Answer) -> Verdict {
        let verdict = general(answer.status);
        if matches!(verdict, Verdict::Retry { .. }) {
            let wait = answer
                .headers
                .get("retry-after")
                .and_then(|value| match value {
                    Value::String(text) => text.trim().parse::<u64>().ok(),
                    other => other.as_u64(),
                });
            self.pause_ms = self
                .pause_ms
                .or(wait.map(|seconds| seconds.saturating_mul(1_000)));
        }
        verdict
    }

    fn classified(&mut self, answer: &Answer, sent: i64) {
        let action = self.action;
        for rule in &action.answers {
            if !self.holds(&rule.condition, answer, sent) {
                continue;
            }
            let reason = rule
                .reason
                .as_ref()
                .and_then(|reason| self.value(reason, answer, sent))
                .and_then(Value::into_text)
                .unwrap_or_else(|| answer.status.to_string());
            match &rule.does {
                Does::Then(then) => self.all(&outcome(*then, reason)),
                Does::Split if self.events.len() > 1 => {
                    self.split = true;
                    self.all(&Verdict::Retry { reason });
                }
                Does::Split => self.all(&Verdict::Rejected { reason }),
                Does::Pause(seconds) => {
                    let made = self.with_scope(sent, Some(answer), |scope| {
                        seconds.make(scope, &mut Run::default())
                    });
                    self.pause_ms = made
                        .ok()
                        .flatten()
                        .and_then(|value| value.as_number()?.as_thousandths());
                    let verdict = self.general(answer);
                    self.all(&verdict);
                }
                Does::RejectItems(places) => {
                    let made = self.with_scope(sent, Some(answer), |scope| {
                        places.make(scope, &mut Run::default())
                    });
                    let rejected = self.owners_of(made.ok().flatten());
                    // A rule that finds no item says nothing.
                    if rejected.is_empty() {
                        continue;
                    }
                    let rest = outcome(rule.rest, reason.clone());
                    self.all(&rest);
                    for event in rejected {
                        if let Some(verdict) = self.verdicts.get_mut(event) {
                            *verdict = Verdict::Rejected {
                                reason: reason.clone(),
                            };
                        }
                    }
                }
            }
            self.at += 1;
            return;
        }
        let verdict = self.general(answer);
        self.all(&verdict);
        self.at += 1;
    }

    /// The events of items, by their places.
    fn owners_of(&self, places: Option<Value>) -> Vec<usize> {
        let places = match places {
            Some(Value::Array(places)) => places,
            Some(place) => vec![place],
            None => Vec::new(),
        };
        places
            .iter()
            .filter_map(|place| match place {
                Value::String(text) => text.parse::<usize>().ok(),
                other => usize::try_from(other.as_u64()?).ok(),
            })
            .filter_map(|place| self.owners.get(place).copied())
            .collect()
    }

    fn stepped(&mut self, answer: &Answer, sent: i64) {
        let action = self.action;
        let Some(step) = action.steps.get(self.at) else {
            self.done = true;
            return;
        };
        for (name, formula) in &step.take {
            match self.value(formula, answer, sent) {
                Some(value) => drop(self.taken.insert(name.as_str(), value)),
                None => drop(self.taken.remove(name)),
            }
        }
        let follow = step
            .on
            .iter()
            .find(|(condition, _)| self.holds(condition, answer, sent))
            .map(|(_, follow)| *follow);
        match follow {
            Some(Follow::Step(next)) => self.at = next,
            Some(Follow::Done(then)) => {
                self.all(&outcome(then, answer.status.to_string()));
                self.done = true;
            }
            None => {
                let verdict = self.general(answer);
                self.all(&verdict);
                self.at += 1;
            }
        }
    }
}
