//! Calls in two halves, and destinations that come later: for hosts whose plugins live outside the client, such as the
//! mobile SDKs, whose plugins are objects of another language.
//!
//! ```text
//!  call(…).stamp() ─► event ─► the host's plugins ─┬─► submit ─► queue, destinations
//!                                                  ├─► discard ─► report
//!                                                  └─► hold ─► the plugins again (`on_try`), or a report
//! ```

use std::sync::Arc;

use headwater_engine::{Call, CallKind, CallOptions, Input, Receipt, Timeline};
use headwater_model::event::Event;

use crate::call::CallBuilder;
use crate::client::Client;
use crate::destination::{Destination, Station};
use crate::error::TrackError;
use crate::host::Shared;
use crate::inside::{self, Held, Job, run_deferred};

impl Client {
    /// A call from its parts, for code that gets calls as data: bindings to other languages, replays.
    ///
    /// ```
    /// # use headwater::{CallKind, CallOptions, Client, Durability, Payload};
    /// # let client = Client::builder("key").endpoint("http://127.0.0.1:9").durability(Durability::Memory).device().build()?;
    /// let kind = CallKind::Track { event: "Signed In".into(), properties: Payload::Empty };
    /// client.call(kind, CallOptions::default()).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call(&self, kind: CallKind, options: CallOptions) -> CallBuilder<'_> {
        CallBuilder::of_parts(self.shared(), kind, options)
    }

    /// The second half of a call: queues an event that [`stamp`](CallBuilder::stamp) answered, as plugins left it. A
    /// decision on consent that came between the halves counts.
    ///
    /// ```
    /// # use headwater::{Client, Durability};
    /// # let client = Client::builder("key").endpoint("http://127.0.0.1:9").durability(Durability::Memory).device().build()?;
    /// let mut event = client.track("Signed In", ()).stamp()?;
    /// event.context.insert("plan", "pro");
    /// client.submit(event)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it became too large, the client was closed meanwhile, or the disk does not take it.
    pub fn submit(&self, event: Event) -> Result<Receipt, TrackError> {
        self.shared().submit(event)
    }

    /// A stamped event that a plugin of this name keeps back; reported with the reason `plugin`.
    pub fn discard(&self, event: &Event, plugin: &str) {
        self.shared().discard(event, plugin);
    }

    /// A stamped event that goes no further since the plugin of this name failed: it is kept back, as it was stamped, and comes
    /// again in [`Builder::on_try`](crate::Builder::on_try), after one and after ten more seconds; when those tries failed, it
    /// is reported as `plugin_failed`. It is in the store meanwhile: the next start tries it at once. `guards`: the names of
    /// all plugins that it must pass, this one among them.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn hold(
        &self,
        event: Event,
        plugin: &str,
        detail: &str,
        guards: Vec<String>,
    ) -> Result<Receipt, TrackError> {
        self.shared().hold(Held {
            event,
            plugin: plugin.to_owned(),
            detail: detail.to_owned(),
            guards,
        })
    }

    /// Adds a destination in this process; it gets the events from now on. See
    /// [`Builder::destination`](crate::Builder::destination).
    ///
    /// One that needs an entry in the settings document gets events only when the document is fetched, which is set up
    /// when the client is built.
    pub fn add_destination(&self, destination: impl Destination + 'static) {
        self.shared().add_destination(Station {
            destination: Box::new(destination),
            timeline: Timeline::default(),
        });
    }
}

impl Shared {
    pub(crate) fn stamp(self: &Arc<Self>, call: Call) -> Result<Event, TrackError> {
        if inside::is_inside() {
            return Err(TrackError::Inside);
        }
        let event = self.locked(|core, now| {
            let event = core.engine.stamp(now, call);
            self.publish(&core.engine);
            event
        });
        run_deferred();
        Ok(event?)
    }

    pub(crate) fn submit(self: &Arc<Self>, event: Event) -> Result<Receipt, TrackError> {
        if inside::is_inside() {
            let id = event.message_id.as_str().to_owned();
            return match inside::defer_bounded(self, Job::Submit(Box::new(event))) {
                Ok(()) => Ok(Receipt::Queued(id)),
                Err(depth) => Err(TrackError::Recursion { depth }),
            };
        }
        let outcome = self.submit_now(event);
        run_deferred();
        outcome
    }

    pub(crate) fn submit_now(&self, event: Event) -> Result<Receipt, TrackError> {
        let (receipt, failure, appended) =
            self.locked_with_failure(|core, now| core.engine.submit(now, event));
        self.settle(receipt?, failure, appended)
    }

    fn discard(self: &Arc<Self>, event: &Event, plugin: &str) {
        if inside::is_inside() {
            inside::defer(
                self,
                Job::Discard(Box::new(event.clone()), plugin.to_owned()),
            );
            return;
        }
        self.discard_now(event, plugin);
        run_deferred();
    }

    pub(crate) fn discard_now(&self, event: &Event, plugin: &str) {
        self.locked(|core, _| core.engine.discard(event, plugin));
    }

    fn hold(self: &Arc<Self>, held: Held) -> Result<Receipt, TrackError> {
        if inside::is_inside() {
            let id = held.event.message_id.as_str().to_owned();
            inside::defer(self, Job::Hold(Box::new(held)));
            return Ok(Receipt::Held(id));
        }
        let outcome = self.hold_now(held);
        run_deferred();
        outcome
    }

    pub(crate) fn hold_now(&self, held: Held) -> Result<Receipt, TrackError> {
        let (receipt, failure, appended) = self.locked_with_failure(|core, now| {
            let why = (held.plugin.as_str(), held.detail.as_str());
            core.engine.hold(now, held.event, why, held.guards)
        });
        self.settle(receipt, failure, appended)
    }

    fn add_destination(self: &Arc<Self>, station: Station) {
        if inside::is_inside() {
            inside::defer(self, Job::AddDestination(Box::new(station)));
            return;
        }
        self.add_now(station);
        run_deferred();
    }

    /// A destination whose thread cannot be started is none: the hub has its events.
    pub(crate) fn add_now(self: &Arc<Self>, station: Station) {
        let config = station.config();
        if let Ok(outlet) = station.start(self) {
            self.outlets.push_and(outlet, || {
                self.locked(|core, now| core.engine.handle(now, Input::Destination(config)));
            });
        }
    }
}
