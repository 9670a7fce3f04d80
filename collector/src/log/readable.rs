//! What a good frame holds: a request's record, or a control record.

use std::num::NonZeroU32;

use headwater_model::time::Millis;

use super::control::{self, CONTROL_KIND, ControlHead, FIXED};
use super::record::{self, Head, RECORD_KIND};

/// A frame's body that this version can read, without the body's own rest.
#[derive(Debug)]
pub(super) enum Readable {
    /// A record, and the bytes of its head.
    Record(Head, usize),
    /// A control record, and the bytes before its text.
    Control(ControlHead, usize),
}

impl Readable {
    /// Reads a frame's body; `None` for kinds and layouts of other versions.
    pub(super) fn of(kind: u8, body: &[u8]) -> Option<Self> {
        match kind {
            RECORD_KIND => {
                let (head, len) = record::decode_head(body).ok()?;
                Some(Self::Record(head, len))
            }
            CONTROL_KIND => Some(Self::Control(control::decode(body).ok()?, FIXED)),
            _ => None,
        }
    }

    /// The lower half of the position at which it was written, if it says so.
    pub(super) fn place(&self) -> Option<NonZeroU32> {
        match self {
            Self::Record(head, _) => head.place,
            Self::Control(head, _) => head.place,
        }
    }

    /// When it was received or written.
    pub(super) fn received(&self) -> Millis {
        match self {
            Self::Record(head, _) => head.received,
            Self::Control(head, _) => head.received,
        }
    }
}
