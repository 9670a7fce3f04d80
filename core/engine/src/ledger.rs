//! The ledger: which events wait, in the order of their calls. It knows sizes and times, never bodies.

use std::collections::VecDeque;

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
    entries: VecDeque<Entry>,
    bytes: u64,
    pub(crate) in_flight: usize,
}

impl Ledger {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += u64::from(entry.len);
        self.entries.push_back(entry);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(crate) fn last_seq(&self) -> Option<Seq> {
        self.entries.back().map(|entry| entry.seq)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn position(&self, seq: Seq) -> Option<usize> {
        self.entries
            .binary_search_by_key(&seq, |entry| entry.seq)
            .ok()
    }

    pub(crate) fn mark_stored(&mut self, seq: Seq) {
        // Nearly always the newest.
        match self.entries.back_mut() {
            Some(entry) if entry.seq == seq => entry.stored = true,
            _ => {
                if let Some(at) = self.position(seq)
                    && let Some(entry) = self.entries.get_mut(at)
                {
                    entry.stored = true;
                }
            }
        }
    }

    /// Whether the store has confirmed the last event up to `until`. It confirms in order, so then it has them all.
    pub(crate) fn stored_until(&self, until: Seq) -> bool {
        let after = self.entries.partition_point(|entry| entry.seq <= until);
        after
            .checked_sub(1)
            .and_then(|at| self.entries.get(at))
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
        if let Some(entry) = self.entries.remove(at) {
            self.bytes -= u64::from(entry.len);
        }
        true
    }

    /// Takes the first `count` out.
    pub(crate) fn take_front(&mut self, count: usize) -> Vec<Seq> {
        let count = count.min(self.entries.len());
        self.in_flight = self.in_flight.saturating_sub(count);
        let bytes = &mut self.bytes;
        self.entries
            .drain(..count)
            .map(|entry| {
                *bytes -= u64::from(entry.len);
                entry.seq
            })
            .collect()
    }

    pub(crate) fn take_all(&mut self) -> Vec<Seq> {
        self.take_front(self.entries.len())
    }

    /// How many wait up to and including `until`.
    pub(crate) fn count_until(&self, until: Seq) -> u64 {
        self.entries.partition_point(|entry| entry.seq <= until) as u64
    }

    /// Takes out what is over the quota, oldest first, sparing what is in flight.
    pub(crate) fn evict(&mut self, quota: &Quota, wall: i64) -> Option<(DropReason, Vec<Seq>)> {
        let oldest = self.entries.get(self.in_flight)?;
        let expired = |entry: &Entry| {
            wall.saturating_sub(entry.at) > i64::try_from(quota.age).unwrap_or(i64::MAX)
        };
        let reason = if self.bytes > quota.bytes {
            DropReason::QuotaBytes
        } else if self.entries.len() > quota.events {
            DropReason::QuotaEvents
        } else if expired(oldest) {
            DropReason::TooOld
        } else {
            return None;
        };
        let mut gone = 0;
        let (mut bytes, mut count) = (self.bytes, self.entries.len());
        for entry in self.entries.iter().skip(self.in_flight) {
            if bytes <= quota.bytes && count <= quota.events && !expired(entry) {
                break;
            }
            bytes -= u64::from(entry.len);
            count -= 1;
            gone += 1;
        }
        let first = self.in_flight;
        self.bytes = bytes;
        let seqs = self
            .entries
            .drain(first..first + gone)
            .map(|entry| entry.seq)
            .collect();
        Some((reason, seqs))
    }
}
