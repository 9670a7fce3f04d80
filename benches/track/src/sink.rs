//! Where all contenders deliver: an HTTP server that answers 200 at once and counts what came, by the property `seq`
//! that every event has. A process of its own: neither its memory nor its threads are the contender's.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use flate2::read::GzDecoder;

/// Everything that came since the last `GET /-/take/…`.
#[derive(Debug, Default)]
struct Arrived {
    /// How often each call came.
    times: HashMap<u32, u32>,
    requests: u64,
    body_bytes: u64,
    /// It answers 500, and counts nothing.
    failing: bool,
}

/// What the sink tells: the same words on both sides of the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Different events that arrived.
    pub(crate) events: u64,
    /// Arrivals beyond the first of an event.
    pub(crate) repeated: u64,
    /// Requests that brought them.
    pub(crate) requests: u64,
    /// Bytes of their bodies, after decompression.
    pub(crate) bytes: u64,
}

/// Serves until it is ended.
pub(crate) fn serve(port: u16) -> Result<()> {
    let arrived = Arc::new(Mutex::new(Arrived::default()));
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let (stream, arrived) = (stream?, Arc::clone(&arrived));
        // A client that goes away in the middle ends its own connection and nothing else.
        thread::spawn(move || talk(&stream, &arrived));
    }
    Ok(())
}

/// Asks a sink what came since the last time, and forgets it there. Events of calls before `from` are not among them.
pub(crate) fn take(port: u16, from: u32) -> Result<Tally> {
    let answer = ask(port, &format!("take/{from}"))?;
    let wrong = || {
        Error::new(
            ErrorKind::InvalidData,
            "the sink's tally is not four numbers",
        )
    };
    let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(wrong)?;
    let numbers: Vec<u64> = body
        .split(' ')
        .map_while(|word| word.parse().ok())
        .collect();
    let [events, repeated, requests, bytes] = numbers[..] else {
        return Err(wrong());
    };
    Ok(Tally {
        events,
        repeated,
        requests,
        bytes,
    })
}

/// From now on the sink answers 500, or takes everything again.
pub(crate) fn fail(port: u16, failing: bool) -> Result<()> {
    ask(port, if failing { "fail" } else { "work" }).map(drop)
}

fn ask(port: u16, what: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "GET /-/{what} HTTP/1.1\r\nHost: sink\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn talk(stream: &TcpStream, arrived: &Mutex<Arrived>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let mut body = Vec::new();
    while let Some(request) = read_head(&mut reader)? {
        body.resize(request.length, 0);
        reader.read_exact(&mut body)?;
        let (status, answer) = match request.line.strip_prefix("GET /-/") {
            Some(order) => ("200 OK", obey(order, arrived)),
            None if lock(arrived).failing => ("500 Internal Server Error", String::new()),
            None => {
                if request.gzip {
                    let mut plain = Vec::new();
                    GzDecoder::new(&body[..]).read_to_end(&mut plain)?;
                    body = plain;
                }
                count(&body, &mut lock(arrived));
                ("200 OK", "{}".to_owned())
            }
        };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
        if request.close {
            break;
        }
    }
    Ok(())
}

fn lock(arrived: &Mutex<Arrived>) -> MutexGuard<'_, Arrived> {
    arrived.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the run asks for, which is no event.
fn obey(order: &str, arrived: &Mutex<Arrived>) -> String {
    let order = order.split(' ').next().unwrap_or_default();
    if let Some(from) = order.strip_prefix("take/") {
        let taken = std::mem::take(&mut *lock(arrived));
        return tell(&taken, from.parse().unwrap_or(0));
    }
    lock(arrived).failing = order == "fail";
    String::new()
}

fn tell(arrived: &Arrived, from: u32) -> String {
    let times = || arrived.times.iter().filter(|(seq, _)| **seq >= from);
    let events = times().count() as u64;
    let all: u64 = times().map(|(_, times)| u64::from(*times)).sum();
    format!(
        "{events} {} {} {}",
        all - events,
        arrived.requests,
        arrived.body_bytes
    )
}

fn count(body: &[u8], arrived: &mut Arrived) {
    const KEY: &[u8] = br#""seq":"#;
    let mut found = false;
    for at in memchr::memmem::find_iter(body, KEY) {
        let digits = body[at + KEY.len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let seq = digits.fold(0_u32, |seq, digit| {
            seq.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))
        });
        *arrived.times.entry(seq).or_default() += 1;
        found = true;
    }
    if found {
        arrived.requests += 1;
        arrived.body_bytes += body.len() as u64;
    }
}

struct Head {
    line: String,
    length: usize,
    gzip: bool,
    close: bool,
}

fn read_head(reader: &mut impl BufRead) -> Result<Option<Head>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut head = Head {
        line,
        length: 0,
        gzip: false,
        close: false,
    };
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(':') else {
            return Ok(Some(head));
        };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => {
                head.length = value
                    .parse()
                    .map_err(|_| Error::from(ErrorKind::InvalidData))?;
            }
            ("content-encoding", value) => head.gzip = value == "gzip",
            ("connection", value) => head.close = value == "close",
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_twice_counts_once_and_is_told() {
        let mut arrived = Arrived::default();
        count(
            br#"{"batch":[{"properties":{"seq":7,"a":1}},{"properties":{"seq":12}}]}"#,
            &mut arrived,
        );
        count(
            br#"{"batch":[{"properties":{"b":2,"seq":7}}]}"#,
            &mut arrived,
        );
        count(b"{}", &mut arrived);
        assert!(tell(&arrived, 0).starts_with("2 1 2 "));
        assert!(tell(&arrived, 8).starts_with("1 0 2 "));
    }
}
