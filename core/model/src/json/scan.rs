use std::fmt;
use std::ops::Range;

#[cfg(feature = "duplicates")]
use super::DuplicateKeys;
use super::Limits;
use super::error::{ErrorKind, ParseError};
#[cfg(feature = "duplicates")]
use super::keys::Keys;
use super::number::number_end;
use super::span::{Key, Kind, RawValue};
use super::string::{check_escape, special};

/// Checks that `bytes` are exactly one JSON value; see [`parse`](super::parse) for what that means.
///
/// # Errors
/// What is wrong and at which byte.
pub fn validate(bytes: &[u8], limits: &Limits) -> Result<(), ParseError> {
    let mut scanner = Scanner::new(bytes, limits)?;
    scanner.skip()?;
    scanner.finish()
}

/// Walks JSON text once, front to back, and checks all of it on the way.
///
/// Each call takes the next value: [`object`](Self::object) and [`array`](Self::array) hand its members to a closure,
/// [`value`](Self::value) returns where it lies, [`skip`](Self::skip) only checks it. A member that the closure leaves
/// alone is skipped. Nothing is allocated, save one small list of keys under [`DuplicateKeys::Reject`]. After an error
/// the scanner is of no further use. End with [`finish`](Self::finish).
///
/// ```
/// use headwater_model::json::{Limits, Scanner};
/// let body = br#"{"batch":[{"type":"track","event":"A"},{"type":"page"}],"writeKey":"k"}"#;
/// let mut events = Vec::new();
/// let mut write_key = None;
/// let mut scanner = Scanner::new(body, &Limits::default())?;
/// scanner.object(|key, scanner| {
///     if key.is("batch") {
///         scanner.array(|_index, scanner| {
///             let mut kind = None;
///             let range = scanner.object(|key, scanner| {
///                 if key.is("type") {
///                     kind = scanner.value()?.as_str();
///                 }
///                 Ok(())
///             })?;
///             events.push((range, kind));
///             Ok(())
///         })?;
///     } else if key.is("writeKey") {
///         write_key = scanner.value()?.as_str();
///     }
///     Ok(())
/// })?;
/// scanner.finish()?;
/// let (range, kind) = &events[1];
/// assert_eq!((&body[range.clone()], kind.as_deref()), (&br#"{"type":"page"}"#[..], Some("page")));
/// assert_eq!(write_key.as_deref(), Some("k"));
/// # Ok::<(), headwater_model::json::ParseError>(())
/// ```
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    max_depth: usize,
    #[cfg(feature = "duplicates")]
    keys: Option<Keys>,
}

