/// What [`parse`](super::parse) and the [`Scanner`](super::Scanner) accept beyond the grammar.
///
/// Defaults: 1 MiB, 128 levels, [`DuplicateKeys::LastWins`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest text in bytes. Default 1 MiB: twice the largest batch that Segment takes (500 KB).
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects, counted in open ones. Default 128, about what serde_json takes (127);
    /// real events stay below 10. Values over [`Limits::DEPTH_CEILING`] count as the ceiling.
    pub max_depth: usize,
    /// What a key that stands twice in one object means.
    pub duplicate_keys: DuplicateKeys,
}

impl Limits {
    /// The most that `max_depth` can ask for: parsing, writing and dropping a value of this depth fits the smallest
    /// stack we meet (512 KB, a secondary thread on iOS).
    pub const DEPTH_CEILING: usize = 256;

    /// The deepest that properties, traits or a context should be: event and envelope add three levels
    /// (`{"batch":[{"properties":…}]}`), and a reader with the usual limit of 127 or 128 must still take the whole, or
    /// one event would cost its batch.
    pub const PAYLOAD_DEPTH: usize = 120;

    /// These limits with another `max_bytes`.
    #[must_use]
    pub const fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// These limits with another `max_depth`.
    #[must_use]
    pub const fn with_max_depth(mut self, max_depth: usize) -> Self {
        self.max_depth = max_depth;
        self
    }

    /// These limits with another `duplicate_keys`.
    #[must_use]
    pub const fn with_duplicate_keys(mut self, duplicate_keys: DuplicateKeys) -> Self {
        self.duplicate_keys = duplicate_keys;
        self
    }

    pub(crate) const fn depth(&self) -> usize {
        if self.max_depth < Self::DEPTH_CEILING {
            self.max_depth
        } else {
            Self::DEPTH_CEILING
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 20,
            max_depth: 128,
            duplicate_keys: DuplicateKeys::LastWins,
        }
    }
}

/// What a key that stands twice in one object means; RFC 8259 §4 leaves it open.
///
/// Keys are compared after unescaping: `"a"` and `"\u0061"` are the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DuplicateKeys {
    #[cfg(feature = "duplicates")]
    /// The text is refused: for a hub, since two readers would see two different events.
    Reject,
    /// The last value counts, at the place of the first: what JavaScript does.
    #[default]
    LastWins,
}
