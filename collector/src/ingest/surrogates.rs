//! Half of a surrogate pair, escaped: what JavaScript makes of an emoji that was cut in two.
//!
//! `JSON.stringify("😀".slice(0, 1))` is `"\ud83d"`: grammatical by RFC 8259, but no text in UTF-8. To refuse it would cost
//! the sender the whole batch for one cut title, so each half becomes U+FFFD, as browsers do when they encode it. The
//! escape keeps its six bytes, so nothing else moves. A messageId is compared, so there two halves must not become one.

use std::ops::Range;

/// The text with every lone surrogate escape replaced by `\ufffd`.
pub(super) fn replace(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    each_lone(text, |at, _| {
        if let Some(digits) = out.get_mut(at + 2..at + 6) {
            digits.copy_from_slice(b"fffd");
        }
    });
    out
}

/// The first of the 2,048 private characters that stand for the 2,048 surrogates in messageIds.
const PRIVATE: u16 = 0xe000;

/// In a messageId each half becomes a private character of its own, as many bytes long: two ids that differ stay two
/// ids, in the claims and for whoever reads them. `id` lies in `original` and, replaced, in `out` at the same place.
pub(super) fn keep_apart(original: &[u8], out: &mut [u8], id: Range<usize>) {
    let text = original.get(id.clone()).unwrap_or_default();
    each_lone(text, |at, unit| {
        let at = id.start + at;
        if let Some(digits) = out.get_mut(at + 2..at + 6) {
            let private = PRIVATE + (unit & 0x7ff);
            digits.copy_from_slice(format!("{private:04x}").as_bytes());
        }
    });
}

/// Visits where each lone surrogate's escape begins, and which it is.
fn each_lone(text: &[u8], mut visit: impl FnMut(usize, u16)) {
    let mut at = 0;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += found;
        at += match (unit(text, at), unit(text, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(lone @ 0xd800..=0xdfff), _) => {
                visit(at, lone);
                6
            }
            (Some(_), _) => 6,
            // Another escape: its second byte may be a backslash.
            (None, _) => 2,
        };
    }
}

/// The code unit of a `\uXXXX` at `at`.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_pairs_and_backslashes_are_kept() {
        let text =
            br#"["\ud83d","\ud83d\ude00","\\ud83d","\ude00\ud83d\ud83d\ude00","\u0041\n","\ud83"#;
        let expected =
            br#"["\ufffd","\ud83d\ude00","\\ud83d","\ufffd\ufffd\ud83d\ude00","\u0041\n","\ud83"#;
        assert_eq!(replace(text), &expected[..]);
    }

    #[test]
    fn in_a_message_id_each_half_becomes_a_character_of_its_own() {
        let text = br#"["\ud83d","a\ud83d","a\uDE00\ud83d\ude00"]"#;
        let mut out = replace(text);
        keep_apart(text, &mut out, 10..text.len());
        let expected = br#"["\ufffd","a\ue03d","a\ue600\ud83d\ude00"]"#;
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(expected)
        );
    }
}
