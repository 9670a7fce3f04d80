//! The queue of an SDK: filled, partly drained, damaged, opened, opened again, filled further.
//!
//! Which events can be read is decided from outside: those whose frame is still whole in any of the files. All of them that
//! were not forgotten must be there; of the forgotten ones such may be whose note was hit. What is lost is told with its
//! exact count, once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use headwater_store::disk::FaultyDisk;
use headwater_store::frame::{self, Decoded, FILE_HEADER, HEADER};
use headwater_store::{MAX_RECORD, Opened, SegmentOptions, SyncPoint, open_segment_log_on};

use crate::Outcome;
use crate::corrupter::{self, Done, Victim};
use crate::dice::Dice;

const DIR: &str = "/queue";

/// Bytes of all events of a case, about.
const BYTES: usize = 200_000;

/// The kind of frame that holds an event, as `core/store/src/segment/format.rs` has it.
const EVENT: u8 = 1;

struct Queue {
    disk: FaultyDisk,
    dice: Dice,
    options: SegmentOptions,
    /// What was appended, as frames.
    appended: BTreeMap<u64, Vec<u8>>,
    forgotten: BTreeSet<u64>,
    /// Numbers that no event has.
    left_out: u64,
    files: Vec<Victim>,
    /// Whether an event was moved to a younger segment before the damage.
    moved: bool,
    outcome: Outcome,
}

pub(crate) fn case(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let body = if dice.once_in(50) {
        dice.between(1 << 20, 8 << 20)
    } else {
        dice.spread(100, 20_000)
    };
    let events = dice.between(1, (BYTES / body).clamp(3, 600));
    let segments = dice.between(1, 40);
    let mut options = SegmentOptions::default();
    options.segment_bytes = (body * events / segments) as u64;
    let mut queue = Queue {
        disk: FaultyDisk::new(),
        dice,
        options,
        appended: BTreeMap::new(),
        forgotten: BTreeSet::new(),
        left_out: 0,
        files: Vec::new(),
        moved: false,
        outcome: Outcome::default(),
    };
    queue.fill(events, body);
    queue.damage();
    queue.judge(body);
    queue.outcome
}

