//! The end: everything heals, comes to rest, and is judged from outside.

use super::*;

impl Site {
    /// The storm is over: one more visit, until nothing moves any more.
    pub(super) fn heal(&mut self) {
        self.stormy = false;
        self.note("the storm is over");
        let now = self.true_time();
        self.hub.start(now);
        if self.living().is_empty() {
            self.open();
        }
        for _ in 0..60 {
            self.pass(60_000);
            if self.leader().is_none()
                && let Some(next) = self.living().first().copied()
            {
                self.lead(next);
            }
            if let Some(leader) = self.leader() {
                self.look(leader);
                self.input(leader, Input::Flush(2));
            }
        }
        self.pass(60_000);
    }

    pub(super) fn judge(&mut self) {
        let mut found: BTreeMap<String, (u64, Value)> = BTreeMap::new();
        for event in self.hub.accepted() {
            if let Some(id) = event.get("messageId").and_then(Value::as_str) {
                let id = id.to_owned();
                found.entry(id).or_insert_with(|| (0, event.clone())).0 += 1;
            }
        }
        let mut wrong = Vec::new();
        for (id, (count, _)) in found.iter().filter(|(_, (count, _))| *count > 1) {
            self.totals.duplicated += count - 1;
            wrong.push(format!("{id} is at the hub {count} times"));
        }
        let held = self.asks && !self.store.states.contains_key(&StateKey::Consent);
        let waiting = self.store.events.len() as u64;
        if waiting > 0 && !held {
            wrong.push(format!("{waiting} events still wait in the store"));
        }
        let missing = self
            .promises
            .iter()
            .filter(|promise| promise.kept && !found.contains_key(&promise.id))
            .count() as u64;
        let excused = self.reported + if held { waiting } else { 0 };
        if missing > excused {
            self.totals.lost += missing - excused;
            wrong.push(format!(
                "{missing} events are missing, {excused} were reported or wait"
            ));
        }
        let mut newest: BTreeMap<usize, usize> = BTreeMap::new();
        for id in &self.arrivals {
            let Some(index) = self.places.get(id).copied() else {
                continue;
            };
            let Some(promise) = self.promises.get(index) else {
                continue;
            };
            let before = newest.insert(promise.tab, index);
            if before.is_some_and(|before| before > index) {
                self.totals.reordered += 1;
                wrong.push(format!(
                    "tab {}: call {index} came after {before:?}",
                    promise.tab
                ));
            }
        }
        for promise in &self.promises {
            let Some((_, event)) = found.get(&promise.id) else {
                continue;
            };
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            let same = text("userId") == promise.user_id.as_deref()
                && text("anonymousId") == Some(&promise.anonymous_id);
            if !same {
                wrong.push(format!("{}: another user than at the call", promise.id));
            }
            let stamp = stamp_of(event);
            let right = match (&promise.consent, &stamp) {
                (Some(at_call), Some(stamp)) => at_call == stamp,
                (None, Some(stamp)) => self.decisions.contains(stamp),
                (_, None) => !self.asks,
            };
            if !right {
                wrong.push(format!(
                    "{}: consent {stamp:?}, at the call {:?}",
                    promise.id, promise.consent
                ));
            }
        }
        for name in self.living() {
            let next = self
                .alive(name)
                .and_then(|tab| tab.engine.as_ref()?.next_deadline());
            if let Some(next) = next.filter(|_| !held) {
                wrong.push(format!("tab {name} has a timer left at rest: {next}"));
            }
        }
        for line in wrong {
            self.fail(line);
        }
        if !self.failures.is_empty() {
            self.totals.broken += 1;
        }
    }
}
