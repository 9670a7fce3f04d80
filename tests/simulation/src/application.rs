//! The application: its calls, and what each was promised.

use headwater_engine::{Call, CallKind, CallOptions, Input, Receipt};
use headwater_model::event::Payload;
use headwater_model::json::{Limits, Raw};

use crate::consent::Gate;
use crate::destinations::Wish;
use crate::guard::Place;
use crate::life::{Life, Promise};

impl Life {
    pub(crate) fn track(&mut self, n: u64) {
        let poison = self.dice.chance(8);
        let pad = if self.dice.chance(50) {
            self.dice.range(0, 8_000)
        } else {
            self.dice.range(0, 200)
        };
        let text = format!(
            r#"{{"n":{n},"pad":"{}"{}}}"#,
            "x".repeat(usize::try_from(pad).unwrap_or(0)),
            if poison { r#","poison":true"# } else { "" }
        );
        let Ok(raw) = Raw::parse(text.as_bytes(), &Limits::default()) else {
            return;
        };
        let kind = CallKind::Track {
            event: format!("e{n}"),
            properties: Payload::Raw(raw),
        };
        self.call(kind, poison);
    }

    pub(crate) fn identify(&mut self) {
        let user = format!("u{}", self.dice.roll(3));
        self.call(
            CallKind::Identify {
                user_id: Some(user),
                traits: Payload::Empty,
            },
            false,
        );
    }

    pub(crate) fn reset(&mut self) {
        let entropy = self.dice.entropy();
        self.note(|_| "reset".to_owned());
        self.input(Input::Reset(entropy));
    }

    pub(crate) fn flush(&mut self, id: u64) {
        self.note(|_| "flush".to_owned());
        if self.process.is_some() {
            self.flushes.insert(id);
        }
        self.input(Input::Flush(id));
    }

    fn call(&mut self, kind: CallKind, poison: bool) {
        let now = self.now();
        let (entropy, spare_entropy) = (self.dice.entropy(), self.dice.entropy());
        let wish = if self.setup.destinations && self.dice.chance(200) {
            self.dice.pick(&Wish::ALL).unwrap_or(Wish::Anyone)
        } else {
            Wish::Anyone
        };
        let Some(process) = &mut self.process else {
            return;
        };
        let call = Call {
            kind,
            options: CallOptions {
                integrations: wish.integrations(),
                ..CallOptions::default()
            },
            at: None,
            entropy,
            spare_entropy,
            enrichment: None,
        };
        let made = if self.setup.guard == Some(Place::Outside) {
            self.call_outside(call.into())
        } else {
            Some(process.engine.call(now, call))
        };
        let receipt = match made {
            None => return,
            Some(Ok(receipt)) => receipt,
            Some(Err(error)) => return self.fail(format!("a good call was refused: {error}")),
        };
        let Some(process) = &self.process else {
            return;
        };
        let identity = process.engine.identity().clone();
        let held = matches!(receipt, Receipt::Held(_));
        let asked = self.gate() != Some(Gate::Open);
        let index = self.promises.len();
        let message_id = receipt.message_id().to_owned();
        let short = message_id.get(..8).unwrap_or_default().to_owned();
        self.places.insert(message_id.clone(), index);
        self.promises.push(Promise {
            message_id,
            anonymous_id: identity.anonymous_id.as_str().to_owned(),
            user_id: identity.user_id,
            timestamp: now.wall,
            consent: self.preferences.clone(),
            releases: Vec::new(),
            released_twice: false,
            kept: false,
            in_memory: held && self.setup.hold_in_memory && asked,
            held: self.gate() == Some(Gate::Held),
            dropped: matches!(receipt, Receipt::Dropped(_)),
            poison,
            guarded: false,
            given_up: false,
            wish,
            epoch: self.epoch,
        });
        self.unsynced.push(index);
        self.note(|_| format!("call {index} {short} {receipt:?} {wish:?}"));
        self.check_tries();
        self.drain();
        // Where the durability says so, the call returns when its bytes are on the disk.
        let durable = !self.setup.sync || self.sync_store();
        if self.process.is_some()
            && durable
            && let Some(promise) = self.promises.get_mut(index)
        {
            promise.kept = true;
            self.totals.promised += 1;
        }
    }

    /// Which call made the event.
    pub(crate) fn place(&self, message_id: &str) -> Option<usize> {
        self.places.get(message_id).copied()
    }
}
