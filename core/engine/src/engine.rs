//! The machine: its state, what it does with each input, and when it wants to be woken.

use headwater_model::context;
use headwater_model::id::Seq;
use headwater_model::json::{Object, Value, decimal};

use crate::Settings;
#[cfg(not(feature = "full"))]
use crate::absent::{Destinations, Guards};
use crate::batch::context_text;
use crate::clock::{Jitter, Now};
use crate::config::{Config, Hold, NATIVE};
use crate::consent::{Consent, Gate, wrap};
#[cfg(feature = "full")]
use crate::destinations::Destinations;
use crate::effect::{Diagnostic, DropReason, Effect, Report, StateKey};
use crate::endpoint::Endpoint;
use crate::flush::{Queue, Waiter, Waits};
#[cfg(feature = "full")]
use crate::guard::Guards;
#[cfg(feature = "full")]
use crate::halves::Stamped;
use crate::identity::Identity;
use crate::input::{Connection, Input, Lifecycle, StoreFailure};
use crate::ledger::Ledger;
use crate::part::Part;
use crate::release::{Held, Purpose};
use crate::retry::{RetryConfig, RetryState};
use crate::session::Session;
use crate::settings::Fetcher;
use crate::text::{joined, words};
#[cfg(feature = "plugins")]
use crate::timeline::Timeline;
use crate::uploader::InFlight;

/// The wall clock jumped when it moves by this much more, or less, than the monotonic one, milliseconds.
const JUMP: i64 = 60 * 60_000;

/// An event that the store had at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the order.
    pub seq: Seq,
    /// When it was queued, unix milliseconds.
    pub at: i64,
    /// Its size in bytes.
    pub len: u32,
    /// It was made before a decision on consent ([`Effect::Persist`] said so). A host whose numbers outlive the
    /// process may leave this out (`false`): the engine then knows it from the decision it saved.
    pub unstamped: bool,
}

/// What the host found when it opened its store.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Saved state, by key.
    pub saved: Vec<(StateKey, Vec<u8>)>,
    /// Events that wait, in order.
    pub events: Vec<Stored>,
    /// A number that no event ever had.
    pub next_seq: u64,
    /// Events that the store lost, those in segments that were set aside included.
    pub lost: u64,
    /// Segments that were set aside whole: unreadable, or of an unknown format version. Where `lost` is less, each counts as
    /// one event.
    pub set_aside: u64,
    /// Bytes of an unfinished end that were cut off.
    pub torn_bytes: u64,
    /// State that was there and could not be read.
    pub unreadable: Vec<StateKey>,
    /// Seeds the jitter.
    pub seed: u64,
    /// For the first anonymousId.
    pub entropy: [u8; 16],
}

/// The engine. See the crate's documentation for its contract.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) session: Part<Session>,
    pub(crate) consent: Part<Consent>,
    pub(crate) settings: Part<Settings>,
    pub(crate) fetcher: Part<Fetcher>,
    pub(crate) destinations: Part<Destinations>,
    pub(crate) ledger: Ledger,
    pub(crate) next_seq: u64,
    pub(crate) retry: RetryState,
    #[cfg(feature = "full")]
    pub(crate) retry_config: RetryConfig,
    pub(crate) jitter: Jitter,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) next_request: u32,
    /// Upper ends of the pieces a rejected batch was cut into, the nearest last.
    pub(crate) bisect: Vec<Seq>,
    /// Everything up to here should go out.
    pub(crate) flush_to: Option<Seq>,
    pub(crate) waiters: Vec<Waiter>,
    /// What waits that no flush was meant for yet.
    pub(crate) waits: Option<Waits>,
    pub(crate) online: bool,
    /// This client sends what is in the store (see `share`).
    pub(crate) leads: bool,
    pub(crate) closed: bool,
    /// The first `polled` have been handed out.
    pub(crate) effects: Vec<Effect>,
    polled: usize,
    /// Where batches are posted; empty while nobody has said.
    pub(crate) url: String,
    /// It is a guess: the application did not name it, and there is no settings document that could.
    pub(crate) guessed: bool,
    /// It was told that there is nothing at that address.
    pub(crate) told_missing: bool,
    /// Where the request under way went.
    #[cfg(feature = "native")]
    pub(crate) sent_to: String,
    /// Where a redirect sends the next request.
    #[cfg(feature = "native")]
    pub(crate) detour: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    /// Configured context, consent and session, as a tree and as text.
    pub(crate) base_context: Object,
    pub(crate) context_tree: Object,
    pub(crate) context_text: Vec<u8>,
    pub(crate) context_session: Part<u64>,
    pub(crate) held: Part<Held>,
    pub(crate) guards: Part<Guards>,
    #[cfg(feature = "full")]
    pub(crate) stamped: Stamped,
    pub(crate) loads: Vec<(Seq, Purpose)>,
    pub(crate) quarantine: Vec<Value>,
    /// When the clocks were last looked at, and by how much the wall clock has jumped in this life.
    seen: Now,
    forgiven: i64,
    sync_due: Option<u64>,
}

