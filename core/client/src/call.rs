//! One call, being put together.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use headwater_engine::{Call, CallKind, CallOptions, Enrichment, Receipt};
use headwater_model::event::{Event, Payload};
use headwater_model::json::{Object, SerializeError, Value, to_raw, to_value};
use headwater_model::time::Millis;
use serde::Serialize;

use crate::error::TrackError;
use crate::host::{Shared, entropy};

/// A call that is still to be sent: change what is special about it, then [`send`](CallBuilder::send).
///
/// A call without special wishes is one line:
///
/// ```
/// # use headwater::{Client, Durability};
/// # let client = Client::builder("key").endpoint("http://127.0.0.1:9").durability(Durability::Memory).build()?;
/// # use serde_json::json;
/// client.track("Order Completed", json!({ "total": 27.5 })).user_id("u1").send()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a call is made by `.send()`; without it nothing happens"]
pub struct CallBuilder<'a> {
    shared: &'a Arc<Shared>,
    kind: CallKind,
    options: CallOptions,
    enrichment: Option<Enrichment>,
    problem: Option<TrackError>,
}

impl core::fmt::Debug for CallBuilder<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CallBuilder")
            .field("kind", &self.kind.name())
            .finish_non_exhaustive()
    }
}

impl<'a> CallBuilder<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        payload: (&'static str, Result<Payload, SerializeError>),
        kind: impl FnOnce(Payload) -> CallKind,
    ) -> CallBuilder<'a> {
        let (what, payload) = payload;
        let (payload, problem) = match payload {
            Ok(payload) => (payload, None),
            Err(source) => (Payload::Empty, Some(TrackError::Json { what, source })),
        };
        CallBuilder {
            shared,
            kind: kind(payload),
            options: CallOptions::default(),
            enrichment: None,
            problem,
        }
    }

    /// A call from its parts.
    pub(crate) fn of_parts(
        shared: &'a Arc<Shared>,
        kind: CallKind,
        options: CallOptions,
    ) -> CallBuilder<'a> {
        CallBuilder {
            shared,
            kind,
            options,
            enrichment: None,
            problem: None,
        }
    }

    /// The known user. In device mode the current one is meant unless this says otherwise.
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.options.user_id = Some(id.into());
        self
    }

    /// The visitor, known or not. In device mode the device's own id is meant unless this says otherwise.
    pub fn anonymous_id(mut self, id: impl Into<String>) -> Self {
        self.options.anonymous_id = Some(id.into());
        self
    }

    /// When it happened, if not now: `SystemTime` or a chrono `DateTime`.
    pub fn timestamp(mut self, at: impl Into<DateTime<Utc>>) -> Self {
        self.options.timestamp = Some(Millis(at.into().timestamp_millis()));
        self
    }

    /// The event's id, at most 100 bytes; a random UUID otherwise. The hub takes each id once: give your own where the
    /// same event may be sent by more than one run of your code.
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.options.message_id = Some(id.into());
        self
    }

    /// Merged over the client's context; what is given here wins.
    pub fn context(mut self, context: impl Serialize) -> Self {
        match object("context", &context) {
            Ok(context) => self.options.context = Some(context),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Which destinations may have the event: `{"All": false, "Amplitude": true}`.
    pub fn integrations(mut self, integrations: impl Serialize) -> Self {
        match object("integrations", &integrations) {
            Ok(integrations) => self.options.integrations = Some(integrations),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// The category of a page or screen; other calls have none.
    pub fn category(mut self, of: impl Into<String>) -> Self {
        if let CallKind::Page { category, .. } | CallKind::Screen { category, .. } = &mut self.kind
        {
            *category = Some(of.into());
        }
        self
    }

    /// The id that an alias call continues; other calls have none. In device mode the current user's (else the
    /// anonymousId) is meant unless this says otherwise.
    pub fn previous_id(mut self, id: impl Into<String>) -> Self {
        if let CallKind::Alias { previous_id, .. } = &mut self.kind {
            *previous_id = Some(id.into());
        }
        self
    }

    /// Runs on this event, after the plugins and before the destinations. `None` drops the event, which is reported.
    pub fn enrich(mut self, with: impl FnOnce(Event) -> Option<Event> + Send + 'static) -> Self {
        self.enrichment = Some(Box::new(with));
        self
    }

    /// The first half of the call, for code whose plugins run outside the client: the event as it is now, with its id,
    /// time, user, session and context. A change of the user counts from here on. Hand it to
    /// [`Client::submit`](crate::Client::submit) or [`Client::discard`](crate::Client::discard), in the order of the
    /// calls; one that is handed to neither never was. [`enrich`](CallBuilder::enrich) is not run.
    ///
    /// # Errors
    /// When it cannot be an event, and from inside a plugin of the client's own ([`TrackError::Inside`]).
    pub fn stamp(self) -> Result<Event, TrackError> {
        let shared = self.shared;
        let (call, _) = self.finish()?;
        shared.stamp(call)
    }

    /// Makes the call: stamps the event and puts it in the queue. Never waits for the network.
    ///
    /// From inside a plugin or an [`enrich`](CallBuilder::enrich) the call is taken right after the event at hand; it
    /// answers `Queued`, and if it is refused then, a report with the reason `invalid` says so.
    ///
    /// # Errors
    /// When it cannot be an event, or the disk does not take it; see [`TrackError`].
    pub fn send(self) -> Result<Receipt, TrackError> {
        let shared = self.shared;
        let (mut call, enrichment) = self.finish()?;
        call.enrichment = enrichment;
        shared.call(call)
    }

    fn finish(self) -> Result<(Call, Option<Enrichment>), TrackError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        // Only a call that may change the user needs a second id.
        let spare_entropy = match self.kind {
            CallKind::Identify { .. } => entropy(),
            _ => [0; 16],
        };
        let call = Call {
            kind: self.kind,
            options: self.options,
            at: None,
            entropy: entropy(),
            spare_entropy,
            enrichment: None,
        };
        Ok((call, self.enrichment))
    }
}

/// Properties or traits. `()` and `None` mean that there are none.
pub(crate) fn payload<T: Serialize + ?Sized>(value: &T) -> Result<Payload, SerializeError> {
    match to_raw(value) {
        Ok(raw) => Ok(Payload::Raw(raw)),
        Err(SerializeError::NotAnObject { got: "null" }) => Ok(Payload::Empty),
        Err(error) => Err(error),
    }
}

/// A value that must be an object.
pub(crate) fn object<T: Serialize + ?Sized>(
    what: &'static str,
    value: &T,
) -> Result<Object, TrackError> {
    to_object(value).map_err(|source| TrackError::Json { what, source })
}

pub(crate) fn to_object<T: Serialize + ?Sized>(value: &T) -> Result<Object, SerializeError> {
    let got = match to_value(value)? {
        Value::Object(object) => return Ok(object),
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
    };
    Err(SerializeError::NotAnObject { got })
}
