//! What the mock says: answers as data, consumed in order.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// One scripted answer. In a scenario: a status, or `{"status", "headers", "body", "delayMs", "slowBodyMs", "reset",
/// "times"}`.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `$date+N` in a value becomes the HTTP date N seconds from the answer.
    pub headers: Vec<(String, String)>,
    /// The body; `{"success":true}` by default.
    pub body: Vec<u8>,
    /// Before the answer.
    pub delay: Duration,
    /// Over which the body is spread.
    pub drip: Duration,
    /// The connection is closed without an answer.
    pub reset: bool,
}

impl Answer {
    /// An answer with this status and nothing special.
    #[must_use]
    pub fn status(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: br#"{"success":true}"#.to_vec(),
            delay: Duration::ZERO,
            drip: Duration::ZERO,
            reset: false,
        }
    }

    /// Whether the hub has what the request brought.
    #[must_use]
    pub fn accepts(&self) -> bool {
        !self.reset && (200..300).contains(&self.status)
    }

    /// The headers as they are sent at this moment.
    #[must_use]
    pub fn headers_at(&self, now: SystemTime) -> Vec<(String, String)> {
        let value = |text: &String| match text.strip_prefix("$date+").map(str::parse) {
            Some(Ok(seconds)) => http_date(now + Duration::from_secs(seconds)),
            _ => text.clone(),
        };
        self.headers
            .iter()
            .map(|(name, text)| (name.clone(), value(text)))
            .collect()
    }

    /// Reads one answer and how often it is given.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(value: &Value) -> Result<(Answer, usize), String> {
        if let Some(status) = value.as_u64() {
            let status = u16::try_from(status).map_err(|_| format!("{status} is no status"))?;
            return Ok((Answer::status(status), 1));
        }
        let object = value
            .as_object()
            .ok_or_else(|| format!("an answer is a status or an object, not {value}"))?;
        let mut answer = Answer::status(200);
        let mut times = 1;
        for (key, value) in object {
            match key.as_str() {
                "status" => answer.status = number(key, value)?.try_into().unwrap_or(500),
                "delayMs" => answer.delay = Duration::from_millis(number(key, value)?),
                "slowBodyMs" => answer.drip = Duration::from_millis(number(key, value)?),
                "times" => times = usize::try_from(number(key, value)?).unwrap_or(1),
                "reset" => answer.reset = value == &Value::Bool(true),
                "body" => {
                    answer.body = match value {
                        Value::String(text) => text.clone().into_bytes(),
                        other => other.to_string().into_bytes(),
                    }
                }
                "headers" => answer.headers = headers(value.as_object())?,
                other => return Err(format!("an answer has no field {other:?}")),
            }
        }
        Ok((answer, times))
    }

    /// Reads a list of answers.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read_all(value: Option<&Value>) -> Result<VecDeque<Answer>, String> {
        let mut all = VecDeque::new();
        for value in value.and_then(Value::as_array).into_iter().flatten() {
            let (answer, times) = Answer::read(value)?;
            all.extend(std::iter::repeat_n(answer, times));
        }
        Ok(all)
    }
}

fn number(key: &str, value: &Value) -> Result<u64, String> {
    value
        .as_u64()
        .ok_or_else(|| format!("{key} must be a whole number, not {value}"))
}

fn headers(object: Option<&Map<String, Value>>) -> Result<Vec<(String, String)>, String> {
    let object = object.ok_or("headers must be an object")?;
    Ok(object
        .iter()
        .map(|(name, value)| match value.as_str() {
            Some(text) => (name.clone(), text.to_owned()),
            None => (name.clone(), value.to_string()),
        })
        .collect())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
#[must_use]
pub fn http_date(at: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let days = seconds / 86_400;
    let (mut year, mut left) = (1970, days);
    let leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = "Dec";
    for (name, length) in MONTHS.iter().zip(lengths) {
        if left < length {
            month = name;
            break;
        }
        left -= length;
    }
    let weekday = usize::try_from(days % 7).unwrap_or(0);
    let weekday = DAYS.get(weekday).copied().unwrap_or("Thu");
    format!(
        "{weekday}, {:02} {month} {year} {:02}:{:02}:{:02} GMT",
        left + 1,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_rfc_9110_writes_them() {
        for (seconds, text) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(http_date(at), text);
        }
    }

    #[test]
    fn an_answer_with_a_field_that_does_not_exist_is_told() {
        assert!(Answer::read(&serde_json::json!({"delay": 5})).is_err());
    }
}
