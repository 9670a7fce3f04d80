//! The client, as applications hold it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::{Awaited, answer};
use crate::builder::Builder;
use crate::call::{CallBuilder, object, payload};
use crate::error::TrackError;
use crate::host::{Shared, entropy};
use crate::inside::{self, Job};
use crate::settings::millis;
use crate::wait::block_on;
use crate::worker::Work;
use headwater_engine::{
    CallKind, Connection, DropReason, FlushReport, Identity, Input, Lifecycle, Plugin, Queue,
    SessionCommand, Settings,
};
use headwater_model::event::Payload;
use headwater_model::json::Value;
use serde::Serialize;

const WORKER_GONE: &str = "a client: this one was closed";

/// Takes calls and sees to it that they arrive. Cheap to clone: all clones are one client.
///
/// A plugin, callback or destination that keeps a clone keeps the client open until `shutdown`: a client is closed when
/// its last clone goes, and those go with the client.
///
/// No call waits for the network. When the last clone is dropped without [`shutdown`](Client::shutdown), what waits
/// stays on the disk for the next start; what was kept in memory only is reported as `not_kept`.
#[derive(Clone, Debug)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Closes the client when the last clone goes.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if inside::is_inside() {
            self.shared.order(Work::Stop(None));
            return;
        }
        // Here and not on the worker, so that the directory is free at once for the next client.
        let point = self.shared.close_store();
        self.shared.order(Work::Stop(point));
    }
}

impl Client {
    /// Starts the configuration of a client for the source with this write key.
    pub fn builder(write_key: impl Into<String>) -> Builder {
        Builder::new(write_key.into())
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Client {
        Client {
            handle: Arc::new(Handle { shared }),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Something happened. `properties` is any object that serializes: a struct, a map, `json!`; `()` for none.
    pub fn track(&self, event: impl Into<String>, properties: impl Serialize) -> CallBuilder<'_> {
        CallBuilder::new(
            self.shared(),
            ("properties", payload(&properties)),
            |properties| CallKind::Track {
                event: event.into(),
                properties,
            },
        )
    }

    /// Who the user is. In device mode this is the current user from now on; with an empty id the traits are added to
    /// the current user's.
    pub fn identify(&self, user_id: impl Into<String>, traits: impl Serialize) -> CallBuilder<'_> {
        let user_id = user_id.into();
        CallBuilder::new(self.shared(), ("traits", payload(&traits)), |traits| {
            CallKind::Identify {
                user_id: (!user_id.is_empty()).then_some(user_id),
                traits,
            }
        })
    }

    /// A web page was seen. An empty name is left out.
    pub fn page(&self, name: impl Into<String>, properties: impl Serialize) -> CallBuilder<'_> {
        let name = name.into();
        CallBuilder::new(
            self.shared(),
            ("properties", payload(&properties)),
            |properties| CallKind::Page {
                category: None,
                name: (!name.is_empty()).then_some(name),
                properties,
            },
        )
    }

