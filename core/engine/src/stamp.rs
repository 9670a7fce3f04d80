//! A call becomes an event: identity, session, context and consent as of now, then the timeline, then bytes.

use std::sync::Arc;

use headwater_govern::gate::{CONSENT_EVENT, hub_allowed};
use headwater_model::context;
use headwater_model::event::{Event, EventParts, EventType, Fragment, Payload};
use headwater_model::id::{AnonymousId, MessageId, Seq};
use headwater_model::json::{Object, Value};
use headwater_model::time::Millis;

use crate::batch::event_text;
use crate::call::{Call, CallError, CallKind, CallOptions, Enrichment, Receipt};
use crate::clock::Now;
use crate::config::{Hold, Mode};
use crate::consent::{Consent, Gate, wrap};
use crate::effect::{DropReason, Effect, Report};
use crate::engine::Engine;
use crate::flush::Queue;
use crate::identity::{Identity, MAX_BYTES};
use crate::ledger::Entry;

/// Events kept in memory while a decision on consent is awaited, where they must not be written.
const MAX_IN_MEMORY: usize = 1_000;

/// A call with its ids resolved, before anything else looked at it.
struct Draft {
    kind: EventType,
    message_id: MessageId,
    timestamp: Millis,
    anonymous_id: Option<AnonymousId>,
    user_id: Option<String>,
    event: Option<String>,
    name: Option<String>,
    category: Option<String>,
    group_id: Option<String>,
    previous_id: Option<String>,
    properties: Payload,
    integrations: Object,
}

/// What a call comes to, as of now.
struct Resolved {
    draft: Draft,
    /// The identity after it, where it changes it.
    changed: Option<Identity>,
    own_context: Option<Object>,
}

/// The first event of a session, as `event_context` marks it.
fn is_first(event: &Event) -> bool {
    event.context.get("sessionStart").and_then(Value::as_bool) == Some(true)
}

impl Engine {
    /// Takes a call. Then drain [`Engine::poll_effect`].
    ///
    /// # Errors
    /// When the call itself cannot be an event; nothing was queued and nothing is reported.
    pub fn call(&mut self, now: Now, mut call: Call) -> Result<Receipt, CallError> {
        let enrichment = call.enrichment.take();
        let Resolved {
            draft,
            changed,
            own_context,
        } = self.resolve(now, call)?;
        if self.gate() == Gate::Closed {
            self.commit(changed);
            return Ok(self.denied(draft.message_id.as_str().to_owned()));
        }
        let first = self.touch_session(now);
        let plain = enrichment.is_none()
            && own_context.is_none()
            && !first
            && self.config.timeline.is_empty()
            && self.destinations.is_empty();
        if plain {
            let text = event_text(&draft.parts(Fragment::Text(&self.context_text)));
            self.check_size(&text)?;
            self.commit(changed);
            let to_hub = hub_allowed(&draft.integrations);
            let message_id = draft.message_id.as_str().to_owned();
            let receipt = self.admit(now, message_id, text, to_hub);
            // Sending waits for the store's answer, so that this event can be part of the batch.
            self.expire(now);
            return Ok(receipt);
        }
        let event = draft.into_event(self.event_context(own_context, first));
        self.process(now, event, enrichment, changed)
    }

    /// The first half of a call, for hosts whose plugins are not in [`Timeline`](crate::Timeline): who, when and in
    /// which context, as of now. A change of identity counts from here on. The event is the host's to change, and goes
    /// on to [`Engine::submit`] in the order of the calls, or to [`Engine::discard`].
    ///
    /// # Errors
    /// When the call itself cannot be an event.
    pub fn stamp(&mut self, now: Now, call: Call) -> Result<Event, CallError> {
        let Resolved {
            draft,
            changed,
            own_context,
        } = self.resolve(now, call)?;
        self.commit(changed);
        let first = self.gate() != Gate::Closed && self.touch_session(now);
        Ok(draft.into_event(self.event_context(own_context, first)))
    }

    /// The second half: the event is queued. Then drain [`Engine::poll_effect`].
    ///
    /// # Errors
    /// [`CallError::Closed`], and [`CallError::TooLarge`] where the host's plugins made it so.
    pub fn submit(&mut self, now: Now, mut event: Event) -> Result<Receipt, CallError> {
        if self.closed {
            return Err(CallError::Closed);
        }
        if self.gate() == Gate::Closed {
            return Ok(self.denied(event.message_id.as_str().to_owned()));
        }
        // The user may have decided between the halves; there was nothing to stamp before.
        if let Some(preferences) = self.consent.as_ref().and_then(Consent::stamp)
            && event.context.get("consent").is_none()
        {
            context::merge(&mut event.context, wrap(preferences));
        }
        self.process(now, event, None, None)
    }

