//! `headwater dev` and `headwater serve`.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::RealDisk;
use tokio::net::TcpListener;

use super::Failure;
use crate::app::{App, system_now};
use crate::config::{Config, StorageConfig};
use crate::extension::Extension;
use crate::log::{EmbeddedLog, FreeSpace, LogOptions, Recovery};
use crate::server;
use crate::sources::Sources;

/// Arguments of `headwater dev`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headwater dev
  headwater dev --port 0 --data /tmp/events
  curl -u any-key: -d '{\"userId\":\"u1\",\"event\":\"Hello\"}' http://127.0.0.1:8765/v1/track

The first line on stdout is `listening on http://HOST:PORT`.")]
pub struct Dev {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, short, default_value_t = 8765)]
    port: u16,
    /// Address or name to listen on. Events are shown to whoever can reach it and calls it so, or by an IP address.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Folder for the events.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
}

/// Arguments of `headwater serve`.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Overrides the port of `server.listen`; 0 takes a free one.
    #[arg(long, short)]
    port: Option<u16>,
}

impl Dev {
    pub(super) fn run(self, extension: &mut dyn Extension) -> Result<(), Failure> {
        let mut config = Config::default();
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host
        };
        config.server.listen = format!("{host}:{}", self.port);
        config.storage.dir = self.data;
        run(&config, Sources::any_key("dev"), true, extension)
    }
}

impl Serve {
    pub(super) fn run(self, extension: &mut dyn Extension) -> Result<(), Failure> {
        let mut config = Config::load(&self.config)?;
        if let Some(port) = self.port {
            let host = config
                .server
                .listen
                .rsplit_once(':')
                .map_or("127.0.0.1", |(host, _)| host)
                .to_owned();
            config.server.listen = format!("{host}:{port}");
        }
        let sources = Sources::from_config(&config);
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        run(&config, sources, false, extension)
    }
}

/// How long blocking tasks may take to end once everything is closed.
const LAST_TASKS: std::time::Duration = std::time::Duration::from_secs(2);

fn run(
    config: &Config,
    sources: Sources,
    dev: bool,
    extension: &mut dyn Extension,
) -> Result<(), Failure> {
    // The log has a thread of its own; two workers keep even a single core busy while one inflates a body.
    let workers = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 16);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    let done = runtime.block_on(async {
        let address = config.server.listen.clone();
        let listener = TcpListener::bind(&address)
            .await
            .map_err(|source| Failure::Listen { address, source })?;
        let dir = &config.storage.dir;
        make_private(dir).map_err(|error| {
            Failure::Usage(format!(
                "cannot make the data folder {}: {error}",
                dir.display()
            ))
        })?;
        let (log, recovery) =
            EmbeddedLog::open(Arc::new(RealDisk), options(&config.storage), system_now)?;
        tell_recovery(&recovery);
        crate::suppression::load(dir)?;
        let live = dev || config.admin.token.is_some();
        let sources = extension.sources(sources);
        let app = App::new(config, sources, Arc::new(log), live, system_now);
        let further = extension
            .start(&app, &config.storage.dir)
            .map_err(Failure::Extension)?;
        app.set_explains_events(extension.explains_events());
        let shutdown = signals()?;
        announce(&listener, config, dev)?;
        let most = config.server.max_connections;
        server::serve(listener, app, further, extension, most, shutdown).await;
        tracing::info!("stopped");
        Ok(())
    });
    // A blocking task that waits for a dead disk must not keep the process.
    runtime.shutdown_timeout(LAST_TASKS);
    done
}

/// Makes the data folder, if it is not there, for this user alone: it holds what people did. One that is there is the
/// operator's.
fn make_private(dir: &Path) -> std::io::Result<()> {
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// How the log is kept, by configuration.
pub(crate) fn options(storage: &StorageConfig) -> LogOptions {
    let hour = 3_600_000_i64;
    let hours = |hours: u64| {
        i64::try_from(hours)
            .unwrap_or(i64::MAX)
            .saturating_mul(hour)
    };
    LogOptions {
        dir: storage.dir.clone(),
        segment_bytes: storage.segment_bytes,
        retain_ms: storage.age_hours().map(hours),
        hot_ms: storage.archive_hours().map(hours),
        retain_bytes: storage.retain_bytes.on_disk_of(disk_size(&storage.dir)),
        min_free_bytes: storage.min_free_bytes,
        dedupe_ms: hours(storage.dedupe_hours),
        dedupe_memory: storage.dedupe_memory,
        new_key: uuid::Uuid::new_v4().into_bytes(),
        free_space: free_space(&storage.dir),
    }
}

/// The size of the disk that `dir` lies on, or will lie on.
fn disk_size(dir: &Path) -> Option<u64> {
    let dir = std::path::absolute(dir).ok()?;
    let disk = dir
        .ancestors()
        .find_map(|dir| rustix::fs::statvfs(dir).ok())?;
    Some(disk.f_blocks.saturating_mul(disk.f_frsize))
}

fn free_space(dir: &Path) -> FreeSpace {
    let dir = dir.to_owned();
    Arc::new(move || {
        let disk = rustix::fs::statvfs(&dir).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    })
}

/// Stretches of damage that are told one by one: what a person reads; a disk that dies has thousands.
const DAMAGE_TOLD: usize = 20;

fn tell_recovery(found: &Recovery) {
    tracing::info!(
        segments = found.segments,
        claims = found.claims,
        "log opened"
    );
    if found.torn_bytes > 0 {
        tracing::warn!(
            bytes = found.torn_bytes,
            "cut off the beginning of a write that was not finished"
        );
    }
    for damage in found.damage.iter().take(DAMAGE_TOLD) {
        let (path, bytes) = (damage.path.display(), &damage.bytes);
        match &damage.set_aside {
            None => tracing::error!(
                segment = %path, from = bytes.start, to = bytes.end,
                "the log is damaged: what lay at these bytes cannot be read and is accepted when it is sent again; all \
                 other records are kept"
            ),
            Some(copy) => tracing::error!(
                segment = %path, from = bytes.start, to = bytes.end, copy = %copy.display(),
                "the end of the log is damaged: it stays as it is, with a copy that no retention removes, and the log \
                 goes on in a new segment"
            ),
        }
    }
    if found.damage.len() > DAMAGE_TOLD {
        tracing::error!(
            more = found.damage.len() - DAMAGE_TOLD,
            "more stretches of the log are damaged"
        );
    }
    for name in &found.foreign {
        tracing::error!(
            segment = name,
            "written by another version; left as it is, and not read"
        );
    }
}

fn announce(listener: &TcpListener, config: &Config, dev: bool) -> Result<(), Failure> {
    let address = listener.local_addr()?;
    let url = format!("http://{address}");
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {url}")?;
    if dev {
        writeln!(
            out,
            "  point an SDK at   {url}   (any write key; Segment's SDKs: apiHost = {}/v1)",
            &url[7..]
        )?;
        writeln!(out, "  watch events on   {url}/")?;
        writeln!(out, "  events are in     {}", config.storage.dir.display())?;
    }
    out.flush()?;
    if dev && !address.ip().is_loopback() {
        tracing::warn!(
            "other machines can reach it and see every event: development mode asks nobody who they are; \
             `headwater serve` has an admin token"
        );
    }
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT.
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping: finishing what is in hand");
    })
}
