//! The hub behind the collector's log: starts it, reloads the workspace, stops it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use headwater_collector::app::{App, system_now};
use headwater_collector::config::Platform;
use headwater_collector::extension::Extension;
use headwater_collector::log::{EventLog, Identity, identity};
use headwater_collector::sources::{Source, Sources};
use headwater_delivery::run::{Hub, OpenSink, Seen, Stands};
use headwater_delivery::state::SqliteState;
use headwater_profiles::{FjallStore, Profiles};
use headwater_store::disk::RealDisk;
use headwater_workspace::{Compiled, Findings};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::routes::{self, Shared};

/// How often the workspace's files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks after which the files are read though nothing seems to have changed.
const REREAD_EVERY: u32 = 30;

/// The name of the consumer that computes profiles.
pub(crate) const PROFILES: &str = "profiles";

/// How long a task of the hub may take to end.
const END_WITHIN: Duration = Duration::from_secs(20);

/// The hub, before and after it starts.
#[derive(Debug)]
pub(crate) struct Behind {
    path: PathBuf,
    rules: watch::Sender<Arc<Compiled>>,
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

fn read(path: &Path) -> Result<Compiled, Findings> {
    headwater_workspace::open(path, &|name| std::env::var(name).ok()).map(|(_, compiled)| compiled)
}

impl Behind {
    /// Reads the workspace: one that is wrong does not start.
    pub(crate) fn open(path: &Path) -> Result<Behind, String> {
        let compiled = read(path).map_err(|findings| {
            format!("the workspace cannot be used; nothing was started\n{findings}")
        })?;
        Ok(Behind {
            path: path.to_owned(),
            rules: watch::Sender::new(Arc::new(compiled)),
            stop: watch::Sender::new(false),
            running: Vec::new(),
        })
    }
}

/// The workspace's sources, as the collector has them. Records name a source by its id.
fn sources(configured: &Sources, compiled: &Compiled) -> Sources {
    configured.replaced_by(compiled.sources.iter().map(|source| {
        let file = &source.file;
        let described = Source {
            id: source.id.as_str().into(),
            name: source.name.as_str().into(),
            enabled: file.enabled,
            allowed_origins: file.allowed_origins.clone(),
            platform: match file.platform {
                headwater_workspace::Platform::Auto => Platform::Auto,
                headwater_workspace::Platform::Client => Platform::Client,
                headwater_workspace::Platform::Server => Platform::Server,
            },
            keep_ip: file.keep_ip,
            settings: file.settings.clone(),
        };
        (file.write_keys.clone(), described)
    }))
}

/// Profiles are a view of the log: a folder that cannot be opened is set aside, and they are computed again.
fn open_profiles(folder: &Path) -> Result<FjallStore, String> {
    let error = match FjallStore::open(folder) {
        Ok(store) => return Ok(store),
        Err(error) => error,
    };
    let aside = folder.with_extension(format!("damaged-{}", system_now().0));
    std::fs::rename(folder, &aside).map_err(|failed| {
        format!(
            "{}: {error}; it cannot be set aside: {failed}",
            folder.display()
        )
    })?;
    tracing::error!(
        %error, aside = %aside.display(),
        "profiles cannot be opened: they are set aside and computed again from the log"
    );
    FjallStore::open(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// The wall clock of the first call, going on as the monotonic clock does.
fn steady_now() -> i64 {
    static START: std::sync::LazyLock<(i64, std::time::Instant)> =
        std::sync::LazyLock::new(|| (system_now().0, std::time::Instant::now()));
    let (wall, since) = &*START;
    wall.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX))
}

impl Extension for Behind {
    fn sources(&self, configured: Sources) -> Sources {
        sources(&configured, &self.rules.borrow())
    }

