//! The listener: connections in, requests to the router, and a shutdown that finishes what was begun.

mod activity;
mod connections;
mod watched;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::app::App;
use crate::extension::Extension;
use crate::log::EventLog;
use crate::peer::{Peer, PeerNetwork};
use crate::{admin, ingest};
use activity::{Activity, Answered};
use connections::{Connections, Entered, Open, Place};
use watched::Watched;

/// How long a shutdown waits for requests in hand. Longer than a body may take to arrive would help nobody.
const DRAIN: Duration = Duration::from_secs(25);

/// How long a connection that is asked to close may take to say goodbye (HTTP/2 sends a GOAWAY and waits for its
/// acknowledgement), once it has nothing in hand.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long to wait for a connection that gives way before another one is asked.
const GIVE_WAY: Duration = Duration::from_millis(100);

/// Read buffer of a connection, and so the most its headers may have: a pixel with the largest event takes 50 KB, and
/// thousands of connections may fill theirs.
const READ_BUFFER: usize = 64 * 1024;

/// All routes of the collector, with `further` ones of the administration.
pub fn router(app: &Arc<App>, further: Router<Arc<App>>) -> Router {
    admin::routes(app, further)
        .fallback(ingest::handle)
        .with_state(Arc::clone(app))
}

/// Serves until `shutdown` resolves, then drains: no new connections, requests in hand are answered, the extension
/// stops, the log is closed.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    further: Router<Arc<App>>,
    extension: &mut dyn Extension,
    max_connections: usize,
    shutdown: impl Future<Output = ()>,
) {
    let follower = app.live.clone().map(|live| {
        let log: Arc<dyn EventLog> = Arc::<crate::log::EmbeddedLog>::clone(&app.log);
        tokio::spawn(live.follow(log))
    });
    let server = Server::new(&app, further, max_connections);
    // Each connection holds a sender: when all are gone, so are the connections.
    let (alive, mut ended) = mpsc::channel::<Infallible>(1);
    tokio::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a connection that was reset already: neither ends the server.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(place) = server.enter(peer) else {
            continue;
        };
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = server.slot(&place.open) => slot,
        };
        let connection = server.attend(stream, peer, place, slot);
        let alive = alive.clone();
        tokio::spawn(async move {
            connection.await;
            drop(alive);
        });
    }
    drop(listener);
    app.close();
    drop(alive);
    if tokio::time::timeout(DRAIN, ended.recv()).await.is_err() {
        tracing::warn!("some requests were not answered before the shutdown");
    }
    extension.stop().await;
    let log = Arc::clone(&app.log);
    let _ = tokio::task::spawn_blocking(move || log.close()).await;
    if let Some(follower) = follower {
        follower.abort();
    }
}

/// What all connections share.
struct Server {
    app: Arc<App>,
    routes: TowerToHyperService<Router>,
    http: Builder<TokioExecutor>,
    connections: Arc<Connections>,
    slots: Arc<Semaphore>,
}

impl Server {
    fn new(app: &Arc<App>, further: Router<Arc<App>>, max_connections: usize) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(app.limits.header_timeout())
            .max_buf_size(READ_BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .keep_alive_interval(Duration::from_secs(30));
        Self {
            app: Arc::clone(app),
            routes: TowerToHyperService::new(router(app, further)),
            http,
            connections: Connections::new(app.limits.max_connections_per_peer),
            slots: Arc::new(Semaphore::new(max_connections)),
        }
    }

    /// A place for a new connection of this peer; `None` when it has all it may have, each with a request in hand.
    fn enter(&self, peer: SocketAddr) -> Option<Place> {
        let ip = peer.ip().to_canonical();
        let metrics = &self.app.metrics;
        match self
            .connections
            .enter(PeerNetwork::of(ip), self.app.is_trusted_proxy(ip))
        {
            Entered::Free(place) => Some(place),
            Entered::Instead(place) => {
                metrics.connections_gave_way.fetch_add(1, Ordering::Relaxed);
                Some(place)
            }
            Entered::Refused => {
                metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// One of `max_connections`; while there is none, others give way.
    async fn slot(&self, newest: &Arc<Open>) -> Option<OwnedSemaphorePermit> {
        loop {
            let slots = Arc::clone(&self.slots);
            if let Ok(slot) = slots.clone().try_acquire_owned() {
                return Some(slot);
            }
            if self.connections.make_room(newest) {
                let metrics = &self.app.metrics;
                metrics.connections_gave_way.fetch_add(1, Ordering::Relaxed);
            }
            if let Ok(slot) = tokio::time::timeout(GIVE_WAY, slots.acquire_owned()).await {
                return slot.ok();
            }
        }
    }

    /// Serves one connection to its end.
    fn attend(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        slot: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let _ = stream.set_nodelay(true);
        let app = Arc::clone(&self.app);
        let activity = Arc::clone(&place.open.activity);
        let service = Watching {
            routes: self.routes.clone(),
            peer,
            activity: Arc::clone(&activity),
        };
        let stream = Watched::new(stream, Arc::clone(&activity), app.limits.write_timeout());
        let connection = self
            .http
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        async move {
            app.metrics.connections.fetch_add(1, Ordering::Relaxed);
            let mut connection = std::pin::pin!(connection);
            let mut is_leaving = false;
            loop {
                tokio::select! {
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(%error, "connection ended");
                        }
                        break;
                    }
                    () = activity.rested(app.limits.header_timeout()), if !is_leaving => {}
                    () = app.closing(), if !is_leaving => {}
                    () = place.open.give_way.notified(), if !is_leaving => {
                        if place.open.goes_at_once() {
                            break;
                        }
                    }
                    () = tokio::time::sleep(GOODBYE), if is_leaving => {
                        if activity.resting_since().is_some() {
                            break;
                        }
                        continue;
                    }
                }
                connection.as_mut().graceful_shutdown();
                is_leaving = true;
            }
            app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop((place, slot));
        }
    }
}

/// The routes, told who is at the other end, and telling what is in hand.
#[derive(Clone)]
struct Watching {
    routes: TowerToHyperService<Router>,
    peer: SocketAddr,
    activity: Arc<Activity>,
}

impl Service<hyper::Request<Incoming>> for Watching {
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        let in_hand = self.activity.request();
        request.extensions_mut().insert(Peer(self.peer));
        let answer = self.routes.call(request);
        Box::pin(async move {
            let answer: Response<Body> = answer.await?;
            Ok(answer.map(|body| Answered::new(body, in_hand)))
        })
    }
}
