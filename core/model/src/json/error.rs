use thiserror::Error;

/// Why a text is not the JSON that was asked for, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind} (at byte {offset})")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Offset in bytes from the start of the input, 0-based; the input's length when it ended too soon.
    pub offset: usize,
}

impl ParseError {
    pub(crate) const fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }
}

/// The kinds of [`ParseError`]; each text says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// More bytes than [`Limits::max_bytes`](super::Limits::max_bytes).
    #[error("the text is too large; send at most {max} bytes")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
    },
    /// More nesting than [`Limits::max_depth`](super::Limits::max_depth).
    #[error("nested too deeply; use at most {max} levels of arrays and objects")]
    TooDeep {
        /// The limit in levels.
        max: usize,
    },
    /// The bytes are not UTF-8 (RFC 8259 §8.1).
    #[error("not UTF-8; encode the text as UTF-8")]
    NotUtf8,
    /// The text starts with a byte order mark, which RFC 8259 §8.1 forbids to send.
    #[error("starts with a byte order mark; send the text without it")]
    ByteOrderMark,
    /// The text ended inside a value.
    #[error("the text ends too early; send all of it")]
    UnexpectedEnd,
    /// Something follows the one value of the text.
    #[error("unexpected bytes after the value; send one value only")]
    TrailingBytes,
    /// No value starts here.
    #[error("expected a value: an object, array, string, number, true, false or null")]
    ExpectedValue,
    /// An object was needed here.
    #[error("expected an object; write `{{…}}`")]
    ExpectedObject,
    /// An array was needed here.
    #[error("expected an array; write `[…]`")]
    ExpectedArray,
    /// An object's key must be a string.
    #[error("expected a key; write it in double quotes")]
    ExpectedKey,
    /// A key must be followed by a colon.
    #[error("expected `:` after the key")]
    ExpectedColon,
    /// After a member comes `,` or `}`.
    #[error("expected `,` or `}}`")]
    ExpectedCommaOrBrace,
    /// After an element comes `,` or `]`.
    #[error("expected `,` or `]`")]
    ExpectedCommaOrBracket,
    /// A number outside the grammar: a leading zero, a bare sign, a dot without digits …
    #[error("not a JSON number; write it like -12.5e3")]
    InvalidNumber,
    /// A byte below 0x20 stands in a string.
    #[error("control character in a string; escape it, for instance as \\n")]
    ControlCharacter,
    /// A backslash followed by something the grammar does not know.
    #[error("unknown escape; use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX")]
    InvalidEscape,
    /// Half of a surrogate pair: it names no character and has no form in UTF-8.
    #[error("lone surrogate; write both halves of the pair")]
    LoneSurrogate,
    /// A key stands twice in one object, under [`DuplicateKeys::Reject`](super::DuplicateKeys::Reject).
    #[error("duplicate key; name each key once in an object")]
    DuplicateKey,
}
