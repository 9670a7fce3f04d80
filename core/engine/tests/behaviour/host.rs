//! A host for tests: a store in memory, a clock that is set by hand, a hub that answers when told.

use std::collections::{BTreeMap, VecDeque};

use headwater_engine::*;
use headwater_model::event::{Event, Payload};
use headwater_model::id::{Seq, WriteKey};
use headwater_model::json::{Limits, Object, Raw, Value, parse};
use headwater_model::time::Millis;

pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) store: BTreeMap<u64, (i64, Vec<u8>)>,
    pub(crate) saved: BTreeMap<StateKey, Vec<u8>>,
    pub(crate) uploads: VecDeque<Upload>,
    pub(crate) sent: Vec<Upload>,
    pub(crate) cancelled: Vec<u32>,
    pub(crate) reports: Vec<Report>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) flushed: Vec<(u64, FlushReport)>,
    pub(crate) deliveries: VecDeque<(u64, usize, std::sync::Arc<Event>)>,
    pub(crate) tries: VecDeque<(u64, std::sync::Arc<Event>, Vec<String>)>,
    pub(crate) configured: Vec<(usize, Value)>,
    pub(crate) fetches: usize,
    pub(crate) syncs: usize,
    pub(crate) stopped: usize,
    pub(crate) signals: Vec<bool>,
    pub(crate) full: bool,
    /// Every text that was ever persisted, to see what held events wrote.
    pub(crate) persisted: usize,
    /// The same, failures included.
    pub(crate) attempted: usize,
    entropy: u8,
}

pub(crate) fn config() -> Config {
    let mut config = Config::new(
        WriteKey::new("key").unwrap(),
        Endpoint::new("https://hub.example").unwrap(),
    );
    config.retry.jitter = 0;
    config
}

pub(crate) fn raw(text: &str) -> Payload {
    Payload::Raw(Raw::parse(text.as_bytes(), &Limits::default()).unwrap())
}

pub(crate) fn object(text: &str) -> Object {
    match parse(text.as_bytes(), &Limits::default()) {
        Ok(Value::Object(object)) => object,
        other => panic!("{text}: {other:?}"),
    }
}

impl Host {
    pub(crate) fn new(config: Config) -> Host {
        Host::start(
            config,
            Start {
                entropy: [7; 16],
                ..Start::default()
            },
            1_000_000,
        )
    }

    pub(crate) fn start(config: Config, start: Start, wall: i64) -> Host {
        let now = Now {
            wall: Millis(wall),
            mono: 10_000,
        };
        let mut host = Host {
            engine: Engine::new(config, start, now),
            now,
            store: BTreeMap::new(),
            saved: BTreeMap::new(),
            uploads: VecDeque::new(),
            sent: Vec::new(),
            cancelled: Vec::new(),
            reports: Vec::new(),
            diagnostics: Vec::new(),
            flushed: Vec::new(),
            deliveries: VecDeque::new(),
            tries: VecDeque::new(),
            configured: Vec::new(),
            fetches: 0,
            syncs: 0,
            stopped: 0,
            signals: Vec::new(),
            full: false,
            persisted: 0,
            attempted: 0,
            entropy: 100,
        };
        host.drain();
        host
    }

    /// The process dies; what is in the store comes back.
    pub(crate) fn restart(self, config: Config) -> Host {
        let events = self
            .store
            .iter()
            .map(|(seq, (at, body))| Stored {
                seq: Seq(*seq),
                at: *at,
                len: body.len() as u32,
                unstamped: false,
            })
            .collect();
        let start = Start {
            saved: self.saved.clone().into_iter().collect(),
            events,
            next_seq: self.store.keys().last().map_or(0, |seq| seq + 1),
            entropy: [9; 16],
            ..Start::default()
        };
        let now = self.now;
        let store = self.store;
        let saved = self.saved;
        let mut host = Host::start_with(config, start, now, store, saved);
        host.drain();
        host
    }

    fn start_with(
        config: Config,
        start: Start,
        now: Now,
        store: BTreeMap<u64, (i64, Vec<u8>)>,
        saved: BTreeMap<StateKey, Vec<u8>>,
    ) -> Host {
        let mut host = Host::start(self::config(), Start::default(), now.wall.0);
        host.reports.clear();
        host.store = store;
        host.saved = saved;
        host.now = Now {
            wall: now.wall,
            mono: 0,
        };
        host.fetches = 0;
        host.entropy = 200;
        host.engine = Engine::new(config, start, host.now);
        host
    }

