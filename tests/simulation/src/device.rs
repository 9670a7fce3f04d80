//! The device: a host of the engine over the real segment log, on a disk and a process that fail.

use std::path::Path;
use std::sync::Arc;

use headwater_engine::{
    Config, ConsentConfig, ConsentModel, CountPolicy, DeliveryOutcome, DropReason, Effect, Engine,
    Hold, HttpOutcome, Input, IntervalPolicy, SettingsConfig, Start, StateKey, StoreFailure,
    Stored,
};
use headwater_model::id::{Seq, WriteKey};
use headwater_model::json::{Limits, Value, parse};
use headwater_store::{Opened, SegmentOptions, StoreError, open_segment_log_on};

use crate::life::{Life, Process};

const DIR: &str = "/device";

impl Life {
    fn config(&self) -> Option<Config> {
        let mut config = Config::new(WriteKey::new("key").ok()?, "https://hub.example");
        config.flush = vec![
            Box::new(CountPolicy::new(7)),
            Box::new(IntervalPolicy::new(10_000)),
        ];
        config.max_batch_events = self.setup.batch_events;
        config.retry.max_retries = self.setup.max_retries;
        if let Some(events) = self.setup.quota_events {
            config.quota.events = events;
        }
        // Days pass in a storm; the clock jumps, too. Age is tested where time is calm.
        config.quota.age = 400 * 24 * 3_600_000;
        if self.setup.sessions {
            config.session_timeout = Some(1_800_000);
        }
        if self.setup.settings {
            config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
        }
        config.consent = (self.setup.consent > 0).then(|| ConsentConfig {
            model: if self.setup.consent == 1 {
                ConsentModel::OptIn
            } else {
                ConsentModel::OptOut
            },
            categories: vec!["a".into(), "b".into()],
            hold: if self.setup.hold_in_memory {
                Hold::Memory
            } else {
                Hold::Persist
            },
        });
        Some(config)
    }

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
            lost: recovery.corrupt_records,
            set_aside: recovery
                .set_aside
                .iter()
                .filter(|name| name.contains(".seg"))
                .count() as u64,
            torn_bytes: recovery.torn_bytes,
            unreadable: Vec::new(),
            seed: self.dice.next(),
            entropy: self.dice.entropy(),
        };
        self.epoch += 1;
        self.pace.reborn();
        self.note(|_| format!("boot with {count} events, recovery {recovery:?}"));
        let born = self.t;
        let (Some(config), now) = (self.config(), self.now()) else {
            return;
        };
        match Engine::new(config, start, now) {
            Ok(engine) => {
                self.process = Some(Process {
                    engine,
                    store,
                    born,
                });
            }
            Err(error) => {
                return self.fail(format!("the engine refuses its configuration: {error}"));
            }
        }
        self.drain();
        // Applications say at each start what the user decided: the decision may not have been saved.
        if let Some(preferences) = self.preferences.clone() {
            self.decide(&preferences);
        }
    }

    /// The process ends at once; with `power`, the disk loses what was not synced.
    pub(crate) fn crash(&mut self, power: bool) {
        self.process = None;
        for promise in &mut self.promises {
            promise.kept &= !promise.in_memory;
            promise.in_memory = false;
        }
        if power {
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
            process.engine.handle(now, input);
        }
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
                return;
            };
            self.totals.steps += 1;
            if self.stormy && self.dice.chance(self.setup.crashes) {
                let power = self.dice.chance(300);
                return self.crash(power);
            }
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let now = self.now();
        let Some(Process { engine, store, .. }) = &mut self.process else {
            return;
        };
        match effect {
            Effect::Persist { seq, at, body, .. } => match store.append(seq.0, at.0, &body) {
                Ok(()) => {
                    engine.handle(now, Input::Persisted(seq));
                    if let Some(id) = message_id(&body) {
                        self.numbers.insert(seq.0, id);
                    }
                }
                Err(error) => {
                    let failure = match error {
                        StoreError::Full { .. } => StoreFailure::Full,
                        _ => StoreFailure::Io,
                    };
                    engine.handle(now, Input::StoreFailed(seq, failure));
                    self.note(|_| format!("append of {seq} failed: {error}"));
                }
            },
            Effect::Forget(seqs) => {
                let seqs: Vec<u64> = seqs.iter().map(|seq| seq.0).collect();
                // What cannot be noted comes back after a restart, and the hub knows it.
                let _ = store.forget(&seqs);
                self.forgotten
                    .extend(seqs.iter().filter_map(|seq| self.numbers.remove(seq)));
            }
            Effect::Save { key, value } => {
                if let Err(error) = store.save_state(key.as_str(), &value) {
                    self.note(|_| format!("saving {} failed: {error}", key.as_str()));
                }
            }
            Effect::Load(seqs) => {
                for seq in seqs {
                    let mut body = Vec::new();
                    let found = matches!(store.read(seq.0, &mut body), Ok(true));
                    engine.handle(now, Input::Loaded(seq, found.then_some(body)));
                }
            }
            Effect::Sync => {
                let done = self.sync_store();
                if let Some(process) = &mut self.process {
                    process.engine.handle(now, Input::Synced(done));
                }
            }
            Effect::Upload(upload) => {
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
                    let outcome = HttpOutcome::Unreadable(missing);
                    engine.handle(
                        now,
                        Input::Http {
                            request: upload.request,
                            outcome,
                        },
                    );
                    return;
                }
                if body.len() != upload.body_bytes {
                    self.fail(format!(
                        "a body of {} bytes was announced with {}",
                        body.len(),
                        upload.body_bytes
                    ));
                }
                self.send(&upload, body);
            }
            Effect::CancelDeliveries => {}
            Effect::Cancel(request) => self.pace.abandon(request),
            Effect::FetchSettings { .. } => self.fetch_settings(),
            Effect::Deliver { delivery, .. } => {
                engine.handle(
                    now,
                    Input::Delivered {
                        delivery,
                        outcome: DeliveryOutcome::Done,
                    },
                );
            }
            Effect::Report(report) => {
                self.note(|_| {
                    format!(
                        "report {} x{} {:?}",
                        report.reason, report.count, report.status
                    )
                });
                self.pace.dropped();
                if matches!(
                    report.reason,
                    DropReason::Rejected | DropReason::Refused | DropReason::RetryLimit
                ) {
                    // Given up and said so; should a crash bring it back, it may come late.
                    let given_up: Vec<String> = self
                        .pace
                        .last
                        .iter()
                        .filter_map(|seq| self.numbers.get(seq).cloned())
                        .collect();
                    self.forgotten.extend(given_up);
                }
                self.report(report.reason, report.count);
            }
            Effect::FlushDone { id, report } => {
                self.note(|_| format!("flush {id} done: {report:?}"));
            }
            Effect::Diagnostic(diagnostic) => self.note(|_| format!("{diagnostic:?}")),
            Effect::Configure { .. } | Effect::Signal { .. } => {}
            other => self.fail(format!("an effect nobody knows: {other:?}")),
        }
    }

    /// Nothing waits that could move.
    pub(crate) fn at_rest(&self) -> bool {
        let queued = self
            .process
            .as_ref()
            .map_or(1, |process| process.engine.queue().events);
        let held = self.setup.consent == 1 && self.preferences.is_none();
        self.messages.is_empty() && (queued == 0 || held)
    }
}

fn message_id(event: &[u8]) -> Option<String> {
    parse(event, &Limits::default())
        .ok()?
        .get("messageId")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
