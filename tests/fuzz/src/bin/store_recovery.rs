//! Any bytes in place of a segment and of a state: the store opens, and works afterwards.
#![no_main]
use std::path::Path;
use std::sync::Arc;

use headwater_store::disk::FaultyDisk;
use headwater_store::{SegmentOptions, open_segment_log_on};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (disk, dir) = (FaultyDisk::new(), Path::new("/q"));
    let open = || open_segment_log_on(Arc::new(disk.clone()), dir, SegmentOptions::default());
    let mut opened = open().expect("an empty disk opens");
    for seq in 1..4 {
        opened
            .store
            .append(seq, 0, b"{\"an\":\"event\"}")
            .expect("a good disk takes it");
    }
    opened
        .store
        .save_state("identity", b"{}")
        .expect("a good disk takes it");
    drop(opened);
    let (at, bytes) = bytes
        .split_first()
        .map_or((0, bytes), |(at, rest)| (usize::from(*at), rest));
    for file in disk.files() {
        disk.edit(&file, |content| {
            let at = at.min(content.len());
            let end = (at + bytes.len()).min(content.len());
            content.splice(at..end, bytes.iter().copied());
        });
    }
    let mut opened = open().expect("a damaged log opens");
    let mut body = Vec::new();
    for entry in &opened.events {
        body.clear();
        let _ = opened.store.read(entry.seq, &mut body);
    }
    let seq = opened.next_seq;
    opened
        .store
        .append(seq, 0, b"new")
        .expect("it works afterwards");
    drop(opened);
    let mut opened = open().expect("it opens again");
    body.clear();
    assert!(matches!(opened.store.read(seq, &mut body), Ok(true)) && body == b"new");
});
