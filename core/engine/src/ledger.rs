//! The ledger: which events wait, in the order of their calls. It knows sizes and times, never bodies.

use headwater_model::id::Seq;

use crate::config::Quota;
use crate::effect::DropReason;

/// One event that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: Seq,
    /// When it was queued, unix milliseconds.
    pub(crate) at: i64,
    pub(crate) len: u32,
    /// Whether the store has confirmed it.
    pub(crate) stored: bool,
    /// Made before a decision on consent: its text carries no preferences.
    pub(crate) unstamped: bool,
}

/// FIFO of what waits. The front `in_flight` entries belong to a request under way and are not evicted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The first `gone` have left; they are moved away when they are the larger part, so that leaving costs nothing.
    entries: Vec<Entry>,
    gone: usize,
    bytes: u64,
    pub(crate) in_flight: usize,
}

impl Ledger {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += u64::from(entry.len);
        self.entries.push(entry);
    }

    fn waiting(&self) -> &[Entry] {
        self.entries.get(self.gone..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting().len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn front(&self) -> Option<&Entry> {
        self.waiting().first()
    }

    pub(crate) fn last_seq(&self) -> Option<Seq> {
        self.waiting().last().map(|entry| entry.seq)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.waiting().iter()
    }

    /// How many wait up to and including `until`.
    pub(crate) fn count_until(&self, until: Seq) -> usize {
        self.waiting().partition_point(|entry| entry.seq <= until)
    }

    /// Where it stands among those that wait.
    fn position(&self, seq: Seq) -> Option<usize> {
        // Nearly always the newest.
        let at = if self.last_seq() == Some(seq) {
            self.len()
        } else {
            self.count_until(seq)
        };
        let at = at.checked_sub(1)?;
        (self.waiting().get(at)?.seq == seq).then_some(at)
    }

    pub(crate) fn mark_stored(&mut self, seq: Seq) {
        if let Some(at) = self.position(seq)
            && let Some(entry) = self.entries.get_mut(self.gone + at)
        {
            entry.stored = true;
        }
    }

    /// Whether the store has confirmed the last event up to `until`. It confirms in order, so then it has them all.
    pub(crate) fn stored_until(&self, until: Seq) -> bool {
        let after = self.count_until(until);
        after
            .checked_sub(1)
            .and_then(|at| self.waiting().get(at))
            .is_none_or(|entry| entry.stored)
    }

    /// Takes one event out, wherever it is.
    pub(crate) fn remove(&mut self, seq: Seq) -> bool {
        let Some(at) = self.position(seq) else {
            return false;
        };
        if at < self.in_flight {
            self.in_flight -= 1;
        }
        self.take(at, 1);
        true
    }

    /// Takes the first `count` out.
    pub(crate) fn take_front(&mut self, count: usize) -> Vec<Seq> {
        self.in_flight = self.in_flight.saturating_sub(count);
        self.take(0, count)
    }

    /// Up to `count` of those that wait, from the place `at` on.
    fn part(&self, at: usize, count: usize) -> &[Entry] {
        let from = self.waiting().get(at..).unwrap_or_default();
        from.get(..count).unwrap_or(from)
    }

    /// Their places in the order.
    pub(crate) fn seqs(&self, at: usize, count: usize) -> Vec<Seq> {
        let part = self.part(at, count);
        let mut seqs = Vec::with_capacity(part.len());
        for entry in part {
            seqs.push(entry.seq);
        }
        seqs
    }

    /// Takes `count` out from the place `at` on.
    fn take(&mut self, at: usize, count: usize) -> Vec<Seq> {
        let seqs = self.seqs(at, count);
        let mut bytes = 0;
        for entry in self.part(at, count) {
            bytes += u64::from(entry.len);
        }
        self.bytes -= bytes;
        let (first, count) = (self.gone + at, seqs.len());
        if at <= self.len() / 2 {
            // What stands before (in flight, so not many) moves up, however much stands behind.
            self.entries
                .copy_within(self.gone..first, self.gone + count);
            self.gone += count;
            if self.gone > self.entries.len() / 2 {
                self.close_gap(0, self.gone);
                self.gone = 0;
            }
        } else {
            self.close_gap(first, first + count);
        }
        seqs
    }

    /// What stands from `next` on moves to `to`.
    fn close_gap(&mut self, to: usize, next: usize) {
        self.entries.copy_within(next.., to);
        self.entries.truncate(self.entries.len() - (next - to));
    }

    pub(crate) fn take_all(&mut self) -> Vec<Seq> {
        self.take_front(self.len())
    }

    /// Takes out what is over the quota, oldest first, sparing what is in flight.
    pub(crate) fn evict(&mut self, quota: &Quota, wall: i64) -> Option<(DropReason, Vec<Seq>)> {
        let oldest = self.waiting().get(self.in_flight)?;
        let expired = |entry: &Entry| {
            wall.saturating_sub(entry.at) > i64::try_from(quota.age).unwrap_or(i64::MAX)
        };
        let reason = if self.bytes > quota.bytes {
            DropReason::QuotaBytes
        } else if self.len() > quota.events {
            DropReason::QuotaEvents
        } else if expired(oldest) {
            DropReason::TooOld
        } else {
            return None;
        };
        let mut gone = 0;
        let (mut bytes, mut count) = (self.bytes, self.len());
        for entry in self.waiting().iter().skip(self.in_flight) {
            if bytes <= quota.bytes && count <= quota.events && !expired(entry) {
                break;
            }
            bytes -= u64::from(entry.len);
            count -= 1;
            gone += 1;
        }
        Some((reason, self.take(self.in_flight, gone)))
    }
}
