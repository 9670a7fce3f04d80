//! What the log's frames look like, for the search behind damage.

use headwater_store::frame::Shape;

use super::MAX_EVENTS;
use super::control::{self, CONTROL_KIND};
use super::record::{
    CLAIM, FIXED, NONCE, RECORD_KIND, Read, RecordError, SLOT, WITH_NONCE, decode_head, head_len,
    platform_of, type_of,
};

/// What records look like, for the search behind damage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records;

impl Shape for Records {
    fn may_begin(&self, kind: u8, len: usize, start: &[u8]) -> bool {
        if kind == CONTROL_KIND {
            return control::may_begin(len, start);
        }
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
        let (Ok([platform, implied, ip, id]), Ok(_key), Ok(count)) =
            (read.array(), read.u32(), read.u32())
        else {
            return false;
        };
        let (head, count) = (head as usize, count as usize);
        let more = if platform & WITH_NONCE == 0 { 0 } else { NONCE };
        let least = FIXED + more + usize::from(ip) + usize::from(id) + count.saturating_mul(SLOT);
        count <= MAX_EVENTS
            && matches!(ip, 0 | 4 | 16)
            && platform_of(platform & !WITH_NONCE).is_ok()
            && type_of(implied).is_ok()
            && (least..=least + count * CLAIM).contains(&head)
            && head <= len
    }

    /// A whole head says where its events end: a record that has all of them was not cut, its length is damaged.
    fn may_be_cut(&self, kind: u8, _len: usize, part: &[u8]) -> bool {
        if kind != RECORD_KIND {
            return true;
        }
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
