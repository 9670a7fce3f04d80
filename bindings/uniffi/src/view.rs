//! What the client answers.

use headwater::json::Value;

use crate::call::object;
use crate::error::HeadwaterError;

/// Where an accepted call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Outcome {
    /// In the queue: it will be delivered or reported.
    Queued,
    /// It waits for a decision on consent.
    Held,
    /// To destinations in this process only (`"Segment.io": false`).
    LocalOnly,
    /// Kept back by a denied consent; a report says so.
    Dropped,
}

/// An accepted call.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Receipt {
    /// Where it went.
    pub outcome: Outcome,
    /// The event's id.
    pub message_id: String,
}

impl From<headwater::Receipt> for Receipt {
    fn from(receipt: headwater::Receipt) -> Receipt {
        let (outcome, message_id) = match receipt {
            headwater::Receipt::Queued(id) => (Outcome::Queued, id),
            headwater::Receipt::Held(id) => (Outcome::Held, id),
            headwater::Receipt::LocalOnly(id) => (Outcome::LocalOnly, id),
            headwater::Receipt::Dropped(id) => (Outcome::Dropped, id),
        };
        Receipt {
            outcome,
            message_id,
        }
    }
}

/// What a flush did. Counts are of the events queued before it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct FlushReport {
    /// The hub has them.
    pub delivered: u64,
    /// Reported with a reason.
    pub dropped: u64,
    /// Still queued: they are safe and will be tried again.
    pub pending: u64,
    /// Why something is pending, in words.
    pub waiting_for: Option<String>,
    /// Milliseconds until the next try, where that is known.
    pub retry_in_ms: Option<u64>,
}

impl From<headwater::FlushReport> for FlushReport {
    fn from(report: headwater::FlushReport) -> FlushReport {
        FlushReport {
            delivered: report.delivered,
            dropped: report.dropped,
            pending: report.pending,
            waiting_for: report.waiting_for,
            retry_in_ms: report.retry_in,
        }
    }
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Queue {
    /// Events.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Events that will never be delivered, added up by reason since the client was built.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Dropped {
    /// Why, as in [`DropReport`](crate::DropReport).
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// The current user.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Identity {
    /// The device's id.
    pub anonymous_id: String,
    /// The known user, after an identify.
    pub user_id: Option<String>,
    /// What is known of the user, a JSON object.
    pub traits: String,
    /// The user's account, after a group call.
    pub group_id: Option<String>,
    /// What is known of the account, a JSON object.
    pub group_traits: String,
}

impl From<headwater::Identity> for Identity {
    fn from(identity: headwater::Identity) -> Identity {
        Identity {
            anonymous_id: identity.anonymous_id.as_str().to_owned(),
            user_id: identity.user_id,
            traits: Value::Object(identity.traits).to_string(),
            group_id: identity.group_id,
            group_traits: Value::Object(identity.group_traits).to_string(),
        }
    }
}

impl TryFrom<Identity> for headwater::Identity {
    type Error = HeadwaterError;

    fn try_from(identity: Identity) -> Result<headwater::Identity, HeadwaterError> {
        Ok(headwater::Identity {
            anonymous_id: headwater::AnonymousId::new(identity.anonymous_id)
                .map_err(|error| HeadwaterError::Invalid(format!("anonymousId: {error}")))?,
            user_id: identity.user_id.filter(|id| !id.is_empty()),
            traits: object("traits", &identity.traits)?,
            group_id: identity.group_id.filter(|id| !id.is_empty()),
            group_traits: object("group traits", &identity.group_traits)?,
        })
    }
}
