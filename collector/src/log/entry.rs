//! What a request brings to the log: the validated body, and where its events lie in it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::event::EventType;
use headwater_model::time::Millis;

use super::{Claim, Head, Position, Stored};
use crate::config::Platform;
use crate::sources::KeyTag;

/// One request, ready to be stored.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When its last byte was received.
    pub received: Millis,
    /// The source's id; empty when the write key is unknown.
    pub source: Arc<str>,
    /// How many hubs it came through before.
    pub hops: u8,
    /// Which write key it came with.
    pub key: KeyTag,
    /// Where the source's events are made.
    pub platform: Platform,
    /// The sender's address, if the source keeps it.
    pub ip: Option<IpAddr>,
    /// The type that the route implies (`/v1/track`).
    pub implied: Option<EventType>,
    /// Where the events lie in the body, in order.
    pub events: Vec<Slot>,
    /// Valid JSON, inflated: one event (`implied` is set), or an envelope with `batch`.
    pub body: Bytes,
}

impl Entry {
    /// The entry as a reader would find it, without going through the log.
    #[must_use]
    pub fn unstored(&self) -> Stored {
        Stored {
            position: Position::default(),
            head: Head {
                place: None,
                received: self.received,
                nonce: None,
                hops: self.hops,
                source: self.source.to_string(),
                key: self.key,
                platform: self.platform,
                ip: self.ip,
                implied: self.implied,
                events: self.events.clone(),
            },
            body: self.body.clone(),
        }
    }
}

/// One event of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// First byte in the body.
    pub offset: u32,
    /// Bytes in the body.
    pub len: u32,
    /// What becomes of it; `Accepted` turns into `Duplicate` when the claim is taken already.
    pub verdict: Verdict,
    /// The fingerprint of (source, messageId); meaningful for `Accepted`, `Redacted` and `Duplicate` only.
    pub claim: Claim,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Stored; its messageId is claimed.
    Accepted,
    /// Stored; it has no messageId, so it gets one from the record's nonce and cannot be recognised when sent again.
    AcceptedWithoutId,
    /// The messageId was accepted before.
    Duplicate,
    /// Its user is suppressed: its bytes were cut out before the request was stored, and its messageId is not claimed.
    Suppressed,
    /// It was accepted and its bytes were taken out later; its messageId stays claimed.
    Redacted,
    /// Its bytes were taken out, and it has no claim: it came without a messageId, or was not accepted.
    RedactedUnclaimed,
    /// Stored with the request, but not as an event.
    Rejected(Reason),
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $message:literal;)*) => {
        /// Why an event is rejected. Numbers are stored: they never change meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name = $number,)* }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The stable name for programs, `snake_case`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }

            /// What is wrong and what to do, for people.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Reason::$name => $message,)* }
            }

            /// The reason with this stored number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Reason> {
                match number { $($number => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// Neither userId nor anonymousId.
    NoUserOrAnonymousId = 16, "no_user_anon_id", "send a userId or an anonymousId with each event";
    /// `type` is missing or none of the six.
    UnknownType = 17, "unknown_type", "`type` must be track, identify, page, screen, group or alias";
    /// A track without `event`.
    NoEventName = 18, "no_event_name", "a track call needs `event`, a string that is not empty";
    /// A messageId over 100 bytes.
    MessageIdTooLong = 19, "message_id_too_long", "`messageId` must have at most 100 characters";
    /// More bytes than an event may have.
    EventTooLarge = 20, "event_too_large", "an event may have at most 32 KB; send less with it";
    /// Beyond the number of events a batch may have.
    TooManyEvents = 21, "too_many_events", "a batch may have at most 2,500 events; send the rest in another one";
    /// An item of the batch that is no object.
    NotAnObject = 22, "not_an_object", "each item of `batch` must be an object";
    /// A group without groupId.
    NoGroupId = 23, "no_group_id", "a group call needs `groupId`";
    /// An alias that does not say which two ids are one.
    NoAliasIds = 24, "no_alias_ids", "an alias call needs two of `userId`, `previousId` and `anonymousId`, which stands in for a missing `previousId`";
    /// A field of the spec with a value of another type.
    WrongType = 25, "wrong_type", "`properties`, `traits`, `context` and `integrations` must be objects; ids must be strings or numbers";
    /// No source has this write key.
    UnknownWriteKey = 26, "unknown_write_key", "no source has this write key; check it, or add it to the configuration";
    /// The source is switched off.
    SourceDisabled = 27, "source_disabled", "the source is disabled in the configuration";
    /// The page's origin is not on the source's list.
    OriginNotAllowed = 28, "origin_not_allowed", "the source's allowed_origins do not name this page's origin";
    /// It came through more hubs than events may.
    TooManyHops = 29, "too_many_hops", "the event came through more than three hubs: a destination sends it back to where it came from; remove that destination";
}

impl Verdict {
    /// The number that is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Verdict::Accepted => 0,
            Verdict::AcceptedWithoutId => 1,
            Verdict::Duplicate => 2,
            Verdict::Suppressed => 3,
            Verdict::Redacted => 4,
            Verdict::RedactedUnclaimed => 5,
            Verdict::Rejected(reason) => reason as u8,
        }
    }

    /// The verdict with this stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Verdict> {
        match number {
            0 => Some(Verdict::Accepted),
            1 => Some(Verdict::AcceptedWithoutId),
            2 => Some(Verdict::Duplicate),
            3 => Some(Verdict::Suppressed),
            4 => Some(Verdict::Redacted),
            5 => Some(Verdict::RedactedUnclaimed),
            _ => Reason::from_number(number).map(Verdict::Rejected),
        }
    }

    /// Whether its messageId is claimed, and the claim stored.
    #[must_use]
    pub fn is_claimed(self) -> bool {
        matches!(self, Verdict::Accepted | Verdict::Redacted)
    }

    /// What it is once the event's bytes were taken out.
    #[must_use]
    pub fn redacted(self) -> Verdict {
        match self {
            Verdict::Accepted | Verdict::Redacted => Verdict::Redacted,
            Verdict::Suppressed => Verdict::Suppressed,
            _ => Verdict::RedactedUnclaimed,
        }
    }

    /// Whether the event counts.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Verdict::Accepted | Verdict::AcceptedWithoutId)
    }
}
