//! Damaged files, asked of any backend that persists. What always holds: the store opens, lists and reads only events as
//! they were written, says what it left behind, and takes and keeps new ones. What a fault may cost is the backend's to
//! declare, in [`Losses`].

use std::fs;
use std::path::Path;

use super::{Backend, body, verify};
use crate::Opened;

/// Bytes of each event: as a usual one of the spec.
pub const SIZE: usize = 660;

/// How many of a thousand synced events a fault in the newest file may cost.
#[derive(Clone, Copy, Debug)]
pub struct Losses {
    /// 1 to 600 bytes cut off the end.
    pub cut: usize,
    /// One byte changed in the last 8 KiB.
    pub flip: usize,
    /// The last 4 KiB zeroed.
    pub zeroed: usize,
    /// Whether events may go missing without a word in [`Recovery`](crate::Recovery).
    pub silent: bool,
}

/// Runs every fault in directories of its own under `scratch`.
pub fn run(backend: &dyn Backend, scratch: &Path, losses: Losses) {
    for (n, cut) in [1, 2, 7, 8, 9, 24, 25, 26, 100, 300, 599, 600]
        .into_iter()
        .enumerate()
    {
        damage(
            backend,
            &scratch.join(format!("cut-{n}")),
            (losses.cut, losses.silent),
            |bytes| {
                bytes.truncate(bytes.len() - cut);
            },
        );
    }
    for n in 0..12usize {
        damage(
            backend,
            &scratch.join(format!("flip-{n}")),
            (losses.flip, losses.silent),
            |bytes| {
                let last = bytes.len() - 1;
                bytes[last - (n * 1_777 % 8192).min(last)] ^= 0x55;
            },
        );
    }
    damage(
        backend,
        &scratch.join("zeroed"),
        (losses.zeroed, losses.silent),
        |bytes| {
            let from = bytes.len().saturating_sub(4096);
            bytes[from..].fill(0);
        },
    );
    damage(backend, &scratch.join("untouched"), (0, false), |_| {});
}

fn fill(opened: &mut Opened, from: u64, count: u64) {
    for seq in from..from + count {
        opened.store.append(seq, 0, &body(seq, SIZE)).unwrap();
    }
}

fn damage(
    backend: &dyn Backend,
    dir: &Path,
    (may_lose, silent): (usize, bool),
    fault: impl FnOnce(&mut Vec<u8>),
) {
    let name = dir.display();
    let mut opened = backend.reopen(dir);
    fill(&mut opened, 1, 1200);
    opened.store.forget(&(1..=200).collect::<Vec<_>>()).unwrap();
    fill(&mut opened, 1201, 20);
    opened.store.sync_point().unwrap().wait().unwrap();
    drop(opened);

    let file = backend.newest_file(dir);
    let mut bytes = fs::read(&file).unwrap();
    fault(&mut bytes);
    fs::write(&file, bytes).unwrap();

    let mut opened = backend.reopen(dir);
    let live = verify(&mut opened, SIZE);
    let lost = 1020 - live.iter().filter(|seq| **seq > 200).count();
    assert!(
        lost <= may_lose,
        "{name}: {lost} events lost, at most {may_lose} may be"
    );
    assert!(
        lost == 0 || silent || !opened.recovery.is_clean(),
        "{name}: {lost} events lost and nothing said"
    );

    let next = opened.next_seq;
    fill(&mut opened, next, 50);
    opened.store.forget(&live).unwrap();
    opened.store.sync_point().unwrap().wait().unwrap();
    drop(opened);
    let mut opened = backend.reopen(dir);
    assert_eq!(
        verify(&mut opened, SIZE),
        (next..next + 50).collect::<Vec<_>>(),
        "{name}: works after the damage"
    );
    assert!(
        opened.recovery.is_clean(),
        "{name}: the same damage is reported once: {:?}",
        opened.recovery
    );
}
