//! The judgement, from outside: promises against the collector's log.

use std::collections::BTreeMap;

use headwater_model::json::{Object, Value};
use headwater_model::time::parse_iso;

use crate::consent::Gate;
use crate::life::{Life, Promise};
use crate::setup::{CATEGORIES, Consent};

impl Life {
    pub(crate) fn judge(&mut self) {
        let accepted = self.hub.accepted();
        let mut found: BTreeMap<String, (u64, Value)> = BTreeMap::new();
        for event in accepted {
            let Some(id) = event
                .get("messageId")
                .and_then(Value::as_str)
                .map(str::to_owned)
            else {
                self.fail("an event at the hub has no messageId".to_owned());
                continue;
            };
            found.entry(id).or_insert_with(|| (0, event.clone())).0 += 1;
        }
        self.exactly_once(&found);
        self.in_order();
        self.as_they_were(&found);
        self.within_bounds();
        if !self.failures.is_empty() {
            self.totals.broken += 1;
        }
    }

    fn exactly_once(&mut self, found: &BTreeMap<String, (u64, Value)>) {
        for (id, (count, _)) in found {
            if *count > 1 {
                self.totals.duplicated += count - 1;
                self.fail(format!("{id} is at the hub {count} times"));
            }
        }
        let held = self.gate() == Some(Gate::Held);
        let missing: Vec<String> = self
            .promises
            .iter()
            .filter(|promise| promise.kept && promise.wish.to_hub())
            .map(|promise| &promise.message_id)
            .filter(|id| !found.contains_key(*id) && !self.accounts.is_accounted_for(id))
            .cloned()
            .collect();
        let queued = self
            .process
            .as_ref()
            .map_or(0, |process| process.engine.queue().events) as u64;
        let mut excused = self.accounts.unnamed;
        if held {
            excused += queued;
        } else if queued > 0 {
            self.fail(format!(
                "{queued} events are still queued after everything healed"
            ));
        }
        // One damaged record may be several events, and the last one damaged looks like one half written; that something
        // was lost must still have been said.
        if self.rotted && (self.accounts.reported.contains_key("corrupt") || self.tail_cut) {
            return;
        }
        let lost = (missing.len() as u64).saturating_sub(excused);
        if lost > 0 {
            self.totals.lost += lost;
            self.fail(format!(
                "{lost} of {} missing events were never reported: {missing:?}",
                missing.len()
            ));
        }
    }

    fn in_order(&mut self) {
        let place: BTreeMap<&str, usize> = self
            .promises
            .iter()
            .enumerate()
            .map(|(index, promise)| (promise.message_id.as_str(), index))
            .collect();
        let mut newest = None;
        let mut wrong = Vec::new();
        for (id, awaited) in &self.arrivals {
            let Some(index) = place.get(id.as_str()).copied() else {
                continue;
            };
            // One that a guard kept back is overtaken.
            if self.promises.get(index).is_some_and(|it| it.guarded) {
                continue;
            }
            // A request that the device had given up may arrive at any time.
            if !*awaited {
                continue;
            }
            if newest.is_some_and(|newest| index < newest) {
                wrong.push(format!("{id} (call {index}) came after call {newest:?}"));
            }
            newest = newest.max(Some(index));
        }
        self.totals.reordered += wrong.len() as u64;
        for line in wrong {
            self.fail(line);
        }
    }

    fn as_they_were(&mut self, found: &BTreeMap<String, (u64, Value)>) {
        let mut wrong = Vec::new();
        for promise in &self.promises {
            let Some((_, event)) = found.get(&promise.message_id) else {
                continue;
            };
            let id = &promise.message_id;
            // A withdrawal that no disk took is not one after a power cut, and what it purged goes out.
            if self.withdrawal_lost && self.accounts.is_accounted_for(id) {
                continue;
            }
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            if text("userId") != promise.user_id.as_deref() {
                wrong.push(format!(
                    "{id}: userId {:?}, at the call {:?}",
                    text("userId"),
                    promise.user_id
                ));
            }
            if text("anonymousId") != Some(&promise.anonymous_id) {
                wrong.push(format!(
                    "{id}: anonymousId {:?}, at the call {}",
                    text("anonymousId"),
                    promise.anonymous_id
                ));
            }
            if text("originalTimestamp").and_then(parse_iso) != Some(promise.timestamp) {
                wrong.push(format!(
                    "{id}: made at {:?}, at the call {}",
                    text("originalTimestamp"),
                    promise.timestamp
                ));
            }
            let stamped = event
                .path("context.consent.categoryPreferences")
                .and_then(Value::as_object);
            if !self.stamp_is_right(promise, stamped) {
                wrong.push(format!(
                    "{id}: consent {stamped:?}, at the call {:?}",
                    promise.consent
                ));
            }
            if promise.dropped || promise.given_up || !promise.wish.to_hub() {
                wrong.push(format!("{id}: is at the hub and must not be"));
            }
            if promise.poison {
                wrong.push(format!("{id}: poison got through"));
            }
        }
        for line in wrong {
            self.fail(line);
        }
    }

    /// Consent as of the call; before a decision the one that released it or, under opt-out, everything.
    fn stamp_is_right(&self, promise: &Promise, stamped: Option<&Object>) -> bool {
        match (self.setup.consent, &promise.consent, stamped) {
            (Consent::NotAsked, _, stamped) => stamped.is_none(),
            (_, _, None) => false,
            (_, Some(at_call), Some(stamped)) => at_call == stamped,
            (Consent::OptIn, None, Some(stamped)) => promise.releases.contains(stamped),
            (Consent::OptOut, None, Some(stamped)) => {
                stamped.len() == CATEGORIES.len()
                    && stamped
                        .iter()
                        .all(|(_, granted)| *granted == Value::Bool(true))
            }
        }
    }

    fn within_bounds(&mut self) {
        let Some(process) = &self.process else {
            return self.fail("the device is not running at the end".to_owned());
        };
        let (queue, next) = (process.engine.queue(), process.engine.next_deadline());
        let used = self.disk.used();
        if queue.events == 0 && used > 200_000 {
            self.fail(format!("an empty queue takes {used} bytes of disk"));
        }
        let held = self.gate() == Some(Gate::Held);
        if !held && !self.setup.settings && next.is_some() {
            self.fail(format!("a timer is left at rest: {next:?}"));
        }
        if !held && !self.flushes.is_empty() {
            let flushes = self.flushes.clone();
            self.fail(format!("flushes never came to their end: {flushes:?}"));
        }
        let (acknowledged, logged) = self.hub.strange();
        if acknowledged != logged {
            self.fail(format!(
                "of another source {acknowledged} events were acknowledged and {logged} are in the log"
            ));
        }
        if self.setup.destinations {
            self.destinations_have_all();
        }
    }
}
