//! The queue's storage: where an event waits between the call that made it and the answer that ends it.
//!
//! Layers, each usable without the ones above it:
//! - [`disk`]: the filesystem as a trait, so that tests and simulations inject faults;
//! - [`frame`]: how one record lies in a file, and how a damaged file is read again;
//! - [`EventStore`]: the port, with [`memory`] and the segment log ([`open_segment_log`]) behind it, and sled 0.34.7 with
//!   the feature `sled`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! use headwater_store::{SegmentOptions, open_segment_log};
//!
//! let mut opened = open_segment_log(dir, SegmentOptions::default())?;
//! opened.store.append(opened.next_seq, 1_760_000_000_000, br#"{"type":"track"}"#)?;
//! // The process may die here. Once this returns, the machine may too:
//! opened.store.sync_point()?.wait()?;
//! drop(opened);
//!
//! let mut opened = open_segment_log(dir, SegmentOptions::default())?;
//! let mut body = Vec::new();
//! assert!(opened.store.read(opened.events[0].seq, &mut body)?);
//! assert_eq!(body, br#"{"type":"track"}"#);
//! # Ok(())
//! # }
//! ```

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
    Bodies, EachBody, Entry, EventStore, MAX_RECORD, Opened, Recovery, Seq, Stats, StoreError,
    SyncPoint,
};
pub use segment::{SegmentOptions, open_segment_log, open_segment_log_on};
