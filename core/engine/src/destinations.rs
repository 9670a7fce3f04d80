//! Device-mode destinations: which may have an event, and what waits for one that is not ready.
//!
//! A destination is *unknown* until the settings document is there (or at once, when it needs none), then *on* or
//! *off*. What comes while it is unknown, or while it is slow, waits in memory, at most [`MAX_WAITING`] events; over
//! that the oldest goes, with a report. The hub has every one of these events, so nothing is lost there.

use std::sync::Arc;

use headwater_govern::gate::{Consent, Decision, decide};
use headwater_model::event::Event;
use headwater_model::json::Object;

use crate::clock::Now;
use crate::config::DestinationConfig;
use crate::document::Settings;
use crate::effect::{DropReason, Effect, Report};
use crate::guard::wait_after;
use crate::input::DeliveryOutcome;
use crate::text::words;

/// What one destination may have waiting (Segment's startup queue holds as many).
const MAX_WAITING: usize = 1_000;
/// What the host may hold of one destination at a time, so that a slow one cannot fill the host's memory.
const MAX_OUT: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    On,
    Off,
}

#[derive(Debug)]
struct Destination {
    config: DestinationConfig,
    categories: Vec<String>,
    state: State,
    waiting: Vec<Arc<Event>>,
    out: usize,
}

impl Destination {
    fn new(config: DestinationConfig) -> Destination {
        Destination {
            categories: config.categories.clone(),
            state: if config.needs_settings {
                State::Unknown
            } else {
                State::On
            },
            waiting: Vec::new(),
            out: 0,
            config,
        }
    }

    /// By the plan, by consent (where the event itself says nothing, by what is granted now) and by `integrations`.
    fn may_have(
        &self,
        event: &Event,
        settings: Option<&Settings>,
        granted: Option<&Object>,
    ) -> bool {
        let consent = match (Consent::of_context(&event.context), granted) {
            (Consent::Absent, Some(granted)) => Consent::Preferences(granted.clone()),
            (consent, _) => consent,
        };
        let key = &self.config.key;
        let planned = settings.is_none_or(|settings| settings.plan_allows(event, key));
        planned && decide(key, &self.categories, &consent, &event.integrations) == Decision::Deliver
    }
}

/// A delivery that the host has.
#[derive(Debug)]
struct Delivery {
    id: u64,
    destination: usize,
    event: Arc<Event>,
    /// How often a guard of the destination's own has failed on it.
    failures: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Destinations {
    list: Vec<Destination>,
    /// Deliveries the host has, in order.
    out: Vec<Delivery>,
    /// What a guard keeps from its destination, and when it is tried again. Later events overtake it.
    kept: Vec<(u64, Delivery)>,
    next: u64,
}

impl Destinations {
    pub(crate) fn new(configs: Vec<DestinationConfig>) -> Destinations {
        let mut destinations = Destinations::default();
        for config in configs {
            destinations.add(config);
        }
        destinations
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One more; what the settings document says of it is asked next.
    pub(crate) fn add(&mut self, config: DestinationConfig) {
        self.list.push(Destination::new(config));
    }

    /// A settings document: who is on, who is off, and what each is told.
    pub(crate) fn configure(&mut self, settings: &Settings, effects: &mut Vec<Effect>) {
        self.configure_from(0, settings, effects);
    }

    /// As `configure`, for the one that was added last.
    pub(crate) fn configure_last(&mut self, settings: &Settings, effects: &mut Vec<Effect>) {
        self.configure_from(self.list.len() - 1, settings, effects);
    }

    fn configure_from(&mut self, first: usize, settings: &Settings, effects: &mut Vec<Effect>) {
        for (index, destination) in self.list.iter_mut().enumerate().skip(first) {
            let entry = settings.integration(&destination.config.key);
            destination.categories = destination.config.categories.clone();
            settings.add_categories(&destination.config.key, &mut destination.categories);
            let on = entry.is_some_and(|entry| !entry.is_null() && entry.as_bool() != Some(false));
            if destination.config.needs_settings {
                destination.state = if on { State::On } else { State::Off };
            }
            if let (true, Some(entry)) = (on, entry) {
                effects.push(Effect::Configure {
                    destination: index,
                    settings: entry.clone(),
                });
            }
            if destination.state == State::Off {
                destination.waiting.clear();
            }
        }
    }

    /// One event. `consent` is what is granted now where the event itself says nothing (it was held).
    pub(crate) fn offer(
        &mut self,
        event: &Arc<Event>,
        settings: Option<&Settings>,
        granted: Option<&Object>,
        effects: &mut Vec<Effect>,
    ) {
        for destination in &mut self.list {
            if destination.state == State::Off {
                continue;
            }
            if destination.state == State::On && !destination.may_have(event, settings, granted) {
                continue;
            }
            destination.waiting.push(Arc::clone(event));
            if destination.waiting.len() > MAX_WAITING {
                destination.waiting.remove(0);
                let mut report = Report::new(DropReason::DestinationOverflow, 1).detail(words!(
                    "the destination was not ready for more than 1,000 events"
                ));
                report.destination = Some(destination.config.key.clone());
                effects.push(Effect::Report(report));
            }
        }
        self.send(effects);
    }

    /// Takes out what consent, `integrations` or the plan keep from a destination that is ready. Asked only once
    /// the destination is known, since its categories may come with the settings.
    fn gate(&mut self, settings: Option<&Settings>, granted: Option<&Object>) {
        for destination in &mut self.list {
            if destination.state != State::On {
                continue;
            }
            let mut waiting = core::mem::take(&mut destination.waiting);
            waiting.retain(|event| destination.may_have(event, settings, granted));
            destination.waiting = waiting;
        }
    }

    pub(crate) fn regate(
        &mut self,
        settings: Option<&Settings>,
        granted: Option<&Object>,
        effects: &mut Vec<Effect>,
    ) {
        self.gate(settings, granted);
        self.send(effects);
    }

    fn send(&mut self, effects: &mut Vec<Effect>) {
        for (index, destination) in self.list.iter_mut().enumerate() {
            while destination.state == State::On
                && destination.out < MAX_OUT
                && !destination.waiting.is_empty()
            {
                let event = destination.waiting.remove(0);
                destination.out += 1;
                self.next += 1;
                self.out.push(Delivery {
                    id: self.next,
                    destination: index,
                    event: Arc::clone(&event),
                    failures: 0,
                });
                effects.push(Effect::Deliver {
                    delivery: self.next,
                    destination: index,
                    event,
                });
            }
        }
    }

    /// When something is tried again.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.kept.iter().map(|(due, _)| *due).min()
    }

