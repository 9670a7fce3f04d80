//! The listener: connections in, requests to the router, and a shutdown that finishes what was begun.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::{App, Peer};
use crate::log::EventLog;
use crate::{admin, ingest};

/// How long a shutdown waits for requests in hand. Longer than a body may take to arrive would help nobody.
const DRAIN: Duration = Duration::from_secs(25);

/// Read buffer of a connection: bodies pass through it, and there may be thousands.
const READ_BUFFER: usize = 128 * 1024;

/// All routes of the collector.
pub fn router(app: &Arc<App>) -> Router {
    admin::routes(app)
        .fallback(ingest::handle)
        .with_state(Arc::clone(app))
}

/// Serves until `shutdown` resolves, then drains: no new connections, requests in hand are answered, the log is closed.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    max_connections: usize,
    shutdown: impl Future<Output = ()>,
) {
    let follower = app.live.clone().map(|live| {
        let log: Arc<dyn EventLog> = Arc::<crate::log::EmbeddedLog>::clone(&app.log);
        tokio::spawn(live.follow(log))
    });
    let routes = TowerToHyperService::new(router(&app));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.header_timeout())
        .max_buf_size(READ_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .keep_alive_interval(Duration::from_secs(30));
    let builder = Arc::new(builder);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(max_connections));
    tokio::pin!(shutdown);
    loop {
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
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
        let _ = stream.set_nodelay(true);
        let service = WithPeer {
            routes: routes.clone(),
            peer,
        };
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        let app = Arc::clone(&app);
        app.metrics.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    drop(listener);
    app.close();
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were not answered before the shutdown");
    }
    let log = Arc::clone(&app.log);
    let _ = tokio::task::spawn_blocking(move || log.close()).await;
    if let Some(follower) = follower {
        follower.abort();
    }
}

/// The routes, told who is at the other end.
#[derive(Clone)]
struct WithPeer {
    routes: TowerToHyperService<Router>,
    peer: SocketAddr,
}

impl<B> Service<hyper::Request<B>> for WithPeer
where
    TowerToHyperService<Router>: Service<hyper::Request<B>>,
{
    type Response = <TowerToHyperService<Router> as Service<hyper::Request<B>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<hyper::Request<B>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<B>>>::Future;

    fn call(&self, mut request: hyper::Request<B>) -> Self::Future {
        request.extensions_mut().insert(Peer(self.peer));
        self.routes.call(request)
    }
}
