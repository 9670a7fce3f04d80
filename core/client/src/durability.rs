//! How safe an event is when a call returns, and what keeps it.

use headwater_engine::Mode;
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

/// Bytes of a segment in server mode: about 1,400 events of 700 bytes, so that a server at 2,000 a second starts a file,
/// which the call that is at hand then waits for, about once a second. A device keeps the store's smaller default.
const SERVER_SEGMENT: u64 = 1 << 20;

pub(crate) fn open(
    durability: Durability,
    backend: Backend,
    mode: Mode,
    directory: Option<&Path>,
) -> Result<Opened, StoreError> {
    let Some(directory) = directory.filter(|_| durability != Durability::Memory) else {
        return Ok(memory());
    };
    match backend {
        Backend::SegmentLog => {
            let mut options = SegmentOptions::default();
            if mode == Mode::Server {
                options.segment_bytes = SERVER_SEGMENT;
            }
            open_segment_log(directory, options)
        }
        #[cfg(feature = "sled")]
        Backend::Sled => {
            headwater_store::open_sled(directory, headwater_store::SledOptions::default())
        }
    }
}