impl Queue {
    fn open(&mut self) -> Option<Opened> {
        let disk = Arc::new(self.disk.clone());
        match open_segment_log_on(disk, Path::new(DIR), self.options) {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.outcome.fail(format!("cannot be opened: {error}"));
                None
            }
        }
    }

    fn append(&mut self, opened: &mut Opened, seq: u64, size: usize) {
        let mut event = format!(r#"{{"n":{seq},"p":""#).into_bytes();
        event.resize(
            event.len() + self.dice.below(size.min(MAX_RECORD - 64)),
            b'a' + (seq % 26) as u8,
        );
        event.extend_from_slice(br#""}"#);
        let at = seq as i64 * 10;
        if let Err(error) = opened.store.append(seq, at, &event) {
            return self
                .outcome
                .fail(format!("event {seq} is refused: {error}"));
        }
        let mut bytes = Vec::new();
        let parts: [&[u8]; 3] = [&seq.to_le_bytes(), &at.to_le_bytes(), &event];
        if frame::encode_into(&mut bytes, EVENT, &parts).is_ok() {
            self.appended.insert(seq, bytes);
        }
    }

    fn forget(&mut self, opened: &mut Opened, seqs: &[u64]) {
        if let Err(error) = opened.store.forget(seqs) {
            self.outcome.fail(format!("cannot forget: {error}"));
        }
        self.forgotten.extend(seqs);
    }

    fn fill(&mut self, events: usize, body: usize) {
        let Some(mut opened) = self.open() else {
            return;
        };
        let drains = self.dice.once_in(2);
        let mut seq = opened.next_seq;
        for _ in 0..events {
            // A number now and then belongs to no event.
            if self.dice.once_in(40) {
                let left_out = self.dice.between(1, 3) as u64;
                self.left_out += left_out;
                seq += left_out;
            }
            self.append(&mut opened, seq, body * 2);
            seq += 1;
            if drains && self.dice.once_in(8) {
                let first = self.dice.below(seq as usize) as u64;
                let last = first + self.dice.spread(1, 60) as u64;
                let known: Vec<u64> = self
                    .appended
                    .range(first..last)
                    .map(|(seq, _)| *seq)
                    .collect();
                self.forget(&mut opened, &known);
            }
            if self.dice.once_in(10)
                && let Err(error) = opened.store.sync_point().and_then(SyncPoint::wait)
            {
                self.outcome.fail(format!("cannot sync: {error}"));
            }
        }
        let saved = opened.store.save_state("identity", b"me");
        if let Err(error) = saved.and_then(|()| opened.store.sync_point()?.wait()) {
            self.outcome.fail(format!("cannot sync: {error}"));
        }
        drop(opened);
        for path in self.disk.files() {
            let name = path.to_string_lossy().into_owned();
            if !name.ends_with(".seg") && !name.ends_with(".state") {
                continue;
            }
            let bytes = self.disk.contents(&path).unwrap_or_default();
            let first = first(&name);
            let mut records = Vec::new();
            let mut at = FILE_HEADER;
            while let Decoded::Frame { kind, body, size } =
                frame::decode(bytes.get(at..).unwrap_or_default())
            {
                let seq = body.first_chunk().map(|seq| u64::from_le_bytes(*seq));
                self.moved |= kind == EVENT && seq < first;
                records.push(at..at + size);
                at += size;
            }
            self.files.push(Victim {
                name,
                bytes,
                records,
                touched: false,
            });
        }
        // The youngest segment is last.
        self.files
            .sort_by_key(|file| (file.name.ends_with(".seg"), file.name.clone()));
    }

    fn damage(&mut self) {
        let mut done = Done::default();
        for _ in 0..self.dice.spread(1, 4) {
            corrupter::damage(&mut self.dice, &mut self.files, &mut done);
        }
        for file in self.files.iter().filter(|file| file.touched) {
            self.disk
                .edit(Path::new(&file.name), |bytes| bytes.clone_from(&file.bytes));
        }
        self.outcome.damages += done.told.len() as u64;
        self.outcome.told.append(&mut done.told);
    }

    /// The events whose frames are still whole in any segment.
    fn whole(&self) -> BTreeSet<u64> {
        let heads: HashMap<&[u8], u64> = self
            .appended
            .iter()
            .filter_map(|(seq, frame)| Some((frame.get(..HEADER + 8)?, *seq)))
            .collect();
        let mut whole = BTreeSet::new();
        for file in self.files.iter().filter(|file| file.name.ends_with(".seg")) {
            for (at, head) in file.bytes.windows(HEADER + 8).enumerate() {
                if head[3] == 0
                    && head[8] == EVENT
                    && let Some(seq) = heads.get(head)
                    && let Some(frame) = self.appended.get(seq)
                    && file
                        .bytes
                        .get(at..)
                        .is_some_and(|bytes| bytes.starts_with(frame))
                {
                    whole.insert(*seq);
                }
            }
        }
        whole
    }

    fn judge(&mut self, body: usize) {
        let whole = self.whole();
        let oldest = self
            .files
            .iter()
            .filter_map(|file| first(&file.name))
            .min()
            .unwrap_or_default();
        let gone = |seq: &&u64| !whole.contains(seq);
        let lost = self
            .appended
            .keys()
            .filter(|seq| !self.forgotten.contains(seq))
            .filter(gone);
        let lost = lost.count() as u64;
        // Forgotten events, and numbers that were left out, cannot be told from lost ones should the note be hit, too.
        let noted = self.forgotten.iter().filter(gone);
        let noted = noted.filter(|seq| **seq >= oldest).count() as u64;
        let mut unclear = noted + self.left_out;
        self.outcome.hit = lost;
        let Some(mut opened) = self.open() else {
            return;
        };
        let told = opened.recovery.lost_events;
        // Of a file that is set aside and says no number one is counted.
        let aside = opened
            .recovery
            .set_aside
            .iter()
            .filter(|name| name.contains(".seg"));
        unclear += aside.count() as u64;
        self.outcome.told.push(format!(
            "{lost} lost, {unclear} unclear: {:?}",
            opened.recovery
        ));
        let end_is_hit = self.files.last().is_some_and(|file| file.touched);
        let least = if end_is_hit || self.moved { 0 } else { lost };
        if !(least..=lost + unclear).contains(&told) {
            self.outcome.fail(format!(
                "{told} are told to be lost, {lost} are, {unclear} may be"
            ));
        }
        let live = self.live(&mut opened, &whole);
        drop(opened);
        let Some(mut opened) = self.open() else {
            return;
        };
        if opened.recovery.lost_events > 0 || opened.recovery.corrupt_records > 0 {
            self.outcome.fail(format!(
                "the second opening tells it again: {:?}",
                opened.recovery
            ));
        }
        if self.live(&mut opened, &whole) != live {
            self.outcome
                .fail("the second opening finds other events".to_owned());
        }
        let next = opened.next_seq;
        for seq in next..next + 5 {
            self.append(&mut opened, seq, body);
        }
        self.forget(&mut opened, &[next]);
        drop(opened);
        let Some(opened) = self.open() else {
            return;
        };
        let mut expected = live;
        expected.extend(next + 1..next + 5);
        let found: BTreeSet<u64> = opened.events.iter().map(|entry| entry.seq).collect();
        if found != expected || !opened.recovery.is_clean() {
            self.outcome
                .fail(format!("after more events: {:?}", opened.recovery));
        }
    }

    /// The events that are there, each compared with what was appended.
    fn live(&mut self, opened: &mut Opened, whole: &BTreeSet<u64>) -> BTreeSet<u64> {
        let mut live = BTreeSet::new();
        for entry in &opened.events {
            if !live.insert(entry.seq) {
                self.outcome.doubled += 1;
                self.outcome
                    .told
                    .push(format!("event {} is there twice", entry.seq));
            }
            let mut body = Vec::new();
            let read = opened.store.read(entry.seq, &mut body);
            let expected = self
                .appended
                .get(&entry.seq)
                .and_then(|frame| frame.get(HEADER + 16..));
            if !matches!(read, Ok(true)) || expected != Some(&body) {
                self.outcome
                    .fail(format!("event {} has other contents: {read:?}", entry.seq));
            }
        }
        for seq in whole
            .difference(&self.forgotten)
            .filter(|seq| !live.contains(seq))
        {
            self.outcome.lost_beyond += 1;
            self.outcome
                .told
                .push(format!("event {seq} is whole and not there"));
        }
        if let Some(seq) = live.iter().find(|seq| !whole.contains(seq)) {
            self.outcome
                .fail(format!("event {seq} is there and was hit"));
        }
        live
    }
}

/// The number in a segment's name.
fn first(name: &str) -> Option<u64> {
    name.strip_suffix(".seg")?.rsplit('/').next()?.parse().ok()
}
