//! Building a client: what can be configured, the defaults, and the checks.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headwater_engine::{
    Config, ConsentConfig, DestinationConfig, Diagnostic, Endpoint, Engine, FlushPolicy, Mode, Now,
    Pace, Plugin, Quota, Report, RetryConfig, Start, StateKey, Stored, Timeline,
};
use headwater_model::context;
use headwater_model::id::{Seq, WriteKey};
use headwater_model::json::{Object, Value};
use headwater_store::{Opened, StoreError};
use serde::Serialize;

use crate::address::{check_header, endpoint_of, without_secret};
use crate::call::to_object;
use crate::callbacks::{Callbacks, Handlers};
use crate::client::Client;
use crate::destination::{Destination, Station};
use crate::directory;
use crate::durability::{self, Backend, Durability};
use crate::error::BuildError;
use crate::guarded::Guarded;
use crate::host::{Shared, entropy, wall};
use crate::settings::{Settings, millis};
#[cfg(feature = "http")]
use crate::tls::Network;
use crate::transport::Transport;
use crate::tries::Try;
use crate::upload::Unread;
use crate::view::Change;
use crate::worker::Worker;

pub(crate) const NAME: &str = "headwater-rust";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(10);

/// Configures a client. Every setting has a default but the endpoint: no event goes to a host that
/// nobody named.
///
/// ```
/// # use headwater::{Client, Durability};
/// # use std::time::Duration;
/// # let directory = tempfile::tempdir()?;
/// let client = Client::builder("my-write-key")
///     .endpoint("http://127.0.0.1:8765")
///     .directory(directory.path())
///     .flush_interval(Duration::from_secs(5))
///     .on_report(|report| eprintln!("{} events lost: {}", report.count, report.reason))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a client is started by `.build()`"]
pub struct Builder {
    write_key: String,
    endpoint: Option<String>,
    /// May start without one.
    unaddressed: bool,
    mode: Mode,
    directory: Option<PathBuf>,
    durability: Durability,
    backend: Backend,
    flush_at: Option<usize>,
    flush_interval: Option<Duration>,
    flush_bytes: Option<u64>,
    flush_policies: Vec<Box<dyn FlushPolicy>>,
    headers: Vec<(String, String)>,
    transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "http")]
    network: Network,
    handlers: Handlers,
    stations: Vec<Station>,
    settings: Settings,
    context: Result<Object, BuildError>,
    /// What the engine takes as it is.
    tuned: Tuned,
}

#[derive(Debug, Default)]
struct Tuned {
    gzip: Option<bool>,
    basic_auth: Option<bool>,
    quota: Quota,
    retry: RetryConfig,
    request_timeout: Option<Duration>,
    max_batch_events: Option<usize>,
    max_batch_bytes: Option<usize>,
    consent: Option<ConsentConfig>,
    session_timeout: Option<Duration>,
    timeline: Timeline,
}

