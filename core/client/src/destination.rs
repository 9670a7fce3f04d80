//! Device-mode destinations: code in this process that gets events as well as the hub.
//!
//! Each runs on a thread of its own, so that one that is slow, blocks or panics costs neither the application nor the
//! hub nor its neighbours. What it may have waiting is bounded by the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread;

use crate::answer::Answer;
use crate::host::Shared;
use crate::inside;
use headwater_engine::{DeliveryOutcome, DestinationConfig, Diagnostic, Input, Stop, Timeline};
use headwater_model::event::Event;
use headwater_model::json::Value;

/// Takes events in this process: another vendor's SDK, a file, a test.
///
/// All methods are called on one thread, the destination's own; they may take their time. A destination that keeps a
/// [`Client`](crate::Client) keeps that client open: let go of it, or call `shutdown`.
pub trait Destination: Send {
    /// Its name in `integrations` and in the settings document.
    fn key(&self) -> &str;

    /// The consent categories it belongs to. It gets an event only when all of them were granted.
    fn categories(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it runs only when the settings document has an entry for it. Default false.
    fn needs_settings(&self) -> bool {
        false
    }

    /// Its entry in the settings document, whenever that was read.
    fn update(&mut self, settings: &Value) {
        let _ = settings;
    }

    /// Takes one event.
    ///
    /// # Errors
    /// Whatever went wrong, in words; reported as `destination_failed`. It is not tried again: the hub has the event.
    fn deliver(&mut self, event: &Event) -> Result<(), String>;

    /// As [`deliver`](Destination::deliver), for a destination that runs plugins of its own outside of the client: one of them that
    /// fails and is required keeps the event from the destination ([`NotDelivered::Guard`]).
    ///
    /// # Errors
    /// Whatever went wrong.
    fn pass_and_deliver(&mut self, event: &Event) -> Result<(), NotDelivered> {
        self.deliver(event).map_err(NotDelivered::Failed)
    }

    /// The application flushes: send what is held.
    fn flush(&mut self) {}

    /// The user is another one from now on.
    fn reset(&mut self) {}
}

/// Why a destination did not take an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDelivered {
    /// It failed. Reported as `destination_failed`.
    Failed(String),
    /// A plugin of its own that is required failed before: the destination has not seen the event. It is delivered again after
    /// one and after ten more seconds, and reported as `plugin_failed` when that failed, too.
    Guard(String),
}

/// What the worker tells a destination's thread.
pub(crate) enum Order {
    Deliver(u64, Arc<Event>),
    Configure(Value),
    Flush,
    Reset,
    /// Answers when all before it is done.
    Drained(Answer<()>),
}

/// The way to a destination's thread.
#[derive(Debug)]
pub(crate) struct Outlet {
    orders: Sender<Order>,
    told: AtomicU64,
}

impl Outlet {
    pub(crate) fn send(&self, order: Order) -> Result<(), Order> {
        if !matches!(order, Order::Drained(_)) {
            self.told.fetch_add(1, Ordering::Relaxed);
        }
        self.orders.send(order).map_err(|failed| failed.0)
    }

    /// How often something was sent, but for [`Order::Drained`].
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}

/// The ways to all destinations, in the order in which the engine knows them.
#[derive(Debug, Default)]
pub(crate) struct Outlets(RwLock<Vec<Arc<Outlet>>>);

impl Outlets {
    pub(crate) fn push(&self, outlet: Outlet) {
        self.push_and(outlet, || {});
    }

    /// With nobody else adding one until `then` is through.
    pub(crate) fn push_and(&self, outlet: Outlet, then: impl FnOnce()) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::new(outlet));
        then();
    }

    pub(crate) fn get(&self, destination: usize) -> Option<Arc<Outlet>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(destination).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Outlet>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Their threads end.
    pub(crate) fn close(&self) {
        let all = core::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        drop(all);
    }
}

/// A destination with its own plugins, before its thread runs.
pub(crate) struct Station {
    pub(crate) destination: Box<dyn Destination>,
    pub(crate) timeline: Timeline,
}

impl Station {
    /// As the engine knows it.
    pub(crate) fn config(&self) -> DestinationConfig {
        DestinationConfig {
            key: self.destination.key().to_owned(),
            categories: self.destination.categories(),
            needs_settings: self.destination.needs_settings(),
        }
    }

    pub(crate) fn start(self, shared: &Arc<Shared>) -> std::io::Result<Outlet> {
        let (sender, receiver) = channel();
        let host = Arc::downgrade(shared);
        let client = shared.callbacks.client;
        thread::Builder::new()
            .name("headwater-dest".to_owned())
            .spawn(move || {
                inside::help(client);
                self.run(&receiver, &host);
            })?;
        Ok(Outlet {
            orders: sender,
            told: AtomicU64::new(0),
        })
    }

    fn run(mut self, orders: &Receiver<Order>, host: &Weak<Shared>) {
        while let Ok(order) = orders.recv() {
            match order {
                Order::Deliver(delivery, event) => {
                    let cancelled = host
                        .upgrade()
                        .is_some_and(|host| host.is_cancelled(delivery));
                    let outcome = if cancelled {
                        DeliveryOutcome::Done
                    } else {
                        self.deliver(&event, host)
                    };
                    if let Some(host) = host.upgrade() {
                        host.feed(Input::Delivered { delivery, outcome });
                    }
                }
                Order::Configure(settings) => {
                    self.guarded(|destination| destination.update(&settings));
                }
                Order::Flush => self.guarded(|destination| destination.flush()),
                Order::Reset => self.guarded(|destination| destination.reset()),
                Order::Drained(done) => {
                    done.send(());
                }
            }
        }
    }

    /// Apart from deliveries there is nobody to tell of a panic but the destination's author, whom the panic hook told.
    fn guarded(&mut self, act: impl FnOnce(&mut dyn Destination)) {
        let _ = catch_unwind(AssertUnwindSafe(|| act(&mut *self.destination)));
    }

    fn deliver(&mut self, event: &Event, host: &Weak<Shared>) -> DeliveryOutcome {
        let mut tell = |diagnostic| {
            if let Some(host) = host.upgrade() {
                host.callbacks.diagnostic(diagnostic);
            }
        };
        let changed = if self.timeline.is_empty() {
            None
        } else {
            match self.timeline.run(event.clone(), &mut None, &mut tell) {
                Ok(changed) => Some(changed),
                // Its own plugin kept the event from it: a filter, not a failure.
                Err(Stop::Dropped(_)) => return DeliveryOutcome::Done,
                Err(Stop::Failed { plugin, detail }) => {
                    let failed = format!("{plugin}: {detail}");
                    tell(Diagnostic::PluginFailed { plugin, detail });
                    return DeliveryOutcome::Guard(failed);
                }
            }
        };
        let event = changed.as_ref().unwrap_or(event);
        match catch_unwind(AssertUnwindSafe(|| {
            self.destination.pass_and_deliver(event)
        })) {
            Ok(Ok(())) => {
                self.timeline.after(event, &mut tell);
                DeliveryOutcome::Done
            }
            Ok(Err(NotDelivered::Failed(detail))) => DeliveryOutcome::Failed(detail),
            Ok(Err(NotDelivered::Guard(detail))) => DeliveryOutcome::Guard(detail),
            Err(_) => DeliveryOutcome::Failed("it panicked".to_owned()),
        }
    }
}
