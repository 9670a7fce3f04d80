//! The honest limit: an axum handler that reads the body, appends it to a file, and answers after an fdatasync that
//! it shares with all bodies that came meanwhile. It parses nothing, checks nothing and forgets who asked.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use measure::Failure;
use tokio::sync::oneshot;

/// A body, and whom to tell when it is on the disk.
type Append = (Bytes, oneshot::Sender<bool>);

/// Bodies that one `writev` takes; the kernel's own bound is 1,024.
const GROUP: usize = 1024;

/// Serves until it is ended.
pub(crate) fn serve(port: u16, file: &Path) -> Result<(), Failure> {
    let mut log = File::options().create(true).append(true).open(file)?;
    let (appends, queue) = channel();
    thread::spawn(move || commit(&mut log, &queue));
    let app = Router::new()
        .route("/v1/batch", post(accept))
        .layer(DefaultBodyLimit::max(1 << 20))
        .with_state(appends);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
            axum::serve(listener, app).await?;
            Ok(())
        })
}

async fn accept(State(appends): State<Sender<Append>>, body: Bytes) -> (StatusCode, &'static str) {
    let (told, durable) = oneshot::channel();
    if appends.send((body, told)).is_ok() && durable.await == Ok(true) {
        (StatusCode::OK, r#"{"success":true}"#)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"success":false}"#)
    }
}

/// While one fdatasync runs, the next group gathers in the queue.
fn commit(log: &mut File, queue: &Receiver<Append>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<Append> = std::iter::once(first)
            .chain(queue.try_iter())
            .take(GROUP)
            .collect();
        let durable = append(log, &group).and_then(|()| log.sync_data()).is_ok();
        for (_, told) in group {
            let _ = told.send(durable);
        }
    }
}

fn append(log: &mut File, group: &[Append]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = group.iter().map(|(body, _)| IoSlice::new(body)).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        let written = log.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}
