//! Golden rows: events to the requests they become, answers to what they mean.
//!
//! ```yaml
//! settings: {apiKey: k}
//! rows:
//!   - name: an order is one purchase a product
//!     events: [{type: track, …}]          # those that share the first one's request
//!     preset: Orders                      # the first that takes the event otherwise
//!     exchange:                           # requests in order, each with its answer (200 and no body otherwise)
//!       - request: {method: POST, url: …, headers: {…}, body: {…}}
//!         answer: {status: 201, body: {…}}
//!     outcomes: [delivered]               # of each event
//!   - {name: …, events: […], dropped: one of …}
//! ```
//! `headers` need not be all; `body` is the whole, `text` a body that is no JSON.

use headwater_model::json::{Limits, Object, Value, parse};
use serde::Deserialize;

use crate::definition::Definition;
use crate::exchange::{Answer, Verdict};
use crate::request::HttpRequest;

/// When golden events are received and sent: 2026-11-29T17:00:02Z.
pub const SENT: i64 = 1_795_971_602_000;

/// A file of rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The settings of all rows.
    #[serde(default)]
    pub settings: Object,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it shows.
    pub name: String,
    /// Settings that differ.
    #[serde(default)]
    pub settings: Object,
    /// The events.
    pub events: Vec<Object>,
    /// The preset.
    #[serde(default)]
    pub preset: Option<String>,
    /// Why the first event is dropped: a part of the reason.
    #[serde(default)]
    pub dropped: Option<String>,
    /// That no preset takes the first event.
    #[serde(default)]
    pub ignored: bool,
    /// Requests and answers.
    #[serde(default)]
    pub exchange: Vec<Turn>,
    /// `delivered`, `retry` or `rejected`, of each event.
    #[serde(default)]
    pub outcomes: Vec<String>,
    /// Whether the batch is split.
    #[serde(default)]
    pub split: bool,
    /// The pause in milliseconds.
    #[serde(default)]
    pub pause_ms: Option<u64>,
}

/// A request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What is sent; nothing is compared when it is missing.
    #[serde(default)]
    pub request: Option<Wanted>,
    /// What comes back.
    #[serde(default)]
    pub answer: Option<Given>,
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// POST otherwise.
    #[serde(default)]
    pub method: Option<String>,
    /// The address.
    pub url: String,
    /// Headers that it has.
    #[serde(default)]
    pub headers: Object,
    /// The body, JSON.
    #[serde(default)]
    pub body: Option<Value>,
    /// The body, text.
    #[serde(default)]
    pub text: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The status.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: Object,
    /// The body.
    #[serde(default)]
    pub body: Value,
}

/// Runs the rows of a file: how many there are, the actions they went through, and what failed.
///
/// # Errors
/// When the file cannot be read.
pub fn run(
    definition: &Definition,
    text: &str,
) -> Result<(usize, Vec<String>, Vec<String>), String> {
    let golden: Golden =
        serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
    let mut failed = Vec::new();
    let mut actions = Vec::new();
    for row in &golden.rows {
        if let Err(problem) = row.check(definition, &golden.settings, &mut actions) {
            failed.push(format!("{}: {}: {problem}", definition.file.id, row.name));
        }
    }
    Ok((golden.rows.len(), actions, failed))
}

impl Row {
    fn check(
        &self,
        definition: &Definition,
        settings: &Object,
        actions: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut given = settings.clone();
        given.extend(self.settings.clone());
        let settings = definition
            .settings(&given)
            .map_err(|wrong| format!("{wrong:?}"))?;
        let mut batch = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let found = definition
                .prepare(&settings, event, SENT, SENT)
                .into_iter()
                .find(|found| {
                    let preset = match found {
                        Ok(prepared) => prepared.preset,
                        Err(dropped) => dropped.preset,
                    };
                    self.preset.as_ref().is_none_or(|wanted| wanted == preset)
                });
            match (found, &self.dropped) {
                (None, _) if self.ignored => return Ok(()),
                (None, _) => return Err(format!("no preset takes event {index}")),
                (Some(Err(dropped)), Some(wanted)) if dropped.reason.contains(wanted) => {
                    return Ok(());
                }
                (Some(Err(dropped)), _) => {
                    return Err(format!("event {index} is dropped: {}", dropped.reason));
                }
                (Some(Ok(_)), Some(_)) => return Err(format!("event {index} is not dropped")),
                (Some(Ok(prepared)), None) => batch.push(prepared),
            }
        }
        if self.ignored {
            return Err("a preset takes it".to_owned());
        }
        if let Some((first, rest)) = batch.split_first()
            && let Some(other) = rest.iter().find(|other| !first.shares_with(other))
        {
            return Err(format!(
                "{} and {} do not share a request",
                first.preset, other.preset
            ));
        }
        actions.extend(batch.first().map(|first| first.action.to_owned()));
        let mut exchange = definition
            .exchange(&settings, batch)
            .ok_or("there are no events")?;
        let mut turns = self.exchange.iter();
        while let Some(sent) = exchange
            .next(SENT, Some("access-token"))
            .map_err(|error| error.to_string())?
        {
            let turn = turns.next().ok_or_else(|| {
                format!(
                    "one request more: {} {} {}",
                    sent.method, sent.url, sent.shown
                )
            })?;
            if let Some(wanted) = &turn.request {
                wanted.compare(&sent)?;
            }
            let answer = match &turn.answer {
                Some(given) => Answer {
                    status: given.status,
                    headers: given.headers.clone(),
                    body: given.body.clone(),
                },
                None => Answer {
                    status: 200,
                    headers: Object::new(),
                    body: Value::Null,
                },
            };
            exchange.answer(&answer, SENT);
        }
        if turns.next().is_some() {
            return Err("fewer requests than the row has".to_owned());
        }
        let result = exchange.result();
        let outcomes: Vec<&str> = result
            .verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Delivered => "delivered",
                Verdict::Retry { .. } => "retry",
                Verdict::Rejected { .. } => "rejected",
            })
            .collect();
        if outcomes != self.outcomes {
            return Err(format!(
                "outcomes are {outcomes:?}, not {:?}",
                self.outcomes
            ));
        }
        if (result.split, result.pause_ms) != (self.split, self.pause_ms) {
            return Err(format!(
                "split is {}, the pause {:?}",
                result.split, result.pause_ms
            ));
        }
        Ok(())
    }
}

impl Wanted {
    fn compare(&self, sent: &HttpRequest) -> Result<(), String> {
        let method = self.method.as_deref().unwrap_or("POST");
        if (method, &self.url) != (&*sent.method, &sent.url) {
            return Err(format!(
                "the request is {} {}, not {method} {}",
                sent.method, sent.url, self.url
            ));
        }
        for (name, value) in self.headers.iter() {
            let found = sent
                .headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str());
            if found != value.as_str() {
                return Err(format!("the header {name} is {found:?}, not {value}"));
            }
        }
        let body = match (&self.body, &self.text) {
            (_, Some(text)) => Value::from(text.as_str()) == Value::from(sent.shown.as_str()),
            (Some(body), None) => {
                parse(sent.shown.as_bytes(), &Limits::default()).is_ok_and(|sent| sent == *body)
            }
            (None, None) => sent.shown.is_empty(),
        };
        if body {
            Ok(())
        } else {
            Err(format!("the body is {}", sent.shown))
        }
    }
}
