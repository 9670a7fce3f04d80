//! The host: carries out what the machines ask, each connection and warehouse in a task of its own.
//!
//! A task reads the log from its own cursor, so one that waits costs the others nothing. Rules are looked up when an event
//! is decided: a change takes effect with the next event, the backlog included.

mod connection;
mod range;
mod reading;
mod seen;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_collector::log::{EventLog, LogId};
use headwater_workspace::{Compiled, Id};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sinks::RangeSink;
use crate::sinks::sqlite::SqliteWarehouse;
use crate::state::DeliveryState;

pub use reading::{Event, events};
pub use seen::{Attempt, Seen};

/// The rules of the moment.
pub type Rules = watch::Receiver<Arc<Compiled>>;

/// Opens a range sink; called again after a failure.
pub type OpenSink = Arc<dyn Fn() -> Result<Box<dyn RangeSink>, String> + Send + Sync>;

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
    /// Further consumers of all events, by name: profiles.
    pub consumers: BTreeMap<String, OpenSink>,
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

impl Hub {
    /// Runs until `stop` is true, then commits what is decided. What is in flight then is sent again after the next start,
    /// under the same messageId.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut connections: BTreeMap<Id, Task> = BTreeMap::new();
        let mut warehouses: BTreeMap<Id, Task> = BTreeMap::new();
        let consumers: Vec<Task> = self
            .consumers
            .iter()
            .map(|(name, open)| {
                let (hub, name, open) = (self.clone(), name.clone(), Arc::clone(open));
                Task::start(|stopped| range::run(hub, name, None, open, stopped))
            })
            .collect();
        let mut rules = self.rules.clone();
        loop {
            let compiled = Arc::clone(&rules.borrow_and_update());
            for connection in &compiled.connections {
                if !connections.contains_key(&connection.id) {
                    let (hub, id) = (self.clone(), connection.id.clone());
                    let task = Task::start(|stopped| connection::run(hub, id, stopped));
                    connections.insert(connection.id.clone(), task);
                }
            }
            for warehouse in &compiled.warehouses {
                if !warehouses.contains_key(&warehouse.id) {
                    let path = self.dir.join(&warehouse.path);
                    let open: OpenSink = Arc::new(move || {
                        SqliteWarehouse::open(&path)
                            .map(|warehouse| Box::new(warehouse) as Box<dyn RangeSink>)
                            .map_err(|error| error.to_string())
                    });
                    let (hub, id) = (self.clone(), warehouse.id.clone());
                    let name = warehouse.name.clone();
                    let task =
                        Task::start(|stopped| range::run(hub, name, Some(id), open, stopped));
                    warehouses.insert(warehouse.id.clone(), task);
                }
            }
            let gone = |tasks: &mut BTreeMap<Id, Task>, there: &dyn Fn(&Id) -> bool| {
                let ids: Vec<Id> = tasks.keys().filter(|id| !there(id)).cloned().collect();
                ids.into_iter()
                    .filter_map(|id| tasks.remove(&id))
                    .collect::<Vec<Task>>()
            };
            let mut ending = gone(&mut connections, &|id| {
                compiled.connections.iter().any(|known| known.id == *id)
            });
            ending.extend(gone(&mut warehouses, &|id| {
                compiled.warehouses.iter().any(|known| known.id == *id)
            }));
            Task::end_all(ending).await;
            tokio::select! {
                changed = rules.changed() => if changed.is_err() { break },
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let rest = connections
            .into_values()
            .chain(warehouses.into_values())
            .chain(consumers);
        Task::end_all(rest.collect()).await;
    }

    /// The state, for one question.
    pub(crate) fn with_state<T>(&self, ask: impl FnOnce(&mut dyn DeliveryState) -> T) -> T {
        ask(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
