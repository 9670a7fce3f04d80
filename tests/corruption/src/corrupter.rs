//! What can happen to the bytes of a log's files.

use std::ops::Range;

use crate::dice::Dice;

/// A file as it was written, and what became of it.
#[derive(Debug)]
pub(crate) struct Victim {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Where its records lie, as long as nothing was moved.
    pub(crate) records: Vec<Range<usize>>,
    pub(crate) touched: bool,
}

/// What was done, for the trace and for what may be asked afterwards.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) told: Vec<String>,
    /// Whether whole records may lie elsewhere than where they were written, before or after others.
    pub(crate) moved: bool,
}

/// The largest stretch that one change covers in ordinary cases: some records, or some blocks of a disk.
const STRETCH: usize = 6000;

/// Changes one of the files in one way.
pub(crate) fn damage(dice: &mut Dice, files: &mut [Victim], done: &mut Done) {
    let index = dice.below(files.len());
    let kind = dice.below(16);
    let Some(file) = files.get_mut(index) else {
        return;
    };
    file.touched = true;
    let told = match kind {
        0..=4 => flip(dice, file),
        5 => fill(dice, file, true),
        6 => fill(dice, file, false),
        7 => cut(dice, file),
        8 => truncate(dice, file),
        9..=10 => insert(dice, file),
        11..=12 => {
            done.moved = true;
            return duplicate(dice, files, index, done);
        }
        13 => {
            done.moved = true;
            swap_records(dice, file)
        }
        14 => {
            done.moved = true;
            swap_blocks(dice, file)
        }
        _ => aimed(dice, file),
    };
    done.told.push(format!("{}: {told}", file.name));
}

/// One bit, or one in each of some bytes that follow.
fn flip(dice: &mut Dice, file: &mut Victim) -> String {
    let at = place(dice, file);
    let bit = dice.below(8);
    if let Some(byte) = file.bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
    format!("bit {bit} of byte {at} is flipped")
}

/// A bit of what is easily missed: a frame's length, checksum or kind, a record's head, the file's header.
fn aimed(dice: &mut Dice, file: &mut Victim) -> String {
    let start = if dice.once_in(6) {
        0
    } else {
        dice.pick(&file.records).map_or(0, |record| record.start)
    };
    let reach = if dice.once_in(3) { 96 } else { 17 };
    let at = start + dice.below(reach);
    let bit = dice.below(8);
    if let Some(byte) = file.bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
    format!(
        "bit {bit} of byte {at} is flipped, {} into a record",
        at - start
    )
}

fn fill(dice: &mut Dice, file: &mut Victim, zeros: bool) -> String {
    let range = stretch(dice, file);
    for byte in file.bytes.get_mut(range.clone()).unwrap_or_default() {
        *byte = if zeros { 0 } else { dice.next() as u8 };
    }
    format!("{range:?} are {}", if zeros { "zeros" } else { "noise" })
}

fn cut(dice: &mut Dice, file: &mut Victim) -> String {
    let range = stretch(dice, file);
    file.bytes.drain(range.clone());
    moved(file, range.start);
    format!("{range:?} are taken out")
}

fn truncate(dice: &mut Dice, file: &mut Victim) -> String {
    let length = match dice.below(4) {
        0 => dice.below(13),
        1 => place(dice, file),
        _ => dice.below(file.bytes.len()),
    };
    file.bytes.truncate(length);
    moved(file, length);
    format!("ends after {length} bytes")
}

fn insert(dice: &mut Dice, file: &mut Victim) -> String {
    let at = place(dice, file).min(file.bytes.len());
    let (count, zeros) = (dice.spread(1, STRETCH), dice.once_in(3));
    let new: Vec<u8> = (0..count)
        .map(|_| if zeros { 0 } else { dice.next() as u8 })
        .collect();
    file.bytes.splice(at..at, new);
    moved(file, at);
    format!(
        "{count} {} are put in at {at}",
        if zeros { "zeros" } else { "bytes of noise" }
    )
}

