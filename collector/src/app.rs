//! What all requests share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use headwater_model::time::Millis;
use headwater_store::disk::RealDisk;
use tokio::sync::watch;

use crate::admin::Guard;
use crate::config::{LimitsConfig, Mode, Network};
use crate::ingest::{Budget, Public, Strangers};
use crate::live::{Live, Notice};
use crate::log::{EmbeddedLog, EventLog, Ring};
use crate::metrics::Metrics;
pub use crate::peer::Peer;
use crate::sources::Sources;
use crate::suppression::Suppressions;

/// The collector's parts.
#[derive(Debug)]
pub struct App {
    /// Where events go.
    pub log: Arc<EmbeddedLog>,
    /// Whose events are not taken in.
    pub(crate) suppressions: Suppressions,
    /// Who may send.
    sources: RwLock<Arc<Sources>>,
    /// How much may be sent.
    pub limits: LimitsConfig,
    /// How much senders are told.
    pub mode: Mode,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Free bytes below which the log refuses.
    pub min_free_bytes: u64,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is seen as it comes, where that is on.
    pub live: Option<Arc<Live>>,
    /// The clock.
    pub now: fn() -> Millis,
    /// Where senders reach it.
    pub(crate) public: Public,
    /// Who may see events.
    pub(crate) guard: Guard,
    pub(crate) budget: Arc<Budget>,
    pub(crate) strangers: Strangers,
    explains_events: AtomicBool,
    closing: watch::Sender<bool>,
}

impl App {
    /// The parts for a configuration. `live` turns on the inspector and the stream of events.
    #[must_use]
    pub fn new(
        config: &crate::config::Config,
        sources: Sources,
        log: Arc<EmbeddedLog>,
        live: bool,
        now: fn() -> Millis,
    ) -> Arc<Self> {
        let metrics = Arc::new(Metrics::default());
        let from = log.status().end;
        Arc::new(Self {
            suppressions: Suppressions::new(&config.storage.dir),
            sources: RwLock::new(Arc::new(sources)),
            limits: config.limits,
            mode: config.server.mode,
            trusted_proxies: config.server.trusted_proxies.clone(),
            min_free_bytes: config.storage.min_free_bytes,
            live: live.then(|| Live::new(Arc::clone(&metrics), from)),
            metrics,
            public: Public::new(
                config.server.public_url.clone(),
                live && config.admin.token.is_none(),
            ),
            guard: Guard::new(config.admin.token.clone(), &config.server.listen),
            now,
            budget: Budget::new(
                config.limits.bytes_in_flight,
                config.limits.bytes_in_flight_per_peer,
            ),
            strangers: Strangers::new(Ring::new(Arc::new(RealDisk), &config.storage.dir)),
            explains_events: AtomicBool::new(false),
            closing: watch::channel(false).0,
            log,
        })
    }

    /// Who may send now.
    #[must_use]
    pub fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these may send; requests in hand go on under what they found.
    pub fn replace_sources(&self, sources: Sources) {
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources);
    }

    /// Something behind the log says where an event is ([`crate::extension::Extension::explains_events`]).
    pub(crate) fn set_explains_events(&self, explains: bool) {
        self.explains_events.store(explains, Ordering::Relaxed);
    }

    pub(crate) fn explains_events(&self) -> bool {
        self.explains_events.load(Ordering::Relaxed)
    }

    /// Ends the streams that would never end by themselves.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Resolves when the collector shuts down.
    pub(crate) async fn closing(&self) {
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Whether this address speaks for others.
    pub(crate) fn is_trusted_proxy(&self, ip: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(ip))
    }

    /// Tells live readers of something that is not in the log.
    pub(crate) fn notice(&self, make: impl FnOnce() -> Notice) {
        if let Some(live) = &self.live {
            live.notice(make());
        }
    }
}

/// The system's clock.
#[must_use]
pub fn system_now() -> Millis {
    Millis(chrono::Utc::now().timestamp_millis())
}
