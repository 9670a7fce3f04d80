//! Where each live event lies: eight bytes an event.
//!
//! Sequence numbers grow by one within a segment, so a segment keeps a plain vector of places, indexed by the distance to
//! its first number. What does not fit that (a wide gap, an event moved to a younger segment) lies in a small ordered map.

use std::collections::{BTreeMap, VecDeque};

use crate::port::Seq;

/// The widest gap in sequence numbers that is filled with empty places.
const MAX_GAP: u64 = 1024;

/// An event's frame in its segment's file. Offset 0 (the file's header) marks an empty place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) offset: u32,
    pub(super) len: u32,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first: Seq,
    /// Bytes of the file.
    pub(super) len: u64,
    /// Live events in the file.
    pub(super) live: u32,
    slots: Vec<Slot>,
}

/// The segments, oldest first, and the live events in them.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) segments: VecDeque<Segment>,
    /// Live events that their segment's vector cannot hold: the segment's first number, and the place.
    sparse: BTreeMap<Seq, (Seq, Slot)>,
    /// No live event below it in the vectors.
    cursor: Seq,
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Index {
    pub(super) fn push_segment(&mut self, first: Seq, len: u64) {
        let mut strays = Vec::new();
        if let Some(last) = self.segments.back_mut() {
            // Only damaged directories overlap; the map keeps such events findable.
            let fits = usize::try_from(first.saturating_sub(last.first)).unwrap_or(usize::MAX);
            if last.slots.len() > fits {
                let past = last.slots.drain(fits..).enumerate();
                strays.extend(past.map(|(n, slot)| (first + n as u64, (last.first, slot))));
            }
            last.slots.shrink_to_fit();
        }
        self.sparse
            .extend(strays.into_iter().filter(|(_, (_, slot))| slot.offset != 0));
        self.segments.push_back(Segment {
            first,
            len,
            live: 0,
            slots: Vec::new(),
        });
    }

    /// Notes an event in the youngest segment; an older copy of it is forgotten.
    pub(super) fn insert(&mut self, seq: Seq, slot: Slot) {
        let newest = self
            .segments
            .back()
            .is_some_and(|last| seq >= last.first + last.slots.len() as u64);
        // The usual case, an event that is appended, has no older copy.
        if !newest || !self.sparse.is_empty() {
            self.kill(seq);
        }
        let Some(last) = self.segments.back_mut() else {
            return;
        };
        let end = last.first.saturating_add(last.slots.len() as u64);
        if (last.first..end).contains(&seq) {
            if let Some(place) = last.slots.get_mut((seq - last.first) as usize) {
                *place = slot;
            }
            self.cursor = self.cursor.min(seq);
        } else if seq >= end && seq - end <= MAX_GAP {
            last.slots.extend((end..seq).map(|_| Slot::default()));
            last.slots.push(slot);
            self.cursor = self.cursor.min(seq);
        } else {
            self.sparse.insert(seq, (last.first, slot));
        }
        last.live += 1;
        self.events += 1;
        self.bytes += u64::from(slot.len);
    }

    /// The segment (by its first number) and place of a live event.
    pub(super) fn get(&self, seq: Seq) -> Option<(Seq, Slot)> {
        let dense = self.segments.get(self.segment_of(seq)).and_then(|segment| {
            let at = usize::try_from(seq.checked_sub(segment.first)?).ok()?;
            let slot = segment.slots.get(at).filter(|slot| slot.offset != 0)?;
            Some((segment.first, *slot))
        });
        dense.or_else(|| self.sparse.get(&seq).copied())
    }

    /// Forgets one event; whether it was live.
    pub(super) fn kill(&mut self, seq: Seq) -> bool {
        let Some((home, slot)) = self.get(seq) else {
            return false;
        };
        if self.sparse.remove(&seq).is_none() {
            let segment = self.segment_of(seq);
            let segment = self.segments.get_mut(segment);
            if let Some(slot) =
                segment.and_then(|segment| segment.slots.get_mut((seq - segment.first) as usize))
            {
                *slot = Slot::default();
            }
        }
        let home = self.segment_of(home);
        if let Some(segment) = self.segments.get_mut(home) {
            segment.live -= 1;
        }
        self.events -= 1;
        self.bytes -= u64::from(slot.len);
        true
    }

    /// Forgets the events from `first` up to, not including, `end`, where each of them is live and in its segment's vector: a
    /// pass over the vector, as it is for a batch that was delivered. Answers up to where that was so.
    pub(super) fn kill_run(&mut self, mut first: Seq, end: Seq) -> Seq {
        while first < end {
            let at = self.segment_of(first);
            let Some(segment) = self.segments.get_mut(at) else {
                return first;
            };
            let Some(skip) = first.checked_sub(segment.first) else {
                return first;
            };
            let skip = usize::try_from(skip).unwrap_or(usize::MAX);
            let take = usize::try_from(end - first).unwrap_or(usize::MAX);
            let before = first;
            for slot in segment.slots.iter_mut().skip(skip).take(take) {
                if slot.offset == 0 {
                    break;
                }
                self.events -= 1;
                self.bytes -= u64::from(slot.len);
                segment.live -= 1;
                *slot = Slot::default();
                first += 1;
            }
            if first == before {
                return first;
            }
        }
        first
    }

    /// Forgets the events from `first` up to, not including, `end`; the work is bounded by the events there are.
    pub(super) fn kill_range(&mut self, first: Seq, end: Seq) {
        let first = first.max(self.front().unwrap_or(end));
        let mut doomed: Vec<Seq> = Vec::new();
        for segment in self.segments.iter().skip(self.segment_of(first)) {
            if segment.first >= end {
                break;
            }
            let skip = usize::try_from(first.saturating_sub(segment.first)).unwrap_or(usize::MAX);
            let take = usize::try_from(end - segment.first).unwrap_or(usize::MAX);
            let slots = segment.slots.iter().enumerate().take(take).skip(skip);
            doomed.extend(
                slots
                    .filter(|(_, slot)| slot.offset != 0)
                    .map(|(n, _)| segment.first + n as u64),
            );
        }
        if first < end {
            doomed.extend(self.sparse.range(first..end).map(|(seq, _)| *seq));
        }
        for seq in doomed {
            self.kill(seq);
        }
    }

    /// The lowest live event.
    pub(super) fn front(&mut self) -> Option<Seq> {
        let mut dense = None;
        for segment in self.segments.iter().skip(self.segment_of(self.cursor)) {
            let skip =
                usize::try_from(self.cursor.saturating_sub(segment.first)).unwrap_or(usize::MAX);
            if let Some(at) = segment
                .slots
                .iter()
                .skip(skip)
                .position(|slot| slot.offset != 0)
            {
                dense = Some(segment.first + (skip + at) as u64);
                break;
            }
            self.cursor = self.cursor.max(segment.first + segment.slots.len() as u64);
        }
        if let Some(seq) = dense {
            self.cursor = seq;
        }
        let sparse = self.sparse.first_key_value().map(|(seq, _)| *seq);
        dense.into_iter().chain(sparse).min()
    }

    /// The live events that lie in the oldest segment's file.
    pub(super) fn in_front_segment(&self) -> Vec<Seq> {
        let Some(front) = self.segments.front() else {
            return Vec::new();
        };
        let dense = front
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.offset != 0);
        let dense = dense.map(|(n, _)| front.first + n as u64);
        let sparse = self
            .sparse
            .iter()
            .filter(|(_, (home, _))| *home == front.first)
            .map(|(seq, _)| *seq);
        let mut seqs: Vec<Seq> = dense.chain(sparse).collect();
        seqs.sort_unstable();
        seqs
    }

    fn segment_of(&self, seq: Seq) -> usize {
        self.segments
            .partition_point(|segment| segment.first <= seq)
            .saturating_sub(1)
    }
}
