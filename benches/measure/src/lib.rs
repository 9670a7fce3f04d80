//! What both benchmarks share: samples and percentiles, figures of a process, folders on a real disk, child
//! processes that never outlive the run, and the line in which results are told.
//!
//! Invariant: a figure comes from the process that is measured, never from the one that measures.

mod child;
mod disk;
mod line;
mod process;
mod samples;

pub use child::{Served, free_port, knob};
pub use disk::Scratch;
pub use line::{bench, ratio};
pub use process::{Cpu, OwnCpu, cpu, peak_rss_mib};
pub use samples::{Samples, median};

/// What a benchmark fails with: a sentence for whoever runs it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
