//! Tabs open, die, and carry out what their engines ask for.

use super::*;

impl Site {
    /// A tab opens; it leads when nobody does.
    pub(super) fn open(&mut self) {
        let name = self.tabs.len();
        let leads = self.leader().is_none();
        let mut keys = BTreeMap::new();
        let mut events = Vec::new();
        if leads {
            for (key, (at, unstamped, body)) in &self.store.events {
                keys.insert(*key, *key);
                events.push(Stored {
                    seq: Seq(*key),
                    at: *at,
                    len: u32::try_from(body.len()).unwrap_or(u32::MAX),
                    unstamped: *unstamped,
                });
            }
        }
        self.note(format!(
            "tab {name} opens, leads: {leads}, {} events",
            events.len()
        ));
        let start = Start {
            saved: self.store.states.clone().into_iter().collect(),
            events,
            next_seq: self.store.last + 1,
            seed: self.dice.next(),
            entropy: self.dice.entropy(),
            ..Start::default()
        };
        self.tabs.push(Tab {
            engine: None,
            born: self.t,
            leads,
            rows: Vec::new(),
            keys,
            gone: Vec::new(),
            states: Vec::new(),
            scanned: if leads { self.store.last } else { 0 },
            committing: false,
            in_flight: None,
        });
        let now = self.now(name);
        let Some(config) = self.config() else {
            return self.fail("there is no configuration".to_owned());
        };
        let mut engine = Engine::new(config, start, now);
        if !leads {
            engine.handle(now, Input::Lead(false));
        }
        if let Some(tab) = self.tabs.get_mut(name) {
            tab.engine = Some(engine);
        }
        self.drain(name);
    }

    /// The tab is gone, and whoever waits for the lead gets it.
    pub(super) fn die(&mut self, name: usize) {
        self.totals.faults += 1;
        self.note(format!("FAULT tab {name} dies"));
        let Some(tab) = self.tabs.get_mut(name) else {
            return;
        };
        tab.engine = None;
        tab.in_flight = None;
        let led = core::mem::take(&mut tab.leads);
        if let Some(leader) = self.leader() {
            let delay = self.dice.range(1, 500);
            self.post(delay, Message::Died(leader));
        } else if led && let Some(next) = self.living().first().copied() {
            let delay = self.dice.range(1, 500);
            self.post(delay, Message::Lead(next));
        }
    }

    pub(super) fn input(&mut self, name: usize, input: Input) {
        self.totals.steps += 1;
        let now = self.now(name);
        if let Some(engine) = self.tabs.get_mut(name).and_then(|tab| tab.engine.as_mut()) {
            engine.handle(now, input);
        }
        self.drain(name);
    }

    /// Carries out what the engine asks for. The tab may die between any two effects.
    pub(super) fn drain(&mut self, name: usize) {
        while let Some(effect) = self
            .tabs
            .get_mut(name)
            .and_then(|tab| tab.engine.as_mut())
            .and_then(Engine::poll_effect)
        {
            self.totals.steps += 1;
            if self.stormy && self.dice.chance(2) {
                return self.die(name);
            }
            self.carry_out(name, effect);
        }
        let wants = self.alive(name).is_some_and(|tab| {
            let owes = !tab.rows.is_empty() || !tab.gone.is_empty() || !tab.states.is_empty();
            owes && !tab.committing
        });
        if wants {
            let delay = self.dice.range(1, 40);
            self.tabs[name].committing = true;
            self.post(delay, Message::Commit(name));
        }
    }

    pub(super) fn carry_out(&mut self, name: usize, effect: Effect) {
        let Some(tab) = self.tabs.get_mut(name) else {
            return;
        };
        match effect {
            Effect::Persist {
                seq,
                at,
                body,
                unstamped,
            } => tab.rows.push(Row {
                seq: seq.0,
                at: at.0,
                unstamped,
                body,
            }),
            Effect::Forget(seqs) => {
                for seq in seqs {
                    match tab.keys.remove(&seq.0) {
                        Some(key) => tab.gone.push(key),
                        None => tab.rows.retain(|row| row.seq != seq.0),
                    }
                }
            }
            // The engine's numbers mean nothing to the next one.
            Effect::Save {
                key: StateKey::Purged,
                ..
            } => {}
            Effect::Save {
                key: StateKey::Consent,
                value,
            } => {
                let until = self.store.last + tab.rows.len() as u64;
                tab.states
                    .push((StateKey::Consent, renumbered(&value, until)));
            }
            Effect::Save { key, value } => tab.states.push((key, value)),
            Effect::Load(seqs) => {
                for seq in seqs {
                    let body = self.body(name, seq.0);
                    let now = self.now(name);
                    if let Some(engine) =
                        self.tabs.get_mut(name).and_then(|tab| tab.engine.as_mut())
                    {
                        engine.handle(now, Input::Loaded(seq, body));
                    }
                }
            }
            Effect::Upload(upload) => self.upload(name, &upload),
            Effect::Cancel(request) if tab.in_flight == Some(request) => tab.in_flight = None,
            Effect::Report(report) => {
                self.reported += report.count;
                self.totals.reported += report.count;
                self.note(format!(
                    "tab {name} reports {} × {}",
                    report.count, report.reason
                ));
            }
            _ => {}
        }
    }

    pub(super) fn body(&self, name: usize, seq: u64) -> Option<Vec<u8>> {
        let tab = self.tabs.get(name)?;
        if let Some(row) = tab.rows.iter().find(|row| row.seq == seq) {
            return Some(row.body.clone());
        }
        let key = tab.keys.get(&seq)?;
        self.store.events.get(key).map(|(_, _, body)| body.clone())
    }
}
