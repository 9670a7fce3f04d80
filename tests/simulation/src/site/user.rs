//! What the user does, in whichever tab.

use super::*;

impl Site {
    pub(super) fn step(&mut self) {
        let living = self.living();
        let Some(tab) = self.dice.pick(&living) else {
            self.pass(1_000);
            return self.open();
        };
        match self.dice.roll(100) {
            0..=49 => {
                for _ in 0..self.dice.range(1, 4) {
                    self.call(tab);
                }
            }
            50..=57 if living.len() < MAX_TABS => self.open(),
            58..=63 => self.die(tab),
            64..=67 if self.asks => self.decide(tab),
            68..=69 => {
                self.hub.stop(None);
                self.totals.faults += 1;
                self.note("FAULT the hub is killed");
            }
            70..=74 => {
                let now = self.true_time();
                self.hub.start(now);
            }
            75..=79 => self.input(tab, Input::Flush(1)),
            80..=94 => {
                let ms = self.dice.range(1, 2_000);
                self.pass(ms);
            }
            _ => {
                let ms = self.dice.range(2_000, 100_000);
                self.pass(ms);
            }
        }
    }

    pub(super) fn call(&mut self, name: usize) {
        let number = self.promises.len();
        let identifies = self.dice.chance(80);
        let kind = if identifies {
            CallKind::Identify {
                user_id: Some(format!("u{}", self.dice.roll(4))),
                traits: Payload::Empty,
            }
        } else {
            CallKind::Track {
                event: format!("e{number}"),
                properties: Payload::Empty,
            }
        };
        let call = Call {
            kind,
            options: CallOptions::default(),
            at: None,
            entropy: self.dice.entropy(),
            spare_entropy: self.dice.entropy(),
            enrichment: None,
        };
        let now = self.now(name);
        let Some(engine) = self.tabs.get_mut(name).and_then(|tab| tab.engine.as_mut()) else {
            return;
        };
        let Ok(receipt) = engine.call(now, call) else {
            return self.fail("a call is refused".to_owned());
        };
        let identity = engine.identity();
        let promise = Promise {
            tab: name,
            id: receipt.message_id().to_owned(),
            user_id: identity.user_id.clone(),
            anonymous_id: identity.anonymous_id.as_str().to_owned(),
            consent: None,
            kept: false,
        };
        self.places.insert(promise.id.clone(), number);
        self.promises.push(promise);
        // What the tab went by at the call is what the event itself says, where it was queued under a decision.
        self.drain(name);
        let stamp = self
            .tabs
            .get(name)
            .and_then(|tab| {
                tab.rows.iter().rev().find(|row| {
                    message_id(&row.body).is_some_and(|id| self.places.get(&id) == Some(&number))
                })
            })
            .and_then(|row| stamp_of(&parse(&row.body, &Limits::default()).ok()?));
        if let Some(promise) = self.promises.get_mut(number) {
            promise.consent = stamp;
        }
    }

    /// One user decides in one tab at a time, and sees the banner go everywhere before the next change of mind.
    pub(super) fn decide(&mut self, name: usize) {
        let under_way = self
            .messages
            .values()
            .any(|message| matches!(message, Message::State(_, StateKey::Consent, _)));
        let unsaved = |tab: &Tab| tab.states.iter().any(|(key, _)| *key == StateKey::Consent);
        if under_way
            || self
                .tabs
                .iter()
                .any(|tab| tab.engine.is_some() && unsaved(tab))
        {
            return;
        }
        let preferences = vec![
            ("ads".to_owned(), self.dice.chance(600)),
            ("analytics".to_owned(), self.dice.chance(700)),
        ];
        self.note(format!("the user decides in tab {name}: {preferences:?}"));
        self.decisions.push(
            preferences
                .iter()
                .map(|(id, granted)| (id.clone(), Value::Bool(*granted)))
                .collect(),
        );
        let entropy = self.dice.entropy();
        self.input(
            name,
            Input::SetConsent {
                preferences,
                entropy,
            },
        );
    }
}
