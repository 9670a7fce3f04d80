//! The recorded session: one call a line, as examples/README.md describes it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use headwater::json::{self, Limits, Object, Value};
use headwater::{Client, EventType, Receipt, TrackError};

const RECORDED: &str = include_str!("../../shop-session.ndjson");

/// One call of the session.
#[derive(Debug)]
pub(crate) struct Call {
    /// Milliseconds since the first call.
    pub(crate) at: u64,
    pub(crate) kind: EventType,
    /// All of the line.
    line: Object,
}

/// Why a session cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("cannot read the session {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("line {line} of the session is not acceptable JSON: {source}")]
    Json {
        line: usize,
        source: json::ParseError,
    },
    #[error("line {line} of the session is no call: {reason}")]
    Call { line: usize, reason: &'static str },
}

/// Reads a session file, or the recorded evening.
pub(crate) fn load(path: Option<&Path>) -> Result<Vec<Call>, SessionError> {
    match path {
        None => parse(RECORDED),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| SessionError::Read {
                path: path.to_owned(),
                source,
            })?;
            parse(&text)
        }
    }
}

fn parse(text: &str) -> Result<Vec<Call>, SessionError> {
    let mut calls = Vec::new();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    for (index, text) in lines {
        let line = index + 1;
        let value = json::parse(text.as_bytes(), &Limits::default())
            .map_err(|source| SessionError::Json { line, source })?;
        calls.push(Call::new(value).map_err(|reason| SessionError::Call { line, reason })?);
    }
    Ok(calls)
}

impl Call {
    fn new(value: Value) -> Result<Self, &'static str> {
        let Value::Object(line) = value else {
            return Err("it is no object");
        };
        let at = line
            .get("at")
            .and_then(Value::as_u64)
            .ok_or("`at` must be milliseconds")?;
        let kind = line
            .get("type")
            .and_then(Value::as_str)
            .and_then(EventType::parse)
            .ok_or("`type` must be track, identify, page, screen, group or alias")?;
        Ok(Self { at, kind, line })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.line.get(key)
    }

    fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Makes the call. The messageId is the SDK's.
    pub(crate) fn send(&self, client: &Client, when: SystemTime) -> Result<Receipt, TrackError> {
        let (properties, traits) = (self.get("properties"), self.get("traits"));
        let mut call = match self.kind {
            EventType::Track => client.track(self.text("event"), properties),
            EventType::Identify => client.identify(self.text("userId"), traits),
            EventType::Page => client.page(self.text("name"), properties),
            EventType::Screen => client.screen(self.text("name"), properties),
            EventType::Group => client.group(self.text("groupId"), traits),
            EventType::Alias => client
                .alias(self.text("userId"))
                .previous_id(self.text("previousId")),
        };
        if let Some(user) = self.get("userId").and_then(Value::as_str) {
            call = call.user_id(user);
        }
        if let Some(visitor) = self.get("anonymousId").and_then(Value::as_str) {
            call = call.anonymous_id(visitor);
        }
        if let Some(category) = self.get("category").and_then(Value::as_str) {
            call = call.category(category);
        }
        if let Some(context) = self.get("context") {
            call = call.context(context);
        }
        call.timestamp(when).send()
    }

    /// What is worth telling about it, in a line.
    pub(crate) fn story(&self) -> Option<String> {
        let about = |key: &str| {
            self.line
                .get("properties")
                .and_then(|properties| properties.get(key))
        };
        let money = || {
            let total = about("total").and_then(Value::as_f64).unwrap_or_default();
            let currency = about("currency")
                .and_then(Value::as_str)
                .unwrap_or_default();
            format!("{total:.2} {currency}")
        };
        let order = || {
            about("order_id")
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match (self.kind, self.text("event")) {
            (EventType::Identify, _) => {
                let name = self
                    .get("traits")
                    .and_then(|traits| traits.get("name"))?
                    .as_str()?;
                Some(format!("{name} is {}", self.text("userId")))
            }
            (EventType::Group, _) => Some(format!(
                "{} buys for {}",
                self.text("userId"),
                self.text("groupId")
            )),
            (EventType::Track, "Order Completed") => Some(format!(
                "{} orders {}: {}",
                self.text("userId"),
                order(),
                money()
            )),
            (EventType::Track, "Order Cancelled") => {
                Some(format!("{} cancels {}", self.text("userId"), order()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_evening_has_all_six_types() {
        let calls = load(None).unwrap();
        assert!(calls.len() > 400);
        for kind in ["track", "identify", "page", "screen", "group", "alias"] {
            let kind = EventType::parse(kind);
            assert!(calls.iter().any(|call| Some(call.kind) == kind), "{kind:?}");
        }
        assert!(calls.is_sorted_by_key(|call| call.at));
    }

    #[test]
    fn every_order_adds_up_to_the_cent() {
        let cents =
            |value: Option<&Value>| (value.and_then(Value::as_f64).unwrap() * 100.0).round();
        let mut orders = 0;
        for call in load(None)
            .unwrap()
            .iter()
            .filter(|call| call.text("event") == "Order Completed")
        {
            let order = call.get("properties").unwrap();
            let goods: f64 = order
                .get("products")
                .and_then(Value::as_array)
                .unwrap()
                .iter()
                .map(|line| {
                    cents(line.get("price")) * line.get("quantity").and_then(Value::as_f64).unwrap()
                })
                .sum();
            let part = |name: &str| cents(order.get(name));
            assert!((part("subtotal") - (goods - part("discount"))).abs() < 0.5);
            assert!(
                (part("total") - (part("subtotal") + part("shipping") + part("tax"))).abs() < 0.5
            );
            orders += 1;
        }
        assert!(orders >= 10);
    }

    #[test]
    fn a_line_that_is_no_call_is_named() {
        let error = parse("{\"at\":1,\"type\":\"track\",\"event\":\"A\",\"userId\":\"u\"}\n\n{\"at\":2,\"type\":\"buy\"}").unwrap_err();
        assert!(
            error.to_string().starts_with("line 3 of the session"),
            "{error}"
        );
    }
}
