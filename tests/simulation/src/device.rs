//! The device: a host of the engine over the real segment log, on a disk and a process that fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use headwater_engine::{
    Effect, Engine, HttpOutcome, Input, Start, StateKey, StoreFailure, Stored, Upload,
};
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Value, parse};
use headwater_store::{Opened, SegmentOptions, StoreError, open_segment_log_on};

use crate::consent::Gate;
use crate::life::{Kept, Life, Process};
use crate::setup::Consent;

const DIR: &str = "/device";

impl Life {
    /// The application starts.
    pub(crate) fn boot(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let mut options = SegmentOptions::default();
        options.segment_bytes = 16 * 1024;
        let opened = match open_segment_log_on(disk, Path::new(DIR), options) {
            Ok(opened) => opened,
            Err(error) => {
                if !self.stormy {
                    self.fail(format!("the store does not open on a good disk: {error}"));
                }
                self.note(|_| format!("the store does not open: {error}"));
                return;
            }
        };
        let Opened {
            mut store,
            events,
            next_seq,
            recovery,
        } = opened;
        let mut saved = Vec::new();
        for key in StateKey::ALL {
            if let Ok(Some(value)) = store.load_state(key.as_str())
                && !value.is_empty()
            {
                saved.push((key, value));
            }
        }
        let count = events.len();
        let waiting = events.iter().map(|entry| entry.seq).collect();
        self.reborn(waiting, &saved);
        let start = Start {
            saved,
            events: events
                .into_iter()
                .map(|entry| Stored {
                    seq: Seq(entry.seq),
                    at: entry.at_ms,
                    len: entry.len,
                    unstamped: false,
                })
                .collect(),
            next_seq,
            lost: recovery.lost_events,
            set_aside: recovery
                .set_aside
                .iter()
                .filter(|name| name.contains(".seg"))
                .count()
                .min(usize::try_from(recovery.lost_events).unwrap_or(usize::MAX))
                as u64,
            torn_bytes: recovery.torn_bytes,
            unreadable: Vec::new(),
            seed: self.dice.next(),
            entropy: self.dice.entropy(),
        };
        self.note(|_| format!("boot with {count} events, recovery {recovery:?}"));
        let born = self.t;
        let (Some(config), now) = (self.setup.config(&self.scrub), self.now()) else {
            return;
        };
        self.process = Some(Process {
            engine: Engine::new(config, start, now),
            store,
            born,
            unsaved: Vec::new(),
        });
        self.check_identity();
        self.drain();
        self.torn &= self.process.is_none();
        // Applications say at each start what the user decided: the decision may not have been saved.
        if let Some(preferences) = self.preferences.clone() {
            self.decide(&preferences);
        }
    }

    /// A new process knows what was kept, and nothing else.
    fn reborn(&mut self, waiting: BTreeSet<u64>, saved: &[(StateKey, Vec<u8>)]) {
        self.epoch += 1;
        self.document = None;
        if let Some((_, text)) = saved.iter().find(|(key, _)| *key == StateKey::Settings) {
            self.take_document(text);
        }
        let table = self.table();
        let wall = self.now().wall;
        self.pace
            .reborn(self.kept.series.clone(), table, wall, self.t);
        self.accounts.reborn(waiting);
        self.destinations.reborn();
        self.scrub.reborn();
        self.flushes.clear();
        self.decision = self.kept.decision.clone();
        self.soft |= self.kept.identity.is_none() || self.kept.decision.is_none();
        if self.setup.consent != Consent::NotAsked && self.preferences.is_none() {
            self.decision = Some(None);
        }
        if self.decision.is_none() {
            self.doubted = true;
            for promise in &mut self.promises {
                promise.released_twice = true;
            }
        }
    }

    /// The user is who it was.
    fn check_identity(&mut self) {
        let Some(process) = &self.process else {
            return;
        };
        let identity = process.engine.identity();
        let now = (
            identity.anonymous_id.as_str().to_owned(),
            identity.user_id.clone(),
        );
        if let Some(kept) = &self.kept.identity
            && *kept != now
        {
            let line = format!("the user is {now:?} after a restart and was {kept:?}");
            self.fail(line);
        }
    }

    /// Everything that was asked for is done: from here on a restart must know it.
    fn keep(&mut self) {
        let Some(process) = &self.process else {
            return;
        };
        let saved = |key: StateKey| {
            !self.soft && !process.unsaved.iter().any(|(unsaved, _)| *unsaved == key)
        };
        let written = !self.setup.hold_in_memory || self.gate() == Some(Gate::Open);
        let identity = process.engine.identity();
        let identity = (
            identity.anonymous_id.as_str().to_owned(),
            identity.user_id.clone(),
        );
        self.kept = Kept {
            series: self
                .pace
                .series()
                .cloned()
                .filter(|_| saved(StateKey::Retry)),
            decision: self.decision.clone().filter(|_| saved(StateKey::Consent)),
            identity: (written && saved(StateKey::Identity)).then_some(identity),
        };
    }

