//! What is kept of requests that nobody is known for: an unknown write key, a disabled source, a foreign origin, or a
//! body that is refused before it says a key.
//!
//! Invariant: they never reach the event log, and what they cost does not grow with how many there are. Each is counted;
//! a sample of them, bounded by number and by bytes a second, is shown to live readers and lies in a [`Ring`] of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::scan::Scanned;
use crate::app::App;
use crate::log::{Claim, Entry, EventLog, Reason, Ring, Slot};

/// Over which the bounds below count.
const WINDOW: Duration = Duration::from_secs(1);

/// Requests sampled in a second. A person reads fewer; somebody who tries out an SDK sends fewer.
const REQUESTS: usize = 20;

/// Events sampled of one request. The first ones tell which application it is.
const EVENTS: usize = 5;

/// Bytes sampled of one event; of a larger one its size alone.
const EVENT_BYTES: usize = 8 * 1024;

/// Bytes sampled in a second, so that the ring is written at 64 KB/s whatever comes.
const BYTES: usize = 64 * 1024;

/// Samples that wait for the disk; of a disk that hangs, no more are kept.
const WAITING: usize = 2 * REQUESTS;

/// The gate and the ring.
#[derive(Debug)]
pub(crate) struct Strangers {
    gate: Mutex<Gate>,
    /// What is to be written, in order.
    waiting: Mutex<VecDeque<Entry>>,
    ring: Mutex<Ring>,
    /// The last one could not be written.
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Gate {
    window: Option<Instant>,
    requests: usize,
    bytes: usize,
    /// Left out since the last that was let through.
    left_out: u64,
}

impl Gate {
    /// Whether one more is sampled; then how many were left out before it.
    fn admit(&mut self, now: Instant, bytes: usize) -> Option<u64> {
        if self
            .window
            .is_none_or(|began| now.duration_since(began) >= WINDOW)
        {
            self.window = Some(now);
            self.requests = 0;
            self.bytes = 0;
        }
        if self.requests >= REQUESTS || self.bytes + bytes > BYTES {
            self.left_out += 1;
            return None;
        }
        self.requests += 1;
        self.bytes += bytes;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Strangers {
    pub(crate) fn new(ring: Ring) -> Self {
        Self {
            gate: Mutex::default(),
            waiting: Mutex::default(),
            ring: Mutex::new(ring),
            failing: AtomicBool::new(false),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits.
    fn write(&self) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(entry) = self.waiting().pop_front() else {
                return;
            };
            let written = ring.append(&entry);
            let was_failing = self.failing.swap(written.is_err(), Ordering::Relaxed);
            if let Err(error) = written
                && !was_failing
            {
                tracing::warn!(%error, "samples of strangers' requests cannot be written; told once until one is again");
            }
        }
    }
}

/// Whether a request that costs this much to show is in the sample; then how many were left out before it.
pub(super) fn admit(app: &App, bytes: usize) -> Option<u64> {
    let mut gate = app
        .strangers
        .gate
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let admitted = gate.admit(Instant::now(), bytes);
    if admitted.is_none() {
        app.metrics
            .strangers_unsampled
            .fetch_add(1, Ordering::Relaxed);
    }
    admitted
}

/// Samples a request whose events are all rejected. `make` gives the log entry it would have been.
pub(super) fn remember(
    app: &Arc<App>,
    scanned: &Scanned<'_>,
    reason: Reason,
    text: &[u8],
    is_single: bool,
    make: impl FnOnce(Vec<Slot>, Bytes) -> Entry,
) {
    let (slots, body) = sample(&scanned.events, text, is_single);
    let Some(left_out) = admit(app, body.len()) else {
        return;
    };
    let entry = make(slots, body);
    tracing::info!(
        key = %entry.key,
        code = reason.code(),
        events = scanned.events.len() as u64 + scanned.beyond,
        left_out,
        "events barred"
    );
    if let Some(live) = &app.live {
        live.show_stranger(&entry);
    }
    let roomy = app
        .log
        .status()
        .free_bytes
        .is_none_or(|free| free >= app.min_free_bytes);
    if !roomy {
        return;
    }
    let mut waiting = app.strangers.waiting();
    if waiting.len() < WAITING {
        waiting.push_back(entry);
        drop(waiting);
        let app = Arc::clone(app);
        tokio::task::spawn_blocking(move || app.strangers.write());
    }
}

/// The first events, small ones whole, as a body of their own.
fn sample(events: &[Slot], text: &[u8], is_single: bool) -> (Vec<Slot>, Bytes) {
    let mut body: Vec<u8> = Vec::new();
    let mut slots = Vec::with_capacity(EVENTS);
    if !is_single {
        body.extend_from_slice(b"{\"batch\":[");
    }
    for event in events.iter().take(EVENTS) {
        if !slots.is_empty() {
            body.push(b',');
        }
        let start = body.len();
        let whole = text
            .get(event.offset as usize..(event.offset + event.len) as usize)
            .filter(|whole| whole.len() <= EVENT_BYTES);
        match whole {
            Some(whole) => body.extend_from_slice(whole),
            None => {
                body.extend_from_slice(format!("{{\"leftOutBytes\":{}}}", event.len).as_bytes());
            }
        }
        slots.push(Slot {
            offset: start as u32,
            len: (body.len() - start) as u32,
            verdict: event.verdict,
            claim: Claim::default(),
        });
    }
    if !is_single {
        body.extend_from_slice(b"]}");
    }
    (slots, body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Verdict;

    #[test]
    fn the_gate_lets_a_bounded_sample_through_each_second_and_tells_what_it_left_out() {
        let mut gate = Gate::default();
        let begun = Instant::now();
        let admitted = (0..1000)
            .filter(|_| gate.admit(begun, 10).is_some())
            .count();
        assert_eq!(admitted, REQUESTS);
        assert_eq!(
            gate.admit(begun + WINDOW, BYTES),
            Some(1000 - REQUESTS as u64)
        );
        assert_eq!(gate.admit(begun + WINDOW, 1), None);
        assert_eq!(gate.admit(begun + 2 * WINDOW, 1), Some(1));
    }

    #[test]
    fn a_sample_is_small_and_readable_whatever_the_request() {
        let large = format!(r#"{{"pad":"{}"}}"#, "x".repeat(EVENT_BYTES));
        let text = format!(r#"{{"batch":[{{"a":1}},{large}{}]}}"#, ",0".repeat(3000));
        let at = |needle: &str| text.find(needle).unwrap() as u32;
        let slot = |offset: u32, len: usize| Slot {
            offset,
            len: len as u32,
            verdict: Verdict::Rejected(Reason::UnknownWriteKey),
            claim: Claim::default(),
        };
        let mut events = vec![slot(at(r#"{"a""#), 7), slot(at(r#"{"pad"#), large.len())];
        events.extend((0..3000).map(|n| slot(at("0]") - 2 * n, 1)));
        let (slots, body) = sample(&events, text.as_bytes(), false);
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            format!(
                r#"{{"batch":[{{"a":1}},{{"leftOutBytes":{}}},0,0,0]}}"#,
                large.len()
            )
        );
        assert_eq!(slots.len(), EVENTS);
        let (slots, body) = sample(&events[..1], text.as_bytes(), true);
        assert_eq!(&body[..], br#"{"a":1}"#);
        assert_eq!((slots[0].offset, slots[0].len), (0, 7));
    }
}
