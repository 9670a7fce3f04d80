//! The queue's storage: where an event waits between the call that made it and the answer that ends it.
//!
//! Layers, each usable without the ones above it:
//! - [`disk`]: the filesystem as a trait, so that tests and simulations inject faults;
//! - [`frame`]: how one record lies in a file, and how a damaged file is read again;
//! - [`EventStore`]: the port, with [`memory`] and the segment log ([`open_segment_log`]) behind it.

pub mod disk;
pub mod frame;
mod memory;
mod port;
mod segment;
#[cfg(feature = "sled")]
mod sled;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(feature = "sled")]
pub use self::sled::{SledOptions, open_sled};
pub use memory::{MemoryStore, memory};
pub use port::{
    Entry, EventStore, MAX_RECORD, Opened, Recovery, Seq, Stats, StoreError, SyncPoint,
};
pub use segment::{SegmentOptions, open_segment_log, open_segment_log_on};
