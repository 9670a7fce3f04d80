//! `pattern` and `patternProperties`: regular expressions of ECMA-262 in linear time.
//!
//! Schemas are written for JavaScript's expressions, and ours are Rust's `regex`. What differs is translated: `\d`, `\w`
//! and `\b` are about ASCII, `\s` is JavaScript's white space, `.` is no line end, `\/`, `\-` and other needless escapes are
//! the character, `\uD83D\uDE00` is one character, `[^]` is any and `[]` none, a brace that counts nothing is a brace, and
//! `[`, `&&`, `--` and `~~` in a class are characters. A text matches by its characters and not by its UTF-16 units.
//! Look-around and back-references need more than linear time and are refused, as Segment refuses them.

/// A compiled expression.
#[derive(Clone)]
pub(super) struct Pattern {
    text: String,
    #[cfg(feature = "patterns")]
    compiled: regex::Regex,
}

impl core::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    #[cfg(not(feature = "patterns"))]
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        Ok(Pattern {
            text: text.to_owned(),
        })
    }

    #[cfg(feature = "patterns")]
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        /// The most bytes of a compiled expression.
        const LARGEST: usize = 1 << 20;
        let translated = translate::translate(text)?;
        let compiled = regex::RegexBuilder::new(&translated)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .nest_limit(100)
            .build()
            .map_err(|error| {
                let reason = match error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    // The last line says what is wrong; those before it draw.
                    other => {
                        let told = other.to_string();
                        let last = told.lines().last().unwrap_or_default();
                        last.trim_start_matches("error: ").to_owned()
                    }
                };
                format!("is no regular expression that can be checked: {reason}")
            })?;
        Ok(Pattern {
            text: text.to_owned(),
            compiled,
        })
    }

    /// Whether a text has a part that matches; `None`: not checked here.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        #[cfg(feature = "patterns")]
        let holds = Some(self.compiled.is_match(text));
        #[cfg(not(feature = "patterns"))]
        let (holds, _) = (None, (self, text));
        holds
    }
}

#[cfg(feature = "patterns")]
mod translate {
    use core::iter::Peekable;
    use core::str::Chars;

    /// JavaScript's white space and line ends, for a class.
    const SPACE: &str = r"\t\n\x0b\x0c\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

    type Text<'t> = Peekable<Chars<'t>>;

