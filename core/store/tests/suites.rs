//! Every backend through the one conformance suite, and the persistent ones through the crash suite.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use headwater_store::testing::crash::Losses;
use headwater_store::testing::{Backend, conformance, crash};
use headwater_store::{Opened, SegmentOptions, StoreError, memory, open_segment_log};

struct Memory;

impl Backend for Memory {
    fn open(&self, _dir: &Path) -> Result<Opened, StoreError> {
        Ok(memory())
    }
    fn persists(&self) -> bool {
        false
    }
    fn newest_file(&self, dir: &Path) -> PathBuf {
        dir.to_owned()
    }
}

struct SegmentLog(u64);

impl Backend for SegmentLog {
    fn open(&self, dir: &Path) -> Result<Opened, StoreError> {
        let mut options = SegmentOptions::default();
        options.segment_bytes = self.0;
        open_segment_log(dir, options)
    }
    fn newest_file(&self, dir: &Path) -> PathBuf {
        let files = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "seg"))
            .max()
            .unwrap()
    }
}

#[test]
fn memory_conforms() {
    conformance::run(&Memory, tempfile::tempdir().unwrap().path());
}

#[test]
fn the_segment_log_conforms() {
    for size in [4 << 10, 256 << 10] {
        conformance::run(&SegmentLog(size), tempfile::tempdir().unwrap().path());
    }
}

#[test]
fn the_segment_log_loses_only_what_was_damaged() {
    // An event takes 685 bytes: a cut of up to 600 touches one, a flip one, 4 KiB of zeros seven.
    crash::run(
        &SegmentLog(256 << 10),
        tempfile::tempdir().unwrap().path(),
        Losses {
            cut: 1,
            flip: 1,
            zeroed: 7,
            silent: false,
        },
    );
}

#[cfg(feature = "sled")]
mod sled {
    use super::*;
    use headwater_store::{SledOptions, open_sled};

    struct Sled;

    impl Backend for Sled {
        fn open(&self, dir: &Path) -> Result<Opened, StoreError> {
            open_sled(dir, SledOptions::default())
        }
        fn newest_file(&self, dir: &Path) -> PathBuf {
            dir.join("sled").join("db")
        }
    }

    #[test]
    fn sled_conforms() {
        conformance::run(&Sled, tempfile::tempdir().unwrap().path());
    }

    /// What sled 0.34.7 cannot do: damage near the end of its file costs anything up to the whole queue; where it goes back
    /// to an older state by itself, without a word. See the documentation of `src/sled.rs`.
    #[test]
    fn sled_opens_after_damage_and_may_have_lost_anything() {
        let all = 1020;
        crash::run(
            &Sled,
            tempfile::tempdir().unwrap().path(),
            Losses {
                cut: all,
                flip: all,
                zeroed: all,
                silent: true,
            },
        );
    }
}
