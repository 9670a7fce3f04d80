//! What a machine and its host tell each other.

use headwater_collector::log::Place;

use crate::state::{Counts, Delta};

/// A request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What the host tells.
#[derive(Clone, Debug)]
pub enum Input {
    /// The log was read from where `Read` asked up to `to`, which is not included. Events in between that are not in
    /// `items` are decided.
    Read {
        /// Where reading goes on.
        to: Place,
        /// What is to be delivered, in order.
        items: Vec<Place>,
        /// How many events were decided without a request, by reason, in stretches that follow one another. Each ends
        /// where the next of `items` lies, or at `to`.
        passed: Vec<(Place, Counts)>,
        /// The workspace's version that decided.
        version: String,
    },
    /// The log ended where reading goes on; it has grown now.
    Grown,
    /// A request ended.
    Answered {
        /// Which.
        request: RequestId,
        /// How.
        outcome: Outcome,
    },
    /// The commit in hand is durable.
    Committed,
    /// It is not, and nothing of it.
    CommitFailed,
    /// Time has passed.
    Tick,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has the event.
    Delivered,
    /// It may have it later: the connection failed, or the answer says so.
    Retry {
        /// Why, for people and for grouping.
        reason: String,
        /// Milliseconds that the destination asks to wait.
        after: Option<u64>,
    },
    /// No request was made: the rules of today keep the event from the destination, or it is no longer in the log.
    Passed {
        /// What became of it: `dropped`, `expired`.
        outcome: &'static str,
        /// Why.
        reason: String,
    },
    /// It will never take the event.
    Rejected {
        /// Why.
        reason: String,
        /// The answer's status.
        status: Option<u16>,
    },
}

/// What the host does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read the log from here on. Answered by [`Input::Read`]; where the log ends, once it has grown.
    Read {
        /// Where.
        from: Place,
    },
    /// Deliver an event. Answered by [`Input::Answered`].
    Send {
        /// Names the answer.
        request: RequestId,
        /// The event.
        place: Place,
        /// Attempts before this one.
        attempts: u32,
    },
    /// Write this down, all of it or nothing. Answered by [`Input::Committed`] or [`Input::CommitFailed`].
    Commit(Delta),
}
