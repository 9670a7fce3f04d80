//! Moving old events out of the way: one event that stays (held, or its destination down) must not keep every later
//! segment on the disk.
//!
//! Invariant: a segment is removed only after the copies of its live events are durable, which the next sync point sees
//! to. A crash in between leaves both copies, which are one event: the later frame replaces the earlier.

use super::index::Slot;
use super::{EVENT_HEAD, SegmentLog};
use crate::frame::HEADER;
use crate::port::StoreError;

/// Segments emptied each time a new one begins: more than one, so that the log shrinks under a steady load.
const AT_ONCE: usize = 2;

/// Segments of forgotten bytes that are not worth moving anything for.
const SLACK: u64 = 4;

impl SegmentLog {
    /// Moves the live events of the oldest segments to the youngest while most of the log is forgotten.
    pub(super) fn compact(&mut self) {
        for _ in 0..AT_ONCE {
            let frames = self.index.bytes + self.index.events * (HEADER + EVENT_HEAD) as u64;
            // What waits for a sync to be removed is as good as gone.
            let disk: u64 = self.index.segments.iter().map(|segment| segment.len).sum();
            if disk <= 2 * frames + SLACK * self.segment_bytes {
                return;
            }
            // What cannot be moved now (a full disk, a damaged event) stays where it is.
            if self.move_front().is_err() {
                return;
            }
            self.drop_drained();
        }
    }

    fn move_front(&mut self) -> Result<(), StoreError> {
        let mut moved = Vec::new();
        for seq in self.index.in_front_segment() {
            let Some((home, slot)) = self.index.get(seq) else {
                continue;
            };
            if home == self.active_first() {
                return Ok(());
            }
            self.read_frame(seq, home, slot)?;
            let offset = self.write_scratch()?;
            if let Ok(offset) = u32::try_from(offset) {
                moved.push((
                    seq,
                    Slot {
                        offset,
                        len: slot.len,
                    },
                ));
            }
        }
        self.moved = self.sync.changes;
        for (seq, slot) in moved {
            self.index.insert(seq, slot);
        }
        Ok(())
    }
}
