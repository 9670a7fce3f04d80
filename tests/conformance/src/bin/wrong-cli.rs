//! A client that is wrong on purpose. `wrong-cli --fault NAME --input '<json>'`: right but for the fault named, so that
//! a case that fails fails because of it. With `--fault none` it passes what a client without a disk can pass.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use headwater_model::time::{Millis, format_iso};
use serde_json::{Value, json};

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let fault = after("--fault").unwrap_or_else(|| "none".to_owned());
    let input: Value =
        serde_json::from_str(&after("--input").unwrap_or_default()).unwrap_or_default();
    if fault == "hang" {
        sleep(Duration::from_secs(60));
    }
    let mut client = Client {
        fault: fault.clone(),
        ids: 0,
        sent: 0,
    };
    let mut success = client.run(&input);
    if fault == "lies" {
        success = !success;
    }
    if fault == "noise-on-stdout" {
        println!("starting up");
    }
    if fault != "silent" {
        let mut answer = json!({"success": success, "sentBatches": client.sent});
        if !success {
            answer["error"] = Value::from("not everything was delivered");
        }
        println!("{answer}");
    }
    ExitCode::from(u8::from(success == (fault == "exit-code")))
}

struct Client {
    fault: String,
    ids: u32,
    sent: u32,
}

impl Client {
    fn has(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        let id = if self.has("one-id") { 1 } else { self.ids };
        format!("00000000-0000-4000-8000-{id:012}")
    }

    /// Sends every sequence as one batch; answers whether all of them arrived.
    fn run(&mut self, input: &Value) -> bool {
        let mut success = true;
        for sequence in list(input.get("sequences")) {
            let pause = sequence.get("delayMs").and_then(Value::as_u64);
            sleep(Duration::from_millis(pause.unwrap_or(0)));
            let mut batch: Vec<Value> = list(sequence.get("events")).to_vec();
            for event in &mut batch {
                self.stamp(event);
            }
            if self.has("reversed") {
                batch.reverse();
            }
            if self.has("loses-one") {
                batch.pop();
            }
            if batch.is_empty() {
                continue;
            }
            success &= self.deliver(input, &mut batch);
            if self.has("twice") {
                self.deliver(input, &mut batch);
            }
        }
        success
    }

    fn stamp(&mut self, event: &mut Value) {
        let id = self.id();
        if event.get("messageId").is_none() {
            event["messageId"] = Value::from(id);
        }
        if event.get("timestamp").is_none() {
            event["timestamp"] = Value::from(if self.has("no-iso") {
                "yesterday".to_owned()
            } else {
                now()
            });
        }
        if event.get("type") == Some(&Value::from("track")) && self.has("drops-properties") {
            event["properties"] = json!({});
        }
        if event.pointer("/context/library").is_none() {
            event["context"]["library"] = json!({"name": "wrong", "version": "1"});
        }
    }

    fn deliver(&mut self, input: &Value, batch: &mut [Value]) -> bool {
        let most = input.pointer("/config/maxRetries").and_then(Value::as_u64);
        let mut counted = 0;
        let mut tries = 0_u32;
        loop {
            let answer = self.post(input, batch, tries);
            let (status, after) = answer.unwrap_or((0, None));
            let again = matches!(status, 0 | 408 | 410 | 429 | 460)
                || (500..600).contains(&status) && ![501, 505, 511].contains(&status)
                || self.has("retries-all") && status >= 400;
            if (200..300).contains(&status) {
                self.sent += 1;
                return true;
            }
            if !again || self.has("gives-up") {
                return false;
            }
            tries += 1;
            if after.is_none() || self.has("counts-rate-limits") {
                counted += 1;
            }
            let most = if self.has("one-more") {
                most.map(|most| most + 1)
            } else {
                most
            };
            if most.is_some_and(|most| counted > most) {
                return false;
            }
            let wait = after.map_or(100 << counted.min(6) >> 1, |seconds| {
                (seconds * 1_000).max(100)
            });
            let ignored = self.has("hurries") || after.is_some() && self.has("ignores-retry-after");
            sleep(Duration::from_millis(if ignored { 5 } else { wait }));
            for event in batch.iter_mut() {
                if self.has("new-ids") {
                    event["messageId"] = Value::from(self.id());
                }
                if self.has("new-times") {
                    event["timestamp"] = Value::from(now());
                }
            }
        }
    }

    /// One request; the status and a Retry-After in seconds, or `None` when no answer came.
    fn post(&self, input: &Value, batch: &[Value], tries: u32) -> Option<(u16, Option<u64>)> {
        let host = input.get("apiHost").and_then(Value::as_str)?;
        let host = host.trim_start_matches("http://").trim_end_matches('/');
        let key = if self.has("wrong-key") {
            &Value::Null
        } else {
            input.get("writeKey")?
        };
        let mut body = json!({"batch": batch, "writeKey": key});
        if !self.has("no-sent-at") {
            body["sentAt"] = Value::from(now());
        }
        let body = if self.has("no-json") {
            "batch=1".to_owned()
        } else {
            body.to_string()
        };
        let retry = match tries {
            0 => String::new(),
            _ if self.has("no-retry-count") => String::new(),
            _ => format!("X-Retry-Count: {tries}\r\n"),
        };
        let mut stream = TcpStream::connect(host).ok()?;
        write!(
            stream,
            "POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{retry}\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let status = line.split_whitespace().nth(1)?.parse().ok()?;
        let mut head = Vec::new();
        reader.take(64 << 10).read_to_end(&mut head).ok();
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let after = head
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix("retry-after:"))
            .and_then(|seconds| seconds.trim().parse().ok());
        Some((status, after))
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
    String::from_utf8_lossy(&format_iso(Millis(ms))).into_owned()
}