/// Without anything that is the application's or the user's.
impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("queue", &self.queue())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts from what the host's store held.
    #[must_use]
    pub fn new(mut config: Config, start: Start, now: Now) -> Engine {
        config.clamp();
        let base_context = core::mem::take(&mut config.context);
        let content_type = core::mem::take(&mut config.content_type);
        let mut headers = vec![("Content-Type".to_owned(), content_type)];
        // An Authorization header of the application's own takes the place of ours.
        let own = |(name, _): &(String, String)| name.eq_ignore_ascii_case("authorization");
        if NATIVE && config.basic_auth && !config.headers.iter().any(own) {
            let token = crate::uploader::base64(&joined(config.write_key.as_str(), ":"));
            headers.push(("Authorization".to_owned(), joined("Basic ", &token)));
        }
        headers.append(&mut config.headers);
        let mut engine = Engine {
            identity: Identity::fresh(start.entropy),
            session: Part::default(),
            consent: Part::default(),
            settings: Part::default(),
            fetcher: Part::default(),
            destinations: Part::default(),
            ledger: Ledger::default(),
            next_seq: start.next_seq,
            retry: RetryState::default(),
            #[cfg(feature = "full")]
            retry_config: config.retry.clone(),
            jitter: Jitter::new(start.seed),
            in_flight: None,
            next_request: 0,
            bisect: Vec::new(),
            flush_to: None,
            waiters: Vec::new(),
            waits: None,
            online: true,
            leads: config.has_hub(),
            closed: false,
            effects: Vec::new(),
            polled: 0,
            url: String::new(),
            guessed: false,
            told_missing: false,
            #[cfg(feature = "native")]
            sent_to: String::new(),
            #[cfg(feature = "native")]
            detour: None,
            headers,
            base_context,
            context_tree: Object::new(),
            context_text: Vec::new(),
            context_session: Part::default(),
            held: Part::default(),
            guards: Part::default(),
            #[cfg(feature = "full")]
            stamped: Stamped::default(),
            loads: Vec::new(),
            quarantine: Vec::new(),
            seen: now,
            forgiven: 0,
            sync_due: None,
            config,
        };
        #[cfg(feature = "full")]
        engine.equip(now);
        engine.restore(start, now);
        engine
    }

    /// Hands in what happened. Then drain [`Engine::poll_effect`].
    #[cfg_attr(not(feature = "native"), inline(always))]
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Timer => self.timer(now),
            Input::Flush(id) => self.flush(id, now),
            Input::Persisted(seq) => {
                self.ledger.mark_stored(seq);
                self.record_is_over(seq);
                if self.flush_to.is_some() {
                    self.pump(now);
                }
            }
            Input::StoreFailed(seq, failure) => {
                if self.ledger.remove(seq) || self.kept_not_stored(seq) {
                    let detail = match failure {
                        StoreFailure::Full => words!("the disk is full"),
                        StoreFailure::Io => words!("the store could not be written"),
                    };
                    self.settle(&[seq], false);
                    self.lose(DropReason::StorageFailed, 1, detail);
                    self.record_is_over(seq);
                    // A flush may have waited for just this one; and sending is what frees a full disk.
                    if self.flush_to.is_some() {
                        self.pump(now);
                    }
                }
            }
            Input::Loaded(seq, body) => self.loaded(now, seq, body),
            Input::Synced(true) => self.records_synced(),
            Input::Synced(false) => {
                self.diagnose(Diagnostic::SyncFailed);
                self.appended(now);
            }
            Input::Http { request, outcome } => self.answered(now, request, outcome),
            Input::SettingsFetched(answer) => self.settings_fetched(now, answer),
            Input::Delivered { delivery, outcome } => {
                if let Some(destinations) = self.destinations.as_mut() {
                    destinations.delivered(now, delivery, outcome, &mut self.effects);
                }
            }
            Input::Tried { id, outcome } => self.tried(now, id, outcome),
            Input::Lifecycle(state) => self.lifecycle(now, state),
            Input::Connection(connection) => {
                self.online = connection == Connection::Online;
                if self.online && self.retry.by_network {
                    self.retry.wait_until = None;
                }
                self.pump(now);
            }
            Input::SetConsent {
                preferences,
                entropy,
            } => self.set_consent(now, &preferences, entropy),
            Input::Context(more) => {
                context::merge(&mut self.base_context, more);
                self.own_consent();
                self.rebuild_context();
            }
            Input::Reset(entropy) => {
                self.identity = Identity::fresh(entropy);
                if let Some(session) = self.session.as_mut() {
                    session.forget();
                }
                self.save_identity();
                self.save_session();
                self.effects.push(Effect::Signal { reset: true });
            }
            Input::Import(identity) => {
                self.identity = identity;
                self.save_identity();
            }
            Input::Session(command) => {
                if let Some(session) = self.session.as_mut() {
                    session.command(command, now.wall.0);
                    self.save_session();
                }
            }
            Input::Pace { events, interval } => {
                let pace = &mut self.config.pace;
                pace.events = events.unwrap_or(pace.events);
                pace.interval = interval.or(pace.interval);
            }
            Input::Purge => self.purge(
                DropReason::Purged,
                words!("the application purged the queue"),
            ),
            Input::Close => self.closed = true,
            Input::End { volatile } => self.end(volatile),
            Input::Lead(leads) => self.lead(now, leads),
            Input::Adopt(events) => self.adopt(now, &events),
            Input::GiveAway(seqs) => self.give_away(now, &seqs),
            Input::Saved(key, text) => self.saved_elsewhere(now, key, &text),
            Input::Destination(config) => self.add_destination(config),
        }
    }

    /// The next thing to do; `None` when the host may sleep.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let Some(effect) = self.effects.get_mut(self.polled) else {
            self.effects.clear();
            self.polled = 0;
            return None;
        };
        self.polled += 1;
        // What stays in its place is never handed out.
        Some(core::mem::replace(effect, Effect::Sync))
    }

    /// As [`Engine::poll_effect`], for a host that only reads: it stays the engine's, until the last one was read.
    pub fn next_effect(&mut self) -> Option<&Effect> {
        if self.polled == self.effects.len() {
            self.effects.clear();
            self.polled = 0;
            return None;
        }
        self.polled += 1;
        self.effects.get(self.polled - 1)
    }

    /// When to hand in [`Input::Timer`], on the monotonic clock. `None`: not before something happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let held = self.gate() == Gate::Held || self.url.is_empty();
        let may_send = self.online && self.leads && !held;
        let retry = if self.flush_to.is_some() && self.in_flight.is_none() && may_send {
            self.retry.wait_until
        } else {
            None
        };
        let policies = if self.ledger.len() == 0 || held || !self.leads {
            None
        } else {
            self.flush_due()
        };
        let fetch = self.fetcher.as_ref().and_then(Fetcher::deadline);
        let request = self.in_flight.as_ref().map(|in_flight| in_flight.deadline);
        let sync = if NATIVE { self.sync_due } else { None };
        let kept = self.guards.as_ref().and_then(Guards::deadline);
        let deliveries = self.destinations.as_ref().and_then(Destinations::deadline);
        let due = [retry, policies, fetch, request, sync, kept, deliveries];
        due.into_iter().fold(None, sooner)
    }

    /// Who the current user is (device mode).
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What waits.
    #[must_use]
    pub fn queue(&self) -> Queue {
        Queue {
            events: self.ledger.len() + self.in_memory() + self.kept_back(),
            bytes: self.ledger.bytes(),
        }
    }

    /// The settings document in force.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// The decision on consent, each category with its answer; `None` before one was taken.
    #[must_use]
    pub fn consent(&self) -> Option<&Object> {
        self.consent.as_ref()?.preferences()
    }

    /// The plugins, to add or remove some.
    #[cfg(feature = "plugins")]
    pub fn timeline(&mut self) -> &mut Timeline {
        &mut self.config.timeline
    }

    /// Events that the hub refused, newest last: `{"status":…,"event":{…}}`.
    #[must_use]
    pub fn quarantine(&self) -> &[Value] {
        &self.quarantine
    }

    pub(crate) fn gate(&self) -> Gate {
        self.consent.as_ref().map_or(Gate::Open, Consent::gate)
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    /// Reports events about which no more is known.
    pub(crate) fn lose(&mut self, reason: DropReason, count: u64, detail: &str) {
        self.report(Report::new(reason, count).detail(detail));
    }

    pub(crate) fn diagnose(&mut self, diagnostic: Diagnostic) {
        self.effects.push(Effect::Diagnostic(diagnostic));
    }

    pub(crate) fn save(&mut self, key: StateKey, value: Vec<u8>) {
        self.effects.push(Effect::Save { key, value });
    }

    /// Nothing about a user who has not agreed is written, where the application asked for that.
    pub(crate) fn writes_held(&self) -> bool {
        self.gate() != Gate::Open
            && self
                .consent
                .as_ref()
                .is_some_and(|consent| consent.config.hold == Hold::Memory)
    }

    pub(crate) fn save_identity(&mut self) {
        if self.config.remembers() && !self.writes_held() {
            self.save(StateKey::Identity, self.identity.to_json());
        }
    }

    pub(crate) fn save_session(&mut self) {
        if let Some(session) = self.session.as_ref()
            && !self.writes_held()
        {
            let text = session.to_json();
            self.save(StateKey::Session, text);
        }
    }

    /// Something was appended: it is to be durable before long.
    pub(crate) fn appended(&mut self, now: Now) {
        if NATIVE
            && let Some(after) = self.config.sync_after
            && self.sync_due.is_none()
        {
            self.sync_due = Some(now.mono.saturating_add(after));
        }
    }

    pub(crate) fn rebuild_context(&mut self) {
        let mut tree = self.base_context.clone();
        if let Some(preferences) = self.consent.as_ref().and_then(Consent::stamp) {
            context::merge(&mut tree, wrap(preferences));
        }
        if let Some(id) = self.context_session.as_ref() {
            tree.insert("sessionId", i64::try_from(*id).unwrap_or(0));
        }
        self.context_text = context_text(&tree);
        self.context_tree = tree;
    }

    fn timer(&mut self, now: Now) {
        if NATIVE && self.sync_due.is_some_and(|due| due <= now.mono) {
            self.sync_due = None;
            self.effects.push(Effect::Sync);
        }
        self.fetch_settings(now);
        self.try_again(now);
        self.deliver_again(now);
        if self
            .fetcher
            .as_ref()
            .is_some_and(|fetcher| fetcher.overdue(now))
        {
            self.settings_fetched(now, None);
        }
        if self.flush_due().is_some_and(|due| due <= now.mono) {
            self.request_flush();
        }
        self.overdue(now);
        self.pump(now);
    }

    fn lifecycle(&mut self, now: Now, state: Lifecycle) {
        if state == Lifecycle::Foreground {
            if let Some(fetcher) = self.fetcher.as_mut() {
                fetcher.foreground(now);
            }
            self.fetch_settings(now);
        } else {
            self.save_session();
            if NATIVE {
                self.sync_due = None;
                self.effects.push(Effect::Sync);
            }
        }
        if self.stirred(state) {
            self.request_flush();
            self.effects.push(Effect::Signal { reset: false });
        }
        self.pump(now);
    }

    pub(crate) fn fetch_settings(&mut self, now: Now) {
        if let Some(fetcher) = self.fetcher.as_mut()
            && fetcher.due(now)
        {
            let url = fetcher.config.url.clone();
            self.effects.push(Effect::FetchSettings { url });
        }
    }

    fn settings_fetched(&mut self, now: Now, answer: Option<(u16, Vec<u8>)>) {
        let Some(fetcher) = self.fetcher.as_mut() else {
            return;
        };
        let read = match &answer {
            None => Err("no answer".to_owned()),
            Some((200, body)) => Settings::parse(body),
            Some((status, _)) => Err(joined("the answer was ", &decimal(u64::from(*status)))),
        };
        match (read, answer) {
            (Ok(settings), Some((_, body))) => {
                fetcher.succeeded(now);
                self.settings.set(settings);
                self.save(StateKey::Settings, body);
                self.apply_settings();
            }
            (Err(detail), _) => {
                fetcher.failed(now);
                self.diagnose(Diagnostic::SettingsFailed { detail });
                self.locate();
            }
            (Ok(_), None) => {}
        }
        // Uploads may have waited for it.
        self.pump(now);
    }

    /// The numbers of the retry table in force. A page without settings has the defaults, known to its compiler.
    #[inline(always)]
    #[cfg_attr(
        not(feature = "full"),
        expect(clippy::unused_self, reason = "as with the feature")
    )]
    pub(crate) fn retry_table(&self) -> &RetryConfig {
        #[cfg(feature = "full")]
        let table = &self.retry_config;
        #[cfg(not(feature = "full"))]
        let table = const { &RetryConfig::STANDARD };
        table
    }

    pub(crate) fn apply_settings(&mut self) {
        let Some(settings) = self.settings.as_ref() else {
            return;
        };
        #[cfg(feature = "full")]
        {
            self.retry_config = settings.retry(&self.config.retry);
        }
        if let Some(destinations) = self.destinations.as_mut() {
            destinations.configure(settings, &mut self.effects);
        }
        self.locate();
        self.offer_waiting();
    }

    /// Says where batches go: where the settings document moves them, if it may; where the application said; or, once it is
    /// clear that neither says, to the host of the settings document.
    pub(crate) fn locate(&mut self) {
        let endpoint = &self.config.endpoint;
        let fetcher = self.fetcher.as_ref();
        let follow =
            !endpoint.is_known() || fetcher.is_some_and(|fetcher| fetcher.config.follow_api_host);
        let moved = self.settings.as_ref().filter(|_| follow);
        let moved = moved.and_then(Settings::api_host);
        let guess = fetcher
            .filter(|fetcher| !endpoint.is_known() && fetcher.settled())
            .map(|fetcher| Endpoint::of_host(&fetcher.config.url));
        self.guessed = guess.is_some() && !fetcher.is_some_and(|fetcher| fetcher.known);
        let endpoint = moved.as_ref().or(guess.as_ref()).unwrap_or(endpoint);
        self.url = endpoint.batch_url(self.config.mode);
    }

    /// The queue's clock for age: the wall clock, without the jumps it makes while this process lives. A device that
    /// starts in 1970 and then learns the time has not grown 50 years older.
    pub(crate) fn age_clock(&mut self, now: Now) -> i64 {
        let expected =
            self.seen.wall.0.saturating_add(
                i64::try_from(now.mono.saturating_sub(self.seen.mono)).unwrap_or(0),
            );
        let jump = now.wall.0.saturating_sub(expected);
        if jump.abs() > JUMP {
            self.forgiven = self.forgiven.saturating_add(jump);
        }
        self.seen = now;
        now.wall.0.saturating_sub(self.forgiven)
    }
}

pub(crate) fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
