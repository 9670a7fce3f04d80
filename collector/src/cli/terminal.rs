//! Text of strangers on a terminal: anybody with a public write key can send an event, and a terminal obeys what it is
//! shown. What would move its cursor, change its title or turn its text round is shown as an escape instead.

use std::borrow::Cow;
use std::fmt::Write;

/// Control characters (C0, DEL, C1), line and paragraph separators, and those that turn the direction of text.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// One line of text for people, `\u{1b}` for ESC.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// JSON without a line break, as JSON that says the same: outside strings it holds none of these characters but blanks, and
/// inside an escape is as good.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\t' {
            out.push(' ');
        } else if is_obeyed(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_the_rest_is_kept() {
        assert_eq!(line("Grüße, 世界 👩‍👩‍👧"), "Grüße, 世界 👩‍👩‍👧");
        assert_eq!(line("a\u{1b}[2J\u{9b}\nb"), r"a\u{1b}[2J\u{9b}\u{a}b");
        assert_eq!(
            json("{\"a\":\t\"\u{7f}\u{202e}\"}"),
            r#"{"a": "\u007f\u202e"}"#
        );
    }
}