impl core::fmt::Debug for Builder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder")
            .field("endpoint", &self.endpoint.as_deref().map(without_secret))
            .field("mode", &self.mode)
            .field("directory", &self.directory)
            .field("durability", &self.durability)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(write_key: String) -> Builder {
        Builder {
            write_key,
            endpoint: None,
            unaddressed: false,
            mode: Mode::Server,
            directory: None,
            durability: Durability::Buffered,
            backend: Backend::default(),
            flush_at: None,
            flush_interval: None,
            flush_bytes: None,
            flush_policies: Vec::new(),
            headers: Vec::new(),
            transport: None,
            #[cfg(feature = "http")]
            network: Network::default(),
            handlers: Handlers::default(),
            stations: Vec::new(),
            settings: Settings::default(),
            context: Ok(Object::new()),
            tuned: Tuned::default(),
        }
    }

    /// Where events go: a prefix such as `https://hub.example/v1` or `proxy.example/segment`, to which `/batch` is added
    /// (in device mode `/b`), or the whole address of such a route. A host without a path means its `/v1`. Without a scheme
    /// it is https, on the loopback http.
    ///
    /// Segment's own API is `api.segment.io/v1`. There is no default: without an endpoint, and without a settings document
    /// that names one ([`settings_host`](Builder::settings_host)), [`build`](Builder::build) fails.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Starts without an endpoint, too, for an application that must start whatever its configuration lacks: calls wait in
    /// the queue, within its quota, and go nowhere. [`Diagnostic::NoEndpoint`] tells of it.
    pub fn without_endpoint(mut self) -> Self {
        self.unaddressed = true;
        self
    }

    /// Many users (the default): each call names its own, and one that names nobody is an error. Nothing is remembered
    /// between calls.
    pub fn server(mut self) -> Self {
        self.mode = Mode::Server;
        self
    }

    /// One user at a time, as on a desktop or a device: the client keeps who it is, over restarts.
    pub fn device(mut self) -> Self {
        self.mode = Mode::Device;
        self
    }

    /// Where the queue lies; created when it is not there. One client at a time can use it.
    ///
    /// Default, one folder a source: `$XDG_STATE_HOME/headwater/…` (else `~/.local/state/headwater/…`), on macOS
    /// `~/Library/Application Support/headwater/…`, on Windows `%LOCALAPPDATA%\headwater\…`. Of several processes on one
    /// machine each needs its own.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// How safe an event is when a call returns. Default [`Durability::Buffered`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// What keeps the queue. Default [`Backend::SegmentLog`].
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// How much may wait: 256 MiB, 500,000 events, 30 days. Over it the oldest go, with a report.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.tuned.quota = quota;
        self
    }

    /// Sends once so many events wait, those in a request under way not counted. Default 500 in server mode, 20 in device
    /// mode.
    pub fn flush_at(mut self, events: usize) -> Self {
        self.flush_at = Some(events);
        self
    }

    /// Sends so long after the first event that waits. Default 500 ms in server mode, 30 s in device mode.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = Some(interval);
        self
    }

    /// Sends once so many bytes wait. Default 250,000.
    pub fn flush_bytes(mut self, bytes: u64) -> Self {
        self.flush_bytes = Some(bytes);
        self
    }

    /// Adds a reason of your own to send. One that panics is asked no more.
    pub fn flush_policy(mut self, policy: impl FlushPolicy + 'static) -> Self {
        self.flush_policies
            .push(Box::new(Guarded::new(Box::new(policy))));
        self
    }

    /// The most events in one request. Default and at most 2,500.
    pub fn max_batch_events(mut self, events: usize) -> Self {
        self.tuned.max_batch_events = Some(events);
        self
    }

    /// The largest request body before compression. Default and at most 500,000 bytes.
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        self.tuned.max_batch_bytes = Some(bytes);
        self
    }

    /// Whether bodies are compressed. Default true.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.tuned.gzip = Some(gzip);
        self
    }

    /// Whether the write key goes in an `Authorization: Basic` header as well as in the body. Default true.
    pub fn basic_auth(mut self, basic_auth: bool) -> Self {
        self.tuned.basic_auth = Some(basic_auth);
        self
    }

    /// Sent with each batch.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Carries requests out instead of reqwest; proxies, certificates and connection timeouts are then its own affair.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// All requests go through this proxy, `http://user:password@host:port`. Without this the environment's
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
    #[cfg(feature = "http")]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network.proxy = Some(url.into());
        self
    }

    /// No proxy, whatever the environment says.
    #[cfg(feature = "http")]
    pub fn no_proxy(mut self) -> Self {
        self.network.no_proxy = true;
        self
    }

    /// Certificates in PEM form that are trusted on top of the platform's.
    #[cfg(feature = "http")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network.roots.push(pem.into());
        self
    }

    /// How long one request may take in all. Default 30 s, 0.1 s to 10 minutes.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.tuned.request_timeout = Some(timeout);
        self
    }

    /// How long a connection may take to come about. Default 10 s.
    #[cfg(feature = "http")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.network.connect_timeout = timeout;
        self
    }

    /// When to try again, and when to give up. Default: never give up, the quota decides.
    pub fn retry(mut self, retry: RetryConfig) -> Self {
        self.tuned.retry = retry;
        self
    }

    /// Merged under each event's context. `library` is filled in unless it is given.
    pub fn context(mut self, more: impl Serialize) -> Self {
        self.context = self.context.and_then(|mut context| {
            let more = to_object(&more).map_err(|source| BuildError::Json {
                what: "context",
                source,
            })?;
            context::merge(&mut context, more);
            Ok(context)
        });
        self
    }

    /// Asks for the user's consent: categories, the rule before a decision, and where events wait for it.
    pub fn consent(mut self, consent: ConsentConfig) -> Self {
        self.tuned.consent = Some(consent);
        self
    }

    /// Sessions, which end when no event came for so long (30 minutes is usual). Default: none.
    pub fn sessions(mut self, timeout: Duration) -> Self {
        self.tuned.session_timeout = Some(timeout);
        self
    }

    /// Fetches the settings document, from `{endpoint}/projects/{write key}/settings` unless
    /// [`settings_host`](Builder::settings_host) or [`settings_url`](Builder::settings_url) say otherwise. Default: only
    /// when a destination needs it. No event waits for it, where there is an endpoint.
    pub fn settings(mut self) -> Self {
        self.settings.wanted = true;
        self
    }

    /// Fetches the settings document from under this prefix, which is read as that of [`endpoint`](Builder::endpoint):
    /// `{host}/projects/{write key}/settings`.
    ///
    /// Without an endpoint the document says where events go (`integrations["Segment.io"].apiHost`). They wait for it;
    /// where it cannot be had, or names no host, they go to `/v1` of the host it is fetched from.
    pub fn settings_host(mut self, host: impl Into<String>) -> Self {
        self.settings.wanted = true;
        self.settings.host = Some(host.into());
        self
    }

    /// Fetches the settings document from here.
    pub fn settings_url(mut self, url: impl Into<String>) -> Self {
        self.settings.wanted = true;
        self.settings.url = Some(url.into());
        self
    }

    /// The settings document while there is neither a fetched nor a cached one.
    pub fn default_settings(mut self, document: impl Serialize) -> Self {
        self.settings.wanted = true;
        self.settings.defaults = Some(to_object(&document).map(Value::Object));
        self
    }

    /// How often the settings document is fetched again. Default 24 h, at least a minute.
    pub fn settings_refresh(mut self, every: Duration) -> Self {
        self.settings.refresh = Some(every);
        self
    }

    /// Lets the settings document move the uploads (`integrations["Segment.io"].apiHost`). Default: they stay at the
    /// endpoint given here.
    pub fn follow_api_host(mut self) -> Self {
        self.settings.follow_api_host = true;
        self
    }

    /// Adds a plugin at the end of its stage. It runs on the thread of each call, and on the client's own when an event that was
    /// kept back is tried again (see [`Plugin::required`]).
    pub fn plugin(mut self, plugin: impl Plugin + 'static) -> Self {
        self.tuned.timeline.add(Box::new(plugin));
        self
    }

    /// Adds a destination in this process.
    pub fn destination(self, destination: impl Destination + 'static) -> Self {
        self.destination_with(destination, Timeline::default())
    }

    /// Adds a destination with plugins of its own: they see its events only, on its thread.
    pub fn destination_with(
        mut self,
        destination: impl Destination + 'static,
        timeline: Timeline,
    ) -> Self {
        self.stations.push(Station {
            destination: Box::new(destination),
            timeline,
        });
        self
    }

    /// Hears of all events that will never be delivered. On a thread of its own; it may take its time.
    pub fn on_report(mut self, call: impl Fn(&Report) + Send + 'static) -> Self {
        self.handlers.report = Some(Box::new(call));
        self
    }

    /// Hears of what is worth knowing and costs no event: failed tries, failing plugins. On the thread of
    /// [`on_report`](Builder::on_report).
    pub fn on_diagnostic(mut self, call: impl Fn(&Diagnostic) + Send + 'static) -> Self {
        self.handlers.diagnostic = Some(Box::new(call));
        self
    }

    /// Hears when the user or the settings document changed, after the fact; several changes in a row may be told as one.
    /// On the thread of [`on_report`](Builder::on_report).
    pub fn on_change(mut self, call: impl Fn(Change) + Send + 'static) -> Self {
        self.handlers.change = Some(Box::new(call));
        self
    }

    /// Runs plugins outside of the client again on an event that [`Client::hold`] kept back. On the thread of
    /// [`on_report`](Builder::on_report). Without this each such try fails. One that panics has failed, too.
    pub fn on_try(mut self, call: impl Fn(Try) + Send + 'static) -> Self {
        self.handlers.again = Some(Box::new(call));
        self
    }

    /// Opens the queue and starts the client. What an earlier run left is sent first.
    ///
    /// # Errors
    /// [`BuildError`]; nothing runs then.
    pub fn build(mut self) -> Result<Client, BuildError> {
        let write_key = WriteKey::new(core::mem::take(&mut self.write_key))?;
        let endpoint = self.endpoint.take();
        let endpoint = endpoint.map(|given| endpoint_of("endpoint", &given));
        let endpoint = endpoint.transpose()?;
        if endpoint.is_none() && !self.unaddressed && !self.settings.may_name_the_hub() {
            return Err(BuildError::NoEndpoint);
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
        let directory = self.place(&write_key)?;
        let destinations: Vec<DestinationConfig> =
            self.stations.iter().map(Station::config).collect();
        let (mode, durability, backend) = (self.mode, self.durability, self.backend);
        let given = self.transport.take();
        #[cfg(feature = "http")]
        let network = core::mem::take(&mut self.network);
        let handlers = core::mem::take(&mut self.handlers);
        let stations = core::mem::take(&mut self.stations);
        let config = self.config(write_key, endpoint, destinations)?;
        #[cfg(feature = "http")]
        let transport = match given {
            Some(transport) => transport,
            None => Arc::new(crate::http::Http::start(network.client(&config)?)?),
        };
        #[cfg(not(feature = "http"))]
        let transport = given.ok_or(BuildError::NoTransport)?;
        let settings_timeout =
            SETTINGS_TIMEOUT.min(Duration::from_millis(config.request_timeout.max(100)));
        // The store last: whatever fails before this has written nothing.
        let opened = durability::open(durability, backend, mode, directory.as_deref())
            .map_err(|error| storage(error, directory))?;
        let (start, store) = read(opened)?;
        let started = Instant::now();
        let now = Now {
            wall: wall(),
            mono: 0,
        };
        let engine = Engine::new(config, start, now);
        let callbacks = Callbacks::start(handlers).map_err(BuildError::Thread)?;
        let shared = Arc::new(Shared::new(
            engine,
            store,
            callbacks,
            (mode, durability),
            started,
        ));
        for station in stations {
            let outlet = station.start(&shared).map_err(BuildError::Thread)?;
            shared.outlets.push(outlet);
        }
        let worker = Worker {
            shared: Arc::clone(&shared),
            transport,
            outlets: Arc::clone(&shared.outlets),
            settings_timeout,
            fetches: 0,
            timed: 0,
            unread: Unread::default(),
        };
        thread::Builder::new()
            .name("headwater".to_owned())
            .spawn(move || worker.run())
            .map_err(BuildError::Thread)?;
        Ok(Client::new(shared))
    }

    fn place(&mut self, write_key: &WriteKey) -> Result<Option<PathBuf>, BuildError> {
        if self.durability == Durability::Memory {
            return Ok(None);
        }
        self.directory
            .take()
            .or_else(|| directory::default_for(write_key))
            .map(Some)
            .ok_or(BuildError::NoDirectory {
                looked_at: directory::LOOKED_AT,
            })
    }

    fn config(
        self,
        write_key: WriteKey,
        endpoint: Option<Endpoint>,
        destinations: Vec<DestinationConfig>,
    ) -> Result<Config, BuildError> {
        let settings = self
            .settings
            .config(endpoint.as_ref(), &write_key, &destinations)?;
        let mut config = Config::new(write_key, endpoint.unwrap_or(Endpoint::UNKNOWN));
        config.mode = self.mode;
        config.headers = self.headers;
        let usual = match self.mode {
            Mode::Server => Pace::SERVER,
            Mode::Device => Pace::DEVICE,
        };
        config.pace = Pace {
            events: self.flush_at.unwrap_or(usual.events),
            bytes: self.flush_bytes.unwrap_or(usual.bytes),
            interval: self.flush_interval.map(millis).or(usual.interval),
            background: usual.background,
        };
        config.flush = self.flush_policies;
        config.sync_after = (self.durability == Durability::Buffered).then_some(250);
        config.context = self.context?;
        if !config.context.contains_key("library") {
            let library: Object = [
                ("name".to_owned(), Value::from(NAME)),
                ("version".to_owned(), Value::from(VERSION)),
            ]
            .into_iter()
            .collect();
            config.context.insert("library", Value::Object(library));
        }
        let tuned = self.tuned;
        config.gzip = tuned.gzip.unwrap_or(config.gzip);
        config.basic_auth = tuned.basic_auth.unwrap_or(config.basic_auth);
        config.quota = tuned.quota;
        config.retry = tuned.retry;
        config.request_timeout = tuned.request_timeout.map_or(config.request_timeout, millis);
        config.max_batch_events = tuned.max_batch_events.unwrap_or(config.max_batch_events);
        config.max_batch_bytes = tuned.max_batch_bytes.unwrap_or(config.max_batch_bytes);
        config.consent = tuned.consent;
        config.session_timeout = tuned.session_timeout.map(millis);
        config.timeline = tuned.timeline;
        config.settings = settings;
        config.destinations = destinations;
        Ok(config)
    }
}

