//! Whom an event names, and how its bytes are forgotten where it lies: the same length, JSON as before.

use headwater_model::json::{Kind, Limits, Scanner};

use super::Slot;

/// Whether one of an event's `fields` names somebody for whom `is_wanted` holds.
pub(crate) fn names(event: &[u8], fields: &[&str], is_wanted: impl Fn(&str) -> bool) -> bool {
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
        if matches!(value.kind(), Kind::String | Kind::Number) && fields.contains(&&*key.decode()) {
            found |= is_wanted(&value.as_str().unwrap_or_else(|| value.text().into()));
        }
        Ok(())
    });
    found
}

/// `{}` and blanks in the place of an event.
pub(crate) fn forget(body: &mut [u8], slot: &Slot) -> Option<()> {
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
