//! What the sequence numbers say about events that are not there.
//!
//! Numbers grow by one from event to event, and a number that is left out is noted (GAPS). So each number from the oldest
//! segment's name up to the next one to be given belongs to an event that is there, was forgotten, never was, or is lost.
//! Below that name lie only events that were moved to younger segments: of those, one that is damaged is known from its
//! frame's header, as far as headers can still be followed.
//!
//! The youngest segment's end has no number after it: what was cut from there is not known, and of what is damaged there
//! as many events are counted as headers can be followed.

use std::io;

use super::format::{EVENT, Ours};
use crate::disk::DiskFile;
use crate::frame::{HEADER, MAX_BODY, Shape};
use crate::port::Seq;

/// Numbers that are accounted for, as stretches.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<(Seq, Seq)>);

impl Numbers {
    /// The numbers from `first` up to, not including, `end` are accounted for.
    pub(super) fn add(&mut self, first: Seq, end: Seq) {
        match self.0.last_mut() {
            Some(last) if last.1 == first => last.1 = end,
            _ => self.0.push((first, end)),
        }
    }

    fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, last| {
            let meets = next.0 <= last.1;
            if meets {
                last.1 = last.1.max(next.1);
            }
            meets
        });
    }

    fn holds(&self, seq: Seq) -> bool {
        self.0
            .iter()
            .any(|(first, end)| (*first..*end).contains(&seq))
    }

    /// The stretches from `first` up to `end` that are not accounted for.
    fn missing(&mut self, first: Seq, end: Seq) -> Vec<(Seq, Seq)> {
        self.sort();
        let mut missing = Vec::new();
        let mut at = first;
        for (known, upto) in self.0.iter().copied().filter(|(_, upto)| *upto > first) {
            if known >= end {
                break;
            }
            if known > at {
                missing.push((at, known));
            }
            at = at.max(upto);
        }
        if at < end {
            missing.push((at, end));
        }
        missing
    }
}

/// A stretch of damage, as its headers tell it.
#[derive(Debug)]
pub(super) struct Wreck {
    /// The number that a good frame before it leads to, and the first one behind it in the same file.
    pub(super) before: Seq,
    pub(super) behind: Option<Seq>,
    /// The first number that its segment may hold.
    pub(super) home: Seq,
    /// What the headers of events in it say their numbers are. They may be what was damaged.
    pub(super) events: Vec<Seq>,
    /// Whether the headers lead exactly to its end.
    pub(super) followed: bool,
}

impl Wreck {
    /// Follows the headers from `from` to `to`.
    pub(super) fn read(
        file: &dyn DiskFile,
        from: u64,
        to: u64,
        home: Seq,
        before: Seq,
    ) -> io::Result<Wreck> {
        let mut wreck = Wreck {
            before,
            behind: None,
            home,
            events: Vec::new(),
            followed: false,
        };
        let mut at = from;
        while at < to {
            let mut head = [0; HEADER + 8];
            let read = file.read_at(at, &mut head)?;
            let [l0, l1, l2, l3, _, _, _, _, kind, seq @ ..] = head;
            let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let size = HEADER + len;
            if read < HEADER + 8 || len > MAX_BODY || at + size as u64 > to {
                break;
            }
            let number = u64::from_le_bytes(seq);
            // The kind may be what was damaged: the number that is due tells an event, too.
            let due = before.saturating_add(wreck.events.len() as u64);
            let is_event = Ours.may_begin(EVENT, len, &seq) && (kind == EVENT || number == due);
            if is_event {
                wreck.events.push(number);
            } else if !Ours.may_begin(kind, len, &seq) {
                break;
            }
            at += size as u64;
        }
        wreck.followed = at == to;
        if wreck.events.is_empty() && at == from {
            wreck.with_its_length_damaged(file, from, to)?;
        }
        Ok(wreck)
    }

    /// A frame whose checksum holds up to the end of the damage is whole: its length is what was damaged.
    fn with_its_length_damaged(
        &mut self,
        file: &dyn DiskFile,
        from: u64,
        to: u64,
    ) -> io::Result<()> {
        let size = usize::try_from(to - from).unwrap_or(usize::MAX);
        if !(HEADER + 8..=HEADER + MAX_BODY).contains(&size) {
            return Ok(());
        }
        let mut bytes = vec![0; size];
        if file.read_at(from, &mut bytes)? < size {
            return Ok(());
        }
        let (head, body) = bytes.split_at(HEADER);
        let crc = head
            .get(4..8)
            .and_then(|crc| crc.try_into().ok())
            .map(u32::from_le_bytes);
        if head.last() == Some(&EVENT)
            && bytes.get(HEADER - 1..).map(crc32fast::hash) == crc
            && let Some(seq) = body.first_chunk()
        {
            self.events.push(u64::from_le_bytes(*seq));
            self.followed = true;
        }
        Ok(())
    }
}

/// What is lost of a log whose oldest segment may hold `first` and whose next number is `next`; `tail` is damage at the
/// youngest segment's very end, which is among `wrecks` no more. Answers the numbers, and how many events there are
/// besides that have none of them; and the next number, above those.
pub(super) fn lost(
    mut numbers: Numbers,
    wrecks: &[Wreck],
    tail: Option<&Wreck>,
    first: Seq,
    mut next: Seq,
) -> (Vec<(Seq, Seq)>, u64, Seq) {
    let mut strays = 0;
    for wreck in wrecks {
        // Of events at home the neighbours tell; those that were moved here come on top.
        let behind = wreck.behind.unwrap_or(wreck.before);
        let at_home = behind.saturating_sub(wreck.before);
        let moved = wreck
            .events
            .iter()
            .filter(|seq| **seq < wreck.home && !numbers.holds(**seq));
        let most = (wreck.events.len() as u64).saturating_sub(at_home);
        strays += most.min(moved.count() as u64);
    }
    if let Some(tail) = tail {
        for seq in &tail.events {
            // One that is lower is missing among the others, unless it was moved here.
            if *seq == next || (tail.followed && *seq > next) {
                next = next.saturating_add(1);
            } else if tail.followed && *seq < tail.home && !numbers.holds(*seq) {
                strays += 1;
            }
        }
    }
    (numbers.missing(first, next), strays, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_no_stretch_is_missing() {
        let mut numbers = Numbers::default();
        for (first, end) in [(5, 6), (6, 9), (20, 21), (0, 3), (12, 15), (13, 14)] {
            numbers.add(first, end);
        }
        assert_eq!(
            numbers.missing(1, 25),
            [(3, 5), (9, 12), (15, 20), (21, 25)]
        );
        assert_eq!(numbers.missing(13, 20), [(15, 20)]);
        assert_eq!(numbers.missing(20, 20), []);
        assert!(numbers.holds(8) && !numbers.holds(9));
    }
}
