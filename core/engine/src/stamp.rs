//! A call becomes an event: identity, session, context and consent as of now, then the timeline, then bytes.

use std::sync::Arc;

use headwater_govern::gate::{CONSENT_EVENT, hub_allowed};
use headwater_model::context;
use headwater_model::event::{Event, EventType, Fragment};
use headwater_model::id::{AnonymousId, MessageId, Seq};
use headwater_model::json::Object;
use headwater_model::time::Millis;

use crate::batch::event_text;
use crate::call::{CallError, Receipt, Said};
use crate::clock::Now;
use crate::config::Hold;
use crate::consent::{Consent, Gate, wrap};
use crate::effect::{DropReason, Effect, Report};
use crate::engine::Engine;
use crate::identity::{Identity, MAX_BYTES};
use crate::ledger::Entry;
use crate::text::{joined, words};

/// Events kept in memory while a decision on consent is awaited, where they must not be written.
const MAX_IN_MEMORY: usize = 1_000;

/// What a call comes to, as of now.
struct Resolved {
    /// Its context is still empty.
    event: Event,
    /// The identity after it, where it changes it.
    changed: Option<Identity>,
    own_context: Option<Object>,
}

/// The first event of a session, as `event_context` marks it.
pub(crate) fn is_first(event: &Event) -> bool {
    event.context.flag("sessionStart") == Some(true)
}

impl Engine {
    /// Takes a call. Then drain [`Engine::poll_effect`].
    ///
    /// # Errors
    /// When the call itself cannot be an event; nothing was queued and nothing is reported.
    pub fn call(&mut self, now: Now, call: impl Into<Said>) -> Result<Receipt, CallError> {
        self.take(now, call.into())
    }

    fn take(&mut self, now: Now, mut said: Said) -> Result<Receipt, CallError> {
        #[cfg(feature = "plugins")]
        let mut enrichment = said.enrichment.take();
        let Resolved {
            mut event,
            changed,
            own_context,
        } = self.resolve(now, &mut said)?;
        if self.gate() == Gate::Closed {
            self.commit(changed);
            return Ok(self.denied(event.message_id.as_str().to_owned()));
        }
        let first = self.touch_session(now);
        let plain = own_context.is_none() && !first && !self.has_destinations();
        #[cfg(feature = "plugins")]
        let plain = plain && enrichment.is_none() && self.config.timeline.is_empty();
        let text = if plain {
            // Nobody looks at the tree; its text is at hand.
            event_text(&event, Fragment::Text(&self.context_text))
        } else {
            event.context = self.event_context(own_context, first);
            #[cfg(feature = "plugins")]
            match self.pass_plugins(now, event, &mut enrichment, first) {
                Ok(processed) => event = processed,
                Err(receipt) => {
                    self.commit(changed);
                    return Ok(receipt);
                }
            }
            event_text(&event, Fragment::Tree(&event.context))
        };
        self.accept(now, event, text, first, changed)
    }

    /// The first half of a call, for hosts whose plugins are not in the engine: who, when and in which context, as of
    /// now. A change of identity counts from here on. The event is the host's to change, and goes on to
    /// [`Engine::submit`] in the order of the calls, or to [`Engine::discard`].
    ///
    /// # Errors
    /// When the call itself cannot be an event.
    pub fn stamp(&mut self, now: Now, call: impl Into<Said>) -> Result<Event, CallError> {
        let Resolved {
            mut event,
            changed,
            own_context,
        } = self.resolve(now, &mut call.into())?;
        self.commit(changed);
        let first = self.gate() != Gate::Closed && self.touch_session(now);
        event.context = self.event_context(own_context, first);
        #[cfg(feature = "full")]
        self.stamped.keep(&event);
        Ok(event)
    }

    /// The second half: the event is queued. Then drain [`Engine::poll_effect`].
    ///
    /// # Errors
    /// [`CallError::Closed`], and [`CallError::TooLarge`] where the host's plugins made it so.
    pub fn submit(&mut self, now: Now, event: Event) -> Result<Receipt, CallError> {
        if self.closed {
            return Err(CallError::Closed);
        }
        #[cfg(feature = "full")]
        let event = self.stamped.restored(event);
        #[cfg(feature = "plugins")]
        let event = if self.config.timeline.is_empty() || self.gate() == Gate::Closed {
            event
        } else {
            let mut event = event;
            self.decide_late(&mut event);
            let first = is_first(&event);
            match self.pass_plugins(now, event, &mut None, first) {
                Ok(event) => event,
                Err(receipt) => return Ok(receipt),
            }
        };
        self.queue_up(now, event)
    }

