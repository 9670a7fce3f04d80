//! The store that all tabs share: transactions, whole or not at all, and who adopts what.

use super::*;

impl Site {
    /// One transaction, whole or not at all. What a follower stored is the leader's to send.
    pub(super) fn commit(&mut self, name: usize) -> bool {
        if self.alive(name).is_none() {
            return false;
        }
        if self.stormy && self.dice.chance(60) {
            self.totals.faults += 1;
            self.note(format!("FAULT a commit of tab {name} fails"));
            let delay = self.dice.range(10, 2_000);
            self.post(delay, Message::Commit(name));
            return false;
        }
        let Some(tab) = self.tabs.get_mut(name) else {
            return false;
        };
        tab.committing = false;
        let leads = tab.leads;
        let rows = core::mem::take(&mut tab.rows);
        let states = core::mem::take(&mut tab.states);
        let mut seqs = Vec::new();
        for row in rows {
            self.store.last += 1;
            if let Some(index) = message_id(&row.body).and_then(|id| self.places.get(&id))
                && let Some(promise) = self.promises.get_mut(*index)
            {
                promise.kept = true;
                self.totals.promised += 1;
            }
            seqs.push(Seq(row.seq));
            tab.keys.insert(row.seq, self.store.last);
            let event = (row.at, row.unstamped, row.body);
            self.store.events.insert(self.store.last, event);
        }
        for key in core::mem::take(&mut tab.gone) {
            self.store.events.remove(&key);
        }
        for (key, value) in &states {
            self.store.states.insert(*key, value.clone());
            self.store.states.retain(|_, value| !value.is_empty());
        }
        // The page may die when its commit is through and nobody knows of it yet.
        if self.stormy && self.dice.chance(10) {
            self.die(name);
            return false;
        }
        for (key, value) in states {
            for other in self.living() {
                if other != name {
                    let last = self.told.get(&other).copied().unwrap_or(0);
                    let at = last.max(self.t + self.dice.range(1, 300)) + 1;
                    self.told.insert(other, at);
                    self.post(at - self.t, Message::State(other, key, value.clone()));
                }
            }
        }
        for seq in &seqs {
            self.input(name, Input::Persisted(*seq));
        }
        if !leads && !seqs.is_empty() {
            if let Some(tab) = self.tabs.get_mut(name) {
                tab.keys.retain(|seq, _| !seqs.contains(&Seq(*seq)));
            }
            self.input(name, Input::GiveAway(seqs));
            if let Some(leader) = self.leader() {
                let delay = self.dice.range(1, 300);
                self.post(delay, Message::Stored(leader));
            }
        }
        true
    }

    /// A tab died, perhaps between a commit and telling of it: the leader looks for itself.
    pub(super) fn inherit(&mut self, leader: usize) {
        for (key, value) in self.store.states.clone() {
            self.input(leader, Input::Saved(key, value));
        }
        self.look(leader);
    }

    /// The leader adopts what others stored.
    pub(super) fn look(&mut self, name: usize) {
        let Some(tab) = self.tabs.get_mut(name) else {
            return;
        };
        let known: BTreeSet<u64> = tab.keys.values().copied().collect();
        let fresh: Vec<u64> = self
            .store
            .events
            .keys()
            .copied()
            .filter(|key| *key > tab.scanned && !known.contains(key) && !tab.gone.contains(key))
            .collect();
        tab.scanned = self.store.last;
        let Some(engine) = &mut tab.engine else {
            return;
        };
        let first = engine.reserve(fresh.len() as u64).0;
        let mut adopted = Vec::new();
        for (seq, key) in (first..).zip(fresh) {
            let Some((at, unstamped, body)) = self.store.events.get(&key) else {
                continue;
            };
            tab.keys.insert(seq, key);
            adopted.push(Stored {
                seq: Seq(seq),
                at: *at,
                len: u32::try_from(body.len()).unwrap_or(u32::MAX),
                unstamped: *unstamped,
            });
        }
        if !adopted.is_empty() {
            self.input(name, Input::Adopt(adopted));
        }
    }

    /// Before a tab leads, what it has made itself is in the store, and it has adopted all of that in the store's order.
    pub(super) fn lead(&mut self, name: usize) {
        if self.leader().is_some() {
            return;
        }
        let waits = |site: &Site, name| {
            site.alive(name)
                .is_some_and(|tab| !tab.rows.is_empty() || tab.committing)
        };
        if self.alive(name).is_none() || (waits(self, name) && !self.commit(name)) {
            if let Some(next) = self.living().first().copied() {
                let delay = self.dice.range(1, 500);
                self.post(delay, Message::Lead(next));
            }
            return;
        }
        self.note(format!("tab {name} leads"));
        self.inherit(name);
        if let Some(tab) = self.tabs.get_mut(name).filter(|tab| tab.engine.is_some()) {
            tab.leads = true;
            self.input(name, Input::Lead(true));
        }
    }
}
