//! How one request lies in the log: the body of one frame of kind [`RECORD_KIND`].
//!
//! ```text
//! head_len  u32   bytes of the head, these four included
//! head_crc  u32   crc32 of the rest of the head: the claims are read without the body
//! received  i64   Unix milliseconds
//! platform  u8    0 auto, 1 client, 2 server; and the bit 0x80 when nonce and hops are there
//! implied   u8    0 none, 1 track, 2 identify, 3 page, 4 screen, 5 group, 6 alias
//! ip_len    u8    0, 4 or 16
//! id_len    u8    bytes of the source's id
//! key       u32   tag of the write key
//! count     u32   events
//! place     u32   the lower half of the record's own position, or 0: not known
//! nonce     u64   random: ids of events that came without one derive from it
//! hops      u8    how many hubs the request came through before
//! ip, id
//! count × { offset u32, len u32, verdict u8 }
//! claims    one u128 for each event whose messageId is claimed (`Accepted`, `Redacted`), in order
//! body      the rest of the frame: JSON as it was received, inflated
//! ```
//! Records of the first layout have neither nonce nor hops, and name the source by its name, which was its id then.
//!
//! The place tells a record from a copy of it that lies elsewhere, and where it belongs when bytes before it were lost or
//! put in ([`places`](super::places)).
//!
//! All numbers are little endian. A version that does not know a bit of `platform` passes over the record; another layout
//! than these is another frame kind, and kinds that are not known are passed over and counted.

use std::net::IpAddr;
use std::num::NonZeroU32;

use bytes::Bytes;
use headwater_model::event::EventType;
use headwater_model::time::Millis;
use thiserror::Error;

use super::{Claim, Entry, MAX_EVENTS, Position, Slot, Verdict};
use crate::config::Platform;
use crate::sources::KeyTag;

/// The frame kind of the layout above.
pub const RECORD_KIND: u8 = 1;

/// Bytes of a head before its variable part.
pub(super) const FIXED: usize = 32;
/// Set in `platform`: nonce and hops follow the fixed part.
pub(super) const WITH_NONCE: u8 = 0x80;
/// Bytes of nonce and hops.
pub(super) const NONCE: usize = 9;
pub(super) const SLOT: usize = 9;
pub(super) const CLAIM: usize = 16;
/// Where in a head the number of the address's bytes stands.
pub(super) const IP_LEN: usize = 18;
/// More than any head we write: 65,536 events, an address and a name.
pub(super) const MAX_HEAD: usize = FIXED + NONCE + 16 + 255 + MAX_EVENTS * (SLOT + CLAIM);

/// Why a frame holds no record that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Lengths in the head contradict each other, or its checksum is wrong.
    #[error("the record's head is damaged")]
    Head,
    /// A verdict, type or platform this version does not know.
    #[error("the record was written by a later version: unknown {0}")]
    Unknown(&'static str),
}

/// A record without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The lower half of the position at which it was written; `None` when it does not say.
    pub place: Option<NonZeroU32>,
    /// When the request's last byte was received.
    pub received: Millis,
    /// What ids derive from; `None` in records of the first layout, where they derive from the position.
    pub nonce: Option<u64>,
    /// How many hubs the request came through before.
    pub hops: u8,
    /// The source's id; empty when the write key was unknown.
    pub source: String,
    /// Which write key.
    pub key: KeyTag,
    /// Where the source's events are made.
    pub platform: Platform,
    /// The sender's address, if kept.
    pub ip: Option<IpAddr>,
    /// The type that the route implied.
    pub implied: Option<EventType>,
    /// The events, with claims for the accepted ones.
    pub events: Vec<Slot>,
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it lies.
    pub position: Position,
    /// Everything but the body.
    pub head: Head,
    /// The request's body.
    pub body: Bytes,
}

impl Stored {
    /// The bytes of one event; empty if the record contradicts itself.
    #[must_use]
    pub fn event(&self, slot: &Slot) -> &[u8] {
        let start = slot.offset as usize;
        self.body
            .get(start..start + slot.len as usize)
            .unwrap_or_default()
    }
}