    /// An event that all plugins have seen: into the queue.
    pub(crate) fn queue_up(&mut self, now: Now, mut event: Event) -> Result<Receipt, CallError> {
        if self.gate() == Gate::Closed {
            return Ok(self.denied(event.message_id.as_str().to_owned()));
        }
        self.decide_late(&mut event);
        let first = is_first(&event);
        let text = event_text(&event, Fragment::Tree(&event.context));
        self.accept(now, event, text, first, None)
    }

    /// The user may have decided since the event was stamped; there was nothing to stamp before.
    fn decide_late(&self, event: &mut Event) {
        if let Some(preferences) = self.consent.as_ref().and_then(Consent::stamp)
            && event.context.get("consent").is_none()
        {
            context::merge(&mut event.context, wrap(preferences));
        }
    }

    /// A stamped event that a plugin of the host's keeps back: reported.
    pub fn discard(&mut self, event: &Event, plugin: &str) {
        #[cfg(feature = "full")]
        self.stamped.forget(event);
        self.refused(
            event.message_id.as_str().to_owned(),
            is_first(event),
            plugin,
        );
    }

    fn resolve(&mut self, now: Now, said: &mut Said) -> Result<Resolved, CallError> {
        if self.closed {
            return Err(CallError::Closed);
        }
        let changed = self.changed_identity(said)?;
        let own_context = said.context.take();
        let mut event = self.draft(now, said, changed.as_ref())?;
        if let Some(settings) = self.settings.as_ref() {
            settings.plan(&mut event);
        }
        Ok(Resolved {
            event,
            changed,
            own_context,
        })
    }

    /// The store and the destinations.
    fn accept(
        &mut self,
        now: Now,
        event: Event,
        text: Vec<u8>,
        first: bool,
        changed: Option<Identity>,
    ) -> Result<Receipt, CallError> {
        if text.len() > self.config.max_event_bytes {
            if first {
                self.untouch_session();
            }
            return Err(CallError::TooLarge {
                bytes: text.len(),
                limit: self.config.max_event_bytes,
            });
        }
        self.commit(changed);
        let message_id = event.message_id.as_str().to_owned();
        let to_hub = self.config.has_hub() && hub_allowed(&event.integrations);
        let receipt = self.admit(now, message_id, text, to_hub);
        self.finish(event);
        // Sending waits for the store's answer, so that this event can be part of the batch.
        self.expire(now);
        Ok(receipt)
    }

    pub(crate) fn denied(&mut self, message_id: String) -> Receipt {
        let mut report =
            Report::new(DropReason::ConsentDenied, 1).detail(words!("the user denied consent"));
        report.message_id = Some(message_id.clone());
        self.report(report);
        Receipt::Dropped(message_id)
    }

    pub(crate) fn refused(&mut self, message_id: String, first: bool, plugin: &str) {
        if first {
            self.untouch_session();
        }
        let mut report = Report::new(DropReason::Plugin, 1).detail(&joined("dropped by ", plugin));
        report.message_id = Some(message_id);
        self.report(report);
    }

