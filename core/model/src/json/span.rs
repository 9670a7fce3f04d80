//! What the scanner hands out: pieces of its input, checked but not decoded.

use std::borrow::Cow;
use std::ops::Range;

use super::string::decode;

/// What a value is, told from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A key of an object, as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    pub(super) inner: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Key<'a> {
    /// Whether the key is `name`, escapes undone.
    #[must_use]
    #[inline]
    pub fn is(&self, name: &str) -> bool {
        if self.escaped {
            self.decode() == name
        } else {
            self.inner == name
        }
    }

    /// The key, escapes undone; borrowed when there are none.
    #[must_use]
    pub fn decode(&self) -> Cow<'a, str> {
        decode(self.inner, self.escaped)
    }
}

/// A value as it stands in the text, already checked.
#[derive(Debug, Clone, Copy)]
pub struct RawValue<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) kind: Kind,
    pub(super) escaped: bool,
}

impl<'a> RawValue<'a> {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it lies in the scanner's input.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Its text.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What a string says, escapes undone; borrowed when there are none.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        if self.kind != Kind::String {
            return None;
        }
        let inner = self.text.get(1..self.text.len() - 1).unwrap_or_default();
        Some(decode(inner, self.escaped))
    }

    /// A number without fraction and exponent that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if self.kind == Kind::Number {
            self.text.parse().ok()
        } else {
            None
        }
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if self.kind == Kind::Bool {
            Some(self.text == "true")
        } else {
            None
        }
    }
}