    /// A stamped event that a plugin of the host's keeps back: reported.
    pub fn discard(&mut self, event: &Event, plugin: &str) {
        self.refused(
            event.message_id.as_str().to_owned(),
            is_first(event),
            plugin,
        );
    }

    fn resolve(&mut self, now: Now, call: Call) -> Result<Resolved, CallError> {
        if self.closed {
            return Err(CallError::Closed);
        }
        let Call {
            kind,
            mut options,
            at,
            entropy,
            spare_entropy,
            ..
        } = call;
        let changed = self.changed_identity(&kind, spare_entropy)?;
        let own_context = options.context.take();
        let timestamp = options.timestamp.or(at).unwrap_or(now.wall);
        let draft = self.draft(kind, options, timestamp, entropy, changed.as_ref())?;
        Ok(Resolved {
            draft,
            changed,
            own_context,
        })
    }

    /// The timeline, then the store and the destinations.
    fn process(
        &mut self,
        now: Now,
        event: Event,
        enrichment: Option<Enrichment>,
        changed: Option<Identity>,
    ) -> Result<Receipt, CallError> {
        let message_id = event.message_id.as_str().to_owned();
        let first = is_first(&event);
        let mut diagnostics = Vec::new();
        let run = self
            .config
            .timeline
            .run(event, enrichment, &mut |diagnostic| {
                diagnostics.push(diagnostic);
            });
        diagnostics
            .into_iter()
            .for_each(|diagnostic| self.diagnose(diagnostic));
        let event = match run {
            Ok(event) => event,
            Err(plugin) => {
                self.commit(changed);
                self.refused(message_id.clone(), first, &plugin);
                return Ok(Receipt::Dropped(message_id));
            }
        };
        let text = event_text(&event.parts());
        if let Err(error) = self.check_size(&text) {
            self.untouch_session(first);
            return Err(error);
        }
        self.commit(changed);
        // A plugin may have given it another id.
        let message_id = event.message_id.as_str().to_owned();
        let receipt = self.admit(now, message_id, text, hub_allowed(&event.integrations));
        self.finish(event);
        self.expire(now);
        Ok(receipt)
    }

    fn check_size(&self, text: &[u8]) -> Result<(), CallError> {
        if text.len() > self.config.max_event_bytes {
            return Err(CallError::TooLarge {
                bytes: text.len(),
                limit: self.config.max_event_bytes,
            });
        }
        Ok(())
    }

    fn denied(&mut self, message_id: String) -> Receipt {
        let mut report =
            Report::new(DropReason::ConsentDenied, 1).detail("the user denied consent");
        report.message_id = Some(message_id.clone());
        self.report(report);
        Receipt::Dropped(message_id)
    }

    fn refused(&mut self, message_id: String, first: bool, plugin: &str) {
        self.untouch_session(first);
        let mut report =
            Report::new(DropReason::Plugin, 1).detail(["dropped by ", plugin].concat());
        report.message_id = Some(message_id);
        self.report(report);
    }

    /// Destinations and the last stage of the timeline.
    fn finish(&mut self, event: Event) {
        let mut diagnostics = Vec::new();
        self.config
            .timeline
            .after(&event, &mut |diagnostic| diagnostics.push(diagnostic));
        diagnostics
            .into_iter()
            .for_each(|diagnostic| self.diagnose(diagnostic));
        if self.destinations.is_empty() {
            return;
        }
        match self.gate() {
            Gate::Open => self.offer(Arc::new(event)),
            // The hub never gets it, so it is in no store; destinations get it when the user agrees.
            Gate::Held if !hub_allowed(&event.integrations) => {
                self.local_held.push_back(Arc::new(event));
                if self.local_held.len() > MAX_IN_MEMORY {
                    self.local_held.pop_front();
                    let detail = "more than 1,000 events wait in memory for consent";
                    self.report(Report::new(DropReason::QuotaEvents, 1).detail(detail));
                }
            }
            Gate::Held | Gate::Closed => {}
        }
    }

