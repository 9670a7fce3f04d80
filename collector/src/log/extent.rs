//! A stretch of the log.

use super::Position;

/// A stretch of the log, from the position of its first record to one beyond its last; empty by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    from: u64,
    to: u64,
}

impl Extent {
    /// From one position up to another.
    #[must_use]
    pub fn new(from: u64, to: u64) -> Self {
        Self { from, to }
    }

    /// Where it begins and ends.
    #[must_use]
    pub fn ends(&self) -> (Position, Position) {
        (Position(self.from), Position(self.to))
    }

    /// Whether it has no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Whether the record at `position` is in it.
    #[must_use]
    pub fn holds(&self, position: Position) -> bool {
        (self.from..self.to).contains(&position.0)
    }

    /// Grows until `other` is in it, too.
    pub fn cover(&mut self, other: &Self) {
        if self.is_empty() {
            *self = *other;
        } else if !other.is_empty() {
            self.from = self.from.min(other.from);
            self.to = self.to.max(other.to);
        }
    }

    /// Whether they have a byte in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.from.max(other.from) < self.to.min(other.to)
    }
}
