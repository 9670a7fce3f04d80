//! The segment log's files: names and bodies.
//!
//! ```text
//! DIR/00000000000000000001.seg   a segment, named by the first sequence number that it may hold
//! DIR/NAME.state                 a small state: file header, one STATE frame
//! DIR/NAME.state.N.new           its successor, written and not yet known to be durable; the largest whole N counts
//! DIR/lock                       locked while the store is open (less while it let go, see `hold.rs`)
//! DIR/openings                   as long as how often a store was opened here
//! DIR/….unknown-vN, ….damaged    set aside at opening, never read or removed by the store
//!
//! EVENT    seq u64, at_ms i64, body            an event; a later frame with the same seq replaces it
//! BELOW    seq u64                             all events below seq are forgotten
//! RANGES   (first u64, count u32)*             these events are forgotten
//! GAPS     (first u64, end u64)*               no event has these numbers, or its loss was reported
//! ```
//! Numbers are little endian. A BELOW or RANGES frame speaks of events that lie before it, in its segment or an older one;
//! so a segment may go once it and all older ones hold no live event.

use std::path::{Path, PathBuf};

use crate::frame::Shape;
use crate::port::{MAX_RECORD, Seq};

pub(super) const MAGIC: [u8; 7] = *b"HWQUEUE";
pub(super) const STATE_MAGIC: [u8; 7] = *b"HWSTATE";
pub(super) const VERSION: u8 = 1;

pub(super) const EVENT: u8 = 1;
pub(super) const BELOW: u8 = 2;
pub(super) const RANGES: u8 = 3;
pub(super) const STATE: u8 = 4;
pub(super) const GAPS: u8 = 5;

/// Bytes before the event in an EVENT frame's body.
pub(super) const EVENT_HEAD: usize = 16;
pub(super) const RANGE: usize = 12;
pub(super) const GAP: usize = 16;

pub(super) const LOCK: &str = "lock";
pub(super) const OPENINGS: &str = "openings";
pub(super) const SEGMENT_END: &str = ".seg";
pub(super) const STATE_END: &str = ".state";
pub(super) const NEW_END: &str = ".new";
pub(super) const TEMPORARY_END: &str = ".tmp";

pub(super) fn segment_path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{first:020}{SEGMENT_END}"))
}

/// The first sequence number in a segment's name, `None` for any other file.
pub(super) fn parse_segment_name(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(SEGMENT_END)?;
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// What one frame of a segment says.
pub(super) enum Record {
    Event { seq: Seq, at_ms: i64, len: u32 },
    Below(Seq),
    Ranges(Vec<(Seq, Seq)>),
    Gaps(Vec<(Seq, Seq)>),
}

/// Reads a frame's body; `None` when it is none of this version's.
pub(super) fn parse(kind: u8, body: &[u8]) -> Option<Record> {
    match kind {
        EVENT => {
            let (seq, rest) = body.split_first_chunk()?;
            let (at_ms, event) = rest.split_first_chunk()?;
            let len = u32::try_from(event.len()).ok()?;
            Some(Record::Event {
                seq: u64::from_le_bytes(*seq),
                at_ms: i64::from_le_bytes(*at_ms),
                len,
            })
        }
        BELOW => Some(Record::Below(u64::from_le_bytes(body.try_into().ok()?))),
        RANGES if body.len().is_multiple_of(RANGE) => {
            let ranges = body.chunks_exact(RANGE).filter_map(|range| {
                let (first, count) = range.split_first_chunk()?;
                let first = u64::from_le_bytes(*first);
                let count = u32::from_le_bytes(count.try_into().ok()?);
                Some((first, first.saturating_add(u64::from(count))))
            });
            Some(Record::Ranges(ranges.collect()))
        }
        GAPS if body.len().is_multiple_of(GAP) => {
            let gaps = body.chunks_exact(GAP).filter_map(|gap| {
                let (first, end) = gap.split_first_chunk()?;
                let end = u64::from_le_bytes(end.try_into().ok()?);
                Some((u64::from_le_bytes(*first), end))
            });
            Some(Record::Gaps(gaps.collect()))
        }
        _ => None,
    }
}

/// What the log's own frames look like.
pub(super) struct Ours;

impl Shape for Ours {
    fn may_begin(&self, kind: u8, len: usize, _start: &[u8]) -> bool {
        match kind {
            EVENT => (EVENT_HEAD..=EVENT_HEAD + MAX_RECORD).contains(&len),
            BELOW => len == size_of::<Seq>(),
            RANGES => len.is_multiple_of(RANGE),
            GAPS => len.is_multiple_of(GAP),
            _ => false,
        }
    }
}
