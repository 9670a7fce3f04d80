//! A plugin that guards events and fails as the dice say: what it has not seen never leaves, and what it keeps back is tried
//! again in time, and no more often than the rule says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_engine::{CallError, Input, Plugin, PluginError, Receipt, Said, Stage, TryOutcome};
use headwater_model::event::Event;
use headwater_model::json::{Limits, Value, parse};

use crate::consent::TELLS_OF_IT;
use crate::dice::Dice;
use crate::life::Life;
use crate::network::Message;

/// The guard's name.
const NAME: &str = "scrub";
/// What it puts on each event that it has seen.
const MARK: &str = "scrubbed";
/// How long after each failure the next try comes; after the last one there is none.
const PAUSES: [u64; 2] = [1_000, 10_000];
/// What the device may take longer than that: other things happen first.
const LATE: u64 = 1_000;

/// Where the guard runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the engine's timeline.
    Inside,
    /// In the host, between the halves of a call.
    Outside,
}

/// The guard, as the engine and the life share it.
#[derive(Clone, Debug)]
pub(crate) struct Scrub(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    /// Permille of tries at which it fails.
    fails: u64,
    /// What it did since the life looked last: the event, and whether it failed.
    log: Vec<(String, bool)>,
    /// Failures of each event in this process, and when the last one was.
    failures: BTreeMap<String, (usize, u64)>,
}

impl Scrub {
    pub(crate) fn new(seed: u64, fails: u64) -> Scrub {
        Scrub(Arc::new(Mutex::new(State {
            dice: Dice::new(seed ^ 0x6775_6172_6473),
            fails,
            log: Vec::new(),
            failures: BTreeMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The storm is over.
    pub(crate) fn heal(&self) {
        self.state().fails = 0;
    }

    /// A new process knows of no failure.
    pub(crate) fn reborn(&self) {
        let mut state = self.state();
        state.log.clear();
        state.failures.clear();
    }

    fn pass(&self, mut event: Event) -> Result<Event, PluginError> {
        let mut state = self.state();
        let fails = state.fails;
        let failed = state.dice.chance(fails);
        let id = event.message_id.as_str().to_owned();
        state.log.push((id, failed));
        if failed {
            return Err(PluginError("it lost its list".to_owned()));
        }
        event.context.insert(MARK, true);
        Ok(event)
    }
}

impl Plugin for Scrub {
    fn name(&self) -> &str {
        NAME
    }
    fn stage(&self) -> Stage {
        Stage::Before
    }
    fn process(&mut self, event: Event) -> Result<Option<Event>, PluginError> {
        self.pass(event).map(Some)
    }
}

impl Life {
    /// A call in two halves, with the guard in between.
    pub(crate) fn call_outside(&mut self, said: Said) -> Option<Result<Receipt, CallError>> {
        let now = self.now();
        let scrub = self.scrub.clone();
        let process = self.process.as_mut()?;
        let stamped = match process.engine.stamp(now, said) {
            Ok(stamped) => stamped,
            Err(error) => return Some(Err(error)),
        };
        Some(match scrub.pass(stamped.clone()) {
            Ok(event) => process.engine.submit(now, event),
            Err(error) => {
                let guards = vec![NAME.to_owned()];
                let why = (NAME, error.0.as_str());
                Ok(process.engine.hold(now, stamped, why, guards))
            }
        })
    }

    /// The device asks the host's plugins again. The answer comes a little later, or never.
    pub(crate) fn try_again(&mut self, id: u64, event: Arc<Event>, guards: &[String]) {
        if self.setup.guard != Some(Place::Outside) || guards != [NAME] {
            return self.fail(format!(
                "a try for {guards:?}, which the host does not have"
            ));
        }
        let never = self.stormy && self.dice.chance(100);
        let delay = if never {
            self.note(|_| "the guard never answers".to_owned());
            // Then it counts as failed half a minute later.
            let message_id = event.message_id.as_str().to_owned();
            let mut state = self.scrub.state();
            let t = self.t + 30_000;
            let failures = state.failures.entry(message_id).or_default();
            *failures = (failures.0 + 1, t);
            return;
        } else {
            self.dice.range(1, 3_000)
        };
        let epoch = self.epoch;
        self.post(delay, Message::Try { epoch, id, event });
    }

    /// The host's guard has looked again.
    pub(crate) fn tried(&mut self, id: u64, event: &Event) {
        let outcome = match self.scrub.pass(event.clone()) {
            Ok(event) => TryOutcome::Passed(Box::new(event)),
            Err(error) => TryOutcome::Failed {
                plugin: NAME.to_owned(),
                detail: error.0,
            },
        };
        self.input(Input::Tried { id, outcome });
    }

    /// What the guard did since the last look: in time, and not too often.
    pub(crate) fn check_tries(&mut self) {
        let log = core::mem::take(&mut self.scrub.state().log);
        for (id, failed) in log {
            let known = self.scrub.state().failures.get(&id).copied();
            let (count, last) = known.unwrap_or_default();
            let inside = self.setup.guard == Some(Place::Inside);
            if let Some(pause) = count.checked_sub(1).map(|at| PAUSES.get(at).copied()) {
                let short = id.get(..8).unwrap_or_default().to_owned();
                match pause {
                    None => self.fail(format!("{short} is tried a fourth time")),
                    Some(pause) => {
                        let took = self.t.saturating_sub(last);
                        if took < pause || inside && took > pause + LATE {
                            self.fail(format!(
                                "{short} is tried again after {took} ms, not {pause}"
                            ));
                        }
                    }
                }
            }
            if failed {
                self.note(|_| format!("the guard fails on {}", id.get(..8).unwrap_or_default()));
                let t = self.t;
                self.scrub
                    .state()
                    .failures
                    .insert(id.clone(), (count + 1, t));
                if let Some(promise) = self.place(&id).and_then(|at| self.promises.get_mut(at)) {
                    promise.guarded = true;
                    // A crash between its two records brings it to a destination again.
                    promise.released_twice = true;
                }
            }
        }
    }

    /// A report says that an event was given up.
    pub(crate) fn given_up(&mut self, message_id: &str) {
        self.check_tries();
        let failures = self
            .scrub
            .state()
            .failures
            .get(message_id)
            .map(|(count, _)| *count);
        if failures != Some(PAUSES.len() + 1) {
            self.fail(format!(
                "{message_id} is given up after {failures:?} failures"
            ));
        }
        // A process that died between letting it go and forgetting its record tries what has left already.
        let kept = &self.accounts.kept;
        let left = |(seq, id): (&u64, &String)| id == message_id && !kept.contains(seq);
        if !self.accounts.numbers.iter().any(left)
            && let Some(promise) = self
                .place(message_id)
                .and_then(|at| self.promises.get_mut(at))
        {
            promise.given_up = true;
        }
    }

    /// Nothing leaves that the guard has not seen.
    pub(crate) fn check_guarded(&mut self, body: &[u8]) {
        if self.setup.guard.is_none() {
            return;
        }
        let envelope = parse(body, &Limits::default()).unwrap_or(Value::Null);
        let events = envelope.get("batch").and_then(Value::as_array);
        for event in events.into_iter().flatten() {
            let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
            let seen = event.path(&format!("context.{MARK}")) == Some(&Value::Bool(true));
            if !seen && text("event") != TELLS_OF_IT {
                self.fail(format!("{} leaves unguarded", text("messageId")));
            }
        }
    }
}