    /// Destinations and the last stage of the timeline.
    fn finish(&mut self, event: Event) {
        #[cfg(feature = "plugins")]
        self.run_after_plugins(&event);
        if !self.has_destinations() {
            return;
        }
        match self.gate() {
            Gate::Open => self.offer(Arc::new(event)),
            // The hub never gets it, so it is in no store; destinations get it when the user agrees.
            Gate::Held if !self.config.has_hub() || !hub_allowed(&event.integrations) => {
                if let Some(held) = self.held.as_mut() {
                    held.local.push(Arc::new(event));
                    if held.local.len() > MAX_IN_MEMORY {
                        held.local.remove(0);
                        self.crowded();
                    }
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
        if let Some(waiting) = self.held.as_mut()
            && held
            && hold == Hold::Memory
        {
            waiting.in_memory.push((now.wall.0, text));
            if waiting.in_memory.len() > MAX_IN_MEMORY {
                waiting.in_memory.remove(0);
                self.crowded();
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

    fn crowded(&mut self) {
        let detail = words!("more than 1,000 events wait in memory for consent");
        self.lose(DropReason::QuotaEvents, 1, detail);
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
        self.effects.push(Effect::Persist {
            seq,
            at: Millis(at),
            body,
            unstamped,
        });
        self.appended(now);
        if self.queued(now, len) {
            self.policy_flush();
        }
    }

    /// The identity after this call, where the call changes it.
    fn changed_identity(&self, said: &Said) -> Result<Option<Identity>, CallError> {
        let group = said.kind == EventType::Group;
        if !self.config.remembers() || !(group || said.kind == EventType::Identify) {
            return Ok(None);
        }
        let mut identity = self.identity.clone();
        let traits = said.payload.to_object();
        if group {
            identity.group(said.group_id.as_deref().unwrap_or_default(), traits);
        } else {
            let user_id = said.user_id.as_deref().filter(|id| !id.is_empty());
            identity.identify(user_id, traits, said.spare_entropy);
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
            && self.identity.to_json() != changed.to_json()
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
        if self.context_session.as_ref() != Some(&id) {
            self.context_session.set(id);
            self.rebuild_context();
        }
        if save {
            self.save_session();
        }
        first
    }

    pub(crate) fn untouch_session(&mut self) {
        if let Some(session) = self.session.as_mut() {
            session.untouch();
        }
    }

    fn event_context(&self, own: Option<Object>, first: bool) -> Object {
        let mut context = self.context_tree.clone();
        if first {
            context.insert("sessionStart", true);
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

    /// The event, without a context. Takes what it needs out of `said`.
    fn draft(
        &self,
        now: Now,
        said: &mut Said,
        changed: Option<&Identity>,
    ) -> Result<Event, CallError> {
        let message_id = match said.message_id.take() {
            Some(id) => MessageId::new(id).map_err(|_| CallError::MessageId)?,
            None => MessageId::from_entropy(said.entropy),
        };
        let mut anonymous_id = match said.anonymous_id.take() {
            Some(id) => Some(AnonymousId::new(id).map_err(|_| CallError::AnonymousId)?),
            None => None,
        };
        let mut user_id = filled(&mut said.as_user);
        if self.config.remembers() {
            let identity = changed.unwrap_or(&self.identity);
            if user_id.is_none() {
                user_id.clone_from(&identity.user_id);
            }
            if anonymous_id.is_none() {
                anonymous_id = Some(identity.anonymous_id.clone());
            }
        }
        let named = filled(&mut said.user_id);
        let mut previous_id = None;
        match said.kind {
            EventType::Track if is_empty(&said.event) => return Err(CallError::EmptyEvent),
            EventType::Group if is_empty(&said.group_id) => return Err(CallError::EmptyGroup),
            EventType::Identify => user_id = named.or(user_id),
            EventType::Alias => {
                previous_id = filled(&mut said.previous_id);
                if previous_id.is_none() && self.config.remembers() {
                    previous_id =
                        user_id.or_else(|| anonymous_id.as_ref().map(|id| id.as_str().to_owned()));
                }
                user_id = named;
                if user_id.is_none() || previous_id.is_none() {
                    return Err(CallError::EmptyAlias);
                }
            }
            _ => {}
        }
        if user_id.is_none() && anonymous_id.is_none() {
            return Err(CallError::NoIdentity);
        }
        Ok(Event {
            kind: said.kind,
            message_id,
            timestamp: said.timestamp.unwrap_or(now.wall),
            anonymous_id,
            user_id,
            event: said.event.take(),
            name: said.name.take(),
            category: said.category.take(),
            group_id: said.group_id.take(),
            previous_id,
            properties: core::mem::take(&mut said.payload),
            context: Object::new(),
            integrations: core::mem::take(&mut said.integrations),
        })
    }

    /// Tells of a change of consent. Goes out whatever the categories say, where there is a hub to tell.
    pub(crate) fn consent_event(&mut self, now: Now, entropy: [u8; 16]) {
        if !self.config.has_hub() {
            return;
        }
        let mut said = Said::new(EventType::Track, entropy);
        said.event = Some(CONSENT_EVENT.to_owned());
        let Ok(event) = self.draft(now, &mut said, None) else {
            return;
        };
        let text = event_text(&event, Fragment::Text(&self.context_text));
        self.append(now, now.wall.0, text, false);
    }
}

/// A text that says something; an empty one counts as not given.
fn filled(text: &mut Option<String>) -> Option<String> {
    text.take().filter(|text| !text.is_empty())
}

fn is_empty(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(String::is_empty)
}
