//! Records that say something about the log's readers' rules and not about a request: frames of kind [`CONTROL_KIND`].
//!
//! ```text
//! place     u32   the lower half of the record's own position, or 0: not known
//! received  i64   Unix milliseconds
//! topic     u8    see [`Topic`]
//! text      the rest of the frame: a JSON object
//! ```
//! They lie among the requests so that whoever reads the log in its order switches at the same position: to another
//! version of the configuration, to a profile without what is to be deleted. A topic that is not known is passed over and
//! counted, as a frame of an unknown kind is.

use std::num::NonZeroU32;

use bytes::Bytes;
use headwater_model::time::Millis;

use super::Position;
use super::record::{Read, RecordError};

/// The frame kind of the layout above.
pub const CONTROL_KIND: u8 = 2;

/// The largest text, in bytes: room for the name of a version and its parts, not for the version itself.
pub const MAX_CONTROL_TEXT: usize = 64 << 10;

/// Bytes before the text.
pub(super) const FIXED: usize = 13;

/// What a control record is about. Numbers are stored: they never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Topic {
    /// From here on another version of the configuration holds.
    Version = 1,
    /// What lies before of one user is to be forgotten.
    Delete = 2,
    /// A profile is split.
    Split = 3,
    /// Profiles are merged by hand.
    Merge = 4,
    /// A computation began, changed or ended.
    Computation = 5,
    /// Time passes: windows close up to here.
    Tick = 6,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 6] = [
        Topic::Version,
        Topic::Delete,
        Topic::Split,
        Topic::Merge,
        Topic::Computation,
        Topic::Tick,
    ];

    fn from_number(number: u8) -> Option<Topic> {
        Self::ALL.into_iter().find(|topic| *topic as u8 == number)
    }
}

/// What a control record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub topic: Topic,
    /// A JSON object of at most [`MAX_CONTROL_TEXT`] bytes.
    pub text: Bytes,
}

/// A control record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Where it lies.
    pub position: Position,
    /// When it was written.
    pub received: Millis,
    /// What it says.
    pub note: Note,
}

/// A control record without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ControlHead {
    pub(super) place: Option<NonZeroU32>,
    pub(super) received: Millis,
    pub(super) topic: Topic,
}

/// The bytes before the text of a note that will lie at `position`.
pub(super) fn encode(topic: Topic, received: Millis, position: Position) -> [u8; FIXED] {
    let mut head = [0; FIXED];
    head[..4].copy_from_slice(&(position.0 as u32).to_le_bytes());
    head[4..12].copy_from_slice(&received.0.to_le_bytes());
    head[12] = topic as u8;
    head
}

/// Reads what [`encode`] wrote; `bytes` may go on behind it.
pub(super) fn decode(bytes: &[u8]) -> Result<ControlHead, RecordError> {
    let mut read = Read(bytes);
    let place = NonZeroU32::new(read.u32()?);
    let received = Millis(i64::from_le_bytes(read.array()?));
    let [topic] = read.array()?;
    Ok(ControlHead {
        place,
        received,
        topic: Topic::from_number(topic).ok_or(RecordError::Unknown("topic"))?,
    })
}

/// Whether a body of `len` bytes that begins with `start` can be one of ours.
pub(super) fn may_begin(len: usize, start: &[u8]) -> bool {
    let topic = start.get(FIXED - 1);
    let text = start.get(FIXED);
    (FIXED..=FIXED + MAX_CONTROL_TEXT).contains(&len)
        && topic.is_none_or(|number| Topic::from_number(*number).is_some())
        && text.is_none_or(|first| *first == b'{')
}
