//! A call of the application, before it is an event.

#[cfg(feature = "plugins")]
use headwater_model::event::Event;
use headwater_model::event::{EventType, Payload};
use headwater_model::json::Object;
use headwater_model::time::Millis;

/// A closure that sees one event, after the enrichment plugins and before the destinations. `None` drops the event.
#[cfg(feature = "plugins")]
pub type Enrichment = Box<dyn FnOnce(Event) -> Option<Event> + Send>;
/// There are none without the feature `plugins`.
#[cfg(not(feature = "plugins"))]
pub type Enrichment = core::convert::Infallible;

/// One call: what the application said, and when.
pub struct Call {
    /// Which of the six calls, with its arguments.
    pub kind: CallKind,
    /// What the caller overrides.
    pub options: CallOptions,
    /// When the call was made, where that is not now: a call that was captured before the engine was there.
    pub at: Option<Millis>,
    /// Sixteen random bytes from the host, for the ids this call needs.
    pub entropy: [u8; 16],
    /// Sixteen more, for the anonymousId that a change of user needs.
    pub spare_entropy: [u8; 16],
    /// Runs on this event alone.
    pub enrichment: Option<Enrichment>,
}

/// Without what the caller said: it is personal.
impl core::fmt::Debug for Call {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Call")
            .field("kind", &self.kind.name())
            .finish_non_exhaustive()
    }
}

/// Its name alone, as for [`Call`].
impl core::fmt::Debug for CallKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Without what is in them, as for [`Call`].
impl core::fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CallOptions").finish_non_exhaustive()
    }
}

impl CallKind {
    /// The spec's word for it: `track`, `identify`, `page`, `screen`, `group` or `alias`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            CallKind::Track { .. } => "track",
            CallKind::Identify { .. } => "identify",
            CallKind::Page { .. } => "page",
            CallKind::Screen { .. } => "screen",
            CallKind::Group { .. } => "group",
            CallKind::Alias { .. } => "alias",
        }
    }
}

/// The six calls with their arguments.
#[derive(Clone)]
pub enum CallKind {
    /// Something happened.
    Track {
        /// The event's name.
        event: String,
        /// Its properties.
        properties: Payload,
    },
    /// Who the user is. Without an id, traits are added to the current user's.
    Identify {
        /// The user's id.
        user_id: Option<String>,
        /// What is known of the user.
        traits: Payload,
    },
    /// A web page was seen.
    Page {
        /// Its category.
        category: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its properties.
        properties: Payload,
    },
    /// An app screen was seen.
    Screen {
        /// Its category.
        category: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its properties.
        properties: Payload,
    },
    /// The user belongs to an account.
    Group {
        /// The account's id.
        group_id: String,
        /// What is known of the account.
        traits: Payload,
    },
    /// `user_id` continues `previous_id`. Sent exactly as given.
    Alias {
        /// The new id.
        user_id: String,
        /// The old id; the current user's (else the anonymousId) when it is not given.
        previous_id: Option<String>,
    },
}

/// What a caller may override for one event.
#[derive(Clone, Default)]
pub struct CallOptions {
    /// When it happened, if not now.
    pub timestamp: Option<Millis>,
    /// The event's id, at most 100 bytes; a random UUID otherwise.
    pub message_id: Option<String>,
    /// Merged over the client's context: the caller's keys win.
    pub context: Option<Object>,
    /// Which destinations may have it.
    pub integrations: Option<Object>,
    /// Instead of the current anonymousId.
    pub anonymous_id: Option<String>,
    /// Instead of the current userId.
    pub user_id: Option<String>,
}

/// A [`Call`] laid flat: what the caller gave, by its name in the spec. A field that the kind does not use is ignored.
#[derive(Default)]
pub struct Said {
    /// Which of the six calls.
    pub kind: EventType,
    /// The name of a track event.
    pub event: Option<String>,
    /// The name of a page or screen.
    pub name: Option<String>,
    /// The category of a page or screen.
    pub category: Option<String>,
    /// Of identify and alias: the user that the call names.
    pub user_id: Option<String>,
    /// The account of a group call.
    pub group_id: Option<String>,
    /// The id that an alias call continues.
    pub previous_id: Option<String>,
    /// Properties or traits.
    pub payload: Payload,
    /// When it happened, if not now.
    pub timestamp: Option<Millis>,
    /// See [`CallOptions::message_id`].
    pub message_id: Option<String>,
    /// See [`CallOptions::context`].
    pub context: Option<Object>,
    /// See [`CallOptions::integrations`].
    pub integrations: Object,
    /// See [`CallOptions::anonymous_id`].
    pub anonymous_id: Option<String>,
    /// See [`CallOptions::user_id`].
    pub as_user: Option<String>,
    /// See [`Call::entropy`].
    pub entropy: [u8; 16],
    /// See [`Call::spare_entropy`].
    pub spare_entropy: [u8; 16],
    /// See [`Call::enrichment`].
    pub enrichment: Option<Enrichment>,
}