/// The most bytes that the head of `entry` takes; as many when all its events are accepted.
pub(super) fn head_bound(entry: &Entry) -> usize {
    let ip = entry.ip.map_or(0, |ip| if ip.is_ipv4() { 4 } else { 16 });
    FIXED + NONCE + ip + entry.source.len().min(255) + entry.events.len() * (SLOT + CLAIM)
}

/// Appends the head of `entry` to `out`. `entry.events` carry their final verdicts; the record will lie at `position`.
pub(super) fn encode_head(out: &mut Vec<u8>, entry: &Entry, position: Position, nonce: u64) {
    let start = out.len();
    let name = entry.source.as_bytes();
    let name = name.get(..name.len().min(255)).unwrap_or_default();
    let mut ip = [0; 16];
    let ip: &[u8] = match entry.ip {
        None => &[],
        Some(IpAddr::V4(v4)) => {
            ip[..4].copy_from_slice(&v4.octets());
            &ip[..4]
        }
        Some(IpAddr::V6(v6)) => {
            ip = v6.octets();
            &ip
        }
    };
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&entry.received.0.to_le_bytes());
    out.extend_from_slice(&[
        platform_number(entry.platform) | WITH_NONCE,
        type_number(entry.implied),
        ip.len() as u8,
        name.len() as u8,
    ]);
    out.extend_from_slice(&entry.key.0.to_le_bytes());
    out.extend_from_slice(&(entry.events.len() as u32).to_le_bytes());
    out.extend_from_slice(&(position.0 as u32).to_le_bytes());
    out.extend_from_slice(&nonce.to_le_bytes());
    out.push(entry.hops);
    out.extend_from_slice(ip);
    out.extend_from_slice(name);
    for slot in &entry.events {
        out.extend_from_slice(&slot.offset.to_le_bytes());
        out.extend_from_slice(&slot.len.to_le_bytes());
        out.push(slot.verdict.number());
    }
    for slot in &entry.events {
        if slot.verdict.is_claimed() {
            out.extend_from_slice(&slot.claim.0.to_le_bytes());
        }
    }
    let len = (out.len() - start) as u32;
    if let Some(head) = out.get_mut(start..) {
        head[..4].copy_from_slice(&len.to_le_bytes());
        seal_head(head);
    }
}

/// Writes the checksum of a head into it.
pub(super) fn seal_head(head: &mut [u8]) {
    if let Some((prefix, rest)) = head.split_first_chunk_mut::<8>() {
        prefix[4..].copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
    }
}

/// The length of the head that starts with these bytes, if it can be one.
pub(super) fn head_len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*bytes.first_chunk::<4>()?) as usize;
    (FIXED..=MAX_HEAD).contains(&len).then_some(len)
}

/// Reads a head; `bytes` may go on behind it.
pub(super) fn decode_head(bytes: &[u8]) -> Result<(Head, usize), RecordError> {
    let len = head_len(bytes).ok_or(RecordError::Head)?;
    let head = bytes.get(..len).ok_or(RecordError::Head)?;
    let mut read = Read(head);
    let _ = read.u32()?;
    let crc = read.u32()?;
    if crc32fast::hash(read.0) != crc {
        return Err(RecordError::Head);
    }
    let received = Millis(i64::from_le_bytes(read.array()?));
    let [platform, implied, ip_len, id_len] = read.array()?;
    let key = KeyTag(read.u32()?);
    let count = read.u32()? as usize;
    let place = NonZeroU32::new(read.u32()?);
    let (mut nonce, mut hops) = (None, 0);
    if platform & WITH_NONCE != 0 {
        nonce = Some(u64::from_le_bytes(read.array()?));
        [hops] = read.array()?;
    }
    let ip = match ip_len {
        0 => None,
        4 => Some(IpAddr::from(read.array::<4>()?)),
        16 => Some(IpAddr::from(read.array::<16>()?)),
        _ => return Err(RecordError::Head),
    };
    let source = std::str::from_utf8(read.take(id_len as usize)?)
        .map_err(|_| RecordError::Head)?
        .to_owned();
    if count > MAX_EVENTS {
        return Err(RecordError::Head);
    }
    let mut events = Vec::with_capacity(count);
    for _ in 0..count {
        let (offset, len) = (read.u32()?, read.u32()?);
        let [number] = read.array()?;
        let verdict = Verdict::from_number(number).ok_or(RecordError::Unknown("verdict"))?;
        events.push(Slot {
            offset,
            len,
            verdict,
            claim: Claim::default(),
        });
    }
    for slot in &mut events {
        if slot.verdict.is_claimed() {
            slot.claim = Claim(u128::from_le_bytes(read.array()?));
        }
    }
    let head = Head {
        place,
        received,
        nonce,
        hops,
        source,
        key,
        platform: platform_of(platform & !WITH_NONCE)?,
        ip,
        implied: type_of(implied)?,
        events,
    };
    Ok((head, len))
}

