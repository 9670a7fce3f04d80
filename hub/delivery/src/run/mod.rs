//! The host: carries out what the machines ask, each connection and warehouse in a task of its own.
//!
//! A task reads the log from its own cursor, so one that waits costs the others nothing. Rules are looked up when an event
//! is decided: a change takes effect with the next event, the backlog included.

mod connection;
mod needs;
mod range;
mod reading;
mod seen;
mod standing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_collector::log::{EventLog, LogId, Place};
use headwater_workspace::{Compiled, Id};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sinks::RangeSink;
use crate::sinks::sqlite::SqliteWarehouse;
use crate::state::DeliveryState;

pub use reading::{Event, events};
pub use seen::{Attempt, Seen};
use standing::Standing;
pub use standing::{Stand, Stands};

/// The rules of the moment.
pub type Rules = watch::Receiver<Arc<Compiled>>;

/// Opens a range sink; called again after a failure.
pub type OpenSink = Arc<dyn Fn() -> Result<Box<dyn RangeSink>, String> + Send + Sync>;

/// How often dead letters are looked at for their age.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// What all tasks share.
#[derive(Clone)]
pub struct Hub {
    /// Where events come from.
    pub log: Arc<dyn EventLog>,
    /// Which log that is.
    pub log_id: LogId,
    /// What has been decided.
    pub state: Arc<Mutex<dyn DeliveryState>>,
    /// The data folder.
    pub dir: PathBuf,
    /// What is decided by.
    pub rules: Rules,
    /// The last attempts.
    pub seen: Arc<Seen>,
    /// Milliseconds: the wall clock of the start, going on as the monotonic clock does, so that it never jumps.
    pub now: fn() -> i64,
    /// Further consumers of all events, by name: profiles. They are opened again when the rules change.
    pub consumers: BTreeMap<String, OpenSink>,
    /// How far warehouses, by id, and consumers, by name, are.
    pub stands: Stands,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("log", &self.log_id)
            .finish_non_exhaustive()
    }
}

/// One running task, and how to end it.
struct Task {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

impl Task {
    fn start<F: Future<Output = ()> + Send + 'static>(
        make: impl FnOnce(watch::Receiver<bool>) -> F,
    ) -> Task {
        let (stop, stopped) = watch::channel(false);
        Task {
            handle: tokio::spawn(make(stopped)),
            stop,
        }
    }

    /// Ends tasks side by side.
    async fn end_all(tasks: Vec<Task>) {
        for task in &tasks {
            task.stop.send_replace(true);
        }
        for task in tasks {
            if let Err(error) = task.handle.await {
                tracing::error!(%error, "a task of the hub failed");
            }
        }
    }
}

/// Takes out the tasks of what is no longer there.
fn gone<K: Ord + Clone>(tasks: &mut BTreeMap<K, Task>, there: impl Fn(&K) -> bool) -> Vec<Task> {
    let keys: Vec<K> = tasks.keys().filter(|key| !there(key)).cloned().collect();
    keys.into_iter()
        .filter_map(|key| tasks.remove(&key))
        .collect()
}

impl Hub {
    /// Runs until `stop` is true, then commits what is decided. What is in flight then is sent again after the next start,
    /// under the same messageId.
    ///
    /// A connection that is new begins where the log ends when this is called, or when the change that brings it is taken up:
    /// call it before anything can come.
    pub fn run(self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send {
        let end = self.end();
        self.run_from(end, stop)
    }

    fn end(&self) -> Place {
        Place::at(self.log.status().end)
    }

    async fn run_from(self, mut end: Place, mut stop: watch::Receiver<bool>) {
        let mut connections: BTreeMap<Id, Task> = BTreeMap::new();
        let mut warehouses: BTreeMap<(Id, PathBuf), Task> = BTreeMap::new();
        let mut consumers: Vec<Task> = Vec::new();
        let hub = self.clone();
        let needs = Task::start(|stopped| needs::follow(hub, stopped));
        let mut rules = self.rules.clone();
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        loop {
            let compiled = Arc::clone(&rules.borrow_and_update());
            // What ends comes first: a consumer's store, and a warehouse's file, is one task's alone.
            let mut ending = std::mem::take(&mut consumers);
            ending.extend(gone(&mut connections, |id| {
                compiled.connections.iter().any(|known| known.id == *id)
            }));
            ending.extend(gone(&mut warehouses, |(id, path)| {
                compiled
                    .warehouses
                    .iter()
                    .any(|known| known.id == *id && self.dir.join(&known.path) == *path)
            }));
            Task::end_all(ending).await;
            for (name, open) in &self.consumers {
                let stand = self.stands.begin(name);
                let (hub, name, open) = (self.clone(), name.clone(), Arc::clone(open));
                consumers.push(Task::start(|stopped| {
                    range::run(hub, name, None, open, stand, stopped)
                }));
            }
            for connection in &compiled.connections {
                if !connections.contains_key(&connection.id) {
                    let (hub, id) = (self.clone(), connection.id.clone());
                    let task = Task::start(|stopped| connection::run(hub, id, end, stopped));
                    connections.insert(connection.id.clone(), task);
                }
            }
            for warehouse in &compiled.warehouses {
                let path = self.dir.join(&warehouse.path);
                let key = (warehouse.id.clone(), path.clone());
                if let Entry::Vacant(vacant) = warehouses.entry(key) {
                    let open: OpenSink = Arc::new(move || {
                        SqliteWarehouse::open(&path)
                            .map(|warehouse| Box::new(warehouse) as Box<dyn RangeSink>)
                            .map_err(|error| error.to_string())
                    });
                    let stand = self.stands.begin(warehouse.id.as_str());
                    let (hub, id) = (self.clone(), warehouse.id.clone());
                    let name = warehouse.name.clone();
                    let task = Task::start(|stopped| {
                        range::run(hub, name, Some(id), open, stand, stopped)
                    });
                    vacant.insert(task);
                }
            }
            let changed = loop {
                tokio::select! {
                    changed = rules.changed() => break changed.is_ok(),
                    _ = stop.wait_for(|stop| *stop) => break false,
                    _ = expire.tick() => self.expire(),
                }
            };
            if !changed {
                break;
            }
            end = self.end();
        }
        let rest = connections
            .into_values()
            .chain(warehouses.into_values())
            .chain(consumers)
            .chain([needs]);
        Task::end_all(rest.collect()).await;
    }

    /// Gives up dead letters that are too old.
    fn expire(&self) {
        let hub = self.clone();
        tokio::task::spawn_blocking(move || {
            match hub.with_state(|state| state.expire((hub.now)())) {
                Ok(0) => {}
                Ok(gone) => tracing::info!(
                    gone,
                    "dead letters were too old and are given up; their counts and places stay"
                ),
                Err(error) => {
                    tracing::error!(%error, "old dead letters cannot be given up; trying again");
                }
            }
        });
    }

    /// The state, for one question.
    pub(crate) fn with_state<T>(&self, ask: impl FnOnce(&mut dyn DeliveryState) -> T) -> T {
        ask(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
