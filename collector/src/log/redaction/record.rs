//! Takes a user's events out of a record: the same length, the same slots, the same claims.
//!
//! An event's bytes become `{}` and blanks, its verdict says that it was redacted. When nothing of the request is left,
//! what stood around its events goes, too: the envelope's context and the sender's address are the same user's. Then only
//! the shape of a batch remains.

use headwater_model::json::{Kind, Limits, Scanner};

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
            && names(event(body, slot), &mut |user| {
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

/// Whether an event names a user for whom `is_wanted` holds.
fn names(event: &[u8], is_wanted: &mut dyn FnMut(&str) -> bool) -> bool {
    let limits = Limits::default()
        .with_max_bytes(event.len())
        .with_max_depth(Limits::DEPTH_CEILING);
    let Ok(mut scanner) = Scanner::new(event, &limits) else {
        return false;
    };
    if scanner.kind().ok() != Some(Kind::Object) {
        return false;
    }
    let mut found = false;
    // It was scanned when it came.
    let _ = scanner.object(|key, scanner| {
        let value = scanner.value()?;
        if matches!(value.kind(), Kind::String | Kind::Number) && NAMING.contains(&&*key.decode()) {
            let user = value.as_str().unwrap_or_else(|| value.text().into());
            found |= is_wanted(&user);
        }
        Ok(())
    });
    found
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

/// `{}` and blanks in the place of an event.
fn forget(body: &mut [u8], slot: &Slot) -> Option<()> {
    let start = slot.offset as usize;
    let event = body.get_mut(start..start + slot.len as usize)?;
    event.fill(b' ');
    event.get_mut(..2)?.copy_from_slice(b"{}");
    Some(())
}

/// Nothing but the shape is left: `{}`, or `{"batch":[{},{}]}` with the empty events where they were.
pub(crate) fn emptied(body: &mut [u8], events: &[Slot], is_batch: bool) -> Option<()> {
    body.fill(b' ');
    let mut before: Option<usize> = None;
    for slot in events {
        forget(body, slot)?;
        let start = slot.offset as usize;
        if is_batch {
            match before {
                // Between two items there is at least a comma.
                Some(end) => *body.get_mut(end..start)?.first_mut()? = b',',
                // Before the first one there was at least this much.
                None => {
                    const OPEN: &[u8] = br#"{"batch":["#;
                    body.get_mut(..start)?
                        .get_mut(..OPEN.len())?
                        .copy_from_slice(OPEN);
                }
            }
        }
        before = Some(start + slot.len as usize);
    }
    if is_batch {
        body.get_mut(before?..)?
            .get_mut(..2)?
            .copy_from_slice(b"]}");
    }
    Some(())
}