    /// The process is about to end: what changes just now may or may not be known after the restart.
    fn doubt(&mut self) {
        let Some(process) = &self.process else {
            return;
        };
        if self.pace.series() != self.kept.series.as_ref() {
            self.kept.series = None;
        }
        if self.decision != self.kept.decision {
            self.kept.decision = None;
            if self.setup.hold_in_memory {
                self.kept.identity = None;
            }
        }
        let identity = process.engine.identity();
        let same = self
            .kept
            .identity
            .as_ref()
            .is_some_and(|(anonymous, user)| {
                *anonymous == identity.anonymous_id.as_str() && *user == identity.user_id
            });
        if !same {
            self.kept.identity = None;
        }
        if process
            .unsaved
            .iter()
            .any(|(key, _)| *key == StateKey::Purged)
        {
            self.accounts.purged.clear();
            self.withdrawal_lost = true;
        }
    }

    /// The process ends at once; with `power`, the disk loses what was not synced.
    pub(crate) fn crash(&mut self, power: bool) {
        self.doubt();
        self.process = None;
        for promise in &mut self.promises {
            promise.kept &= !promise.in_memory;
            promise.in_memory = false;
            // What was not forgotten for good (a cut, a full disk) comes back, and may then pass.
            promise.given_up = false;
        }
        if power {
            self.torn = true;
            let seed = self.dice.next();
            self.disk.crash(seed);
            for index in core::mem::take(&mut self.unsynced) {
                if let Some(promise) = self.promises.get_mut(index) {
                    promise.kept = false;
                }
            }
            self.fault("the device loses power");
        } else {
            self.fault("the process is killed");
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.totals.steps += 1;
        let now = self.now();
        if let Some(process) = &mut self.process {
            let Process { store, unsaved, .. } = process;
            unsaved.retain(|(key, value)| store.save_state(key.as_str(), value).is_err());
            process.engine.handle(now, input);
        }
        self.check_tries();
        self.drain();
    }

    /// Syncs; afterwards a power cut takes nothing. `false` when it failed.
    pub(crate) fn sync_store(&mut self) -> bool {
        let Some(process) = &mut self.process else {
            return false;
        };
        let done = process
            .store
            .sync_point()
            .and_then(headwater_store::SyncPoint::wait)
            .is_ok();
        if done {
            self.soft = false;
            // What waits in memory is not in the store.
            let promises = &self.promises;
            self.unsynced.retain(|index| {
                promises
                    .get(*index)
                    .is_some_and(|promise| promise.in_memory)
            });
        }
        done
    }

    /// Carries out what the engine asks for. The process may die between any two effects.
    pub(crate) fn drain(&mut self) {
        loop {
            let Some(effect) = self
                .process
                .as_mut()
                .and_then(|process| process.engine.poll_effect())
            else {
                return self.settled();
            };
            self.totals.steps += 1;
            if self.stormy && self.dice.chance(self.setup.crashes) {
                let power = self.dice.chance(300);
                return self.crash(power);
            }
            self.carry_out(effect);
        }
    }

    /// The device sleeps now: everything that was due has happened.
    fn settled(&mut self) {
        self.close_report();
        if self.process.is_none() {
            return;
        }
        self.nothing_due();
        // A flush ends when all is out or something is in the way.
        if !self.flushes.is_empty() && self.pace.in_flight().is_empty() {
            let flushes = core::mem::take(&mut self.flushes);
            self.fail(format!("flushes wait for nothing: {flushes:?}"));
        }
        self.check_quota();
        self.keep();
    }

    fn check_quota(&mut self) {
        let (Some(quota), Some(process)) = (self.setup.quota_events, &self.process) else {
            return;
        };
        let events = process.engine.queue().events - process.engine.kept_back();
        let in_memory = self.promises.iter().filter(|promise| promise.in_memory);
        if events > quota.max(self.pace.in_flight().len()) + in_memory.count() {
            self.fail(format!("{events} events wait, over the quota of {quota}"));
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Persist { seq, at, body, .. } => self.persist(seq, at.0, &body),
            Effect::Forget(seqs) => {
                let seqs: Vec<u64> = seqs.iter().map(|seq| seq.0).collect();
                self.check_forgotten(&seqs);
                if let Some(process) = &mut self.process {
                    // What cannot be noted comes back after a restart, and the hub knows it.
                    let _ = process.store.forget(&seqs);
                }
            }
            Effect::Save { key, value } => self.save(key, value),
            Effect::Load(seqs) => {
                let now = self.now();
                let Some(Process { engine, store, .. }) = &mut self.process else {
                    return;
                };
                for seq in seqs {
                    let mut body = Vec::new();
                    let found = matches!(store.read(seq.0, &mut body), Ok(true));
                    engine.handle(now, Input::Loaded(seq, found.then_some(body)));
                }
            }
            Effect::Sync => {
                let done = self.sync_store();
                let now = self.now();
                if let Some(process) = &mut self.process {
                    process.engine.handle(now, Input::Synced(done));
                }
            }
            Effect::Upload(upload) => self.upload(&upload),
            Effect::Cancel(request) => self.cancelled(request),
            Effect::FetchSettings { .. } => self.fetch_settings(),
            Effect::Deliver {
                delivery,
                destination,
                event,
            } => self.deliver(delivery, destination, &event),
            Effect::CancelDeliveries => self.call_back_deliveries(),
            Effect::Report(report) => self.reported(&report),
            Effect::FlushDone { id, report } => {
                self.note(|_| format!("flush {id} done: {report:?}"));
                if !self.flushes.remove(&id) {
                    self.fail(format!("flush {id} ends, and nobody waits for it"));
                }
            }
            Effect::Diagnostic(diagnostic) => self.diagnosed(&diagnostic),
            Effect::TryAgain { id, event, guards } => self.try_again(id, event, &guards),
            Effect::Configure { .. } | Effect::Signal { .. } => {}
            other => self.fail(format!("an effect nobody knows: {other:?}")),
        }
    }

    fn persist(&mut self, seq: Seq, at: i64, body: &[u8]) {
        let now = self.now();
        let Some(Process { engine, store, .. }) = &mut self.process else {
            return;
        };
        let id = message_id(body);
        if at < 0 {
            self.accounts.kept.insert(seq.0);
        } else {
            self.accounts.kept.remove(&seq.0);
        }
        if let Some(id) = id.clone() {
            self.accounts.numbers.insert(seq.0, id);
        }
        match store.append(seq.0, at, body) {
            Ok(()) => {
                engine.handle(now, Input::Persisted(seq));
                self.accounts.waiting.insert(seq.0);
            }
            Err(error) => {
                let failure = match error {
                    StoreError::Full { .. } => StoreFailure::Full,
                    _ => StoreFailure::Io,
                };
                self.accounts.not_taken.extend(id);
                engine.handle(now, Input::StoreFailed(seq, failure));
                self.note(|_| format!("append of {seq} failed: {error}"));
            }
        }
    }

    fn save(&mut self, key: StateKey, value: Vec<u8>) {
        let Some(Process { store, unsaved, .. }) = &mut self.process else {
            return;
        };
        unsaved.retain(|(unsaved, _)| *unsaved != key);
        if let Err(error) = store.save_state(key.as_str(), &value) {
            unsaved.push((key, value));
            self.note(|_| format!("saving {} failed: {error}", key.as_str()));
        }
    }

    fn upload(&mut self, upload: &Upload) {
        let now = self.now();
        let Some(Process { engine, store, .. }) = &mut self.process else {
            return;
        };
        let mut body = upload.prefix.clone();
        let mut missing = Vec::new();
        for (at, seq) in upload.seqs.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            if !matches!(store.read(seq.0, &mut body), Ok(true)) {
                missing.push(*seq);
            }
        }
        body.extend_from_slice(&upload.suffix);
        if !missing.is_empty() {
            let request = upload.request;
            let outcome = HttpOutcome::Unreadable(missing);
            return engine.handle(now, Input::Http { request, outcome });
        }
        if body.len() != upload.body_bytes {
            self.fail(format!(
                "a body of {} bytes was announced with {}",
                body.len(),
                upload.body_bytes
            ));
        }
        self.send(upload, body);
    }

    /// Nothing waits that could move.
    pub(crate) fn at_rest(&self) -> bool {
        let queued = self
            .process
            .as_ref()
            .map_or(1, |process| process.engine.queue().events);
        let held = self.gate() == Some(Gate::Held);
        self.messages.is_empty() && (queued == 0 || held)
    }
}

fn message_id(event: &[u8]) -> Option<String> {
    let record = parse(event, &Limits::default()).ok()?;
    // What a guard keeps back has its event inside.
    let event = record.get("event").filter(|event| event.as_str().is_none());
    event
        .unwrap_or(&record)
        .get("messageId")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
