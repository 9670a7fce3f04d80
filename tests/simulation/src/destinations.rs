//! Device-mode destinations: each gets what integrations and consent let it have, at most once, in the order of the
//! calls, and nothing once consent is gone.

use std::collections::BTreeSet;

use headwater_engine::{DeliveryOutcome, Input};
use headwater_model::event::Event;
use headwater_model::json::{Object, Value};

use crate::consent::{Gate, TELLS_OF_IT};
use crate::life::{Life, Promise};
use crate::network::Message;
use crate::setup::{Consent, DESTINATIONS};

/// What the device may have handed to one destination at a time.
const MOST_OUT: u64 = 64;

/// What a call says of destinations in `integrations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Anyone,
    NotTheFirst,
    Nobody,
    TheSecondAlone,
    NotTheHub,
}

impl Wish {
    pub(crate) const ALL: [Wish; 5] = [
        Wish::Anyone,
        Wish::NotTheFirst,
        Wish::Nobody,
        Wish::TheSecondAlone,
        Wish::NotTheHub,
    ];

    pub(crate) fn integrations(self) -> Option<Object> {
        let members: &[(&str, bool)] = match self {
            Wish::Anyone => return None,
            Wish::NotTheFirst => &[("Ads", false)],
            Wish::Nobody => &[("All", false)],
            Wish::TheSecondAlone => &[("All", false), ("Crm", true)],
            Wish::NotTheHub => &[("Segment.io", false)],
        };
        Some(
            members
                .iter()
                .map(|(key, wanted)| ((*key).to_owned(), Value::Bool(*wanted)))
                .collect(),
        )
    }

    fn allows(self, destination: usize) -> bool {
        match self {
            Wish::Anyone | Wish::NotTheHub => true,
            Wish::NotTheFirst | Wish::TheSecondAlone => destination == 1,
            Wish::Nobody => false,
        }
    }

    pub(crate) fn to_hub(self) -> bool {
        self != Wish::NotTheHub
    }
}

/// One destination, as it sees the world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Destination {
    /// Deliveries that it has not answered.
    out: u64,
    /// It takes one after the other: not before the last one's time.
    busy_until: u64,
    seen: BTreeSet<usize>,
    newest: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Destinations {
    each: [Destination; 2],
    /// Deliveries up to here were called back.
    called_back: u64,
    handed: u64,
    /// Failures that the device was told of and has not reported.
    failures: u64,
    /// Calls before this one may have been called back in this process.
    pub(crate) emptied_at: usize,
}

impl Destinations {
    pub(crate) fn reborn(&mut self) {
        for destination in &mut self.each {
            destination.out = 0;
            destination.busy_until = 0;
        }
        self.called_back = 0;
        self.handed = 0;
        self.failures = 0;
        self.emptied_at = 0;
    }
}

impl Life {
    /// The device hands an event to a destination, which will see it a little later.
    pub(crate) fn deliver(&mut self, delivery: u64, destination: usize, event: &Event) {
        let id = event.message_id.as_str();
        let Some(index) = self.place(id) else {
            if event.event.as_deref() == Some(TELLS_OF_IT) && self.doubted {
                // The decision was not saved, so after the restart this one waited for a decision like the others.
                self.destinations.handed = delivery;
                let outcome = DeliveryOutcome::Done;
                let now = self.now();
                if let Some(process) = &mut self.process {
                    let input = Input::Delivered { delivery, outcome };
                    process.engine.handle(now, input);
                }
                return;
            }
            return self.fail(format!("{id} is delivered and nobody called for it"));
        };
        self.note(|_| format!("deliver {delivery}: call {index} to {destination}"));
        if let Some(promise) = self.promises.get(index)
            && !self.may_have(destination, promise)
        {
            let name = DESTINATIONS[destination];
            self.fail(format!("{name} gets call {index}, which it may not have"));
        }
        let pause = self.dice.range(1, 3_000);
        let epoch = self.epoch;
        self.destinations.handed = delivery;
        let each = &mut self.destinations.each[destination];
        each.out += 1;
        each.busy_until = each.busy_until.max(self.t) + pause;
        let (out, delay) = (each.out, each.busy_until - self.t);
        if out > MOST_OUT {
            self.fail(format!("{out} deliveries are out at a time"));
        }
        self.post(
            delay,
            Message::Delivery {
                epoch,
                delivery,
                destination,
                index,
            },
        );
    }

