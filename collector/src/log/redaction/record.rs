//! Takes a user's events out of a record: the same length, the same slots, the same claims.
//!
//! An event's bytes become `{}` and blanks, its verdict says that it was redacted. When nothing of the request is left,
//! what stood around its events goes, too: the envelope's context and the sender's address are the same user's. Then only
//! the shape of a batch remains.

use super::super::forget::{emptied, forget, names};
use super::super::record::{self, CLAIM, FIXED, IP_LEN, NONCE, SLOT, WITH_NONCE};
use super::super::{Fingerprinter, Head, Position, Slot, Verdict};
use super::Redactions;

/// Where in a head the platform stands.
const PLATFORM: usize = 16;

/// The fields of an event that name the user.
const NAMING: [&str; 2] = ["userId", "previousId"];

/// The body of a record's frame without what is to be forgotten of it; `None` when that is nothing.
pub(in super::super) fn redacted(
    redactions: &Redactions,
    fingerprinter: &Fingerprinter,
    position: Position,
    frame: &[u8],
) -> Option<Vec<u8>> {
    if !redactions.reach(position) {
        return None;
    }
    let (mut head, len) = record::decode_head(frame).ok()?;
    let body = frame.get(len..)?;
    let mut any = false;
    for slot in &mut head.events {
        if is_left(slot.verdict)
            && names(event(body, slot), &NAMING, |user| {
                redactions.cover(fingerprinter.subject(user), position)
            })
        {
            slot.verdict = slot.verdict.redacted();
            any = true;
        }
    }
    any.then(|| rewritten(frame, &head, len)).flatten()
}

fn is_left(verdict: Verdict) -> bool {
    !matches!(
        verdict,
        Verdict::Redacted | Verdict::RedactedUnclaimed | Verdict::Suppressed
    )
}

fn event<'a>(body: &'a [u8], slot: &Slot) -> &'a [u8] {
    let start = slot.offset as usize;
    body.get(start..start + slot.len as usize)
        .unwrap_or_default()
}

/// The frame's body with the verdicts of `head`, and without the bytes of what they call redacted.
fn rewritten(frame: &[u8], head: &Head, len: usize) -> Option<Vec<u8>> {
    let mut out = frame.to_vec();
    let (first, body) = out.split_at_mut_checked(len)?;
    let claims = head.events.iter().filter(|slot| slot.verdict.is_claimed());
    let slots = len.checked_sub(claims.count() * CLAIM + head.events.len() * SLOT)?;
    for (index, slot) in head.events.iter().enumerate() {
        *first.get_mut(slots + index * SLOT + SLOT - 1)? = slot.verdict.number();
    }
    if head.events.iter().all(|slot| !is_left(slot.verdict)) {
        let more = if first.get(PLATFORM)? & WITH_NONCE == 0 {
            0
        } else {
            NONCE
        };
        let ip = usize::from(*first.get(IP_LEN)?);
        first.get_mut(FIXED + more..FIXED + more + ip)?.fill(0);
        emptied(body, &head.events, head.implied.is_none())?;
    } else {
        for slot in head.events.iter().filter(|slot| !is_left(slot.verdict)) {
            forget(body, slot)?;
        }
    }
    record::seal_head(first);
    Some(out)
}