fn storage(error: StoreError, directory: Option<PathBuf>) -> BuildError {
    match (error, directory) {
        (StoreError::InUse { .. }, Some(directory)) => BuildError::DirectoryInUse { directory },
        (error, _) => BuildError::Storage(error),
    }
}

/// What the engine starts from.
fn read(opened: Opened) -> Result<(Start, Box<dyn headwater_store::EventStore>), BuildError> {
    let Opened {
        mut store,
        events,
        next_seq,
        recovery,
    } = opened;
    let mut saved = Vec::new();
    for key in StateKey::ALL {
        match store.load_state(key.as_str()) {
            Ok(Some(value)) if !value.is_empty() => saved.push((key, value)),
            Ok(_) => {}
            // Unreadable: the engine says so, and what that means for the piece in question.
            Err(StoreError::CorruptState { .. }) => saved.push((key, Vec::new())),
            Err(error) => return Err(BuildError::Storage(error)),
        }
    }
    let random = entropy();
    let (states, segments): (Vec<_>, Vec<_>) = recovery
        .set_aside
        .iter()
        .partition(|name| name.contains(".state."));
    let unreadable = StateKey::ALL
        .into_iter()
        .filter(|key| {
            let file = [key.as_str(), ".state."].concat();
            states.iter().any(|name| name.starts_with(&file))
        })
        .collect();
    let start = Start {
        saved,
        set_aside: recovery.lost_events.min(segments.len() as u64),
        torn_bytes: recovery.torn_bytes,
        unreadable,
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
        seed: random
            .iter()
            .take(8)
            .fold(0, |seed, byte| seed << 8 | u64::from(*byte)),
        entropy: entropy(),
    };
    Ok((start, store))
}