    pub(crate) fn call_back_deliveries(&mut self) {
        self.destinations.called_back = self.destinations.handed;
    }

    /// A destination sees an event, unless it was called back.
    pub(crate) fn delivered(&mut self, delivery: u64, destination: usize, index: usize) {
        self.destinations.each[destination].out -= 1;
        let mut outcome = DeliveryOutcome::Done;
        if delivery > self.destinations.called_back {
            if matches!(self.gate(), Some(Gate::Closed | Gate::Held)) {
                self.fail(format!(
                    "call {index} reaches a destination without consent"
                ));
            }
            let promise = self.promises.get(index);
            let again = promise.is_some_and(|promise| promise.released_twice);
            // Events for destinations alone are held beside the queue, and come after it when they are released.
            let beside =
                promise.is_some_and(|promise| promise.held && promise.wish == Wish::NotTheHub);
            let each = &mut self.destinations.each[destination];
            let twice = !each.seen.insert(index);
            let late = each.newest.is_some_and(|newest| index < newest);
            each.newest = each.newest.max(Some(index));
            if twice && !again || late && !again && !beside {
                let how = if twice { "twice" } else { "late" };
                self.fail(format!("call {index} reaches a destination {how}"));
            }
            if self.stormy && self.dice.chance(100) {
                outcome = DeliveryOutcome::Failed("it is out of order".to_owned());
                self.destinations.failures += 1;
            }
        }
        self.input(Input::Delivered { delivery, outcome });
        if self.process.is_some() && core::mem::take(&mut self.destinations.failures) > 0 {
            self.fail("a destination's failure was not reported".to_owned());
        }
    }

    pub(crate) fn destination_reported(&mut self) {
        match self.destinations.failures.checked_sub(1) {
            Some(left) => self.destinations.failures = left,
            None => self.fail("a destination is reported that did not fail".to_owned()),
        }
    }

    /// By integrations, by the settings, and by consent as of the call or, for an event that was held, as of now.
    fn may_have(&self, destination: usize, promise: &Promise) -> bool {
        let document = self.document();
        let mut categories: Vec<&str> = Vec::new();
        if destination == 0 {
            categories.push("a");
            categories.extend(
                document
                    .into_iter()
                    .flat_map(|document| document.categories.iter().map(String::as_str)),
            );
        } else if self.setup.settings && !document.is_some_and(|document| document.second) {
            return false;
        }
        let decision = match (&promise.consent, self.setup.consent) {
            (_, Consent::NotAsked) => None,
            (Some(at_call), _) => Some(at_call),
            (None, Consent::OptOut) => None,
            (None, Consent::OptIn) => self.decision.as_ref().and_then(Option::as_ref),
        };
        let granted = |category: &&str| {
            decision.is_none_or(|decision| {
                decision.get(category).and_then(Value::as_bool) == Some(true)
            })
        };
        promise.wish.allows(destination) && categories.iter().all(granted)
    }

    /// In the last process, in which nothing was lost with a memory: the first destination has all that it may have.
    pub(crate) fn destinations_have_all(&mut self) {
        let emptied_at = self.destinations.emptied_at;
        let known = !self.setup.settings || self.setup.consent == Consent::NotAsked;
        // What was reported before its guard let it go, no destination gets either.
        let gone = |promise: &Promise| {
            promise.guarded && self.accounts.is_accounted_for(&promise.message_id)
        };
        let missing = self.promises.iter().enumerate().find(|(index, promise)| {
            let stamped = promise.consent.is_some() || self.setup.consent != Consent::OptIn;
            let here = promise.epoch == self.epoch
                && *index >= emptied_at
                && !promise.dropped
                && !gone(promise);
            let seen = self.destinations.each[0].seen.contains(index);
            here && stamped && known && !seen && self.may_have(0, promise)
        });
        if let Some((index, _)) = missing {
            self.fail(format!("call {index} never reached a destination"));
        }
    }
}
