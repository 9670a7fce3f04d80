//! Group commit for [`Durability::Sync`](crate::Durability::Sync): one thread syncs for all that wait.

use std::sync::{Condvar, Mutex, PoisonError};

use headwater_store::{StoreError, SyncPoint};

/// Appends are counted by the host; `synced` is how many of them are durable.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    synced: u64,
    leading: bool,
}

impl Commit {
    /// Returns when append number `wanted` is durable. `point` answers how many appends a sync point taken now covers,
    /// and the point.
    pub(crate) fn wait(
        &self,
        wanted: u64,
        point: impl Fn() -> Result<(u64, SyncPoint), StoreError>,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.synced >= wanted {
                return Ok(());
            }
            if state.leading {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.leading = true;
            drop(state);
            // Whoever appended in the meantime is covered, too: that is the group.
            let outcome = point().and_then(|(covered, point)| point.wait().map(|()| covered));
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.leading = false;
            self.changed.notify_all();
            state.synced = state.synced.max(outcome?);
        }
    }
}