    /// Hands out again what a guard kept from its destination, where that may still have it.
    pub(crate) fn try_again(
        &mut self,
        now: Now,
        settings: Option<&Settings>,
        granted: Option<&Object>,
        effects: &mut Vec<Effect>,
    ) {
        while let Some(at) = self.kept.iter().position(|(due, _)| *due <= now.mono) {
            let (_, delivery) = self.kept.remove(at);
            let Some(destination) = self.list.get_mut(delivery.destination) else {
                continue;
            };
            if destination.state != State::On
                || !destination.may_have(&delivery.event, settings, granted)
            {
                continue;
            }
            destination.out += 1;
            self.next += 1;
            effects.push(Effect::Deliver {
                delivery: self.next,
                destination: delivery.destination,
                event: Arc::clone(&delivery.event),
            });
            self.out.push(Delivery {
                id: self.next,
                ..delivery
            });
        }
    }

    pub(crate) fn delivered(
        &mut self,
        now: Now,
        delivery: u64,
        outcome: DeliveryOutcome,
        effects: &mut Vec<Effect>,
    ) {
        let Some(at) = self.out.iter().position(|out| out.id == delivery) else {
            return;
        };
        let mut delivery = self.out.remove(at);
        let kept = self.kept.iter();
        let kept = kept.filter(|(_, kept)| kept.destination == delivery.destination);
        let room = kept.count() < MAX_WAITING;
        let Some(destination) = self.list.get_mut(delivery.destination) else {
            return;
        };
        destination.out = destination.out.saturating_sub(1);
        let (reason, detail) = match outcome {
            DeliveryOutcome::Done => return self.send(effects),
            DeliveryOutcome::Failed(detail) => (DropReason::DestinationFailed, detail),
            DeliveryOutcome::Guard(detail) => (DropReason::PluginFailed, detail),
        };
        delivery.failures += 1;
        if reason == DropReason::PluginFailed
            && room
            && let Some(wait) = wait_after(delivery.failures)
        {
            self.kept.push((now.mono.saturating_add(wait), delivery));
            return self.send(effects);
        }
        let mut report = Report::new(reason, 1).detail(&detail);
        report.destination = Some(destination.config.key.clone());
        if reason == DropReason::PluginFailed {
            report.message_id = Some(delivery.event.message_id.as_str().to_owned());
        }
        effects.push(Effect::Report(report));
        self.send(effects);
    }

    /// The client ends: what a guard kept is tried no more.
    pub(crate) fn end(&mut self, effects: &mut Vec<Effect>) {
        let detail = words!("the client ended before the next try");
        for (_, delivery) in core::mem::take(&mut self.kept) {
            let destination = self.list.get(delivery.destination);
            let mut report = Report::new(DropReason::PluginFailed, 1).detail(detail);
            report.destination = destination.map(|destination| destination.config.key.clone());
            report.message_id = Some(delivery.event.message_id.as_str().to_owned());
            effects.push(Effect::Report(report));
        }
    }

    /// Consent is gone, or the queue was purged: nothing that waits may go out, nor what the host has not handed on yet.
    pub(crate) fn purge(&mut self, effects: &mut Vec<Effect>) {
        if self.is_empty() {
            return;
        }
        effects.push(Effect::CancelDeliveries);
        self.kept.clear();
        for destination in &mut self.list {
            destination.waiting.clear();
        }
    }
}
