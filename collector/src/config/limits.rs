//! `[limits]`: what a request, a connection and a peer may cost before anybody knows who sent it.

use std::time::Duration;

use serde::Deserialize;

/// Largest batch: what RudderStack's gateway takes. Segment documents 500 KB, but its own SDKs pass it: they count
/// characters, or events without their context (analytics-node sends 830 KB), and give up a batch answered with 400.
const MAX_BATCH_BYTES: usize = 4000 * 1024;

/// Largest event: Segment's documented 32 KiB.
const MAX_EVENT_BYTES: usize = 32 * 1024;

/// Room for a single event's envelope: key, times, context that Segment does not count.
const ENVELOPE_BYTES: usize = 4 * 1024;

/// All bodies in hand: eight of the largest in both forms, or 120 of 500 KB, on a machine of 512 MB.
const BYTES_IN_FLIGHT: usize = 64 << 20;

/// One peer's share of [`BYTES_IN_FLIGHT`]: a quarter, so that it takes four addresses to make anybody else busy; two of
/// the largest bodies in both forms, or thirty of 500 KB at a time from one server.
const BYTES_IN_FLIGHT_PER_PEER: usize = BYTES_IN_FLIGHT / 4;

/// One peer's connections: an eighth of the default `max_connections`. An office behind one address, six connections a
/// browser, has 85 browsers that send in the same ten seconds.
const MAX_CONNECTIONS_PER_PEER: usize = 512;

/// Bytes a second that a body must make: about half of what GPRS, the slowest network phones are on, delivers.
const MIN_BODY_RATE: usize = 512;

/// Milliseconds for a request's headers: three retransmissions of a lost packet (1, 2, 4 s) and a slow hand-over.
const HEADER_TIMEOUT_MS: u64 = 10_000;

/// Milliseconds in which a peer must take some of its answer; as long as it has for its headers, for the same reason.
const WRITE_TIMEOUT_MS: u64 = 10_000;

/// The numbers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Largest batch body, compressed or not, in bytes. Default 4,096,000.
    pub max_batch_bytes: usize,
    /// Largest body of a single-event route, and event of a pixel. Default 36,864: 32 KiB and 4 KiB for the envelope.
    pub max_single_bytes: usize,
    /// Largest event within a batch. Default 32,768.
    pub max_event_bytes: usize,
    /// Events in a batch; those beyond are rejected and not looked at. Default 2,500.
    pub max_events: usize,
    /// Deepest nesting of arrays and objects. Default 64.
    pub max_depth: usize,
    /// How often larger than its compressed form a body may be. Default 200.
    pub max_inflation_ratio: usize,
    /// Milliseconds in which a whole body must arrive. Default 20,000.
    pub body_timeout_ms: u64,
    /// Bytes a second that a body must make, seen over five seconds; 0 turns that off. Default 512.
    pub min_body_rate: usize,
    /// Milliseconds in which a request's headers must arrive, the first ones from the connection's beginning. Default
    /// 10,000.
    pub header_timeout_ms: u64,
    /// Milliseconds in which a peer must take some of its answer. Default 10,000.
    pub write_timeout_ms: u64,
    /// Bytes of bodies held at one time, compressed and inflated; beyond that the answer is 503. Default 64 MiB.
    pub bytes_in_flight: usize,
    /// The same for one peer: an IPv4 address or an IPv6 /64 network, behind trusted proxies the one they name. Default
    /// 16 MiB.
    pub bytes_in_flight_per_peer: usize,
    /// Connections of one peer; trusted proxies are exempt. Default 512.
    pub max_connections_per_peer: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_batch_bytes: MAX_BATCH_BYTES,
            max_single_bytes: MAX_EVENT_BYTES + ENVELOPE_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            max_events: 2500,
            max_depth: 64,
            max_inflation_ratio: 200,
            body_timeout_ms: 20_000,
            min_body_rate: MIN_BODY_RATE,
            header_timeout_ms: HEADER_TIMEOUT_MS,
            write_timeout_ms: WRITE_TIMEOUT_MS,
            bytes_in_flight: BYTES_IN_FLIGHT,
            bytes_in_flight_per_peer: BYTES_IN_FLIGHT_PER_PEER,
            max_connections_per_peer: MAX_CONNECTIONS_PER_PEER,
        }
    }
}

impl LimitsConfig {
    /// [`body_timeout_ms`](Self::body_timeout_ms) as a duration.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// [`header_timeout_ms`](Self::header_timeout_ms) as a duration.
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// [`write_timeout_ms`](Self::write_timeout_ms) as a duration.
    #[must_use]
    pub fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    /// Tells `require` (holds, field, hint) what must be.
    pub(super) fn check(&self, require: &mut impl FnMut(bool, &'static str, &str)) {
        require(
            self.max_batch_bytes <= crate::log::MAX_BODY_BYTES,
            "limits.max_batch_bytes",
            "must be at most 14680064 (14 MiB)",
        );
        require(
            self.max_event_bytes > 0,
            "limits.max_event_bytes",
            "must be at least 1",
        );
        require(
            (1..=crate::log::MAX_EVENTS).contains(&self.max_events),
            "limits.max_events",
            "must be between 1 and 65536",
        );
        require(
            (4..=256).contains(&self.max_depth),
            "limits.max_depth",
            "must be between 4 and 256",
        );
        require(
            self.max_inflation_ratio >= 2,
            "limits.max_inflation_ratio",
            "must be at least 2",
        );
        require(
            self.header_timeout_ms > 0 && self.write_timeout_ms > 0 && self.body_timeout_ms > 0,
            "limits.header_timeout_ms, write_timeout_ms and body_timeout_ms",
            "must be at least 1",
        );
        require(
            self.bytes_in_flight >= 2 * self.max_batch_bytes,
            "limits.bytes_in_flight",
            "must be at least twice limits.max_batch_bytes, for a body and its compressed form",
        );
        require(
            self.bytes_in_flight_per_peer >= 2 * self.max_batch_bytes,
            "limits.bytes_in_flight_per_peer",
            "must be at least twice limits.max_batch_bytes, for a body and its compressed form",
        );
        require(
            self.max_connections_per_peer > 0,
            "limits.max_connections_per_peer",
            "must be at least 1",
        );
    }
}
