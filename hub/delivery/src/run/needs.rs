//! What the log must still keep: from where on each connection, warehouse and consumer has to read.

use std::sync::Arc;
use std::time::Duration;

use headwater_collector::log::Position;
use tokio::sync::watch;

use super::Hub;
use crate::state::StateError;

/// How often it is looked up; retention looks each 30 seconds.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tells the log, until `stop`.
pub(super) async fn follow(hub: Hub, mut stop: watch::Receiver<bool>) {
    // Until all are known, all is needed.
    hub.log.keep_from(Position::default());
    loop {
        let asked = hub.clone();
        let lowest = tokio::task::spawn_blocking(move || lowest(&asked)).await;
        match lowest {
            Ok(Ok(lowest)) => hub.log.keep_from(lowest),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot tell what is still to be delivered; retention waits");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Where the first event lies that somebody has still to read, or to try again. Who is not heard of yet needs all.
fn lowest(hub: &Hub) -> Result<Position, StateError> {
    let rules = Arc::clone(&hub.rules.borrow());
    let mut lowest = Position(u64::MAX);
    for connection in &rules.connections {
        let saved = hub.with_state(|state| state.load(connection.id.as_str(), hub.log_id))?;
        let saved = saved.unwrap_or_default();
        lowest = lowest.min(saved.cursor.position);
        for entry in &saved.retry {
            lowest = lowest.min(entry.place.position);
        }
    }
    let warehouses = rules.warehouses.iter().map(|known| known.id.as_str());
    for who in warehouses.chain(hub.consumers.keys().map(String::as_str)) {
        let stand = hub.stands.of(who).unwrap_or_default();
        lowest = lowest.min(stand.progress.position);
    }
    Ok(lowest)
}
