//! Strings as they stand in JSON text: finding the bytes that matter, eight at a time, and undoing escapes.

use std::borrow::Cow;

use super::error::ErrorKind;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// High bit set in each byte of `word` that is `"`, `\` or below 0x20. A borrow may also mark bytes *after* the first
/// marked one, so only the lowest mark counts.
#[inline(always)]
const fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    (quote.wrapping_sub(ONES) & !quote
        | slash.wrapping_sub(ONES) & !slash
        | word.wrapping_sub(ONES * 0x20) & !word)
        & HIGHS
}

/// Position, from `at` on, of the first byte that cannot stand as it is in a JSON string (`"`, `\`, below 0x20), or
/// the length of `bytes`.
#[inline(always)]
pub(crate) fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        // A page loads this code; its texts are short.
        if cfg!(target_family = "wasm") {
            break;
        }
        let found = marks(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() >> 3) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            return at;
        }
        at += 1;
    }
    at
}

/// Checks the escape whose backslash is at `at`; returns where the string goes on. An error carries its position.
pub(crate) fn check_escape(bytes: &[u8], at: usize) -> Result<usize, (ErrorKind, usize)> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(bytes, at + 2)? {
            0xd800..=0xdbff => {
                if bytes.get(at + 6..at + 8) != Some(b"\\u") {
                    return Err((ErrorKind::LoneSurrogate, at));
                }
                match hex4(bytes, at + 8)? {
                    0xdc00..=0xdfff => Ok(at + 12),
                    _ => Err((ErrorKind::LoneSurrogate, at)),
                }
            }
            0xdc00..=0xdfff => Err((ErrorKind::LoneSurrogate, at)),
            _ => Ok(at + 6),
        },
        Some(_) => Err((ErrorKind::InvalidEscape, at)),
        None => Err((ErrorKind::UnexpectedEnd, bytes.len())),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, (ErrorKind, usize)> {
    let mut unit = 0;
    for place in at..at + 4 {
        let Some(&byte) = bytes.get(place) else {
            return Err((ErrorKind::UnexpectedEnd, bytes.len()));
        };
        let Some(digit) = (byte as char).to_digit(16) else {
            return Err((ErrorKind::InvalidEscape, place));
        };
        unit = unit << 4 | digit;
    }
    Ok(unit)
}

/// The text that `inner` (what stands between the quotes, already checked) means.
pub(crate) fn decode(inner: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(inner);
    }
    let bytes = inner.as_bytes();
    let mut out = String::with_capacity(inner.len());
    let mut from = 0;
    while from < bytes.len() {
        let at = special(bytes, from);
        out.push_str(inner.get(from..at).unwrap_or_default());
        from = at + 2;
        match bytes.get(at + 1) {
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let unit = hex4(bytes, at + 2).unwrap_or(0xfffd);
                from = at + 6;
                let code = if (0xd800..0xdc00).contains(&unit) {
                    from = at + 12;
                    let low = hex4(bytes, at + 8).unwrap_or(0xdc00);
                    0x10000 + ((unit & 0x3ff) << 10 | low & 0x3ff)
                } else {
                    unit
                };
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(&byte) => out.push(byte as char),
            None => {}
        }
    }
    Cow::Owned(out)
}
