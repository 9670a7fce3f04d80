//! The generator: 32 keep-alive connections, each with one request in flight, on one thread and raw sockets, so
//! that it costs little next to what it measures. What it found goes to standard output as `key=value` words.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::str::FromStr;
use std::time::{Duration, Instant};

use measure::{Failure, Samples, knob};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::body::Request;

/// Connections, each with one request in flight.
pub(crate) const CONNECTIONS: u32 = 32;

/// How long the load lasts before measuring begins.
const WARM_UP: Duration = Duration::from_millis(300);

/// What one connection saw, or all of them.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    /// Events answered with 2xx, from the first request to the last, for the count at the end.
    pub(crate) acked: u64,
    /// Requests answered with something else.
    pub(crate) refused: u64,
    /// Events a second answered with 2xx while measuring.
    pub(crate) rate: f64,
    /// Half of the requests took no longer, in milliseconds.
    pub(crate) p50: f64,
    /// 99 of 100 requests took no longer, in milliseconds.
    pub(crate) p99: f64,
    /// Processor seconds of the generator.
    pub(crate) cpu: f64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acked,
            refused,
            rate,
            p50,
            p99,
            cpu,
        } = self;
        write!(
            f,
            "acked={acked} refused={refused} rate={rate} p50={p50} p99={p99} cpu={cpu}"
        )
    }
}

impl FromStr for Seen {
    type Err = Failure;

    fn from_str(text: &str) -> std::result::Result<Self, Failure> {
        let word = |key: &str| {
            let found = text
                .split_whitespace()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found.ok_or_else(|| Failure::from(format!("the generator did not tell {key}: {text}")))
        };
        Ok(Self {
            acked: word("acked")?.parse()?,
            refused: word("refused")?.parse()?,
            rate: word("rate")?.parse()?,
            p50: word("p50")?.parse()?,
            p99: word("p99")?.parse()?,
            cpu: word("cpu")?.parse()?,
        })
    }
}

/// Loads the server on the port and tells what it saw. `nonce` is different in each round of a run.
pub(crate) fn run(port: u16, batch: usize, nonce: u32) -> std::result::Result<(), Failure> {
    let measured = Duration::from_secs_f64(knob("INGEST_SECONDS", 2.0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let seen = runtime.block_on(async {
        let begin = Instant::now() + WARM_UP;
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                tokio::spawn(talk(
                    port,
                    Request::new(batch, nonce * CONNECTIONS + connection),
                    begin,
                    begin + measured,
                ))
            })
            .collect();
        let mut total = Seen::default();
        let mut times = Samples::with_room(1 << 20);
        for task in tasks {
            let (answered, refused, samples) = task.await??;
            total.acked += answered * batch as u64;
            total.refused += refused;
            times.extend(&samples);
        }
        total.rate = (times.len() * batch) as f64 / measured.as_secs_f64();
        let at = times.micros_at(&[0.5, 0.99]);
        (total.p50, total.p99) = (at[0] / 1000.0, at[1] / 1000.0);
        Ok::<_, Failure>(total)
    })?;
    println!(
        "{}",
        Seen {
            cpu: measure::cpu(std::process::id())?.total(),
            ..seen
        }
    );
    Ok(())
}

/// One connection: answered requests, refused ones, and the times of those answered within the measured time.
async fn talk(
    port: u16,
    mut request: Request,
    begin: Instant,
    end: Instant,
) -> Result<(u64, u64, Samples)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::with_capacity(4096);
    let (mut answered, mut refused, mut times) = (0, 0, Samples::with_room(1 << 16));
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((answered, refused, times));
        }
        stream.write_all(request.next()).await?;
        let status = read_answer(&mut stream, &mut answer).await?;
        let now = Instant::now();
        if !(200..300).contains(&status) {
            refused += 1;
            continue;
        }
        answered += 1;
        if now >= begin && now < end {
            times.record(now - sent);
        }
    }
}

/// Reads one whole answer; its body must have a Content-Length.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<u16> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(Error::new(
                ErrorKind::UnexpectedEof,
                "the server closed the connection",
            ));
        }
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let wrong = || {
            Error::new(
                ErrorKind::InvalidData,
                "an answer without status or Content-Length",
            )
        };
        let head = std::str::from_utf8(&answer[..end]).map_err(|_| wrong())?;
        let status = head
            .get(9..12)
            .and_then(|text| text.parse().ok())
            .ok_or_else(wrong)?;
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .ok_or_else(wrong)?;
        while answer.len() < end + 4 + length {
            if stream.read_buf(answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        return Ok(status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_survives_the_way_through_standard_output() {
        let seen = Seen {
            acked: 7,
            refused: 1,
            rate: 1.5,
            p50: 0.25,
            p99: 3.0,
            cpu: 0.5,
        };
        assert_eq!(seen.to_string().parse::<Seen>().unwrap(), seen);
    }
}