    /// Puts the event where the gate says.
    fn admit(&mut self, now: Now, message_id: String, text: Vec<u8>, to_hub: bool) -> Receipt {
        let held = self.gate() == Gate::Held;
        if !to_hub {
            return Receipt::LocalOnly(message_id);
        }
        let hold = self
            .consent
            .as_ref()
            .map_or(Hold::Persist, |consent| consent.config.hold);
        if held && hold == Hold::Memory {
            self.in_memory.push_back((now.wall.0, text));
            if self.in_memory.len() > MAX_IN_MEMORY {
                self.in_memory.pop_front();
                self.report(
                    Report::new(DropReason::QuotaEvents, 1)
                        .detail("more than 1,000 events wait in memory for consent"),
                );
            }
            return Receipt::Held(message_id);
        }
        self.append(now, now.wall.0, text, self.undecided());
        if held {
            Receipt::Held(message_id)
        } else {
            Receipt::Queued(message_id)
        }
    }

    /// Into the ledger and the store.
    pub(crate) fn append(&mut self, now: Now, at: i64, body: Vec<u8>, unstamped: bool) {
        let seq = Seq(self.next_seq);
        self.next_seq += 1;
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let clock = self.age_clock(now);
        self.ledger.push(Entry {
            seq,
            at: clock,
            len,
            stored: false,
            unstamped,
        });
        self.effects.push_back(Effect::Persist {
            seq,
            at: Millis(at),
            body,
            unstamped,
        });
        self.appended(now);
        let queue = Queue {
            events: self.ledger.len(),
            bytes: self.ledger.bytes(),
        };
        let mut flush = false;
        for policy in &mut self.config.flush {
            flush |= policy.on_event(now, queue);
        }
        if flush {
            self.policy_flush();
        }
    }

    /// The identity after this call, where the call changes it.
    fn changed_identity(
        &self,
        kind: &CallKind,
        entropy: [u8; 16],
    ) -> Result<Option<Identity>, CallError> {
        if self.config.mode == Mode::Server {
            return Ok(None);
        }
        let Some(mut identity) = self.identity.clone_for(kind) else {
            return Ok(None);
        };
        match kind {
            CallKind::Identify { user_id, traits } => {
                identity.identify(user_id.as_deref(), traits.to_object(), entropy);
            }
            CallKind::Group { group_id, traits } => identity.group(group_id, traits.to_object()),
            _ => return Ok(None),
        }
        let bytes = identity.to_json().len();
        if bytes > MAX_BYTES {
            return Err(CallError::TraitsTooLarge {
                bytes,
                limit: MAX_BYTES,
            });
        }
        Ok(Some(identity))
    }

    fn commit(&mut self, changed: Option<Identity>) {
        if let Some(changed) = changed
            && self.identity != changed
        {
            self.identity = changed;
            self.save_identity();
        }
    }

    fn touch_session(&mut self, now: Now) -> bool {
        let Some((id, first, save)) = self
            .session
            .as_mut()
            .and_then(|session| session.touch(now.wall.0))
        else {
            if self.context_session.take().is_some() {
                self.rebuild_context();
            }
            return false;
        };
        if self.context_session != Some(id) {
            self.context_session = Some(id);
            self.rebuild_context();
        }
        if save {
            self.save_session();
        }
        first
    }

    fn untouch_session(&mut self, first: bool) {
        if let Some(session) = self.session.as_mut().filter(|_| first) {
            session.untouch();
        }
    }

    fn event_context(&self, own: Option<Object>, first: bool) -> Object {
        let mut context = self.context_tree.clone();
        if first {
            context.insert("sessionStart", Value::Bool(true));
        }
        if let Some(mut own) = own {
            // Consent is ours to say: a caller's context cannot forge it.
            if self.consent.is_some() {
                own.remove("consent");
            }
            context::merge(&mut context, own);
        }
        context
    }