/// Without what the caller said: it is personal.
impl core::fmt::Debug for Said {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Said")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Said {
    /// A call that says nothing but its kind.
    #[must_use]
    pub fn new(kind: EventType, entropy: [u8; 16]) -> Said {
        Said {
            kind,
            entropy,
            ..Said::default()
        }
    }
}

impl From<Call> for Said {
    fn from(call: Call) -> Said {
        let options = call.options;
        let mut said = Said {
            timestamp: options.timestamp.or(call.at),
            message_id: options.message_id,
            context: options.context,
            integrations: options.integrations.unwrap_or_default(),
            anonymous_id: options.anonymous_id,
            as_user: options.user_id,
            entropy: call.entropy,
            spare_entropy: call.spare_entropy,
            enrichment: call.enrichment,
            ..Said::default()
        };
        match call.kind {
            CallKind::Track { event, properties } => {
                (said.kind, said.payload) = (EventType::Track, properties);
                said.event = Some(event);
            }
            CallKind::Identify { user_id, traits } => {
                (said.kind, said.payload) = (EventType::Identify, traits);
                said.user_id = user_id;
            }
            CallKind::Page {
                category,
                name,
                properties,
            } => {
                (said.kind, said.payload) = (EventType::Page, properties);
                (said.category, said.name) = (category, name);
            }
            CallKind::Screen {
                category,
                name,
                properties,
            } => {
                (said.kind, said.payload) = (EventType::Screen, properties);
                (said.category, said.name) = (category, name);
            }
            CallKind::Group { group_id, traits } => {
                (said.kind, said.payload) = (EventType::Group, traits);
                said.group_id = Some(group_id);
            }
            CallKind::Alias {
                user_id,
                previous_id,
            } => {
                said.kind = EventType::Alias;
                (said.user_id, said.previous_id) = (Some(user_id), previous_id);
            }
        }
        said
    }
}

/// Where an accepted call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is in the ledger and will be delivered or reported.
    Queued(String),
    /// It waits for a decision on consent, or a guard failed and is tried again.
    Held(String),
    /// It goes to device-mode destinations only (`"Segment.io": false`).
    LocalOnly(String),
    /// A plugin, or a denied consent, kept it back; a report says so.
    Dropped(String),
}

impl Receipt {
    /// The event's messageId.
    #[must_use]
    pub fn message_id(&self) -> &str {
        match self {
            Receipt::Queued(id)
            | Receipt::Held(id)
            | Receipt::LocalOnly(id)
            | Receipt::Dropped(id) => id,
        }
    }
}

/// Why a call was refused. Nothing was queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The event is over the tracking API's limit.
    #[error(
        "the event is {bytes} bytes of JSON; the tracking API takes at most {limit}: send less in its properties or context"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Server mode, and nobody was named.
    #[error("the event names nobody: give a userId or an anonymousId with the call")]
    NoIdentity,
    /// A track call without a name.
    #[error("a track call needs an event name")]
    EmptyEvent,
    /// A group call without an id.
    #[error("a group call needs a groupId")]
    EmptyGroup,
    /// An alias call without the id it continues.
    #[error("an alias call needs a userId and, in server mode, a previousId")]
    EmptyAlias,
    /// The messageId given is empty or too long.
    #[error("the messageId must be 1 to 100 bytes without control characters")]
    MessageId,
    /// An anonymousId given is empty or too long.
    #[error("the anonymousId must be 1 to 500 bytes without control characters")]
    AnonymousId,
    /// The traits of many identify or group calls add up to too much.
    #[error(
        "the traits remembered of this user and account would be {bytes} bytes of JSON; at most {limit} are kept: send large values with track"
    )]
    TraitsTooLarge {
        /// What they would add up to.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The client was shut down.
    #[error("the client was shut down: the call came too late")]
    Closed,
}

impl CallError {
    /// A stable name, for hosts that bring their own words.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            CallError::TooLarge { .. } => "too_large",
            CallError::NoIdentity => "no_identity",
            CallError::EmptyEvent => "empty_event",
            CallError::EmptyGroup => "empty_group",
            CallError::EmptyAlias => "empty_alias",
            CallError::MessageId => "message_id",
            CallError::AnonymousId => "anonymous_id",
            CallError::TraitsTooLarge { .. } => "traits_too_large",
            CallError::Closed => "closed",
        }
    }
}
