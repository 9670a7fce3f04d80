//! Identifiers as types: one that exists has been checked, so nothing checks it again.
//!
//! No randomness here: whoever needs a new id brings the entropy.

use std::fmt;

use thiserror::Error;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// No text at all.
    #[error("{what} is empty; give one")]
    Empty {
        /// Which identifier, in the spec's words.
        what: &'static str,
    },
    /// More bytes than allowed.
    #[error("{what} has {len} bytes; use at most {max}")]
    TooLong {
        /// Which identifier, in the spec's words.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// A character that this identifier must not hold.
    #[error("{what} holds a character that is not allowed at byte {at}; {allowed}")]
    Character {
        /// Which identifier, in the spec's words.
        what: &'static str,
        /// Offset in bytes of the character.
        at: usize,
        /// What is allowed instead.
        allowed: &'static str,
    },
}

fn check_length(what: &'static str, text: &str, max: usize) -> Result<(), IdError> {
    match text.len() {
        0 => Err(IdError::Empty { what }),
        len if len > max => Err(IdError::TooLong { what, len, max }),
        _ => Ok(()),
    }
}

fn check_bytes(
    what: &'static str,
    text: &str,
    allowed: &'static str,
    good: fn(u8) -> bool,
) -> Result<(), IdError> {
    match text.bytes().position(|byte| !good(byte)) {
        Some(at) => Err(IdError::Character { what, at, allowed }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $allowed:literal, $good:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Checks and takes `text`.
            ///
            /// # Errors
            /// When it is empty, too long, or holds a character that is not allowed.
            pub fn new(text: impl Into<Box<str>> + AsRef<str>) -> Result<Self, IdError> {
                Self::check(text.as_ref())?;
                Ok(Self(text.into()))
            }

            /// Checks `text` without taking it.
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn check(text: &str) -> Result<(), IdError> {
                check_length($what, text, Self::MAX_BYTES)?;
                check_bytes($what, text, $allowed, $good)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    };
}

id! {
    /// The key of a source: 1 to 200 visible ASCII characters, so that it fits a header and a URL as it is.
    WriteKey, "writeKey", 200, "use visible ASCII without blanks", |byte| byte.is_ascii_graphic()
}

id! {
    /// The id of an event, stable over every retry: 1 to 100 bytes without control characters.
    ///
    /// Segment's documents say both "under 100 characters" and "at most 100"; the wider reading is taken here, since
    /// the narrow one would lose an event over one byte. Ids made here have 36.
    MessageId, "messageId", 100, "leave control characters out", |byte| !byte.is_ascii_control()
}

id! {
    /// The id of a visitor that has not said who they are: 1 to 500 bytes without control characters. Not always a
    /// UUID: ids that other SDKs made are taken over as they are.
    AnonymousId, "anonymousId", 500, "leave control characters out", |byte| !byte.is_ascii_control()
}

/// A write key opens a source, so only its beginning is shown.
impl fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.0.len() > 8 {
            self.0.get(..4).unwrap_or_default()
        } else {
            ""
        };
        f.write_str("WriteKey(")?;
        f.write_str(shown)?;
        f.write_str("…)")
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AnonymousId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event's place in its queue: given once, rising, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The version 4 UUID (RFC 9562 §5.4) of 16 random bytes, as ASCII: `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`. Version
/// and variant bits are set here.
#[must_use]
pub fn uuid_v4_ascii(mut entropy: [u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    entropy[6] = entropy[6] & 0x0f | 0x40;
    entropy[8] = entropy[8] & 0x3f | 0x80;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in entropy.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// [`uuid_v4_ascii`] as a `String`.
#[must_use]
pub fn uuid_v4(entropy: [u8; 16]) -> String {
    // Hexadecimal digits and dashes: always UTF-8.
    String::from_utf8(uuid_v4_ascii(entropy).to_vec()).unwrap_or_default()
}

impl MessageId {
    /// A new id from 16 random bytes.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        Self(uuid_v4(entropy).into())
    }
}

impl AnonymousId {
    /// A new id from 16 random bytes.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        Self(uuid_v4(entropy).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_version_4_and_the_rfc_variant() {
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let counted = std::array::from_fn(|index| index as u8);
        assert_eq!(uuid_v4(counted), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }

    #[test]
    fn a_write_key_is_1_to_200_visible_ascii_characters() {
        assert!(WriteKey::new("k").is_ok());
        assert!(WriteKey::new("k".repeat(200)).is_ok());
        assert_eq!(WriteKey::new(""), Err(IdError::Empty { what: "writeKey" }));
        assert_eq!(
            WriteKey::new("k".repeat(201)),
            Err(IdError::TooLong {
                what: "writeKey",
                len: 201,
                max: 200
            })
        );
        for text in ["a b", "a\n", "ä", "\u{7f}"] {
            assert!(
                matches!(WriteKey::new(text), Err(IdError::Character { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_write_key_is_not_shown_in_full_when_debugged() {
        let key = WriteKey::new("abcdefghijklmnop").unwrap();
        assert_eq!(format!("{key:?}"), "WriteKey(abcd…)");
    }

    #[test]
    fn a_message_id_is_1_to_100_bytes() {
        assert!(MessageId::new("m".repeat(100)).is_ok());
        assert!(MessageId::new("m".repeat(101)).is_err());
        assert!(MessageId::new("").is_err());
        assert!(MessageId::new("a\0b").is_err());
        assert!(MessageId::new("ünï-cöde").is_ok());
    }
}
