//! Opening a log: lock, read every segment, set aside what is not ours to read, cut the torn tail, go on at the end.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{
    LOCK, MAGIC, OPENINGS, Ours, Record, SEGMENT_END, STATE_END, TEMPORARY_END, VERSION, parse,
    parse_segment_name, segment_path,
};
use super::hold::Hold;
use super::index::{Index, Slot};
use super::numbers::{self, Numbers, Wreck};
use super::{SegmentLog, SegmentOptions, Unsynced, create_segment, room, state};
use crate::disk::{Disk, DiskFile};
use crate::frame::{self, FILE_HEADER, FileHeader, Found, HEADER, Scan, Scanner};
use crate::port::{Entry, Opened, Recovery, Seq, StoreError};

pub(super) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    options: SegmentOptions,
) -> Result<Opened, StoreError> {
    let failed = |action| move |error| StoreError::io(action, dir, error);
    disk.create_dir_all(dir).map_err(failed("create"))?;
    let hold = Hold::take(&disk, dir)?;
    // First, so that a damaged old one is not reported where a good new one is there.
    let names = disk.list(dir).map_err(failed("list"))?;
    let torn_bytes = state::take_over(&*disk, dir, &names)?;
    let mut names = disk.list(dir).map_err(failed("list"))?;
    names.sort_unstable();
    let mut opening = Opening {
        disk: &*disk,
        dir,
        index: Index::default(),
        entries: Vec::new(),
        next_seq: 1,
        recovery: Recovery {
            torn_bytes,
            ..Recovery::default()
        },
        active: None,
        unborn: None,
        first: None,
        numbers: Numbers::default(),
        wrecks: Vec::new(),
        tail: None,
        unread: 0,
    };
    for name in &names {
        if name.ends_with(TEMPORARY_END) {
            // A healed segment's unfinished copy.
            disk.remove(&dir.join(name)).map_err(failed("clean"))?;
        } else if name.ends_with(STATE_END) {
            opening.check_state(name)?;
        } else if let Some(first) = parse_segment_name(name) {
            opening.load_segment(name, first)?;
        } else if name.ends_with(SEGMENT_END) {
            opening.set_aside(name, "unknown-name")?;
        } else if let Some((segment, _)) = name.split_once(".seg.") {
            // Set aside by an earlier opening: its name still says which numbers were given.
            let first = parse_segment_name(&format!("{segment}{SEGMENT_END}"));
            opening.next_seq = opening.next_seq.max(first.unwrap_or(1));
        }
    }
    let Opening {
        mut index,
        mut entries,
        mut next_seq,
        mut recovery,
        active,
        first,
        numbers,
        wrecks,
        tail,
        unread,
        ..
    } = opening;
    let oldest = first.unwrap_or(next_seq);
    let (gaps, strays, above) = numbers::lost(numbers, &wrecks, tail.as_ref(), oldest, next_seq);
    next_seq = above;
    let lost: u64 = gaps.iter().map(|(first, end)| end - first).sum();
    recovery.lost_events = lost.saturating_add(strays).saturating_add(unread);
    entries.retain(|entry| index.get(entry.seq).is_some());
    entries.sort_by_key(|entry| entry.seq);
    entries.reverse();
    entries.dedup_by_key(|entry| entry.seq);
    entries.reverse();

    let mut sync = Unsynced::default();
    let active = match active {
        Some(active) => active,
        None => {
            if index
                .segments
                .back()
                .is_some_and(|last| last.first >= next_seq)
            {
                next_seq = next_seq.saturating_add(1);
            }
            let path = segment_path(dir, next_seq);
            let file = create_segment(&*disk, &path)
                .map_err(|error| StoreError::io("create", &path, error))?;
            index.push_segment(next_seq, FILE_HEADER as u64);
            if let Some(parent) = dir.parent().filter(|_| {
                names
                    .iter()
                    .all(|name| [LOCK, OPENINGS].contains(&name.as_str()))
            }) {
                // The directory's own name; where the parent may not be read, its owner syncs it.
                let _ = disk.sync_dir(parent);
            }
            file
        }
    };
    // What an earlier process wrote may still be in the cache alone: the first sync covers it.
    sync.changes = 1;
    sync.active_changed = 1;
    sync.names_changed = 1;
    let old = index.segments.len().saturating_sub(1);
    sync.sealed = index
        .segments
        .iter()
        .take(old)
        .map(|segment| (1, segment.first))
        .collect();

    let mut store = SegmentLog {
        states: state::States::new(Arc::clone(&disk), dir),
        disk,
        dir: dir.to_owned(),
        segment_bytes: options.segment_bytes.clamp(4 << 10, 64 << 20),
        index,
        active,
        tail_broken: false,
        room: room::Room::default(),
        next_seq,
        scratch: Vec::new(),
        reader: None,
        owed_below: false,
        owed_ranges: Vec::new(),
        owed_gaps: gaps,
        doomed: VecDeque::new(),
        moved: 0,
        sync,
        hold,
    };
    store.drop_drained();
    // What the disk refuses now stays owed; should the process end before it takes it, the loss is told once more.
    let _ = store.note_forgotten();
    Ok(Opened {
        store: Box::new(store),
        events: entries,
        next_seq,
        recovery,
    })
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    index: Index,
    entries: Vec<Entry>,
    next_seq: Seq,
    recovery: Recovery,
    /// The youngest segment's file, when it can be appended to.
    active: Option<Arc<dyn DiskFile>>,
    /// A segment that a crash left without contents. The youngest such keeps its name, which says what numbers were given.
    unborn: Option<PathBuf>,
    /// The first number that the oldest segment may hold.
    first: Option<Seq>,
    numbers: Numbers,
    wrecks: Vec<Wreck>,
    /// Damage at the end of the segment that was loaded last.
    tail: Option<Wreck>,
    /// Whether the segment that was loaded last was set aside, so that its numbers are not known.
    unread: u64,
}