/// Reads fields one after the other.
pub(super) struct Read<'a>(pub(super) &'a [u8]);

impl<'a> Read<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(RecordError::Head)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Head)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, RecordError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
}

fn platform_number(platform: Platform) -> u8 {
    match platform {
        Platform::Auto => 0,
        Platform::Client => 1,
        Platform::Server => 2,
    }
}

pub(super) fn platform_of(number: u8) -> Result<Platform, RecordError> {
    match number {
        0 => Ok(Platform::Auto),
        1 => Ok(Platform::Client),
        2 => Ok(Platform::Server),
        _ => Err(RecordError::Unknown("platform")),
    }
}

fn type_number(kind: Option<EventType>) -> u8 {
    kind.and_then(|kind| EventType::ALL.iter().position(|other| *other == kind))
        .map_or(0, |index| index as u8 + 1)
}

pub(super) fn type_of(number: u8) -> Result<Option<EventType>, RecordError> {
    match number {
        0 => Ok(None),
        _ => EventType::ALL
            .get(usize::from(number) - 1)
            .map(|kind| Some(*kind))
            .ok_or(RecordError::Unknown("type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Reason;

    fn entry() -> Entry {
        let slot = |verdict, claim| Slot {
            offset: 10,
            len: 20,
            verdict,
            claim: Claim(claim),
        };
        Entry {
            received: Millis(1_795_428_000_123),
            source: "web".into(),
            hops: 2,
            key: KeyTag(7),
            platform: Platform::Client,
            ip: Some([10, 0, 0, 1].into()),
            implied: Some(EventType::Page),
            events: vec![
                slot(Verdict::Accepted, 5),
                slot(Verdict::Duplicate, 0),
                slot(Verdict::Rejected(Reason::NoEventName), 0),
                slot(Verdict::AcceptedWithoutId, 0),
                slot(Verdict::Accepted, u128::MAX),
                slot(Verdict::Suppressed, 0),
                slot(Verdict::Redacted, 9),
                slot(Verdict::RedactedUnclaimed, 0),
            ],
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_head_reads_back_as_written() {
        let entry = entry();
        let mut out = Vec::new();
        encode_head(&mut out, &entry, Position(7 << 32 | 99), 12);
        let (head, len) = decode_head(&out).unwrap();
        assert_eq!(len, out.len());
        assert_eq!(head.place, NonZeroU32::new(99));
        assert_eq!((head.nonce, head.hops), (Some(12), 2));
        assert!(head_bound(&entry) >= len);
        assert_eq!(
            (head.received, head.source.as_str(), head.key),
            (entry.received, "web", entry.key)
        );
        assert_eq!(
            (head.ip, head.implied, head.platform),
            (entry.ip, entry.implied, entry.platform)
        );
        assert_eq!(head.events, entry.events);
    }

    #[test]
    fn a_damaged_head_is_an_error_and_never_a_panic() {
        let mut out = Vec::new();
        encode_head(&mut out, &entry(), Position(99), 12);
        for at in 0..out.len() {
            assert!(decode_head(&out[..at]).is_err());
            for bit in 0..8 {
                let mut bad = out.clone();
                bad[at] ^= 1 << bit;
                assert!(decode_head(&bad).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn every_reason_survives_its_number() {
        for reason in Reason::ALL {
            assert_eq!(
                Verdict::from_number(*reason as u8),
                Some(Verdict::Rejected(*reason))
            );
        }
    }
}