/// A record, some records or any stretch, once more, in the same file or another.
fn duplicate(dice: &mut Dice, files: &mut [Victim], from: usize, done: &mut Done) {
    let Some(file) = files.get(from) else {
        return;
    };
    let range = if dice.once_in(3) {
        stretch(dice, file)
    } else {
        whole(dice, file)
    };
    let copy = file.bytes.get(range.clone()).unwrap_or_default().to_vec();
    let name = file.name.clone();
    let to = if dice.once_in(2) {
        from
    } else {
        dice.below(files.len())
    };
    let Some(file) = files.get_mut(to) else {
        return;
    };
    file.touched = true;
    let at = place(dice, file).min(file.bytes.len());
    if dice.once_in(3) {
        let end = file.bytes.len().min(at + copy.len());
        let size = end - at;
        let copy = copy.get(..size).unwrap_or_default();
        if let Some(over) = file.bytes.get_mut(at..end) {
            over.copy_from_slice(copy);
        }
    } else {
        file.bytes.splice(at..at, copy);
        moved(file, at);
    }
    done.told.push(format!(
        "{}: a copy of {range:?} of {name} lies at {at}",
        file.name
    ));
}

fn swap_records(dice: &mut Dice, file: &mut Victim) -> String {
    if file.records.len() < 2 {
        return flip(dice, file);
    }
    let first = dice.below(file.records.len() - 1);
    let second = dice.between(first + 1, file.records.len() - 1);
    let (Some(one), Some(other)) = (
        file.records.get(first).cloned(),
        file.records.get(second).cloned(),
    ) else {
        return String::new();
    };
    let part = |range: Range<usize>| file.bytes.get(range).unwrap_or_default();
    let swapped = [
        part(other.clone()),
        part(one.end..other.start),
        part(one.clone()),
    ]
    .concat();
    file.bytes.splice(one.start..other.end, swapped);
    moved(file, one.start);
    format!(
        "the records at {} and {} change places",
        one.start, other.start
    )
}

fn swap_blocks(dice: &mut Dice, file: &mut Victim) -> String {
    let size = if dice.once_in(2) { 512 } else { 4096 };
    let blocks = file.bytes.len() / size;
    if blocks < 2 {
        return flip(dice, file);
    }
    let (one, other) = (dice.below(blocks) * size, dice.below(blocks) * size);
    for at in 0..size {
        file.bytes.swap(one + at, other + at);
    }
    format!("the blocks of {size} bytes at {one} and {other} change places")
}

/// Records behind `at` do not lie any more where they did.
fn moved(file: &mut Victim, at: usize) {
    file.records.retain(|record| record.end <= at);
}

/// Somewhere in the file, at the beginning or end of a record as often as anywhere.
fn place(dice: &mut Dice, file: &Victim) -> usize {
    if dice.once_in(2) {
        return dice.below(file.bytes.len() + 1);
    }
    let last = file.bytes.len();
    let record = dice.pick(&file.records).cloned().unwrap_or(last..last);
    match dice.below(3) {
        0 => record.start,
        1 => record.end,
        _ => record.start + dice.below(record.len() + 1),
    }
}

fn stretch(dice: &mut Dice, file: &Victim) -> Range<usize> {
    let start = place(dice, file).min(file.bytes.len());
    let end = match dice.below(4) {
        0 => whole(dice, file).end.max(start),
        _ => start + dice.spread(1, STRETCH),
    };
    start..end.min(file.bytes.len())
}

/// A record, or some that follow one another.
fn whole(dice: &mut Dice, file: &Victim) -> Range<usize> {
    let first = dice.below(file.records.len());
    let last = (first + dice.spread(1, 4) - 1).min(file.records.len().saturating_sub(1));
    match (file.records.get(first), file.records.get(last)) {
        (Some(first), Some(last)) => first.start..last.end,
        _ => 0..0,
    }
}
