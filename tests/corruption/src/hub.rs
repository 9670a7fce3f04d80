//! The collector's log: written, damaged, read, opened, sent to once more.
//!
//! Which records can be read is decided from outside: those whose bytes are still whole somewhere in the file of their
//! segment. The log is asked for exactly these, each once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use headwater_collector::config::Platform;
use headwater_collector::log::{
    Claim, Committer, Entry, LogOptions, LogReader, Next, Note, Position, Reason, Recovery,
    Rewriting, Slot, Topic, Verdict,
};
use headwater_collector::sources::KeyTag;
use headwater_model::time::Millis;
use headwater_store::disk::FaultyDisk;
use headwater_store::frame::{self, Decoded, FILE_HEADER, HEADER};

use crate::Outcome;
use crate::corrupter::{self, Done, Victim};
use crate::dice::Dice;

const HOUR: i64 = 3_600_000;
const DATA: &str = "/data";

/// Bytes of all bodies of an ordinary case, about: enough for forty small segments, little enough for thousands of cases.
const BYTES: usize = 300_000;

/// A record that was acknowledged, of a request or a control record, which has no events.
#[derive(Debug)]
struct Acked {
    position: Position,
    events: Vec<Slot>,
    body: Bytes,
    file: usize,
    bytes: Vec<u8>,
}

/// A block of an archive.
#[derive(Debug)]
struct Block {
    /// What of the segment it holds.
    holds: Range<u64>,
    /// Its frame.
    bytes: Vec<u8>,
}

struct Hub {
    disk: FaultyDisk,
    dice: Dice,
    options: LogOptions,
    now: i64,
    records: Vec<Acked>,
    files: Vec<Victim>,
    /// Those of the files that are archives, as they were written.
    blocks: HashMap<usize, Vec<Block>>,
    outcome: Outcome,
}

/// One case from the first byte to the last question.
pub(crate) fn case(seed: u64, large: bool, archived: bool) -> Outcome {
    let mut dice = Dice::new(seed);
    let (body, records, segments) = if large {
        (0, dice.between(1, 6), dice.between(1, 3))
    } else {
        let body = dice.spread(100, 40_000);
        let records = (BYTES / body).clamp(1, 400);
        (body, dice.between(1, records), dice.between(1, 40))
    };
    let mean = if large { 7 << 20 } else { body + 200 };
    let options = LogOptions {
        dir: PathBuf::from(DATA),
        segment_bytes: (mean * records.div_ceil(segments)) as u64,
        retain_ms: None,
        hot_ms: archived.then_some(0),
        retain_bytes: None,
        min_free_bytes: 0,
        dedupe_ms: 24 * HOUR,
        dedupe_memory: dice.spread(10, 5000),
        new_key: [7; 16],
        free_space: Arc::new(|| None),
    };
    let mut hub = Hub {
        disk: FaultyDisk::new(),
        dice,
        options,
        now: 1_795_428_000_000,
        records: Vec::new(),
        files: Vec::new(),
        blocks: HashMap::new(),
        outcome: Outcome::default(),
    };
    hub.fill(records, body);
    if archived {
        hub.archive();
    }
    hub.damage();
    hub.judge();
    hub.outcome
}

