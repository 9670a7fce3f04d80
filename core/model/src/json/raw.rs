use std::fmt;

use super::error::{ErrorKind, ParseError};
use super::scan::Scanner;
use super::span::Kind;
use super::{Limits, Object, parse};

/// The text of one JSON object: checked or written once, then carried as bytes.
///
/// The text is kept as it came, blanks and repeated keys included (those only where the limits let them pass).
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Vec<u8>);

impl Raw {
    /// `{}`
    #[must_use]
    pub fn empty() -> Self {
        Self(b"{}".to_vec())
    }

    /// Checks that `bytes` are exactly one JSON object; blanks around it are cut off.
    ///
    /// # Errors
    /// As [`parse`], and [`ErrorKind::ExpectedObject`] for another value.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        let mut scanner = Scanner::new(bytes, limits)?;
        let kind = scanner.kind()?;
        let value = scanner.value()?;
        scanner.finish()?;
        if kind != Kind::Object {
            return Err(ParseError::new(
                ErrorKind::ExpectedObject,
                value.range().start,
            ));
        }
        Ok(Self(value.bytes().to_vec()))
    }

    /// The caller has checked, or written, one JSON object.
    #[cfg(any(feature = "serde", not(feature = "strict")))]
    pub(crate) fn from_checked(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The pairs, to look at and change. The one step that reads the text again.
    #[must_use]
    pub fn to_object(&self) -> Object {
        // Depth and size were bounded when the text was checked or written, by limits that may have been larger.
        let limits = Limits {
            max_bytes: usize::MAX,
            max_depth: usize::MAX,
            ..Limits::default()
        };
        let value = parse(&self.0, &limits).unwrap_or_default();
        value.into_object().unwrap_or_default()
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length of the text in bytes, never below 2.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the text is never empty; is_empty_object is what one can ask"
    )]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the object has no pairs.
    #[must_use]
    pub fn is_empty_object(&self) -> bool {
        let inner = self
            .0
            .get(1..self.0.len().saturating_sub(1))
            .unwrap_or_default();
        inner.trim_ascii().is_empty()
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self::empty()
    }
}

/// An object nested beyond [`Limits::DEPTH_CEILING`], which code can build though no text can, reads back as empty.
impl From<&Object> for Raw {
    fn from(object: &Object) -> Self {
        let mut text = Vec::new();
        object.write(&mut text);
        Self(text)
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