    fn start(&mut self, app: &Arc<App>, dir: &Path) -> Result<Router<Arc<App>>, String> {
        let found = identity(&RealDisk, dir, uuid::Uuid::new_v4().into_bytes())
            .map_err(|error| format!("{}: {error}", dir.join("log-id").display()))?;
        if let Identity::Replaced(_) = found {
            tracing::error!(
                "the log's id could not be read and is a new one: destinations go on from where they were, warehouses load the \
                 log again and recognise their rows"
            );
        }
        let file = dir.join("delivery.sqlite");
        let state = SqliteState::open(&file).map_err(|error| {
            format!(
                "{}: {error}; move it away to go on without it: deliveries then begin at the end of the log, and what \
                 waited for another try is given up",
                file.display()
            )
        })?;
        let compiled = self.rules.borrow().clone();
        let store = open_profiles(&dir.join("profiles"))?;
        let profiles: OpenSink = {
            let (store, rules) = (store.clone(), self.rules.subscribe());
            Arc::new(move || {
                let traits = rules.borrow().traits.clone();
                Ok(Box::new(Profiles::new(store.clone(), traits)))
            })
        };
        let seen = Arc::new(Seen::default());
        let hub = Hub {
            log: Arc::<headwater_collector::log::EmbeddedLog>::clone(&app.log) as Arc<dyn EventLog>,
            log_id: found.id(),
            state: Arc::new(Mutex::new(state)),
            dir: dir.to_owned(),
            rules: self.rules.subscribe(),
            seen,
            now: steady_now,
            consumers: BTreeMap::from([(PROFILES.to_owned(), profiles)]),
            stands: Stands::default(),
        };
        tracing::info!(
            workspace = %self.path.display(),
            version = %compiled.version,
            sources = compiled.sources.len(),
            connections = compiled.connections.len(),
            warehouses = compiled.warehouses.len(),
            "hub started"
        );
        let shared = Shared::new(hub.clone(), store);
        self.running
            .push(tokio::spawn(hub.run(self.stop.subscribe())));
        self.running.push(tokio::spawn(follow(
            self.path.clone(),
            self.rules.clone(),
            Arc::clone(app),
            self.stop.subscribe(),
        )));
        Ok(routes::router(shared))
    }

    fn stop(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.stop.send_replace(true);
            for task in self.running.drain(..) {
                if tokio::time::timeout(END_WITHIN, task).await.is_err() {
                    tracing::warn!(
                        "a task of the hub did not end; what it had in hand is taken up at the next start"
                    );
                }
            }
        })
    }
}

/// Takes up changes of the workspace. One that is wrong is told once, and the hub goes on as it was.
async fn follow(
    path: PathBuf,
    rules: watch::Sender<Arc<Compiled>>,
    app: Arc<App>,
    mut stop: watch::Receiver<bool>,
) {
    let mut told = String::new();
    let (mut seen, mut parsed) = (None, None);
    let mut looks: u32 = 0;
    loop {
        let looked = path.clone();
        let look = async {
            tokio::time::sleep(LOOK_EVERY).await;
            tokio::task::spawn_blocking(move || signature(&looked)).await
        };
        let found = tokio::select! {
            found = look => found.ok(),
            _ = stop.wait_for(|stop| *stop) => return,
        };
        looks = looks.wrapping_add(1);
        // An editor writes in steps, and git one file after another: what changes is read once two looks saw the same. Now
        // and then it is read all the same, since files that references name have changed unseen.
        let settled = found == seen;
        let changed = found != parsed || looks.is_multiple_of(REREAD_EVERY);
        seen.clone_from(&found);
        if !settled || !changed {
            continue;
        }
        parsed = found;
        let looked = path.clone();
        let read = tokio::task::spawn_blocking(move || read(&looked));
        let read = tokio::select! {
            read = read => read,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(read) = read else {
            tracing::error!("reading the workspace failed; the hub goes on as it was");
            continue;
        };
        match read {
            Ok(compiled) if compiled.same_as(&rules.borrow()) => told.clear(),
            Ok(compiled) => {
                told.clear();
                tracing::info!(version = %compiled.version, "workspace changed");
                app.replace_sources(sources(&app.sources(), &compiled));
                rules.send_replace(Arc::new(compiled));
            }
            Err(findings) => {
                let text = findings.to_string();
                if text != told {
                    tracing::error!("the workspace is wrong; the hub goes on as it was\n{text}");
                    told = text;
                }
            }
        }
    }
}

/// Names, sizes and times of the workspace's files: cheap to look at each second.
type Signature = Vec<(PathBuf, u64, Option<std::time::SystemTime>)>;

fn signature(path: &Path) -> Signature {
    let mut found = Vec::new();
    let mut note = |file: PathBuf| {
        if let Ok(meta) = std::fs::metadata(&file) {
            found.push((file, meta.len(), meta.modified().ok()));
        }
    };
    note(path.to_owned());
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        for inner in std::fs::read_dir(entry.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            note(inner.path());
        }
        note(entry.path());
    }
    found.sort();
    found
}