    pub(super) fn translate(text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len() + 8);
        let mut rest: Text<'_> = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' => escape(&mut rest, false, &mut out)?,
                '[' => class(&mut rest, &mut out)?,
                '(' => group(&mut rest, &mut out)?,
                '.' => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
                '{' if !counts(&rest) => out.push_str(r"\{"),
                '{' => {
                    out.push('{');
                    for c in rest.by_ref() {
                        out.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
                ']' | '}' => {
                    out.push('\\');
                    out.push(c);
                }
                _ => out.push(c),
            }
        }
        Ok(out)
    }

    /// Whether `2}`, `2,}` or `2,5}` follows a brace.
    fn counts(rest: &Text<'_>) -> bool {
        let inner: String = rest.clone().take_while(|c| *c != '}').take(20).collect();
        let closed = rest.clone().nth(inner.chars().count()) == Some('}');
        let (least, most) = inner.split_once(',').unwrap_or((&inner, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        closed && !least.is_empty() && digits(least) && digits(most)
    }

    fn group(rest: &mut Text<'_>, out: &mut String) -> Result<(), String> {
        out.push('(');
        let mut ahead = rest.clone();
        if ahead.next() != Some('?') {
            return Ok(());
        }
        match (ahead.next(), ahead.next()) {
            (Some(':'), _) => {}
            (Some('<'), Some(c)) if c != '=' && c != '!' => {}
            (Some('=' | '!' | '<'), _) => {
                return Err(
                    "must not look ahead or behind, which takes more than linear time; use `not` or `allOf` with two patterns"
                        .to_owned(),
                );
            }
            _ => return Err("has a group that JavaScript does not know".to_owned()),
        }
        Ok(())
    }

    fn class(rest: &mut Text<'_>, out: &mut String) -> Result<(), String> {
        let negated = rest.next_if_eq(&'^').is_some();
        if rest.next_if_eq(&']').is_some() {
            out.push_str(if negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Ok(());
        }
        out.push_str(if negated { "[^" } else { "[" });
        while let Some(c) = rest.next() {
            match c {
                ']' => {
                    out.push(']');
                    return Ok(());
                }
                '\\' => escape(rest, true, out)?,
                '[' | '&' | '~' | '^' => {
                    out.push('\\');
                    out.push(c);
                }
                '-' if rest.peek() == Some(&'-') => out.push_str(r"\-"),
                _ => out.push(c),
            }
        }
        Err("has a class without an end: `]` is missing".to_owned())
    }

    fn escape(rest: &mut Text<'_>, in_class: bool, out: &mut String) -> Result<(), String> {
        let Some(c) = rest.next() else {
            return Err("ends in a backslash".to_owned());
        };
        match c {
            'd' => out.push_str("[0-9]"),
            'D' => out.push_str("[^0-9]"),
            'w' => out.push_str("[0-9A-Za-z_]"),
            'W' => out.push_str("[^0-9A-Za-z_]"),
            's' => {
                out.push('[');
                out.push_str(SPACE);
                out.push(']');
            }
            'S' => {
                out.push_str("[^");
                out.push_str(SPACE);
                out.push(']');
            }
            'b' if in_class => out.push_str(r"\x08"),
            'b' => out.push_str(r"(?-u:\b)"),
            'B' if !in_class => out.push_str(r"(?-u:\B)"),
            'n' | 'r' | 't' | 'f' | 'v' => {
                out.push('\\');
                out.push(c);
            }
            // Only with JavaScript's flag `u`, which schemas mean when they write it.
            'p' | 'P' if rest.peek() == Some(&'{') => {
                out.push('\\');
                out.push(c);
                for c in rest.by_ref() {
                    out.push(c);
                    if c == '}' {
                        break;
                    }
                }
            }
            'c' => match rest.next_if(char::is_ascii_alphabetic) {
                Some(letter) => code(u32::from(letter) % 32, out),
                None => return Err("has \\c without a letter".to_owned()),
            },
            'x' => match hex(rest, 2) {
                Some(value) => code(value, out),
                None => out.push('x'),
            },
            'u' => unicode(rest, out)?,
            '0' if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str(r"\x00"),
            '0'..='9' | 'k' => {
                return Err(
                    "must not refer back to a group, which takes more than linear time".to_owned(),
                );
            }
            _ => literal(c, out),
        }
        Ok(())
    }

    fn literal(c: char, out: &mut String) {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }

    fn code(value: u32, out: &mut String) {
        out.push_str(&format!("\\u{{{value:x}}}"));
    }

    fn hex(rest: &mut Text<'_>, digits: usize) -> Option<u32> {
        let mut ahead = rest.clone();
        let mut value = 0;
        for _ in 0..digits {
            value = value * 16 + ahead.next()?.to_digit(16)?;
        }
        *rest = ahead;
        Some(value)
    }

    fn unicode(rest: &mut Text<'_>, out: &mut String) -> Result<(), String> {
        let Some(first) = hex(rest, 4) else {
            if rest.peek() == Some(&'{') {
                out.push_str("\\u");
            } else {
                out.push('u');
            }
            return Ok(());
        };
        let mut value = first;
        if (0xd800..0xdc00).contains(&first) {
            let mut ahead = rest.clone();
            let second = (ahead.next() == Some('\\') && ahead.next() == Some('u'))
                .then(|| hex(&mut ahead, 4))
                .flatten()
                .filter(|low| (0xdc00..0xe000).contains(low));
            if let Some(low) = second {
                *rest = ahead;
                value = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        if char::from_u32(value).is_none() {
            return Err("has half of a surrogate pair, which no text contains".to_owned());
        }
        code(value, out);
        Ok(())
    }
}

#[cfg(all(test, feature = "patterns"))]
mod tests {
    use super::*;

    #[test]
    fn javascript_s_expressions_mean_here_what_they_mean_there() {
        for (pattern, text, holds) in [
            ("^\\d+$", "12", true),
            ("^\\d+$", "१२", false),
            ("^\\w$", "é", false),
            ("^[\\w-]+$", "a-b_1", true),
            ("\\bcat\\b", "a cat.", true),
            ("\\Bcat", "bobcat", true),
            ("^a.b$", "a\nb", false),
            ("^a[^]b$", "a\nb", true),
            ("[]", "a", false),
            ("^\\/path\\-x$", "/path-x", true),
            ("^\\uD83D\\uDE00$", "😀", true),
            ("^\\u00e9\\x41\\cA$", "éA\u{1}", true),
            ("^a{2}b{,3}$", "aab{,3}", true),
            ("^{x}$", "{x}", true),
            ("^[[&&~~^-]+$", "[&~^-", true),
            ("^(a|b)(?:c)(?<n>d)$", "acd", true),
            ("^\\s$", "\u{feff}", true),
            ("^\\p{L}+$", "éa", true),
            ("^$", "\n", false),
            ("^[\\b]$", "\u{8}", true),
            ("b", "abc", true),
            ("^]}$", "]}", true),
        ] {
            let compiled =
                Pattern::parse(pattern).unwrap_or_else(|told| panic!("{pattern}: {told}"));
            assert_eq!(compiled.matches(text), Some(holds), "{pattern} {text:?}");
        }
    }

    #[test]
    fn what_takes_more_than_linear_time_or_is_no_expression_is_refused_with_a_reason() {
        for (pattern, reason) in [
            ("(?=a)", "look ahead"),
            ("(?!a)", "look ahead"),
            ("(?<=a)", "look ahead or behind"),
            ("(a)\\1", "refer back"),
            ("(?i)a", "does not know"),
            ("(", "unclosed group"),
            ("[a", "`]` is missing"),
            ("a\\", "backslash"),
            ("\\uD800", "surrogate"),
            ("*", "repetition"),
            ("(((a{1000}){1000}){1000})", "too large"),
        ] {
            let told = Pattern::parse(pattern).unwrap_err();
            assert!(told.contains(reason), "{pattern}: {told}");
        }
    }
}
