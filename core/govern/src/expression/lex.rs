//! Text to tokens.

use super::ExpressionError;

/// Bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// The keys of a path, unescaped. `plain` when it is one key without escapes, which may be a word of the language.
    Path {
        keys: Vec<String>,
        plain: bool,
    },
    /// `$name.key.key`: the name without its `$`, and the keys.
    Around {
        name: String,
        keys: Vec<String>,
    },
    Text(String),
    Number(String),
    /// `= != < <= > >=`
    Operator(&'static str),
    Not,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

/// All tokens with their places.
pub(super) fn lex(text: &str) -> Result<Vec<(Token, Span)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = peek(text, at) {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, end) = one(text, at, c)?;
        tokens.push((token, Span { start: at, end }));
        at = end;
    }
    Ok(tokens)
}

fn peek(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

fn one(text: &str, at: usize, c: char) -> Result<(Token, usize), ExpressionError> {
    let next = peek(text, at + c.len_utf8());
    let wrong = |problem: String| {
        let span = Span {
            start: at,
            end: at + c.len_utf8(),
        };
        Err(ExpressionError::at(text, span, problem))
    };
    Ok(match c {
        '(' => (Token::Open, at + 1),
        ')' => (Token::Close, at + 1),
        '[' => (Token::OpenList, at + 1),
        ']' => (Token::CloseList, at + 1),
        ',' => (Token::Comma, at + 1),
        '!' if next == Some('=') => (Token::Operator("!="), at + 2),
        '!' => (Token::Not, at + 1),
        '=' if next == Some('=') => return wrong("write one `=` to compare".to_owned()),
        '=' => (Token::Operator("="), at + 1),
        '<' if next == Some('=') => (Token::Operator("<="), at + 2),
        '<' => (Token::Operator("<"), at + 1),
        '>' if next == Some('=') => (Token::Operator(">="), at + 2),
        '>' => (Token::Operator(">"), at + 1),
        '"' | '\'' => return quoted(text, at, c),
        '0'..='9' => return number(text, at, at),
        '+' | '-' if next.is_some_and(|next| next.is_ascii_digit()) => {
            return number(text, at, at + 1);
        }
        '&' => return wrong("write `and` for both".to_owned()),
        '|' => return wrong("write `or` for either".to_owned()),
        '$' if next.is_some_and(is_key) => {
            let (token, end) = path(text, at + 1)?;
            let Token::Path { keys, .. } = token else {
                return Ok((token, end));
            };
            let mut keys = keys.into_iter();
            let name = keys.next().unwrap_or_default();
            let keys = keys.collect();
            (Token::Around { name, keys }, end)
        }
        '$' => {
            return wrong(
                "a name must follow `$`; a key of an event that begins with it is written `\\$`"
                    .to_owned(),
            );
        }
        _ if is_key(c) || c == '\\' => return path(text, at),
        _ => {
            return wrong(format!(
                "`{}` means nothing here; in a key write `\\` before it",
                c.escape_default()
            ));
        }
    })
}

/// A text in quotes. `\` takes the meaning from the next character; `\n`, `\r`, `\t` are the usual ones.
fn quoted(text: &str, start: usize, quote: char) -> Result<(Token, usize), ExpressionError> {
    let mut out = String::new();
    let mut chars = text.get(start + 1..).unwrap_or_default().char_indices();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, 't')) => out.push('\t'),
                Some((_, other)) => out.push(other),
                None => break,
            },
            c if c == quote => return Ok((Token::Text(out), start + 1 + offset + 1)),
            c => out.push(c),
        }
    }
    let span = Span {
        start,
        end: text.len(),
    };
    Err(ExpressionError::at(
        text,
        span,
        format!("this text has no closing {quote}"),
    ))
}

/// Digits, perhaps with a fraction. A `+` is dropped: JSON knows none.
fn number(text: &str, start: usize, digits: usize) -> Result<(Token, usize), ExpressionError> {
    let bytes = text.as_bytes();
    let run = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = run(digits);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = run(end + 1);
    }
    let span = Span { start, end };
    if peek(text, end).is_some_and(|c| is_key(c) || c == '.' || c == '\\') {
        return Err(ExpressionError::at(
            text,
            span,
            "a number ends here, but more follows; a path whose first key begins with a digit is written with `\\` before that digit",
        ));
    }
    let written = text.get(start..end).unwrap_or_default();
    let written = written.strip_prefix('+').unwrap_or(written);
    let (sign, size) = match written.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", written),
    };
    // JSON has no leading zeros.
    let trimmed = size.trim_start_matches('0');
    let whole = if trimmed.is_empty() || trimmed.starts_with('.') {
        format!("{sign}0{trimmed}")
    } else {
        format!("{sign}{trimmed}")
    };
    Ok((Token::Number(whole), end))
}

/// What a key may have without a `\` before it.
pub(super) fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn path(text: &str, start: usize) -> Result<(Token, usize), ExpressionError> {
    let mut keys = Vec::new();
    let mut key = String::new();
    let mut plain = true;
    let mut at = start;
    let wrong = |at: usize, problem: &str| {
        Err(ExpressionError::at(
            text,
            Span { start: at, end: at },
            problem,
        ))
    };
    loop {
        match peek(text, at) {
            Some('\\') => {
                plain = false;
                let Some(c) = peek(text, at + 1) else {
                    return wrong(at, "a character must follow `\\`");
                };
                key.push(c);
                at += 1 + c.len_utf8();
            }
            Some('.') => {
                if key.is_empty() {
                    return wrong(at, "a key is missing before this `.`");
                }
                keys.push(std::mem::take(&mut key));
                at += 1;
            }
            Some(c) if is_key(c) => {
                key.push(c);
                at += 1;
            }
            _ => break,
        }
    }
    if key.is_empty() {
        return wrong(at, "a key is missing after the `.`");
    }
    keys.push(key);
    let plain = plain && keys.len() == 1;
    Ok((Token::Path { keys, plain }, at))
}