impl Hub {
    fn open(&mut self) -> Option<(Committer, Recovery)> {
        let disk = Arc::new(self.disk.clone());
        match Committer::open(disk, self.options.clone(), Millis(self.now)) {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.outcome.fail(format!("cannot be opened: {error}"));
                None
            }
        }
    }

    /// A body with `count` events, of `size` bytes in all, about.
    fn entry(&mut self, log: &Committer, first: u64, count: usize, size: usize) -> Entry {
        let source = log.fingerprinter().source("s");
        let mut body = br#"{"batch":["#.to_vec();
        let mut events = Vec::with_capacity(count);
        for number in 0..count as u64 {
            if number > 0 {
                body.push(b',');
            }
            // Now and then an event that was sent before.
            let again = self.dice.once_in(20) && first > 0;
            let id = if again {
                self.dice.below(first as usize) as u64
            } else {
                first + number
            };
            let start = body.len();
            body.extend_from_slice(
                format!(
                    r#"{{"type":"page","userId":"{}","messageId":"{id}","p":""#,
                    id % 7
                )
                .as_bytes(),
            );
            body.resize(body.len() + size / count, b'a' + (id % 26) as u8);
            body.extend_from_slice(br#""}"#);
            let verdict = match self.dice.below(30) {
                0 => Verdict::AcceptedWithoutId,
                1 => Verdict::Rejected(Reason::NoEventName),
                _ => Verdict::Accepted,
            };
            events.push(Slot {
                offset: start as u32,
                len: (body.len() - start) as u32,
                verdict,
                claim: source.claim(&id.to_le_bytes()),
            });
        }
        body.extend_from_slice(br#"],"writeKey":"k"}"#);
        Entry {
            received: Millis(self.now),
            source: "s".into(),
            hops: 0,
            key: KeyTag(7),
            platform: Platform::Auto,
            ip: self.dice.once_in(2).then(|| [10, 0, 0, 1].into()),
            implied: None,
            events,
            body: Bytes::from(body),
        }
    }

    fn fill(&mut self, records: usize, body: usize) {
        let Some((mut log, _)) = self.open() else {
            return;
        };
        let mut next = 0;
        let mut left = records;
        while left > 0 {
            let group = self.dice.between(1, 3).min(left);
            let mut entries = Vec::with_capacity(group);
            for _ in 0..group {
                let size = if body == 0 {
                    self.dice.between(1 << 20, (14 << 20) - (64 << 10))
                } else {
                    self.dice.between(body / 2, body + body / 2)
                };
                let count = self.dice.between(1, 12);
                entries.push(self.entry(&log, next, count, size));
                next += count as u64;
            }
            left -= group;
            self.now += 500;
            self.store(&mut log, entries);
            if self.dice.once_in(10) {
                self.note(&mut log, Topic::Version);
            }
        }
        if self.dice.once_in(3) {
            self.redact(&mut log);
        }
        drop(log);
        let dir = Path::new(DATA).join("log");
        for path in self.disk.files() {
            if path.parent() == Some(&dir) {
                let bytes = self.disk.contents(&path).unwrap_or_default();
                let name = path.to_string_lossy().into_owned();
                self.files.push(Victim {
                    name,
                    bytes,
                    records: Vec::new(),
                    touched: false,
                });
            }
        }
        let bases: Vec<u64> = self.files.iter().map(|file| base(&file.name)).collect();
        for record in &mut self.records {
            let file = bases.partition_point(|base| *base <= record.position.0) - 1;
            record.file = file;
            let (Some(base), Some(file)) = (bases.get(file), self.files.get_mut(file)) else {
                continue;
            };
            let start = (record.position.0 - base) as usize;
            let length = file
                .bytes
                .get(start..)
                .and_then(|bytes| bytes.first_chunk::<4>());
            let end =
                start + HEADER + length.map_or(0, |length| u32::from_le_bytes(*length) as usize);
            record.bytes = file.bytes.get(start..end).unwrap_or_default().to_vec();
            file.records.push(start..end);
        }
    }

    /// Moves all but the last segment into the archive.
    fn archive(&mut self) {
        let Some((mut log, _)) = self.open() else {
            return;
        };
        while let Some(job) = log.archive_job(Millis(self.now)) {
            if let Err(error) = log.adopt_archive(job.run()) {
                return self.outcome.fail(format!("cannot be archived: {error}"));
            }
        }
        drop(log);
        let last = self.files.len() - 1;
        for (number, file) in self.files.iter_mut().enumerate().take(last) {
            let base = base(&file.name);
            file.name = format!("{DATA}/archive/{base:020}.hwa");
            let Some(bytes) = self.disk.contents(Path::new(&file.name)) else {
                return self.outcome.fail(format!("{} is not there", file.name));
            };
            let mut blocks = Vec::new();
            file.records.clear();
            let mut at = FILE_HEADER;
            while let Decoded::Frame { kind, body, size } =
                frame::decode(bytes.get(at..).unwrap_or_default())
            {
                // The blocks: base, offset and length before what is packed.
                if kind == 1
                    && let Some((head, _)) = body.split_first_chunk::<20>()
                    && let ([_, offset], rest) = head.as_chunks::<8>()
                    && let Some(len) = rest.first_chunk::<4>()
                {
                    let offset = u64::from_le_bytes(*offset);
                    blocks.push(Block {
                        holds: offset..offset + u64::from(u32::from_le_bytes(*len)),
                        bytes: bytes.get(at..at + size).unwrap_or_default().to_vec(),
                    });
                    file.records.push(at..at + size);
                }
                at += size;
            }
            file.bytes = bytes;
            self.blocks.insert(number, blocks);
        }
    }

    /// Commits and keeps what was acknowledged.
    fn store(&mut self, log: &mut Committer, entries: Vec<Entry>) {
        let bodies: Vec<Bytes> = entries.iter().map(|entry| entry.body.clone()).collect();
        match log.commit(Millis(self.now), entries) {
            Ok(receipts) => {
                for (receipt, body) in receipts.into_iter().zip(bodies) {
                    if let Some(position) = receipt.position {
                        self.records.push(Acked {
                            position,
                            events: receipt.events,
                            body,
                            file: 0,
                            bytes: Vec::new(),
                        });
                    }
                }
            }
            Err(error) => self.outcome.fail(format!("a group is refused: {error}")),
        }
        maintain(log);
    }

    fn note(&mut self, log: &mut Committer, topic: Topic) {
        let text = Bytes::from(format!(r#"{{"version":"{}"}}"#, self.dice.next()));
        let note = Note {
            topic,
            text: text.clone(),
        };
        match log.note(Millis(self.now), &note) {
            Ok(position) => self.records.push(Acked {
                position,
                events: Vec::new(),
                body: text,
                file: 0,
                bytes: Vec::new(),
            }),
            Err(error) => self
                .outcome
                .fail(format!("a control record is refused: {error}")),
        }
    }

    /// Deletes a user, carries it out in some of the segments or all, and learns what readers are to see from now on.
    fn redact(&mut self, log: &mut Committer) {
        let user = self.dice.below(7).to_string();
        if let Err(error) = log.redact(Millis(self.now), &user, Rewriting::AtOnce) {
            return self.outcome.fail(format!("a deletion is refused: {error}"));
        }
        let mut left = self.dice.below(60);
        while left > 0 {
            left -= 1;
            match log.rewrite_job(Millis(self.now)) {
                Ok(Some(job)) => {
                    if let Err(error) = log.adopt_rewritten(job.run()) {
                        self.outcome
                            .fail(format!("a segment is not rewritten: {error}"));
                    }
                }
                Ok(None) => break,
                Err(error) => return self.outcome.fail(format!("no rewriting: {error}")),
            }
        }
        let named = format!(r#""userId":"{user}""#);
        let mut reader = LogReader::new(
            Arc::new(self.disk.clone()),
            Path::new(DATA),
            Position::default(),
        );
        let mut next = 0;
        while let Ok(found) = reader.advance() {
            let (position, events, body) = match found {
                Next::Record(stored) => (stored.position, stored.head.events, stored.body),
                Next::Control(control) => (control.position, Vec::new(), control.note.text),
                Next::Skipped { from, to } => {
                    return self
                        .outcome
                        .fail(format!("rewriting damaged {from} to {to}"));
                }
                Next::End => break,
            };
            if body
                .windows(named.len())
                .any(|part| part == named.as_bytes())
            {
                self.outcome
                    .fail(format!("the record at {position} shows a deleted event"));
            }
            match self.records.get_mut(next) {
                Some(record) if record.position == position => {
                    if record.body.len() != body.len() {
                        self.outcome
                            .fail(format!("the record at {position} has another length"));
                    }
                    record.events = events;
                    record.body = body;
                }
                // The deletion itself.
                _ => self.records.push(Acked {
                    position,
                    events,
                    body,
                    file: 0,
                    bytes: Vec::new(),
                }),
            }
            next += 1;
        }
        if next != self.records.len() {
            self.outcome
                .fail(format!("{next} records are read after a deletion"));
        }
    }

    fn damage(&mut self) {
        // A write that was not finished and that nobody was told about.
        if self.dice.once_in(8)
            && let Some(last) = self.files.last_mut()
            && let Some(record) = self.dice.pick(&self.records)
        {
            let mut bytes = record.bytes.clone();
            bytes.truncate(self.dice.below(bytes.len().saturating_sub(40)));
            self.outcome.told.push(format!(
                "{}: {} bytes of an unfinished write",
                last.name,
                bytes.len()
            ));
            last.bytes.extend(bytes);
            last.touched = true;
        }
        let mut done = Done::default();
        for _ in 0..self.dice.spread(1, 4) {
            corrupter::damage(&mut self.dice, &mut self.files, &mut done);
        }
        for file in self.files.iter().filter(|file| file.touched) {
            self.disk
                .edit(Path::new(&file.name), |bytes| bytes.clone_from(&file.bytes));
        }
        self.outcome.damages += done.told.len() as u64;
        self.outcome.moved = done.moved;
        self.outcome.told.append(&mut done.told);
    }

    fn judge(&mut self) {
        let whole = self.whole();
        self.outcome.hit = whole.iter().filter(|whole| !**whole).count() as u64;
        let told = "before it is opened";
        self.read(told, Position::default(), &whole);
        if !self.outcome.moved
            && let Some(from) = self.dice.pick(&self.records).map(|record| record.position)
        {
            let told = format!("from {from}");
            self.read(&told, from, &whole);
        }
        let Some((mut log, recovery)) = self.open() else {
            return;
        };
        self.outcome.told.push(format!("{recovery:?}"));
        self.read("after it is opened", Position::default(), &whole);
        if self.dice.once_in(3) {
            self.spoil_claims();
        }
        self.send_again(&mut log, &whole);
        drop(log);
        let Some((mut log, recovery)) = self.open() else {
            return;
        };
        if recovery.torn_bytes > 0 {
            self.outcome.fail(format!(
                "the second start cuts off {} bytes",
                recovery.torn_bytes
            ));
        }
        self.all_once(&mut log);
    }

    /// Which records are still whole in the file of their segment.
    fn whole(&self) -> Vec<bool> {
        let mut whole: Vec<bool> = Vec::with_capacity(self.records.len());
        let mut by_head: HashMap<(usize, &[u8]), usize> = HashMap::new();
        for (index, record) in self.records.iter().enumerate() {
            let touched = self.files.get(record.file).is_some_and(|file| file.touched);
            if touched && let Some(blocks) = self.blocks.get(&record.file) {
                whole.push(self.is_in_whole_blocks(record, blocks));
                continue;
            }
            whole.push(!touched);
            if touched {
                by_head.insert(
                    (record.file, record.bytes.get(..HEADER).unwrap_or_default()),
                    index,
                );
            }
        }
        for (number, file) in self
            .files
            .iter()
            .enumerate()
            .filter(|(number, file)| file.touched && !self.blocks.contains_key(number))
        {
            for (at, head) in file.bytes.windows(HEADER).enumerate() {
                if head[3] == 0
                    && matches!(head[8], 1 | 2)
                    && let Some(index) = by_head.get(&(number, head))
                    && let Some(record) = self.records.get(*index)
                    && file
                        .bytes
                        .get(at..)
                        .is_some_and(|bytes| bytes.starts_with(&record.bytes))
                    && let Some(found) = whole.get_mut(*index)
                {
                    *found = true;
                }
            }
        }
        whole
    }

    /// Whether each block that holds a part of the record is still whole somewhere in its file.
    fn is_in_whole_blocks(&self, record: &Acked, blocks: &[Block]) -> bool {
        let Some(file) = self.files.get(record.file) else {
            return false;
        };
        let start = record.position.0 - base(&file.name);
        let end = start + record.bytes.len() as u64;
        blocks
            .iter()
            .filter(|block| block.holds.start < end && start < block.holds.end)
            .all(|block| holds(&file.bytes, &block.bytes))
    }

    /// Reads the log and compares it with what can be read.
    fn read(&mut self, when: &str, from: Position, whole: &[bool]) {
        let by_position: HashMap<u64, usize> = self
            .records
            .iter()
            .enumerate()
            .map(|(index, record)| (record.position.0, index))
            .collect();
        let mut seen = vec![0_u32; self.records.len()];
        let mut reader = LogReader::new(Arc::new(self.disk.clone()), Path::new(DATA), from);
        loop {
            match reader.advance() {
                Ok(next @ (Next::Record(_) | Next::Control(_))) => {
                    let (position, events, body) = match next {
                        Next::Record(stored) => (stored.position, stored.head.events, stored.body),
                        Next::Control(control) => (control.position, Vec::new(), control.note.text),
                        Next::Skipped { .. } | Next::End => continue,
                    };
                    let record = by_position.get(&position.0).copied();
                    let Some((index, record)) =
                        record.and_then(|index| Some((index, self.records.get(index)?)))
                    else {
                        self.outcome.fail(format!(
                            "{when}: a record at {position} that was never written"
                        ));
                        return;
                    };
                    if body != record.body || !same(&events, &record.events) {
                        self.outcome.fail(format!(
                            "{when}: the record at {position} has other contents"
                        ));
                    }
                    if let Some(seen) = seen.get_mut(index) {
                        *seen += 1;
                    }
                }
                Ok(Next::Skipped { .. }) => {}
                Ok(Next::End) => break,
                Err(error) => {
                    self.outcome
                        .fail(format!("{when}: cannot be read: {error}"));
                    return;
                }
            }
        }
        for ((seen, whole), record) in seen.iter().zip(whole).zip(&self.records) {
            let position = record.position;
            let expected = *whole && position >= from;
            match (seen, expected) {
                (0, true) => {
                    self.outcome.lost_beyond += 1;
                    self.outcome.told.push(format!(
                        "{when}: the record at {position} is whole and not read"
                    ));
                }
                (1.., false) => {
                    self.outcome.fail(format!(
                        "{when}: the record at {position} is read and was hit"
                    ));
                }
                (2.., true) => {
                    self.outcome.doubled += 1;
                    self.outcome.told.push(format!(
                        "{when}: the record at {position} is read {seen} times"
                    ));
                }
                _ => {}
            }
        }
    }

    /// Damages what the claims are kept in while the log is open.
    fn spoil_claims(&mut self) {
        let dir = Path::new(DATA).join("claims");
        for path in self.disk.files() {
            if path.parent() == Some(&dir) {
                let dice = &mut self.dice;
                let mut told = String::new();
                self.disk.edit(&path, |bytes| {
                    let at = dice.below(bytes.len());
                    if dice.once_in(3) {
                        bytes.truncate(at);
                    } else {
                        let end = bytes.len().min(at + dice.spread(1, STRETCH_OF_CLAIMS));
                        for byte in bytes.get_mut(at..end).unwrap_or_default() {
                            *byte ^= 1 + (dice.next() % 255) as u8;
                        }
                    }
                    told = format!("{}: damaged at {at} while the log is open", path.display());
                });
                self.outcome.told.push(told);
            }
        }
    }

    /// Sends every event once more: those that can be read are duplicates, those that are lost are new.
    fn send_again(&mut self, log: &mut Committer, whole: &[bool]) {
        let mut wanted: Vec<(Slot, bool)> = Vec::new();
        for (record, whole) in self.records.iter().zip(whole) {
            for slot in &record.events {
                if slot.verdict.is_claimed() {
                    wanted.push((*slot, *whole));
                }
            }
        }
        self.now += 1000;
        for chunk in wanted.chunks(40) {
            let body = Bytes::from_static(br#"{"batch":[]}"#);
            let events = chunk.iter().map(|(slot, _)| Slot {
                offset: 0,
                len: 12,
                verdict: Verdict::Accepted,
                claim: slot.claim,
            });
            let entry = Entry {
                received: Millis(self.now),
                source: "s".into(),
                hops: 0,
                key: KeyTag(7),
                platform: Platform::Auto,
                ip: None,
                implied: None,
                events: events.collect(),
                body,
            };
            let Some(verdicts) = self.persist(log, &entry) else {
                return;
            };
            for ((slot, whole), verdict) in chunk.iter().zip(verdicts) {
                match (whole, verdict == Verdict::Accepted) {
                    (true, true) => {
                        self.outcome.doubled += 1;
                        self.outcome.told.push(format!(
                            "claim {:x}: can be read and is accepted again",
                            slot.claim.0
                        ));
                    }
                    (false, false) => {
                        self.outcome.refused += 1;
                        self.outcome
                            .told
                            .push(format!("claim {:x}: is lost and refused", slot.claim.0));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Commits as a sender does: again, while the log says that it cannot tell yet.
    fn persist(&mut self, log: &mut Committer, entry: &Entry) -> Option<Vec<Verdict>> {
        let mut told = String::new();
        for _ in 0..50 {
            match log.commit(Millis(self.now), vec![entry.clone()]) {
                Ok(receipts) => {
                    maintain(log);
                    let events = receipts.into_iter().next().map(|receipt| receipt.events)?;
                    return Some(events.iter().map(|slot| slot.verdict).collect());
                }
                Err(error) => told = error.to_string(),
            }
            maintain(log);
        }
        self.outcome.fail(format!("refused for good: {told}"));
        None
    }

    /// After all that, each messageId is in the log once, and known.
    fn all_once(&mut self, log: &mut Committer) {
        let mut counts: BTreeMap<Claim, u32> = BTreeMap::new();
        let mut reader = LogReader::new(
            Arc::new(self.disk.clone()),
            Path::new(DATA),
            Position::default(),
        );
        loop {
            match reader.advance() {
                Ok(Next::Record(stored)) => {
                    for slot in stored
                        .head
                        .events
                        .iter()
                        .filter(|slot| slot.verdict.is_claimed())
                    {
                        *counts.entry(slot.claim).or_default() += 1;
                    }
                }
                Ok(Next::Control(_) | Next::Skipped { .. }) => {}
                Ok(Next::End) => break,
                Err(error) => return self.outcome.fail(format!("at the end: {error}")),
            }
        }
        let accepted = self.records.iter().flat_map(|record| &record.events);
        let claims: Vec<Claim> = accepted
            .filter(|slot| slot.verdict.is_claimed())
            .map(|slot| slot.claim)
            .collect();
        for claim in &claims {
            match counts.get(claim) {
                None => {
                    self.outcome.lost_beyond += 1;
                    self.outcome
                        .told
                        .push(format!("at the end: claim {:x} is not in the log", claim.0));
                }
                Some(1) => {}
                Some(count) => {
                    self.outcome.doubled += 1;
                    self.outcome.told.push(format!(
                        "at the end: claim {:x} is in the log {count} times",
                        claim.0
                    ));
                }
            }
        }
        let whole = vec![true; self.records.len()];
        self.send_again(log, &whole);
    }
}

const STRETCH_OF_CLAIMS: usize = 5000;

/// What the thread of a collector does between groups.
fn maintain(log: &mut Committer) {
    while let Some(job) = log.spill_job() {
        if log.adopt(job.run()).is_err() {
            return;
        }
    }
}

/// Whether `part` lies somewhere in `bytes`.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let head = part.get(..HEADER).unwrap_or_default();
    let mut starts = bytes.windows(HEADER).enumerate();
    starts.any(|(at, window)| {
        window == head && bytes.get(at..).is_some_and(|rest| rest.starts_with(part))
    })
}

fn base(name: &str) -> u64 {
    let digits = name.rsplit('/').next().and_then(|name| name.get(..20));
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

/// Claims are kept for accepted events alone.
fn same(read: &[Slot], written: &[Slot]) -> bool {
    read.len() == written.len()
        && read.iter().zip(written).all(|(read, written)| {
            (read.offset, read.len, read.verdict) == (written.offset, written.len, written.verdict)
                && (!read.verdict.is_claimed() || read.claim == written.claim)
        })
}
