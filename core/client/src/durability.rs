//! How safe an event is when a call returns, and what keeps it.

use headwater_store::{Opened, SegmentOptions, StoreError, memory, open_segment_log};
use std::path::Path;

/// How safe an event is when the call that made it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// In the operating system's hands: nothing is lost when the process dies, at most the last 250 ms when the power
    /// does. A call takes microseconds.
    #[default]
    Buffered,
    /// On the disk: the call waits for an fsync. Calls of several threads share one.
    Sync,
    /// In memory only: nothing is written anywhere, and what waits is gone with the process.
    Memory,
}

/// What keeps the queue on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Headwater's own segment log: small, and a drained backlog gives its space back.
    #[default]
    SegmentLog,
    /// sled 0.34.7, for those who run it already.
    #[cfg(feature = "sled")]
    Sled,
}

pub(crate) fn open(
    durability: Durability,
    backend: Backend,
    directory: Option<&Path>,
) -> Result<Opened, StoreError> {
    let Some(directory) = directory.filter(|_| durability != Durability::Memory) else {
        return Ok(memory());
    };
    match backend {
        Backend::SegmentLog => open_segment_log(directory, SegmentOptions::default()),
        #[cfg(feature = "sled")]
        Backend::Sled => {
            headwater_store::open_sled(directory, headwater_store::SledOptions::default())
        }
    }
}
