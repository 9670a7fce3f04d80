//! Several tabs on one store: each stamps its own calls with its own engine, one leads and sends for all.
//!
//! The host that is modelled is a web page's: the store takes what it is given in transactions, whole or not at all; what
//! a tab did not commit dies with it (a page has a journal for that, which is the page's own to test). Tabs open and die
//! at any effect, the leader too; what they tell each other takes its time.

use std::collections::{BTreeMap, BTreeSet};

use headwater_engine::{
    Call, CallKind, CallOptions, Config, ConsentConfig, ConsentModel, CountPolicy, Effect, Engine,
    Hold, HttpOutcome, Input, IntervalPolicy, Now, Start, StateKey, Stored, Upload,
};
use headwater_model::event::Payload;
use headwater_model::id::{Seq, WriteKey};
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_model::time::Millis;

use crate::dice::Dice;
use crate::hub::Hub;
use crate::life::EPOCH;
use crate::totals::Totals;

const MAX_TABS: usize = 4;

/// What a tab has of an event that is not in the store yet.
struct Row {
    seq: u64,
    at: i64,
    unstamped: bool,
    body: Vec<u8>,
}

/// One tab; dead ones stay in the list without an engine.
struct Tab {
    engine: Option<Engine>,
    born: u64,
    leads: bool,
    rows: Vec<Row>,
    /// Places in the store by the engine's number.
    keys: BTreeMap<u64, u64>,
    gone: Vec<u64>,
    states: Vec<(StateKey, Vec<u8>)>,
    /// Up to here the store was looked through for other tabs' events.
    scanned: u64,
    committing: bool,
    in_flight: Option<u32>,
}

/// What all tabs share.
#[derive(Default)]
struct Store {
    events: BTreeMap<u64, (i64, bool, Vec<u8>)>,
    last: u64,
    states: BTreeMap<StateKey, Vec<u8>>,
}

struct Promise {
    tab: usize,
    id: String,
    user_id: Option<String>,
    anonymous_id: String,
    /// As of the call; `None` before a decision.
    consent: Option<Object>,
    /// It is in the store.
    kept: bool,
}

enum Message {
    Request {
        tab: usize,
        request: u32,
        body: Vec<u8>,
        /// What comes back: the hub's own answer, another status, or nothing.
        answer: Back,
    },
    Answer {
        tab: usize,
        request: u32,
        outcome: HttpOutcome,
    },
    Commit(usize),
    Lead(usize),
    /// There is something new in the store.
    Stored(usize),
    /// Another tab's lock is free.
    Died(usize),
    State(usize, StateKey, Vec<u8>),
}

#[derive(Clone, Copy)]
enum Back {
    Own,
    Status(u16),
    Nothing,
}

/// The life of a site.
#[allow(missing_debug_implementations)]
pub struct Site {
    dice: Dice,
    t: u64,
    asks: bool,
    hub: Hub,
    tabs: Vec<Tab>,
    store: Store,
    messages: BTreeMap<(u64, u64), Message>,
    posted: u64,
    /// When the last word of one tab reaches each other one: a channel keeps the order.
    told: BTreeMap<usize, u64>,
    promises: Vec<Promise>,
    places: BTreeMap<String, usize>,
    decisions: Vec<Object>,
    reported: u64,
    /// First arrivals at the hub of requests whose answer was awaited.
    arrivals: Vec<String>,
    arrived: BTreeSet<String>,
    stormy: bool,
    totals: Totals,
    trace: Vec<String>,
    failures: Vec<String>,
}

impl Site {
    /// Lives the life of this seed.
    #[must_use]
    pub fn run(seed: u64) -> Site {
        let mut dice = Dice::new(seed ^ 0x7ab5);
        let mut site = Site {
            asks: dice.chance(400),
            dice,
            t: 0,
            hub: Hub::new(Millis(EPOCH)),
            tabs: Vec::new(),
            store: Store::default(),
            messages: BTreeMap::new(),
            posted: 0,
            told: BTreeMap::new(),
            promises: Vec::new(),
            places: BTreeMap::new(),
            decisions: Vec::new(),
            reported: 0,
            arrivals: Vec::new(),
            arrived: BTreeSet::new(),
            stormy: true,
            totals: Totals::default(),
            trace: Vec::new(),
            failures: Vec::new(),
        };
        site.open();
        for _ in 0..site.dice.range(20, 80) {
            site.step();
        }
        site.heal();
        site.judge();
        site
    }