    pub(crate) fn drain(&mut self) {
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Persist { seq, at, body, .. } => {
                    self.attempted += 1;
                    if self.full {
                        self.engine
                            .handle(self.now, Input::StoreFailed(seq, StoreFailure::Full));
                    } else {
                        self.persisted += 1;
                        self.store.insert(seq.0, (at.0, body));
                        self.engine.handle(self.now, Input::Persisted(seq));
                    }
                }
                Effect::Forget(seqs) => {
                    for seq in seqs {
                        // One that the store could not take may be over the quota in the same moment.
                        let known = self.store.remove(&seq.0).is_some();
                        assert!(known || self.full, "forgot {seq} twice");
                    }
                }
                Effect::Save { key, value } if value.is_empty() => {
                    self.saved.remove(&key);
                }
                Effect::Save { key, value } => {
                    self.saved.insert(key, value);
                }
                Effect::Load(seqs) => {
                    for seq in seqs {
                        let body = self.store.get(&seq.0).map(|(_, body)| body.clone());
                        self.engine.handle(self.now, Input::Loaded(seq, body));
                    }
                }
                Effect::Sync => {
                    self.syncs += 1;
                    self.engine.handle(self.now, Input::Synced(true));
                }
                Effect::Upload(upload) => {
                    self.sent.push(upload.clone());
                    self.uploads.push_back(upload);
                }
                Effect::CancelDeliveries => self.stopped += 1,
                Effect::Cancel(request) => self.cancelled.push(request),
                Effect::FetchSettings { .. } => self.fetches += 1,
                Effect::Deliver {
                    delivery,
                    destination,
                    event,
                } => {
                    self.deliveries.push_back((delivery, destination, event));
                }
                Effect::TryAgain { id, event, guards } => self.tries.push_back((id, event, guards)),
                Effect::Configure {
                    destination,
                    settings,
                } => self.configured.push((destination, settings)),
                Effect::Signal { reset } => self.signals.push(reset),
                Effect::Report(report) => self.reports.push(report),
                Effect::FlushDone { id, report } => self.flushed.push((id, report)),
                Effect::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
                other => panic!("an effect this host does not know: {other:?}"),
            }
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
        self.drain();
    }

    pub(crate) fn random(&mut self) -> [u8; 16] {
        self.entropy = self.entropy.wrapping_add(1);
        [self.entropy; 16]
    }

    pub(crate) fn call(
        &mut self,
        kind: CallKind,
        options: CallOptions,
    ) -> Result<Receipt, CallError> {
        self.full_call(kind, options, None)
    }

    pub(crate) fn full_call(
        &mut self,
        kind: CallKind,
        options: CallOptions,
        enrichment: Option<Enrichment>,
    ) -> Result<Receipt, CallError> {
        let (entropy, spare_entropy) = (self.random(), self.random());
        let call = Call {
            kind,
            options,
            at: None,
            entropy,
            spare_entropy,
            enrichment,
        };
        let receipt = self.engine.call(self.now, call);
        self.drain();
        receipt
    }

    pub(crate) fn track(&mut self, event: &str) -> Receipt {
        let kind = CallKind::Track {
            event: event.to_owned(),
            properties: raw(r#"{"a":1}"#),
        };
        self.call(kind, CallOptions::default()).unwrap()
    }

    pub(crate) fn identify(&mut self, user_id: &str, traits: &str) -> Receipt {
        let kind = CallKind::Identify {
            user_id: Some(user_id.to_owned()),
            traits: raw(traits),
        };
        self.call(kind, CallOptions::default()).unwrap()
    }

    pub(crate) fn consent(&mut self, preferences: &[(&str, bool)]) {
        let entropy = self.random();
        let preferences = preferences
            .iter()
            .map(|(id, granted)| ((*id).to_owned(), *granted))
            .collect();
        self.input(Input::SetConsent {
            preferences,
            entropy,
        });
    }

    pub(crate) fn flush(&mut self) {
        self.input(Input::Flush(1));
    }

    /// Time passes; the engine is woken whenever it wants to be.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        let mut wakes = 0;
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= end) {
            let step = due.saturating_sub(self.now.mono);
            self.now.mono += step;
            self.now.wall.0 += step as i64;
            self.input(Input::Timer);
            wakes += 1;
            assert!(wakes < 10_000, "the engine does not come to rest");
        }
        let rest = end - self.now.mono;
        self.now.mono = end;
        self.now.wall.0 += rest as i64;
    }

    pub(crate) fn answer(&mut self, status: u16) -> Upload {
        self.answer_with(status, None)
    }

    pub(crate) fn answer_with(&mut self, status: u16, retry_after: Option<&str>) -> Upload {
        self.answer_fully(status, retry_after, None)
    }

    pub(crate) fn answer_fully(
        &mut self,
        status: u16,
        retry_after: Option<&str>,
        location: Option<&str>,
    ) -> Upload {
        let upload = self.uploads.pop_front().expect("no request is under way");
        let outcome = HttpOutcome::Answered {
            status,
            retry_after: retry_after.map(str::to_owned),
            location: location.map(str::to_owned),
        };
        self.input(Input::Http {
            request: upload.request,
            outcome,
        });
        upload
    }

    pub(crate) fn no_answer(&mut self) -> Upload {
        let upload = self.uploads.pop_front().expect("no request is under way");
        self.input(Input::Http {
            request: upload.request,
            outcome: HttpOutcome::NoAnswer,
        });
        upload
    }

    /// The body of a request as its host would send it. Call before answering.
    pub(crate) fn body(&self, upload: &Upload) -> Object {
        let mut text = upload.prefix.clone();
        for (at, seq) in upload.seqs.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(&self.store[&seq.0].1);
        }
        text.extend_from_slice(&upload.suffix);
        assert_eq!(
            text.len(),
            upload.body_bytes,
            "the announced size is the size"
        );
        object(std::str::from_utf8(&text).unwrap())
    }

    /// The request under way, as JSON.
    pub(crate) fn request(&self) -> Object {
        self.body(self.uploads.front().expect("no request is under way"))
    }

    /// The events of the request under way.
    pub(crate) fn events(&self) -> Vec<Object> {
        match self.request().get("batch") {
            Some(Value::Array(events)) => events
                .iter()
                .map(|event| event.as_object().unwrap().clone())
                .collect(),
            other => panic!("no batch: {other:?}"),
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.events()
            .iter()
            .map(|event| text(event, "event").unwrap_or_default())
            .collect()
    }

    /// What is in the store, parsed, in order.
    pub(crate) fn stored(&self) -> Vec<Object> {
        self.store
            .values()
            .map(|(_, body)| object(std::str::from_utf8(body).unwrap()))
            .collect()
    }
}

pub(crate) fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

pub(crate) fn path(object: &Object, path: &str) -> Option<Value> {
    Value::Object(object.clone()).path(path).cloned()
}
