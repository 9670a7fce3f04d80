//! The engine for JavaScript. Conversions only: what a call, an input or an effect means is the engine's to say.
//!
//! Strings are JSON or plain text, times are milliseconds as numbers, sequence numbers are numbers, too (they stay far
//! below 2^53). No closure of JavaScript's is ever called from here: the host polls effects and carries them out.
//!
//! ```text
//!   call / stamp+submit / input ──► Engine ──► poll() = kind of the next effect; num, text, seqs read it
//! ```
//! The contract is `headwater_engine`'s; `README.md` beside this crate lists what each number means.

mod call;
mod config;
mod effect;
mod input;
mod read;

use headwater_engine::{Input, Now, Start, StateKey};
use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::time::Millis;
use wasm_bindgen::prelude::wasm_bindgen;

use effect::Current;

/// A third of the standard allocator's code.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// One engine: the queue, identity, consent, sessions and destinations of one page.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    engine: headwater_engine::Engine,
    current: Current,
    entropy: [u8; 16],
}

#[wasm_bindgen]
impl Engine {
    /// Starts from what the store held.
    ///
    /// `config` and `state` are JSON objects; `stored` holds `[seq, at, length, unstamped, …]` of the events that wait,
    /// in order; `next_seq` is a number that no event ever had; `entropy` is 32 random bytes.
    ///
    /// # Errors
    /// The member of the configuration that cannot work: `config` (no JSON object), `writeKey` or `endpoint`.
    pub fn create(
        config: &str,
        state: &str,
        stored: &[f64],
        next_seq: f64,
        wall: f64,
        mono: f64,
        entropy: &[u8],
    ) -> Result<Engine, String> {
        let (first, second) = read::halves(entropy);
        let mut saved = Vec::new();
        let mut unreadable = Vec::new();
        match read::object(state) {
            Some(mut state) => {
                for key in StateKey::ALL {
                    if let Some(text) = read::text(&mut state, key.as_str()) {
                        saved.push((key, text.into_bytes()));
                    }
                }
            }
            None => unreadable.extend(StateKey::ALL),
        }
        let start = Start {
            saved,
            events: read::stored(stored),
            next_seq: int(next_seq),
            unreadable,
            seed: u64::from_le_bytes(second.first_chunk().copied().unwrap_or_default()),
            entropy: first,
            ..Start::default()
        };
        let engine = headwater_engine::Engine::new(config::read(config)?, start, now(wall, mono))
            .map_err(|_| "endpoint")?;
        Ok(Engine {
            engine,
            current: Current::default(),
            entropy: [0; 16],
        })
    }

    /// One call, as JSON. Answers a letter and the messageId (`q` queued, `h` held, `l` local only, `d` dropped), or
    /// `!` and the name of what is wrong with the call (`CallError::as_str`, or `unreadable`). `entropy` is 32 random
    /// bytes.
    pub fn call(&mut self, wall: f64, mono: f64, json: &str, entropy: &[u8]) -> String {
        match call::read(json, read::halves(entropy)) {
            Some(call) => call::answer(self.engine.call(now(wall, mono), call)),
            None => call::UNREADABLE.to_owned(),
        }
    }

    /// The first half of a call, for plugins that see the event before it is queued: `=` and the event as JSON, or `!`
    /// and what is wrong, as `call`. A change of identity counts from here on. Goes on to `submit` or `discard`.
    pub fn stamp(&mut self, wall: f64, mono: f64, json: &str, entropy: &[u8]) -> String {
        match call::read(json, read::halves(entropy)) {
            Some(call) => call::stamped(self.engine.stamp(now(wall, mono), call)),
            None => call::UNREADABLE.to_owned(),
        }
    }

    /// The second half: the event is queued. Answers as `call`.
    pub fn submit(&mut self, wall: f64, mono: f64, event: &str) -> String {
        match Event::parse(event.as_bytes()) {
            Ok(event) => call::answer(self.engine.submit(now(wall, mono), event)),
            Err(_) => call::UNREADABLE.to_owned(),
        }
    }

    /// A plugin keeps a stamped event back: reported.
    pub fn discard(&mut self, event: &str, plugin: &str) {
        if let Ok(event) = Event::parse(event.as_bytes()) {
            self.engine.discard(&event, plugin);
        }
    }

    /// The first of `count` numbers that no event has.
    pub fn reserve(&mut self, count: f64) -> f64 {
        self.engine.reserve(int(count)).0 as f64
    }

    /// Events that other clients of the same store persisted are this one's to send: `[seq, at, length, unstamped, …]`.
    pub fn adopt(&mut self, wall: f64, mono: f64, stored: &[f64]) {
        let input = Input::Adopt(read::stored(stored));
        self.engine.handle(now(wall, mono), input);
    }

    /// These events are in the store and another client's to send.
    #[wasm_bindgen(js_name = giveAway)]
    pub fn give_away(&mut self, wall: f64, mono: f64, seqs: &[f64]) {
        let input = Input::GiveAway(seqs.iter().map(|seq| Seq(int(*seq))).collect());
        self.engine.handle(now(wall, mono), input);
    }

    /// Another client of the same store saved this piece of state.
    pub fn saved(&mut self, wall: f64, mono: f64, key: &str, text: String) {
        if let Some(key) = StateKey::ALL
            .into_iter()
            .find(|known| known.as_str() == key)
        {
            let input = Input::Saved(key, text.into_bytes());
            self.engine.handle(now(wall, mono), input);
        }
    }

    /// Sixteen random bytes for the next input that needs some: a reset, or a decision on consent.
    pub fn entropy(&mut self, bytes: &[u8]) {
        self.entropy = read::halves(bytes).0;
    }

    /// Anything that happened; see `README.md` for the kinds. An unknown kind, or one whose text cannot be read, does
    /// nothing.
    pub fn input(&mut self, wall: f64, mono: f64, kind: u32, a: f64, b: f64, text: Option<String>) {
        if let Some(input) = input::read(kind, a, b, text, self.entropy) {
            self.engine.handle(now(wall, mono), input);
        }
    }

    /// The next effect's kind, 0 when there is none. It can be read until the next poll.
    pub fn poll(&mut self) -> u32 {
        self.current = effect::next(&mut self.engine);
        self.current.kind
    }

    /// A number of the current effect.
    #[must_use]
    pub fn num(&self, index: usize) -> f64 {
        self.current.nums.get(index).copied().unwrap_or(0.0)
    }

    /// A text of the current effect.
    #[must_use]
    pub fn text(&self, index: usize) -> String {
        self.current.texts.get(index).cloned().unwrap_or_default()
    }

    /// The sequence numbers of the current effect.
    #[must_use]
    pub fn seqs(&self) -> Vec<f64> {
        self.current.seqs.iter().map(|seq| seq.0 as f64).collect()
    }

    /// When to hand in the timer, on the monotonic clock; -1: not before something happens.
    #[must_use]
    pub fn deadline(&self) -> f64 {
        self.engine
            .next_deadline()
            .map_or(-1.0, |deadline| deadline as f64)
    }

    /// Who the user is, as JSON: `{anonymousId, userId?, traits, groupId?, groupTraits?}`.
    #[must_use]
    pub fn identity(&self) -> String {
        read::string(self.engine.identity().to_json())
    }
}

fn now(wall: f64, mono: f64) -> Now {
    Now {
        wall: millis(wall),
        mono: int(mono),
    }
}

/// JavaScript's numbers are doubles; what is out of range stops at its ends.
#[inline(never)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn int(number: f64) -> u64 {
    number as u64
}

#[inline(never)]
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn millis(number: f64) -> Millis {
    Millis(number as i64)
}