    /// An app screen was seen. An empty name is left out.
    pub fn screen(&self, name: impl Into<String>, properties: impl Serialize) -> CallBuilder<'_> {
        let name = name.into();
        CallBuilder::new(
            self.shared(),
            ("properties", payload(&properties)),
            |properties| CallKind::Screen {
                category: None,
                name: (!name.is_empty()).then_some(name),
                properties,
            },
        )
    }

    /// The user belongs to an account.
    pub fn group(&self, group_id: impl Into<String>, traits: impl Serialize) -> CallBuilder<'_> {
        CallBuilder::new(self.shared(), ("traits", payload(&traits)), |traits| {
            CallKind::Group {
                group_id: group_id.into(),
                traits,
            }
        })
    }

    /// `user_id` continues another id: [`previous_id`](CallBuilder::previous_id), which server mode needs.
    pub fn alias(&self, user_id: impl Into<String>) -> CallBuilder<'_> {
        CallBuilder::new(self.shared(), ("", Ok(Payload::Empty)), |_| {
            CallKind::Alias {
                user_id: user_id.into(),
                previous_id: None,
            }
        })
    }

    /// Sends what waits; answers when it has arrived, was dropped with a report, or something is in the way (then
    /// `pending` and `waiting_for` say what, and it will be tried again by itself).
    ///
    /// Works on any executor. Starts at once, awaited or not.
    pub fn flush(&self) -> impl Future<Output = FlushReport> + Send + 'static + use<> {
        let answer = self.shared().flush();
        self.answered(answer)
    }

    /// As [`flush`](Client::flush), waiting on this thread. From inside a plugin it answers at once, since nothing can
    /// be sent before the plugin returns.
    pub fn flush_blocking(&self) -> FlushReport {
        if inside::is_inside() {
            drop(self.shared().flush());
            return self.shared().unflushed("the plugin that asked for it");
        }
        block_on(self.flush())
    }

    /// Takes no more calls, sends what waits, through retries, until it is all out or `timeout` is over, and closes.
    /// What is `pending` then stays on the disk for the next start; what was kept in memory only counts as `dropped`, with
    /// a report.
    ///
    /// Works on any executor, and closes all clones. Starts at once, and goes on while the future or a clone is kept.
    pub fn shutdown(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = FlushReport> + Send + 'static + use<> {
        let answer = self.begin_shutdown(timeout);
        self.answered(answer)
    }

    /// As [`shutdown`](Client::shutdown), waiting on this thread. From inside a plugin, a callback or a destination of
    /// this client it answers at once, and closes after that: the shutdown waits for them to come back.
    pub fn shutdown_blocking(&self, timeout: Duration) -> FlushReport {
        if inside::is_inside() || inside::helps(self.shared().callbacks.client) {
            drop(self.begin_shutdown(timeout));
            return self.shared().unflushed("the code that asked for it");
        }
        block_on(self.shutdown(timeout))
    }

    fn begin_shutdown(&self, timeout: Duration) -> Awaited<FlushReport> {
        let (answer, awaited) = answer();
        let now = Instant::now();
        // A timeout beyond the clock's range is "until it is done".
        let until = now
            .checked_add(timeout)
            .unwrap_or(now + Duration::from_secs(100 * 365 * 86_400));
        self.shared().feed(Input::Close);
        self.shared().order(Work::Shutdown { until, answer });
        awaited
    }

    fn answered(
        &self,
        answer: Awaited<FlushReport>,
    ) -> impl Future<Output = FlushReport> + Send + 'static + use<> {
        // A handle of its own: what is waited for goes on when all others are dropped meanwhile.
        let client = self.clone();
        async move {
            match answer.await {
                Some(report) => report,
                None => client.shared().unflushed(WORKER_GONE),
            }
        }
    }

    /// Device mode: forgets who the user is. A new anonymousId, no userId, traits or group.
    pub fn reset(&self) {
        self.shared().feed(Input::Reset(entropy()));
    }

    /// Who the current user is; `None` in server mode, which remembers nobody.
    pub fn identity(&self) -> Option<Identity> {
        self.shared().view.identity()
    }

    /// Device mode: takes over an identity from elsewhere, such as another SDK's.
    pub fn import_identity(&self, identity: Identity) {
        self.shared().feed(Input::Import(identity));
    }

    /// The user's decision on consent, by category; one that is configured and not named here is denied.
    ///
    /// ```
    /// # use headwater::{Client, ConsentConfig, ConsentModel, Durability, Hold};
    /// # let client = Client::builder("key").endpoint("http://127.0.0.1:9").durability(Durability::Memory).build()?;
    /// client.set_consent([("analytics", true), ("advertising", false)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_consent<K: Into<String>>(&self, decision: impl IntoIterator<Item = (K, bool)>) {
        let preferences = decision
            .into_iter()
            .map(|(category, granted)| (category.into(), granted))
            .collect();
        self.shared().feed(Input::SetConsent {
            preferences,
            entropy: entropy(),
        });
    }

    /// The decision on consent in force, by category, as taken by [`set_consent`](Client::set_consent) in this run or an
    /// earlier one; `None` before there was one, and without consent configured.
    pub fn consent(&self) -> Option<Vec<(String, bool)>> {
        self.shared().view.consent()
    }

    /// Merged over the client's context, for all events from now on.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn update_context(&self, context: impl Serialize) -> Result<(), TrackError> {
        let context = object("context", &context)?;
        self.shared().feed(Input::Context(context));
        Ok(())
    }

    /// The network came (`true`) or went: without one nothing is tried. A client that is never told finds out by trying.
    pub fn set_online(&self, online: bool) {
        let connection = if online {
            Connection::Online
        } else {
            Connection::Offline
        };
        self.shared().feed(Input::Connection(connection));
    }

    /// The application came to the front, went out of sight, or is about to end.
    pub fn lifecycle(&self, state: Lifecycle) {
        self.shared().feed(Input::Lifecycle(state));
    }

    /// Starts a session by hand, with this id (unix seconds) or the time's. Needs sessions to be configured.
    pub fn start_session(&self, id: Option<u64>) {
        self.shared()
            .feed(Input::Session(SessionCommand::Start(id)));
    }

    /// Ends the session; none starts by itself until [`start_session`](Client::start_session).
    pub fn end_session(&self) {
        self.shared().feed(Input::Session(SessionCommand::End));
    }

    /// Changes when to send: once so many events wait, asked at the next one, or so long after the first, of those that wait
    /// already, too; `None` leaves what is set. See [`Builder::flush_at`] and [`Builder::flush_interval`].
    pub fn set_flush(&self, at: Option<usize>, interval: Option<Duration>) {
        self.shared().feed(Input::Pace {
            events: at,
            interval: interval.map(millis),
        });
    }

    /// Makes all durable and lets go of the directory's lock until something is written again, for an app about to be
    /// suspended: iOS ends one that then holds a lock in a shared (app-group) folder. Whether the directory is free.
    ///
    /// Another client that takes the directory meanwhile takes over what waits in it. This one's calls are then answered
    /// with [`TrackError::Storage`] that says so; close it and build a new one.
    pub fn release(&self) -> bool {
        self.shared().release_store()
    }

    /// Throws away all that waits; a report says how many.
    pub fn purge(&self) {
        self.shared().feed(Input::Purge);
    }

    /// How much waits.
    pub fn queue(&self) -> Queue {
        self.shared().view.queue()
    }

    /// Events that the hub refused, the last 20, newest last: `{"status":…,"event":{…}}`.
    pub fn quarantine(&self) -> Vec<Value> {
        self.shared().view.quarantine()
    }

    /// Events that will never be delivered, by reason, since the client was built: what
    /// [`on_report`](Builder::on_report) was told, added up.
    pub fn drops(&self) -> Vec<(DropReason, u64)> {
        self.shared().view.drops()
    }

    /// The settings document in force, fetched, cached or default.
    pub fn settings(&self) -> Option<Settings> {
        self.shared().view.settings()
    }

    /// Adds a plugin at the end of its stage.
    pub fn add_plugin(&self, plugin: impl Plugin + 'static) {
        self.shared()
            .change_plugins(Job::AddPlugin(Box::new(plugin)));
    }

    /// Removes the plugins of this name.
    pub fn remove_plugin(&self, name: impl Into<String>) {
        self.shared().change_plugins(Job::RemovePlugin(name.into()));
    }

    /// Uses the plugin of this name on demand, such as one of [`crate::Stage::Utility`], which sees no event by itself.
    /// `None` when there is none, or when called from inside a plugin.
    pub fn with_plugin<T>(
        &self,
        name: &str,
        use_it: impl FnOnce(&mut dyn Plugin) -> T,
    ) -> Option<T> {
        self.shared().with_plugin(name, use_it)
    }
}
