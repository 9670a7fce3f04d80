//! Several tabs on one store: each stamps its own calls with its own engine, one leads and sends for all.
//!
//! The host that is modelled is a web page's: the store takes what it is given in transactions, whole or not at all; what
//! a tab did not commit dies with it (a page has a journal for that, which is the page's own to test). Tabs open and die
//! at any effect, the leader too; what they tell each other takes its time.

use std::collections::{BTreeMap, BTreeSet};

use headwater_engine::{
    Call, CallKind, CallOptions, Config, ConsentConfig, ConsentModel, Effect, Endpoint, Engine,
    Hold, HttpOutcome, Input, Now, Pace, Start, StateKey, Stored, Upload,
};
use headwater_model::event::Payload;
use headwater_model::id::{Seq, WriteKey};
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_model::time::Millis;

use crate::dice::Dice;
use crate::hub::Hub;
use crate::life::EPOCH;
use crate::totals::Totals;

mod network;
mod store;
mod tab;
mod user;
mod verdict;

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
        let mut config = Config::new(
            WriteKey::new("key").ok()?,
            Endpoint::new("https://hub.example").ok()?,
        );
        config.pace = Pace {
            events: 5,
            interval: Some(3_000),
            ..Pace::NEVER
        };
        config.sync_after = None;
        config.max_batch_events = 7;
        config.consent = self.asks.then(|| ConsentConfig {
            model: ConsentModel::OptIn,
            categories: vec!["ads".into(), "analytics".into()],
            hold: Hold::Persist,
        });
        Some(config)
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
