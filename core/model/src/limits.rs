//! The sizes the tracking API accepts. Every limit is a number of bytes of UTF-8 JSON, or a count.
//!
//! The API's documentation says "KB" without saying which. What we *refuse* is measured with the larger reading
//! (1 KB = 1,024 bytes) and what we *build* with the smaller (1,000 bytes), so that neither reading of the
//! document rejects what we send.

/// The largest single event the tracking API accepts: 32 KB, read as 32 × 1,024 bytes.
pub const MAX_EVENT_BYTES: usize = 32 * 1024;

/// The largest request body we build: 500 KB, read as 500 × 1,000 bytes, envelope included.
pub const MAX_BATCH_BYTES: usize = 500_000;

/// The most events in one batch.
pub const MAX_BATCH_EVENTS: usize = 2_500;