impl<'a> Scanner<'a> {
    /// A scanner before the first value of `bytes`.
    ///
    /// # Errors
    /// When the bytes are too many, not UTF-8, or start with a byte order mark.
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self, ParseError> {
        if bytes.len() > limits.max_bytes {
            return Err(ParseError::new(
                ErrorKind::TooLarge {
                    max: limits.max_bytes,
                },
                limits.max_bytes,
            ));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ParseError::new(ErrorKind::NotUtf8, error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(ParseError::new(ErrorKind::ByteOrderMark, 0));
        }
        #[cfg(feature = "duplicates")]
        let keys = (limits.duplicate_keys == DuplicateKeys::Reject).then(Keys::default);
        Ok(Self {
            text,
            at: 0,
            depth: 0,
            max_depth: limits.depth(),
            #[cfg(feature = "duplicates")]
            keys,
        })
    }

    /// What the next value is, without taking it.
    ///
    /// # Errors
    /// When no value starts here.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind, ParseError> {
        self.blanks();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.error(ErrorKind::ExpectedValue)),
        }
    }

    /// Takes an object; `each` gets every key with the scanner standing before its value. Returns the object's bytes.
    ///
    /// # Errors
    /// [`ErrorKind::ExpectedObject`] for another value (ask [`kind`](Self::kind) first where that may be), whatever is
    /// wrong with the text, and what `each` returns.
    pub fn object<F>(&mut self, mut each: F) -> Result<Range<usize>, ParseError>
    where
        F: FnMut(Key<'a>, &mut Self) -> Result<(), ParseError>,
    {
        let start = self.open(b'{', ErrorKind::ExpectedObject)?;
        let mut first = true;
        while let Some(key) = self.next_key(first)? {
            first = false;
            let before = self.at;
            each(key, self)?;
            if self.at == before {
                self.skip()?;
            }
        }
        Ok(start..self.at)
    }

    /// Takes an array; `each` gets every index, from 0, with the scanner standing before the item. Returns the array's
    /// bytes.
    ///
    /// # Errors
    /// [`ErrorKind::ExpectedArray`] for another value (ask [`kind`](Self::kind) first where that may be), whatever is
    /// wrong with the text, and what `each` returns.
    pub fn array<F>(&mut self, mut each: F) -> Result<Range<usize>, ParseError>
    where
        F: FnMut(usize, &mut Self) -> Result<(), ParseError>,
    {
        let start = self.open(b'[', ErrorKind::ExpectedArray)?;
        let mut index = 0;
        while self.next_item(index == 0)? {
            let before = self.at;
            each(index, self)?;
            if self.at == before {
                self.skip()?;
            }
            index += 1;
        }
        Ok(start..self.at)
    }

    /// Takes any value and returns where it lies.
    ///
    /// # Errors
    /// Whatever is wrong with the text.
    #[inline]
    pub fn value(&mut self) -> Result<RawValue<'a>, ParseError> {
        let kind = self.kind()?;
        let start = self.at;
        let escaped = if kind == Kind::String {
            self.string()?
        } else {
            self.skip()?;
            false
        };
        Ok(RawValue {
            text: self.slice(start, self.at),
            start,
            kind,
            escaped,
        })
    }

    /// Takes any value and only checks it.
    ///
    /// # Errors
    /// Whatever is wrong with the text.
    pub fn skip(&mut self) -> Result<(), ParseError> {
        // No recursion: one bit a level says whether it is an object.
        let mut levels = Levels::default();
        let base = self.depth;
        'value: loop {
            self.blanks();
            match self.byte() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{') => {
                    self.open(b'{', ErrorKind::ExpectedObject)?;
                    if self.next_key(true)?.is_some() {
                        levels.push(true, self.depth);
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.open(b'[', ErrorKind::ExpectedArray)?;
                    if self.next_item(true)? {
                        levels.push(false, self.depth);
                        continue 'value;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't' | b'f') => {
                    self.bool()?;
                }
                Some(b'n') => self.literal("null")?,
                _ => return Err(self.error(ErrorKind::ExpectedValue)),
            }
            loop {
                if self.depth == base {
                    return Ok(());
                }
                let more = if levels.is_object(self.depth) {
                    self.next_key(false)?.is_some()
                } else {
                    self.next_item(false)?
                };
                if more {
                    continue 'value;
                }
            }
        }
    }

    /// Checks that only blanks follow.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`] when something else does.
    pub fn finish(mut self) -> Result<(), ParseError> {
        self.blanks();
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.error(ErrorKind::TrailingBytes)),
        }
    }

    /// Offset of the next byte to look at.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[cold]
    fn error(&self, kind: ErrorKind) -> ParseError {
        let kind = if self.at < self.text.len() {
            kind
        } else {
            ErrorKind::UnexpectedEnd
        };
        ParseError::new(kind, self.at)
    }

    /// Strings end before ASCII bytes, so the slice always exists.
    #[inline(always)]
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    #[inline(always)]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn open(&mut self, bracket: u8, otherwise: ErrorKind) -> Result<usize, ParseError> {
        self.blanks();
        if self.byte() != Some(bracket) {
            return Err(self.error(otherwise));
        }
        if self.depth == self.max_depth {
            return Err(ParseError::new(
                ErrorKind::TooDeep {
                    max: self.max_depth,
                },
                self.at,
            ));
        }
        self.depth += 1;
        #[cfg(feature = "duplicates")]
        if bracket == b'{'
            && let Some(keys) = &mut self.keys
        {
            keys.open();
        }
        self.at += 1;
        Ok(self.at - 1)
    }

    /// Takes the comma, key and colon before the next member, or the closing brace.
    #[inline]
    pub(super) fn next_key(&mut self, first: bool) -> Result<Option<Key<'a>>, ParseError> {
        self.blanks();
        match self.byte() {
            Some(b'}') => {
                self.at += 1;
                self.depth -= 1;
                #[cfg(feature = "duplicates")]
                if let Some(keys) = &mut self.keys
                    && let Some(repeated) = keys.close(self.text)
                {
                    return Err(ParseError::new(ErrorKind::DuplicateKey, repeated - 1));
                }
                return Ok(None);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.blanks();
            }
            _ if first => {}
            _ => return Err(self.error(ErrorKind::ExpectedCommaOrBrace)),
        }
        if self.byte() != Some(b'"') {
            return Err(self.error(ErrorKind::ExpectedKey));
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let end = self.at - 1;
        #[cfg(feature = "duplicates")]
        if let Some(keys) = &mut self.keys
            && !keys.add(self.text, start, end, escaped)
        {
            return Err(ParseError::new(ErrorKind::DuplicateKey, start - 1));
        }
        self.blanks();
        if self.byte() != Some(b':') {
            return Err(self.error(ErrorKind::ExpectedColon));
        }
        self.at += 1;
        self.blanks();
        Ok(Some(Key {
            inner: self.slice(start, end),
            escaped,
        }))
    }

    /// Takes the comma before the next item, or the closing bracket.
    #[inline]
    pub(super) fn next_item(&mut self, first: bool) -> Result<bool, ParseError> {
        self.blanks();
        match self.byte() {
            Some(b']') => {
                self.at += 1;
                self.depth -= 1;
                return Ok(false);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.blanks();
                // `[1,]`: said here, since the value's own error would be as vague as the text.
                if self.byte() == Some(b']') {
                    return Err(self.error(ErrorKind::ExpectedValue));
                }
            }
            _ if first => {}
            _ => return Err(self.error(ErrorKind::ExpectedCommaOrBracket)),
        }
        Ok(true)
    }

    /// Takes the string whose opening quote is here; whether it holds escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Result<bool, ParseError> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        let mut escaped = false;
        loop {
            at = special(bytes, at);
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    at = check_escape(bytes, at).map_err(|(kind, at)| ParseError::new(kind, at))?;
                }
                Some(_) => return Err(ParseError::new(ErrorKind::ControlCharacter, at)),
                None => return Err(ParseError::new(ErrorKind::UnexpectedEnd, at)),
            }
        }
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<(), ParseError> {
        self.at = number_end(self.text.as_bytes(), self.at)?;
        Ok(())
    }

    #[inline]
    pub(super) fn bool(&mut self) -> Result<bool, ParseError> {
        let value = self.byte() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    #[inline]
    pub(super) fn literal(&mut self, word: &str) -> Result<(), ParseError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        let kind = if word.as_bytes().starts_with(rest) {
            ErrorKind::UnexpectedEnd
        } else {
            ErrorKind::ExpectedValue
        };
        Err(ParseError::new(kind, self.at))
    }
}

impl fmt::Debug for Scanner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner")
            .field("at", &self.at)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// One bit for each open level: is it an object?
#[derive(Default)]
struct Levels([u64; Limits::DEPTH_CEILING / 64]);

impl Levels {
    /// `depth` counts from 1.
    #[inline(always)]
    fn push(&mut self, object: bool, depth: usize) {
        let level = depth - 1;
        if let Some(word) = self.0.get_mut(level / 64) {
            let bit = 1 << (level % 64);
            *word = if object { *word | bit } else { *word & !bit };
        }
    }

    #[inline(always)]
    fn is_object(&self, depth: usize) -> bool {
        let level = depth - 1;
        self.0
            .get(level / 64)
            .is_some_and(|word| word >> (level % 64) & 1 == 1)
    }
}
