//! How one request lies in the log: the body of one frame of kind [`RECORD_KIND`].
//!
//! ```text
//! head_len  u32   bytes of the head, these four included
//! head_crc  u32   crc32 of the rest of the head: the claims are read without the body
//! received  i64   Unix milliseconds
//! platform  u8    0 auto, 1 client, 2 server
//! implied   u8    0 none, 1 track, 2 identify, 3 page, 4 screen, 5 group, 6 alias
//! ip_len    u8    0, 4 or 16
//! name_len  u8    bytes of the source's name
//! key       u32   tag of the write key
//! count     u32   events
//! place     u32   the lower half of the record's own position, or 0: not known
//! ip, name
//! count × { offset u32, len u32, verdict u8 }
//! claims    one u128 for each event whose verdict is `Accepted`, in order
//! body      the rest of the frame: JSON as it was received, inflated
//! ```
//! The place tells a record from a copy of it that lies elsewhere, and where it belongs when bytes before it were lost or
//! put in ([`places`](super::places)).
//!
//! All numbers are little endian. Another layout is another frame kind; a reader passes over kinds it does not know.

use std::net::IpAddr;
use std::num::NonZeroU32;

use bytes::Bytes;
use headwater_model::event::EventType;
use headwater_model::time::Millis;
use headwater_store::frame::Shape;
use thiserror::Error;

use super::{Claim, Entry, MAX_EVENTS, Position, Slot, Verdict};
use crate::config::Platform;
use crate::sources::KeyTag;

/// The frame kind of the layout above.
pub const RECORD_KIND: u8 = 1;

/// Bytes of a head before its variable part.
pub(super) const FIXED: usize = 32;
const SLOT: usize = 9;
const CLAIM: usize = 16;
/// More than any head we write: 65,536 events, an address and a name.
pub(super) const MAX_HEAD: usize = FIXED + 16 + 255 + MAX_EVENTS * (SLOT + CLAIM);

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
    /// The source's name; empty when the write key was unknown.
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
    FIXED + ip + entry.source.len().min(255) + entry.events.len() * (SLOT + CLAIM)
}

/// Appends the head of `entry` to `out`. `entry.events` carry their final verdicts; the record will lie at `position`.
pub(super) fn encode_head(out: &mut Vec<u8>, entry: &Entry, position: Position) {
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
        platform_number(entry.platform),
        type_number(entry.implied),
        ip.len() as u8,
        name.len() as u8,
    ]);
    out.extend_from_slice(&entry.key.0.to_le_bytes());
    out.extend_from_slice(&(entry.events.len() as u32).to_le_bytes());
    out.extend_from_slice(&(position.0 as u32).to_le_bytes());
    out.extend_from_slice(ip);
    out.extend_from_slice(name);
    for slot in &entry.events {
        out.extend_from_slice(&slot.offset.to_le_bytes());
        out.extend_from_slice(&slot.len.to_le_bytes());
        out.push(slot.verdict.number());
    }
    for slot in &entry.events {
        if slot.verdict == Verdict::Accepted {
            out.extend_from_slice(&slot.claim.0.to_le_bytes());
        }
    }
    let len = (out.len() - start) as u32;
    let crc = crc32fast::hash(out.get(start + 8..).unwrap_or_default());
    if let Some(prefix) = out.get_mut(start..start + 8) {
        prefix[..4].copy_from_slice(&len.to_le_bytes());
        prefix[4..].copy_from_slice(&crc.to_le_bytes());
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
    let [platform, implied, ip_len, name_len] = read.array()?;
    let key = KeyTag(read.u32()?);
    let count = read.u32()? as usize;
    let place = NonZeroU32::new(read.u32()?);
    let ip = match ip_len {
        0 => None,
        4 => Some(IpAddr::from(read.array::<4>()?)),
        16 => Some(IpAddr::from(read.array::<16>()?)),
        _ => return Err(RecordError::Head),
    };
    let source = std::str::from_utf8(read.take(name_len as usize)?)
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
        if slot.verdict == Verdict::Accepted {
            slot.claim = Claim(u128::from_le_bytes(read.array()?));
        }
    }
    let head = Head {
        place,
        received,
        source,
        key,
        platform: platform_of(platform)?,
        ip,
        implied: type_of(implied)?,
        events,
    };
    Ok((head, len))
}

/// What records look like, for the search behind damage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records;

impl Shape for Records {
    fn may_begin(&self, kind: u8, len: usize, start: &[u8]) -> bool {
        if kind != RECORD_KIND || len < FIXED {
            return false;
        }
        // A write that ended within the fixed part has the rest of it to come.
        let Some(fixed) = start.first_chunk::<FIXED>() else {
            return true;
        };
        let mut read = Read(fixed);
        let (Ok(head), Ok(_crc), Ok(_received)) = (read.u32(), read.u32(), read.array::<8>())
        else {
            return false;
        };
        let (Ok([platform, implied, ip, name]), Ok(_key), Ok(count)) =
            (read.array(), read.u32(), read.u32())
        else {
            return false;
        };
        let (head, count) = (head as usize, count as usize);
        let least = FIXED + usize::from(ip) + usize::from(name) + count.saturating_mul(SLOT);
        count <= MAX_EVENTS
            && matches!(ip, 0 | 4 | 16)
            && platform_of(platform).is_ok()
            && type_of(implied).is_ok()
            && (least..=least + count * CLAIM).contains(&head)
            && head <= len
    }

    /// A whole head says where its events end: a record that has all of them was not cut, its length is damaged.
    fn may_be_cut(&self, _kind: u8, _len: usize, part: &[u8]) -> bool {
        match head_len(part) {
            Some(len) if len <= part.len() => match decode_head(part) {
                Ok((head, len)) => {
                    let ends = head
                        .events
                        .iter()
                        .map(|slot| u64::from(slot.offset) + u64::from(slot.len));
                    ends.max()
                        .is_none_or(|end| len as u64 + end > part.len() as u64)
                }
                Err(RecordError::Unknown(_)) => true,
                Err(RecordError::Head) => false,
            },
            Some(_) => true,
            None => part.len() < 4,
        }
    }
}

struct Read<'a>(&'a [u8]);

impl<'a> Read<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(RecordError::Head)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Head)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
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

fn platform_of(number: u8) -> Result<Platform, RecordError> {
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

fn type_of(number: u8) -> Result<Option<EventType>, RecordError> {
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
            ],
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_head_reads_back_as_written() {
        let entry = entry();
        let mut out = Vec::new();
        encode_head(&mut out, &entry, Position(7 << 32 | 99));
        let (head, len) = decode_head(&out).unwrap();
        assert_eq!(len, out.len());
        assert_eq!(head.place, NonZeroU32::new(99));
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
        encode_head(&mut out, &entry(), Position(99));
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