    fn draft(
        &self,
        kind: CallKind,
        options: CallOptions,
        timestamp: Millis,
        entropy: [u8; 16],
        changed: Option<&Identity>,
    ) -> Result<Draft, CallError> {
        let message_id = match options.message_id {
            Some(id) => MessageId::new(id).map_err(|_| CallError::MessageId)?,
            None => MessageId::from_entropy(entropy),
        };
        let given = match options.anonymous_id {
            Some(id) => Some(AnonymousId::new(id).map_err(|_| CallError::AnonymousId)?),
            None => None,
        };
        let (anonymous_id, mut user_id) = match self.config.mode {
            Mode::Server => (given, options.user_id.filter(|id| !id.is_empty())),
            Mode::Device => {
                let identity = changed.unwrap_or(&self.identity);
                let user_id = options
                    .user_id
                    .filter(|id| !id.is_empty())
                    .or_else(|| identity.user_id.clone());
                (
                    given.or_else(|| Some(identity.anonymous_id.clone())),
                    user_id,
                )
            }
        };
        let (mut event, mut name, mut category, mut group_id, mut previous_id) =
            (None, None, None, None, None);
        let event_type;
        let properties = match kind {
            CallKind::Track {
                event: named,
                properties,
            } => {
                if named.is_empty() {
                    return Err(CallError::EmptyEvent);
                }
                event_type = EventType::Track;
                event = Some(named);
                properties
            }
            CallKind::Identify {
                user_id: identified,
                traits,
            } => {
                event_type = EventType::Identify;
                user_id = identified.filter(|id| !id.is_empty()).or(user_id);
                traits
            }
            CallKind::Page {
                category: in_category,
                name: named,
                properties,
            } => {
                event_type = EventType::Page;
                (category, name) = (in_category, named);
                properties
            }
            CallKind::Screen {
                category: in_category,
                name: named,
                properties,
            } => {
                event_type = EventType::Screen;
                (category, name) = (in_category, named);
                properties
            }
            CallKind::Group {
                group_id: group,
                traits,
            } => {
                if group.is_empty() {
                    return Err(CallError::EmptyGroup);
                }
                event_type = EventType::Group;
                group_id = Some(group);
                traits
            }
            CallKind::Alias {
                user_id: new,
                previous_id: old,
            } => {
                let current = || {
                    user_id
                        .clone()
                        .or_else(|| anonymous_id.as_ref().map(|id| id.as_str().to_owned()))
                };
                let old = old
                    .filter(|id| !id.is_empty())
                    .or_else(|| (self.config.mode == Mode::Device).then(current).flatten());
                if new.is_empty() || old.is_none() {
                    return Err(CallError::EmptyAlias);
                }
                event_type = EventType::Alias;
                previous_id = old;
                user_id = Some(new);
                Payload::Empty
            }
        };
        if user_id.is_none() && anonymous_id.is_none() {
            return Err(CallError::NoIdentity);
        }
        Ok(Draft {
            kind: event_type,
            message_id,
            timestamp,
            anonymous_id,
            user_id,
            event,
            name,
            category,
            group_id,
            previous_id,
            properties,
            integrations: options.integrations.unwrap_or_default(),
        })
    }

    /// Tells of a change of consent. Goes out whatever the categories say.
    pub(crate) fn consent_event(&mut self, now: Now, entropy: [u8; 16]) {
        let kind = CallKind::Track {
            event: CONSENT_EVENT.to_owned(),
            properties: Payload::Empty,
        };
        let Ok(draft) = self.draft(kind, CallOptions::default(), now.wall, entropy, None) else {
            return;
        };
        let text = event_text(&draft.parts(Fragment::Text(&self.context_text)));
        self.append(now, now.wall.0, text, false);
    }
}

impl Identity {
    /// A copy, for the two kinds of call that change an identity.
    fn clone_for(&self, kind: &CallKind) -> Option<Identity> {
        matches!(kind, CallKind::Identify { .. } | CallKind::Group { .. }).then(|| self.clone())
    }
}

impl Draft {
    fn parts<'a>(&'a self, context: Fragment<'a>) -> EventParts<'a> {
        EventParts {
            kind: self.kind,
            message_id: self.message_id.as_str(),
            timestamp: self.timestamp,
            anonymous_id: self.anonymous_id.as_ref().map(AnonymousId::as_str),
            user_id: self.user_id.as_deref(),
            event: self.event.as_deref(),
            name: self.name.as_deref(),
            category: self.category.as_deref(),
            group_id: self.group_id.as_deref(),
            previous_id: self.previous_id.as_deref(),
            properties: &self.properties,
            context,
            integrations: &self.integrations,
        }
    }

    fn into_event(self, context: Object) -> Event {
        Event {
            kind: self.kind,
            message_id: self.message_id,
            timestamp: self.timestamp,
            anonymous_id: self.anonymous_id,
            user_id: self.user_id,
            event: self.event,
            name: self.name,
            category: self.category,
            group_id: self.group_id,
            previous_id: self.previous_id,
            properties: self.properties,
            context,
            integrations: self.integrations,
        }
    }
}
