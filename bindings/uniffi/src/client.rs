//! The client, as Swift and Kotlin hold it.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use headwater::json::Value;

use crate::call;
use crate::config::Configuration;
use crate::destination::{Destination, DestinationInfo, Foreign};
use crate::error::{ForeignError, HeadwaterError};
use crate::listener::Listener;
use crate::platform::{Lifecycle, Platform, context_of};
use crate::transport::Transport;
use crate::view::{Dropped, FlushReport, Identity, Queue, Receipt};

/// A thread that only waits and calls back.
const STACK: usize = 256 << 10;

/// Hears how a flush ended.
#[uniffi::export(foreign)]
pub trait FlushCallback: Send + Sync {
    /// On a thread of its own.
    ///
    /// # Errors
    /// Ignored.
    fn on_flushed(&self, report: FlushReport) -> Result<(), ForeignError>;
}

/// One source's queue, identity, consent and destinations. Usable from any thread; no call waits for the network, but for
/// `flush_blocking` and `shutdown`.
#[derive(uniffi::Object)]
pub struct Client {
    client: headwater::Client,
    platform: Option<Arc<dyn Platform>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[uniffi::export]
impl Client {
    /// Opens the queue and starts. What an earlier run left is sent first.
    ///
    /// # Errors
    /// `Configuration`, `DirectoryInUse`, `Storage`; nothing runs then.
    #[uniffi::constructor]
    pub fn new(
        configuration: Configuration,
        transport: Arc<dyn Transport>,
        platform: Option<Arc<dyn Platform>>,
        listener: Option<Arc<dyn Listener>>,
    ) -> Result<Arc<Client>, HeadwaterError> {
        let client = configuration
            .builder(transport, platform.as_deref(), listener.as_ref())?
            .build()?;
        let client = Client { client, platform };
        client.ask_network();
        Ok(Arc::new(client))
    }

    /// Makes a call: the spec's event as JSON, with at least its `type`. `messageId`, `timestamp`, `context`,
    /// `integrations`, `userId` and `anonymousId` where they are not the usual ones. When it returns, the event is as safe
    /// as the configured durability says.
    ///
    /// # Errors
    /// `Invalid`, `TooLarge`, `Storage`, `NotSynced`, `Closed`. The network is never a reason.
    pub fn call(&self, event: &str) -> Result<Receipt, HeadwaterError> {
        let (kind, options) = call::call(event)?;
        Ok(self.client.call(kind, options).send()?.into())
    }

    /// The first half of a call, for hosts with plugins: the event with id, time, user, session and context. A change of
    /// the user counts at once. Hand it to [`submit`](Client::submit) or [`discard`](Client::discard), in order.
    ///
    /// # Errors
    /// `Invalid`, `TooLarge`, `Closed`.
    pub fn stamp(&self, event: &str) -> Result<String, HeadwaterError> {
        let (kind, options) = call::call(event)?;
        let event = self.client.call(kind, options).stamp()?;
        let mut text = Vec::new();
        event.write(&mut text);
        Ok(call::string(text))
    }

    /// The second half: the event as the host's plugins left it is queued.
    ///
    /// # Errors
    /// As [`call`](Client::call).
    pub fn submit(&self, event: &str) -> Result<Receipt, HeadwaterError> {
        Ok(self.client.submit(call::event(event)?)?.into())
    }

    /// A stamped event that the host's plugin of this name keeps back; reported with the reason `plugin`.
    ///
    /// # Errors
    /// `Invalid` when it is no stamped event.
    pub fn discard(&self, event: &str, plugin: &str) -> Result<(), HeadwaterError> {
        self.client.discard(&call::event(event)?, plugin);
        Ok(())
    }

    /// A stamped event that goes no further since the host's plugin of this name failed, which it must not go without: it is kept back,
    /// as it was stamped, and comes again in `Listener.on_try`. `guards`: the names of all such plugins.
    ///
    /// # Errors
    /// `Invalid` when it is no stamped event, `Storage`, `NotSynced`.
    pub fn hold(
        &self,
        event: &str,
        plugin: &str,
        detail: &str,
        guards: Vec<String>,
    ) -> Result<Receipt, HeadwaterError> {
        let event = call::event(event)?;
        Ok(self.client.hold(event, plugin, detail, guards)?.into())
    }

    /// Sends what waits. The callback hears when it has arrived, was dropped with a report, or something is in the way.
    pub fn flush(&self, callback: Option<Arc<dyn FlushCallback>>) {
        // It begins now, whoever waits for it.
        let flush = self.client.flush();
        let Some(callback) = callback else { return };
        let client = self.client.clone();
        let tell = Arc::clone(&callback);
        let waiting = thread::Builder::new()
            .name("headwater-flush".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let _ = tell.on_flushed(headwater::block_on(flush).into());
            });
        if waiting.is_err() {
            let _ = callback.on_flushed(FlushReport {
                pending: client.queue().events as u64,
                waiting_for: Some("a thread to wait on".to_owned()),
                ..FlushReport::default()
            });
        }
    }

