//! The ways out: HTTP for destinations, SQLite for the embedded warehouse.

pub mod http;
mod private;
pub mod sqlite;

use headwater_collector::log::{LogId, Place};
use headwater_model::event::EventType;
use headwater_model::json::Object;

/// One event for a range sink: normalised, as the source stage left it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it lies in the log.
    pub place: Place,
    /// The id of its source: messageIds mean an event within one source alone.
    pub source: String,
    /// Its type.
    pub kind: EventType,
    /// The event.
    pub event: Object,
}

/// What a load, or all loads, brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Events that were new.
    pub new: u64,
    /// Values that found no column and lie among the rejects.
    pub rejected: u64,
}

/// A sink failed. Whether a load took effect is not known then; `progress` tells.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkFailure(pub String);

/// What takes ranges of the log, and keeps its progress in the transaction that takes them.
pub trait RangeSink: Send {
    /// Everything of `log` before the place is there; `None`: nothing of it.
    ///
    /// # Errors
    /// [`SinkFailure`].
    fn progress(&mut self, log: LogId) -> Result<Option<Place>, SinkFailure>;

    /// Takes rows and the progress `to`, all of it or nothing.
    ///
    /// # Errors
    /// [`SinkFailure`].
    fn load(&mut self, log: LogId, to: Place, rows: &[Row]) -> Result<Loaded, SinkFailure>;

    /// What all loads brought.
    ///
    /// # Errors
    /// [`SinkFailure`].
    fn totals(&mut self) -> Result<Loaded, SinkFailure>;
}

/// How far a sink is in a log that ends at `end`, and whether the log is shorter than that: then an older copy lies in the
/// folder, and the sink goes on from its end. That is durable at once, so that what the log grows by before the next load is
/// not taken for loaded.
///
/// # Errors
/// [`SinkFailure`].
pub fn resume(
    sink: &mut dyn RangeSink,
    log: LogId,
    end: Place,
) -> Result<(Option<Place>, bool), SinkFailure> {
    match sink.progress(log)? {
        Some(progress) if progress > end => {
            sink.load(log, end, &[])?;
            Ok((Some(end), true))
        }
        progress => Ok((progress, false)),
    }
}
