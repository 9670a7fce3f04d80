//! A hub on the loopback for tests: plain HTTP/1.1 over std sockets, scripted answer by answer.
#![allow(dead_code, unreachable_pub)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    /// After decompression.
    pub body: Vec<u8>,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn batch(&self) -> Vec<Value> {
        self.json()["batch"].as_array().cloned().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the hub does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    With(u16, Vec<(String, String)>, Vec<u8>),
    /// Closes the connection without a word.
    Hangup,
    /// Says the status, and never finishes the body.
    Unfinished(u16),
    /// Answers only after this long.
    Late(Duration, u16),
}

type Script = dyn Fn(usize, &Request) -> Answer + Send + Sync;

#[derive(Default)]
struct Seen {
    requests: Vec<(Request, u16)>,
}

#[derive(Clone)]
pub struct Hub {
    address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Hub {
    /// Takes everything.
    pub fn open() -> Hub {
        Hub::scripted(|_, _| Answer::Status(200))
    }

    /// Answers as the script says; it is given the number of the request, from 0.
    pub fn scripted(script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Hub::on(listener, script)
    }

    pub fn on(
        listener: TcpListener,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Hub {
        Hub::accept(listener, script, Some)
    }

    /// Behind TLS.
    pub fn secure(config: rustls::ServerConfig) -> Hub {
        let config = Arc::new(config);
        Hub::accept(
            TcpListener::bind("127.0.0.1:0").unwrap(),
            |_, _| Answer::Status(200),
            move |stream| {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
                Some(rustls::StreamOwned::new(connection, stream))
            },
        )
    }

    fn accept<S: Read + Write + 'static>(
        listener: TcpListener,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Hub {
        let address = listener.local_addr().unwrap();
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let (script, wrap) = (Arc::new(script), Arc::new(wrap));
        let hub = Hub {
            address,
            seen: Arc::clone(&seen),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                let wrap = Arc::clone(&wrap);
                thread::spawn(move || {
                    if let Some(stream) = wrap(stream) {
                        serve(stream, &seen, &*script);
                    }
                });
            }
        });
        hub
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<(Request, u16)> {
        self.seen.0.lock().unwrap().requests.clone()
    }

    /// Events of the requests that were answered with 2xx, in order.
    pub fn events(&self) -> Vec<Value> {
        self.requests()
            .iter()
            .filter(|(_, status)| (200..300).contains(status))
            .flat_map(|(request, _)| request.batch())
            .collect()
    }

    /// Waits until so many events have arrived.
    pub fn wait_for(&self, events: usize) -> Vec<Value> {
        self.wait_until(|hub| hub.events().len() >= events);
        self.events()
    }

    pub fn wait_until(&self, done: impl Fn(&Hub) -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !done(self) {
            assert!(Instant::now() < until, "the hub waited too long");
            let seen = self.seen.0.lock().unwrap();
            drop(
                self.seen
                    .1
                    .wait_timeout(seen, Duration::from_millis(20))
                    .unwrap(),
            );
        }
    }
}

fn serve(stream: impl Read + Write, seen: &(Mutex<Seen>, Condvar), script: &Script) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = seen.0.lock().unwrap().requests.len();
        let answer = script(number, &request);
        let (status, headers, body) = match answer {
            Answer::Status(status) => (status, Vec::new(), b"{\"success\":true}".to_vec()),
            Answer::With(status, headers, body) => (status, headers, body),
            Answer::Late(after, status) => {
                note(seen, request, status);
                thread::sleep(after);
                let _ = write(reader.get_mut(), status, &[], b"{}");
                continue;
            }
            Answer::Unfinished(status) => {
                note(seen, request, status);
                let head = format!("HTTP/1.1 {status} -\r\nContent-Length: 100\r\n\r\n{{");
                let _ = reader.get_mut().write_all(head.as_bytes());
                thread::sleep(Duration::from_secs(600));
                return;
            }
            Answer::Hangup => {
                note(seen, request, 0);
                return;
            }
        };
        note(seen, request, status);
        if write(reader.get_mut(), status, &headers, &body).is_none() {
            return;
        }
    }
}

fn note(seen: &(Mutex<Seen>, Condvar), request: Request, status: u16) {
    seen.0.lock().unwrap().requests.push((request, status));
    seen.1.notify_all();
}

fn write(
    writer: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Option<()> {
    let mut text = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    writer.write_all(text.as_bytes()).ok()?;
    writer.write_all(body).ok()?;
    writer.flush().ok()
}

pub fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").map(String::as_str) == Some("gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_end(&mut plain)
            .ok()?;
        body = plain;
    }
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

/// The names of track events, in order.
pub fn names(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| event["event"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Waits until it holds, a minute at most.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