    /// As [`flush`](Client::flush), waiting on this thread.
    pub fn flush_blocking(&self) -> FlushReport {
        self.client.flush_blocking().into()
    }

    /// Takes no more calls, sends what waits until it is out or the time is over, and closes. The directory is free then;
    /// what is pending stays in it for the next start.
    pub fn shutdown(&self, timeout_ms: u64) -> FlushReport {
        self.client
            .shutdown_blocking(Duration::from_millis(timeout_ms))
            .into()
    }

    /// Forgets who the user is: a new anonymousId, no userId, traits or group.
    pub fn reset(&self) {
        self.client.reset();
    }

    /// Who the user is; absent in server mode.
    pub fn identity(&self) -> Option<Identity> {
        self.client.identity().map(Into::into)
    }

    /// Takes over an identity from elsewhere, such as another SDK's.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn import_identity(&self, identity: Identity) -> Result<(), HeadwaterError> {
        self.client.import_identity(identity.try_into()?);
        Ok(())
    }

    /// The user's decision, by category; one that is configured and not named counts as denied.
    pub fn set_consent(&self, decision: HashMap<String, bool>) {
        let mut decision: Vec<(String, bool)> = decision.into_iter().collect();
        decision.sort();
        self.client.set_consent(decision);
    }

    /// The decision on consent in force, by category; absent before there was one, and without consent configured.
    pub fn consent(&self) -> Option<HashMap<String, bool>> {
        Some(self.client.consent()?.into_iter().collect())
    }

    /// Merged over the client's context, a JSON object, for all events from now on.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn update_context(&self, context: &str) -> Result<(), HeadwaterError> {
        let context = call::object("context", context)?;
        Ok(self.client.update_context(Value::Object(context))?)
    }

    /// Asks the platform for its context and the network again.
    pub fn refresh_platform(&self) {
        if let Some(context) = self.platform.as_deref().and_then(context_of) {
            // An object always is one.
            let _ = self.client.update_context(Value::Object(context));
        }
        self.ask_network();
    }

    /// The network came or went. A client that is never told finds out by trying.
    pub fn set_online(&self, online: bool) {
        self.client.set_online(online);
    }

    /// The app came to the front (the platform is asked again then), went out of sight, or is about to end.
    pub fn lifecycle(&self, state: Lifecycle) {
        if state == Lifecycle::Foreground {
            self.refresh_platform();
        }
        self.client.lifecycle(state.into());
    }

    /// Starts a session by hand, with this id (unix seconds) or the time's. Needs sessions to be configured.
    pub fn start_session(&self, id: Option<u64>) {
        self.client.start_session(id);
    }

    /// Ends the session; none starts by itself until [`start_session`](Client::start_session).
    pub fn end_session(&self) {
        self.client.end_session();
    }

    /// Changes when to send: once so many events wait, or so long after the first, in milliseconds; what is absent stays.
    pub fn set_flush(&self, flush_at: Option<u32>, flush_interval_ms: Option<u64>) {
        let at = flush_at.map(|at| at as usize);
        let interval = flush_interval_ms.map(Duration::from_millis);
        self.client.set_flush(at, interval);
    }

    /// Makes all durable and lets go of the folder's lock until something is written again, for an app about to be
    /// suspended: iOS ends one that then holds a lock in a shared folder. Answers whether the folder is free. Waits for the
    /// disk. A client that opens the folder meanwhile takes over what waits in it; this one should then be shut down.
    pub fn release(&self) -> bool {
        self.client.release()
    }

    /// Throws away all that waits; a report says how many.
    pub fn purge(&self) {
        self.client.purge();
    }

    /// How much waits.
    pub fn queue(&self) -> Queue {
        let queue = self.client.queue();
        Queue {
            events: queue.events as u64,
            bytes: queue.bytes,
        }
    }

    /// Events that the hub refused, the last 20, newest last: `{"status":…,"event":{…}}`, as JSON.
    pub fn quarantine(&self) -> Vec<String> {
        self.client
            .quarantine()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Events that will never be delivered, by reason.
    pub fn drops(&self) -> Vec<Dropped> {
        self.client
            .drops()
            .into_iter()
            .map(|(reason, count)| Dropped {
                reason: reason.as_str().to_owned(),
                count,
            })
            .collect()
    }

    /// The settings document in force, as JSON.
    pub fn settings(&self) -> Option<String> {
        let settings = self.client.settings()?;
        Some(Value::Object(settings.document().clone()).to_string())
    }

    /// Adds a destination in this process; it gets the events from now on.
    pub fn add_destination(&self, info: DestinationInfo, destination: Arc<dyn Destination>) {
        self.client.add_destination(Foreign { info, destination });
    }
}

impl Client {
    fn ask_network(&self) {
        let online = self
            .platform
            .as_ref()
            .and_then(|platform| platform.online().ok().flatten());
        if let Some(online) = online {
            self.client.set_online(online);
        }
    }
}