impl Opening<'_> {
    fn load_segment(&mut self, name: &str, first: Seq) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        let failed = |action| {
            let path = path.clone();
            move |error: io::Error| StoreError::io(action, &path, error)
        };
        self.next_seq = self.next_seq.max(first);
        self.first.get_or_insert(first);
        self.wrecks.extend(self.tail.take().map(|mut tail| {
            tail.behind = Some(first);
            tail
        }));
        self.unread = 0;
        self.active = None;
        if let Some(older) = self.unborn.take() {
            // This younger name says all that it said.
            self.disk
                .remove(&older)
                .map_err(|error| StoreError::io("remove", &older, error))?;
        }
        let mut file = self.disk.open(&path).map_err(failed("open"))?;
        let mut head = [0; FILE_HEADER];
        let read = file.read_at(0, &mut head).map_err(failed("read"))?;
        let mut header = frame::check_file_header(&head[..read], MAGIC, VERSION);
        match header {
            FileHeader::OtherVersion(version) => {
                self.unread = 1;
                return self.set_aside(name, &format!("unknown-v{version}"));
            }
            FileHeader::Short => return self.keep_name(&*file, path),
            FileHeader::Damaged if is_zeros(&*file).map_err(failed("read"))? => {
                return self.keep_name(&*file, path);
            }
            FileHeader::Good | FileHeader::Damaged => {}
        }
        self.index.push_segment(first, 0);
        // A header that lost bytes leaves the first frame anywhere.
        let begin = match header {
            FileHeader::Good => FILE_HEADER as u64,
            _ => 0,
        };
        let mut found = self.scan(&*file, begin, first).map_err(failed("read"))?;
        if header == FileHeader::Damaged && found.frames == 0 {
            self.index.segments.pop_back();
            self.unread = 1;
            self.tail = None;
            return self.set_aside(name, "damaged");
        }
        self.recovery.corrupt_records += found.corrupt;
        self.recovery.torn_bytes += found.torn_bytes;
        if found.corrupt > 0 || header == FileHeader::Damaged {
            // Where there is no room for the healed copy, the damage stays and is passed over again.
            if let Ok(healed) = self.heal(&path, &*file, begin) {
                file = healed;
                header = FileHeader::Good;
                let (wrecks, tail) = (std::mem::take(&mut self.wrecks), self.tail.take());
                found = self
                    .scan(&*file, FILE_HEADER as u64, first)
                    .map_err(failed("read"))?;
                (self.wrecks, self.tail) = (wrecks, tail);
            }
        }
        let len = file.len().map_err(failed("read"))?;
        // Only an unfinished write is cut off; behind other damage a new segment begins.
        let torn = found.good_len + found.torn_bytes == len;
        let clean = torn && (len == found.good_len || file.truncate(found.good_len).is_ok());
        if let Some(segment) = self.index.segments.back_mut() {
            segment.len = if clean { found.good_len } else { len };
        }
        if clean && header == FileHeader::Good {
            self.active = Some(file);
        }
        Ok(())
    }

    /// Replaces a damaged segment by its good frames, so that the damage is met and reported once.
    fn heal(&self, path: &Path, file: &dyn DiskFile, begin: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut bytes = frame::file_header(MAGIC, VERSION).to_vec();
        frame::scan(file, begin, &Ours, &mut |_, kind, body| {
            if parse(kind, body).is_some() {
                // A frame that was read can be written.
                let _ = frame::encode_into(&mut bytes, kind, &[body]);
            }
        })?;
        let mut temporary = path.to_owned().into_os_string();
        temporary.push(TEMPORARY_END);
        let temporary = Path::new(&temporary);
        let healed = self.disk.create(temporary)?;
        let written = healed.append(&bytes).and_then(|()| healed.sync_data());
        if let Err(error) = written.and_then(|()| self.disk.rename(temporary, path)) {
            let _ = self.disk.remove(temporary);
            return Err(error);
        }
        Ok(healed)
    }

    /// Empties a segment in which nothing is; [`create_segment`] takes it over when it is the youngest.
    fn keep_name(&mut self, file: &dyn DiskFile, path: PathBuf) -> Result<(), StoreError> {
        let emptied = file.len().and_then(|len| file.truncate(0).map(|()| len));
        let len = emptied.map_err(|error| StoreError::io("truncate", &path, error))?;
        self.recovery.torn_bytes += len;
        self.unborn = Some(path);
        Ok(())
    }

    /// Takes in the frames of the segment whose first number may be `home`.
    fn scan(&mut self, file: &dyn DiskFile, begin: u64, home: Seq) -> io::Result<Scan> {
        let mut scanner = Scanner::new(file, begin, &Ours)?;
        let mut found = Scan {
            good_len: begin,
            ..Scan::default()
        };
        // The number that follows those seen in this file.
        let mut follows = home;
        loop {
            match scanner.advance()? {
                Found::Frame { at, kind, body } => {
                    found.frames += 1;
                    found.good_len = at + (HEADER + body.len()) as u64;
                    let Some(record) = parse(kind, body) else {
                        found.corrupt += 1;
                        continue;
                    };
                    if let Record::Event { seq, .. } = record
                        && seq >= home
                    {
                        if let Some(tail) = &mut self.tail {
                            tail.behind = Some(seq);
                        }
                        follows = follows.max(seq.saturating_add(1));
                        self.wrecks.extend(self.tail.take());
                    }
                    self.take(at, record);
                }
                Found::Damage { from, to } => {
                    found.corrupt += 1;
                    found.corrupt_bytes += to - from;
                    self.wrecks.extend(self.tail.take());
                    self.tail = Some(Wreck::read(file, from, to, home, follows)?);
                }
                Found::Torn { from, to } => found.torn_bytes = to - from,
                Found::End => break,
            }
        }
        Ok(found)
    }

    fn take(&mut self, at: u64, record: Record) {
        let seen = match record {
            Record::Event { seq, at_ms, len } => {
                let Ok(offset) = u32::try_from(at) else {
                    self.recovery.corrupt_records += 1;
                    return;
                };
                self.index.insert(seq, Slot { offset, len });
                self.entries.push(Entry { seq, at_ms, len });
                self.numbers.add(seq, seq.saturating_add(1));
                seq.saturating_add(1)
            }
            Record::Below(end) => {
                self.index.kill_range(0, end);
                self.numbers.add(0, end);
                end
            }
            Record::Ranges(ranges) => {
                for (first, end) in &ranges {
                    self.index.kill_range(*first, *end);
                    self.numbers.add(*first, *end);
                }
                ranges.iter().map(|(_, end)| *end).max().unwrap_or(0)
            }
            Record::Gaps(gaps) => {
                for (first, end) in &gaps {
                    self.numbers.add(*first, *end);
                }
                gaps.iter().map(|(_, end)| *end).max().unwrap_or(0)
            }
        };
        self.next_seq = self.next_seq.max(seen);
    }

    fn check_state(&mut self, name: &str) -> Result<(), StoreError> {
        match state::read(self.disk, &self.dir.join(name))? {
            state::Found::Absent | state::Found::Value(_) => Ok(()),
            state::Found::OtherVersion(version) => {
                self.set_aside(name, &format!("unknown-v{version}"))
            }
            state::Found::Damaged => self.set_aside(name, "damaged"),
        }
    }

    /// Renames a file so that no store reads it again, over no other file.
    fn set_aside(&mut self, name: &str, why: &str) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        let taken = self
            .disk
            .list(self.dir)
            .map_err(|error| StoreError::io("list", self.dir, error))?;
        let plain = format!("{name}.{why}");
        let numbered = (2..u32::MAX).map(|n| format!("{plain}.{n}"));
        let free = std::iter::once(plain.clone())
            .chain(numbered)
            .find(|aside| !taken.contains(aside));
        let aside = free.unwrap_or(plain);
        self.disk
            .rename(&path, &self.dir.join(&aside))
            .map_err(|error| StoreError::io("set aside", &path, error))?;
        self.recovery.set_aside.push(aside);
        Ok(())
    }
}

/// Whether a file holds nothing but zeros: a power cut kept its length and not its contents.
fn is_zeros(file: &dyn DiskFile) -> io::Result<bool> {
    let mut at = 0;
    let mut chunk = [0; 4096];
    loop {
        let read = file.read_at(at, &mut chunk)?;
        if read == 0 || chunk[..read].iter().any(|byte| *byte != 0) {
            return Ok(read == 0);
        }
        at += read as u64;
    }
}
