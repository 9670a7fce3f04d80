//! What the host tells the engine.

use crate::config::DestinationConfig;
use crate::effect::StateKey;
use crate::engine::Stored;
use crate::identity::Identity;
use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::Object;

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The deadline came.
    Timer,
    /// The application wants everything out; answered by `FlushDone` with this id.
    Flush(u64),
    /// The event is in the store.
    Persisted(Seq),
    /// The store could not take the event.
    StoreFailed(Seq, StoreFailure),
    /// A stored event, or `None` when the store lost it. The answer to `Load`.
    Loaded(Seq, Option<Vec<u8>>),
    /// The answer to `Sync`.
    Synced(bool),
    /// The answer to `Upload`.
    Http {
        /// The request's id.
        request: u32,
        /// What came of it.
        outcome: HttpOutcome,
    },
    /// The answer to `FetchSettings`: status and body, or `None` when no answer came.
    SettingsFetched(Option<(u16, Vec<u8>)>),
    /// The answer to `Deliver`.
    Delivered {
        /// The delivery's id.
        delivery: u64,
        /// What came of it.
        outcome: DeliveryOutcome,
    },
    /// The answer to `TryAgain`.
    Tried {
        /// The try's id.
        id: u64,
        /// What came of it.
        outcome: TryOutcome,
    },
    /// The app came or went.
    Lifecycle(Lifecycle),
    /// The network came or went.
    Connection(Connection),
    /// The user decided. Names and whether each is granted.
    SetConsent {
        /// The decision.
        preferences: Vec<(String, bool)>,
        /// Sixteen random bytes, for the event that tells of it.
        entropy: [u8; 16],
    },
    /// The device has something new to say for `context`; merged over what was there.
    Context(Object),
    /// This client sends what is in the store (`true`, so at start), or another client of the same store does.
    Lead(bool),
    /// Events that other clients of the same store persisted, in order, numbered by `Engine::reserve`: now this
    /// client's to send.
    Adopt(Vec<Stored>),
    /// These events are in the store and another client's to send.
    GiveAway(Vec<Seq>),
    /// Another client of the same store saved this piece of state.
    Saved(StateKey, Vec<u8>),
    /// One more device-mode destination; its index is the next one.
    Destination(DestinationConfig),
    /// Forget who the user is: a new anonymousId from these bytes, no userId, traits or group.
    Reset([u8; 16]),
    /// Take over an identity from elsewhere, such as another SDK's.
    Import(Identity),
    /// Sessions by hand.
    Session(SessionCommand),
    /// Another [`Pace`](crate::Pace), for what waits already, too; `None` leaves what is set.
    Pace {
        /// See [`Pace::events`](crate::Pace::events); asked at the next event.
        events: Option<usize>,
        /// See [`Pace::interval`](crate::Pace::interval).
        interval: Option<u64>,
    },
    /// Throw away everything that waits, with a report.
    Purge,
    /// No more calls; what is queued still goes out.
    Close,
    /// The client ends: what it keeps in memory only is reported, since nobody will ever send it.
    End {
        /// The store itself is memory.
        volatile: bool,
    },
}

/// Why the store could not take an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// No space.
    Full,
    /// Anything else.
    Io,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpOutcome {
    /// The hub answered.
    Answered {
        /// The status.
        status: u16,
        /// The `Retry-After` header as it came.
        retry_after: Option<String>,
        /// The `Location` header as it came; a host follows no redirect by itself. Not in a page, which cannot see it.
        #[cfg(feature = "native")]
        location: Option<String>,
    },
    /// No answer: refused, reset, timed out, no route.
    NoAnswer,
    /// Nothing was sent: the store could not read these events any more.
    Unreadable(Vec<Seq>),
}

impl HttpOutcome {
    /// An answer without a `Location`, as pages see them all.
    #[inline]
    #[must_use]
    pub fn answered(status: u16, retry_after: Option<String>) -> HttpOutcome {
        HttpOutcome::Answered {
            status,
            retry_after,
            #[cfg(feature = "native")]
            location: None,
        }
    }
}

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// Taken.
    Done,
    /// The destination failed or panicked; what it said.
    Failed(String),
    /// A guard of the destination's own failed: it has not seen the event. Which, and what it said.
    Guard(String),
}

/// What came of another try of an event that a guard keeps back.
#[derive(Clone, Debug)]
pub enum TryOutcome {
    /// All plugins let it pass: the event as they left it.
    Passed(Box<Event>),
    /// The plugin of this name said no.
    Dropped(String),
    /// A guard failed again, or is not there.
    Failed {
        /// Its name.
        plugin: String,
        /// What it said.
        detail: String,
    },
}

/// The app's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// In front of the user.
    Foreground,
    /// Out of sight; may be stopped at any moment.
    Background,
    /// About to end.
    Terminating,
}

/// The network's state, as far as the host knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// There is one.
    Online,
    /// There is none; no tries until there is.
    Offline,
}

/// Sessions by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// Start one now, with this id (unix seconds) or the current time's.
    Start(Option<u64>),
    /// End the running one; none starts by itself until `Start`.
    End,
}
