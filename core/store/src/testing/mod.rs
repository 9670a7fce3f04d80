//! The suites that every backend runs: [`conformance`] for the port's promises, [`crash`] for damaged files.
//!
//! They panic on a broken promise, as tests do. A backend outside this crate enables the feature `testing`, writes a
//! [`Backend`] and calls both.
// These are tests that happen to live in a library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "test suites"
)]

use std::path::{Path, PathBuf};

use crate::{Opened, StoreError};

pub mod conformance;
pub mod crash;

/// A way to open a store in a directory.
pub trait Backend: Sync {
    /// Opens what is in `dir`, creating it when there is nothing.
    ///
    /// # Errors
    /// The backend's own.
    fn open(&self, dir: &Path) -> Result<Opened, StoreError>;

    /// Whether events outlive the store's value.
    fn persists(&self) -> bool {
        true
    }

    /// The file of `dir` that was written last, which the crash suite damages.
    fn newest_file(&self, dir: &Path) -> PathBuf;
}

impl dyn Backend + '_ {
    fn reopen(&self, dir: &Path) -> Opened {
        self.open(dir).expect("the store opens")
    }
}

/// A body of about `size` bytes that names its event, so that a mixed-up read is noticed.
#[must_use]
pub fn body(seq: u64, size: usize) -> Vec<u8> {
    let mut body = format!("{{\"seq\":{seq},\"pad\":\"").into_bytes();
    let letters = (0..).map(|n: u64| b'a' + ((seq.wrapping_mul(31) + n) % 26) as u8);
    body.extend(letters.take(size.saturating_sub(body.len() + 2)));
    body.extend_from_slice(b"\"}");
    body
}

/// Asserts that each event that `opened` lists reads back as [`body`] wrote it, and returns their numbers.
pub fn verify(opened: &mut Opened, size: usize) -> Vec<u64> {
    let mut out = Vec::new();
    for entry in &opened.events {
        out.clear();
        assert!(
            opened.store.read(entry.seq, &mut out).unwrap(),
            "event {} is listed and not there",
            entry.seq
        );
        assert_eq!(out, body(entry.seq, size), "event {} changed", entry.seq);
        assert!(
            entry.seq < opened.next_seq,
            "event {} is not below the next number",
            entry.seq
        );
    }
    let seqs: Vec<u64> = opened.events.iter().map(|entry| entry.seq).collect();
    assert!(
        seqs.windows(2).all(|pair| pair[0] < pair[1]),
        "events are listed in order, once"
    );
    assert_eq!(opened.store.stats().events, seqs.len() as u64);
    seqs
}