    /// What happened, a line each.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// What was wrong, a line each.
    #[must_use]
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// This life's counts; it counts as no seed of its own.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    fn note(&mut self, line: impl AsRef<str>) {
        self.trace.push(format!("{:>9} {}", self.t, line.as_ref()));
    }

    fn fail(&mut self, line: String) {
        self.note(format!("WRONG {line}"));
        self.failures.push(line);
    }

    fn true_time(&self) -> Millis {
        Millis(EPOCH.saturating_add(i64::try_from(self.t).unwrap_or(0)))
    }

    fn now(&self, tab: usize) -> Now {
        let born = self.tabs.get(tab).map_or(self.t, |tab| tab.born);
        Now {
            wall: self.true_time(),
            mono: self.t.saturating_sub(born) + 1,
        }
    }

    fn post(&mut self, delay: u64, message: Message) {
        self.posted += 1;
        self.messages
            .insert((self.t + delay.max(1), self.posted), message);
    }

    fn living(&self) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.alive(*tab).is_some())
            .collect()
    }

    fn alive(&self, tab: usize) -> Option<&Tab> {
        self.tabs.get(tab).filter(|tab| tab.engine.is_some())
    }

    fn leader(&self) -> Option<usize> {
        (0..self.tabs.len()).find(|tab| self.alive(*tab).is_some_and(|tab| tab.leads))
    }

    fn config(&self) -> Option<Config> {
        let mut config = Config::new(WriteKey::new("key").ok()?, "https://hub.example");
        config.flush = vec![
            Box::new(CountPolicy::new(5)),
            Box::new(IntervalPolicy::new(3_000)),
        ];
        config.sync_after = None;
        config.max_batch_events = 7;
        config.consent = self.asks.then(|| ConsentConfig {
            model: ConsentModel::OptIn,
            categories: vec!["ads".into(), "analytics".into()],
            hold: Hold::Persist,
        });
        Some(config)
    }

    // ---- tabs --------------------------------------------------------------------------------------------------------

    /// A tab opens; it leads when nobody does.
    fn open(&mut self) {
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
        let engine = self
            .config()
            .and_then(|config| Engine::new(config, start, now).ok());
        let Some(mut engine) = engine else {
            return self.fail("the engine refuses its configuration".to_owned());
        };
        if !leads {
            engine.handle(now, Input::Lead(false));
        }
        if let Some(tab) = self.tabs.get_mut(name) {
            tab.engine = Some(engine);
        }
        self.drain(name);
    }

    /// The tab is gone, and whoever waits for the lead gets it.
    fn die(&mut self, name: usize) {
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

    fn input(&mut self, name: usize, input: Input) {
        self.totals.steps += 1;
        let now = self.now(name);
        if let Some(engine) = self.tabs.get_mut(name).and_then(|tab| tab.engine.as_mut()) {
            engine.handle(now, input);
        }
        self.drain(name);
    }

    /// Carries out what the engine asks for. The tab may die between any two effects.
    fn drain(&mut self, name: usize) {
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

    fn carry_out(&mut self, name: usize, effect: Effect) {
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

    fn body(&self, name: usize, seq: u64) -> Option<Vec<u8>> {
        let tab = self.tabs.get(name)?;
        if let Some(row) = tab.rows.iter().find(|row| row.seq == seq) {
            return Some(row.body.clone());
        }
        let key = tab.keys.get(&seq)?;
        self.store.events.get(key).map(|(_, _, body)| body.clone())
    }

    // ---- the store ---------------------------------------------------------------------------------------------------

    /// One transaction, whole or not at all. What a follower stored is the leader's to send.
    fn commit(&mut self, name: usize) -> bool {
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
    fn inherit(&mut self, leader: usize) {
        for (key, value) in self.store.states.clone() {
            self.input(leader, Input::Saved(key, value));
        }
        self.look(leader);
    }

    /// The leader adopts what others stored.
    fn look(&mut self, name: usize) {
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
    fn lead(&mut self, name: usize) {
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

    // ---- the network -------------------------------------------------------------------------------------------------

    fn upload(&mut self, name: usize, upload: &Upload) {
        let request = upload.request;
        if self.leader() != Some(name) {
            self.fail(format!("tab {name} sends and does not lead"));
        }
        let mut body = upload.prefix.clone();
        let mut lost = Vec::new();
        for (at, seq) in upload.seqs.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            match self.body(name, seq.0) {
                Some(text) => body.extend_from_slice(&text),
                None => lost.push(*seq),
            }
        }
        body.extend_from_slice(&upload.suffix);
        if !lost.is_empty() {
            self.fail(format!("tab {name} cannot read {lost:?}"));
            return;
        }
        if let Some(tab) = self.tabs.get_mut(name) {
            tab.in_flight = Some(request);
        }
        self.note(format!("tab {name} sends {} events", upload.seqs.len()));
        let mut delay = self.dice.range(1, 300);
        let mut answer = Back::Own;
        if self.stormy && self.dice.chance(250) {
            self.totals.faults += 1;
            match self.dice.roll(5) {
                0 => {
                    let outcome = HttpOutcome::NoAnswer;
                    let tab = name;
                    let message = Message::Answer {
                        tab,
                        request,
                        outcome,
                    };
                    return self.post(delay, message);
                }
                1 => return,
                2 => answer = Back::Nothing,
                3 => answer = Back::Status(self.dice.pick(&[429, 500, 503, 408]).unwrap_or(500)),
                _ => delay = self.dice.range(36_000, 90_000),
            }
        }
        self.post(
            delay,
            Message::Request {
                tab: name,
                request,
                body,
                answer,
            },
        );
    }

    fn arrive(&mut self, tab: usize, request: u32, body: &[u8], answer: Back) {
        let now = self.true_time();
        let Some((status, retry_after)) = self.hub.take(now, body) else {
            let outcome = HttpOutcome::NoAnswer;
            let message = Message::Answer {
                tab,
                request,
                outcome,
            };
            return self.post(5, message);
        };
        if status == 200 {
            let awaited = self
                .alive(tab)
                .is_some_and(|tab| tab.in_flight == Some(request));
            for id in ids(body) {
                if self.arrived.insert(id.clone()) && awaited {
                    self.arrivals.push(id);
                }
            }
        }
        let (status, retry_after) = match answer {
            Back::Own => (status, retry_after),
            Back::Status(status) => (status, None),
            Back::Nothing => return,
        };
        let outcome = HttpOutcome::Answered {
            status,
            retry_after,
        };
        let delay = self.dice.range(1, 300);
        self.post(
            delay,
            Message::Answer {
                tab,
                request,
                outcome,
            },
        );
    }

    fn happen(&mut self, message: Message) {
        self.totals.steps += 1;
        match message {
            Message::Request {
                tab,
                request,
                body,
                answer,
            } => self.arrive(tab, request, &body, answer),
            Message::Answer {
                tab,
                request,
                outcome,
            } => {
                if let Some(tab) = self.tabs.get_mut(tab)
                    && tab.in_flight == Some(request)
                {
                    tab.in_flight = None;
                }
                self.input(tab, Input::Http { request, outcome });
            }
            Message::Commit(tab) => {
                self.commit(tab);
            }
            Message::Lead(tab) => self.lead(tab),
            Message::Stored(tab) => {
                if self.alive(tab).is_some_and(|tab| tab.leads) {
                    self.look(tab);
                }
            }
            Message::Died(tab) => {
                if self.alive(tab).is_some_and(|tab| tab.leads) {
                    self.inherit(tab);
                }
            }
            Message::State(tab, key, value) => self.input(tab, Input::Saved(key, value)),
        }
    }

    /// Time passes: messages arrive and engines wake, whichever comes first.
    fn pass(&mut self, ms: u64) {
        let end = self.t + ms;
        for _ in 0..20_000 {
            let due = self.messages.keys().next().map(|(at, _)| *at);
            let wake = self
                .living()
                .into_iter()
                .filter_map(|name| {
                    let tab = self.alive(name)?;
                    let deadline = tab.engine.as_ref()?.next_deadline()?;
                    Some((deadline.saturating_sub(1) + tab.born, name))
                })
                .min();
            let next = [due, wake.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.t = end;
                return;
            };
            self.t = self.t.max(next);
            if due == Some(next) {
                if let Some((_, message)) = self.messages.pop_first() {
                    self.happen(message);
                }
            } else if let Some((_, name)) = wake {
                self.input(name, Input::Timer);
            }
        }
        self.fail("the site does not come to rest".to_owned());
    }

    // ---- the user ----------------------------------------------------------------------------------------------------

    fn step(&mut self) {
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

    fn call(&mut self, name: usize) {
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
    fn decide(&mut self, name: usize) {
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

    // ---- the end -----------------------------------------------------------------------------------------------------

    /// The storm is over: one more visit, until nothing moves any more.
    fn heal(&mut self) {
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

    fn judge(&mut self) {
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

fn stamp_of(event: &Value) -> Option<Object> {
    event
        .path("context.consent.categoryPreferences")
        .and_then(Value::as_object)
        .cloned()
}

fn message_id(event: &[u8]) -> Option<String> {
    parse(event, &Limits::default())
        .ok()?
        .get("messageId")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn ids(body: &[u8]) -> Vec<String> {
    let limits = Limits::default().with_max_bytes(1 << 24);
    let Ok(envelope) = parse(body, &limits) else {
        return Vec::new();
    };
    let batch = envelope.get("batch").and_then(Value::as_array);
    batch
        .into_iter()
        .flatten()
        .filter_map(|event| event.get("messageId").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// A decision's text with the last released place in the store instead of the engine's number.
fn renumbered(text: &[u8], until: u64) -> Vec<u8> {
    let Ok(Value::Object(mut object)) = parse(text, &Limits::default()) else {
        return text.to_vec();
    };
    if object.get("releasedUntil").is_some() {
        object.insert(
            "releasedUntil",
            Value::from(i64::try_from(until).unwrap_or(0)),
        );
    }
    let mut out = Vec::new();
    object.write(&mut out);
    out
}
