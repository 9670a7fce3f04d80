//! Half of a surrogate pair, escaped: what JavaScript makes of an emoji that was cut in two.
//!
//! `JSON.stringify("😀".slice(0, 1))` is `"\ud83d"`: grammatical by RFC 8259, but no text in UTF-8. To refuse it would cost
//! the sender the whole batch for one cut title, so each half becomes U+FFFD, as browsers do when they encode it. The
//! escape keeps its six bytes, so nothing else moves.

use bytes::Bytes;

/// The text with every lone surrogate escape replaced by `\ufffd`.
pub(super) fn replace(text: &[u8]) -> Bytes {
    let mut out = text.to_vec();
    let mut at = 0;
    while let Some(found) = out
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += found;
        at += match (unit(&out, at), unit(&out, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                if let Some(digits) = out.get_mut(at + 2..at + 6) {
                    digits.copy_from_slice(b"fffd");
                }
                6
            }
            (Some(_), _) => 6,
            // Another escape: its second byte may be a backslash.
            (None, _) => 2,
        };
    }
    out.into()
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
}
