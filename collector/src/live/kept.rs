//! The latest of what is shown, bounded by number and by bytes. It is also what readers of the stream read from, each at its
//! own place, so that a slow one costs nothing: it loses what left meanwhile, and hears how much that was.

use std::collections::VecDeque;
use std::sync::Arc;

use super::shown::{Draft, Shown, Wanted};
use crate::log::Tally;

/// Events kept.
const KEPT: usize = 1000;
/// Bytes of them.
const KEPT_BYTES: usize = 8 << 20;
/// Refused requests kept, apart from events: anybody can send them, and however many come, they push no event out.
const KEPT_STRANGERS: usize = 200;
/// Bytes of these.
const KEPT_STRANGERS_BYTES: usize = 1 << 20;

/// All that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// The number that was given last.
    last: u64,
    /// Up to this number all was forgotten on purpose.
    forgotten: u64,
    known: Latest,
    strangers: Latest,
    pub(super) baseline: Tally,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            last: 0,
            forgotten: 0,
            known: Latest::of(KEPT, KEPT_BYTES),
            strangers: Latest::of(KEPT_STRANGERS, KEPT_STRANGERS_BYTES),
            baseline: Tally::default(),
        }
    }
}

impl Kept {
    /// Keeps one more and says its number.
    pub(super) fn push(&mut self, draft: Draft, is_stranger: bool) -> u64 {
        self.last += 1;
        let shown = Arc::new(draft.numbered(self.last));
        if is_stranger {
            self.strangers.push(shown);
        } else {
            self.known.push(shown);
        }
        self.last
    }

    /// The first behind `place`, and how many between them are gone.
    pub(super) fn after(&self, place: u64) -> Option<(u64, Arc<Shown>)> {
        let next = [&self.known, &self.strangers]
            .into_iter()
            .filter_map(|latest| latest.after(place))
            .min_by_key(|shown| shown.id)?;
        let gone = next.id - 1 - place.max(self.forgotten).min(next.id - 1);
        Some((gone, Arc::clone(next)))
    }

    /// The place behind which there are `count`, or all there are.
    pub(super) fn place_before(&self, count: usize) -> u64 {
        match count.checked_sub(1) {
            Some(index) => {
                let newest = self.newest_first();
                let first = newest.get(index).or(newest.last());
                first.map_or(self.last, |first| first.id - 1)
            }
            None => self.last,
        }
    }

    /// Those that are wanted, newest first.
    pub(super) fn list(&self, wanted: &Wanted, limit: usize) -> Vec<Arc<Shown>> {
        let newest = self.newest_first().into_iter();
        newest
            .filter(|shown| wanted.fits(shown))
            .take(limit)
            .cloned()
            .collect()
    }

    fn newest_first(&self) -> Vec<&Arc<Shown>> {
        let all = self.known.shown.iter().chain(&self.strangers.shown);
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|shown| std::cmp::Reverse(shown.id));
        all
    }

    /// Forgets those that are wanted.
    pub(super) fn drop_those(&mut self, wanted: &Wanted) {
        for latest in [&mut self.known, &mut self.strangers] {
            latest.shown.retain(|shown| !wanted.fits(shown));
            latest.bytes = latest.shown.iter().map(|shown| shown.bytes()).sum();
        }
    }

    pub(super) fn forget(&mut self, baseline: Tally) {
        self.known.clear();
        self.strangers.clear();
        self.forgotten = self.last;
        self.baseline = baseline;
    }
}

/// A part of it, oldest first.
#[derive(Debug)]
struct Latest {
    most: usize,
    most_bytes: usize,
    bytes: usize,
    shown: VecDeque<Arc<Shown>>,
}

impl Latest {
    fn of(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            bytes: 0,
            shown: VecDeque::new(),
        }
    }

    fn push(&mut self, shown: Arc<Shown>) {
        self.bytes += shown.bytes();
        self.shown.push_back(shown);
        while self.shown.len() > self.most || self.bytes > self.most_bytes {
            let Some(oldest) = self.shown.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
        }
    }

    fn after(&self, place: u64) -> Option<&Arc<Shown>> {
        let index = self.shown.partition_point(|shown| shown.id <= place);
        self.shown.get(index)
    }

    fn clear(&mut self) {
        self.shown.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use headwater_model::time::Millis;

    use super::super::Sort;
    use super::super::shown::Told;
    use super::*;

    fn draft(bytes: usize) -> Draft {
        let told = Told {
            sort: Sort::Good,
            received: Millis(0),
            source: String::new(),
            kind: None,
            reason: None,
            event: Some(format!("\"{}\"", "x".repeat(bytes)).into_bytes()),
        };
        Draft::of(told, &RandomState::new())
    }

    #[test]
    fn a_reader_hears_exactly_how_many_left_before_it_came_to_them() {
        let mut kept = Kept::default();
        for n in 0..KEPT as u64 + 10 {
            assert_eq!(kept.push(draft(1), false), n + 1);
        }
        let (gone, first) = kept.after(0).unwrap();
        assert_eq!((gone, first.id), (10, 11));
        let (gone, next) = kept.after(11).unwrap();
        assert_eq!((gone, next.id), (0, 12));
        assert!(kept.after(KEPT as u64 + 10).is_none());
        kept.forget(Tally::default());
        assert!(kept.after(0).is_none());
        kept.push(draft(1), false);
        assert_eq!(kept.after(500).unwrap().0, 0, "forgotten is not lost");
    }

    #[test]
    fn strangers_push_no_event_out_and_the_order_is_one() {
        let mut kept = Kept::default();
        kept.push(draft(1), false);
        for _ in 0..2 * KEPT {
            kept.push(draft(1), true);
        }
        kept.push(draft(1), false);
        assert_eq!(kept.after(0).unwrap().1.id, 1);
        let (gone, next) = kept.after(1).unwrap();
        assert_eq!(gone as usize, 2 * KEPT - KEPT_STRANGERS);
        assert_eq!(next.id, 2 + gone);
        let newest = kept.newest_first();
        assert!(newest.is_sorted_by(|a, b| a.id > b.id));
        assert_eq!(newest.len(), KEPT_STRANGERS + 2);
        assert_eq!(kept.place_before(1), 2 * KEPT as u64 + 1);
        assert_eq!(kept.place_before(0), 2 * KEPT as u64 + 2);
        assert_eq!(kept.place_before(usize::MAX), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes() {
        let mut kept = Kept::default();
        for _ in 0..1000 {
            kept.push(draft(40_000), false);
            kept.push(draft(40_000), true);
        }
        let bytes = |latest: &Latest| {
            latest
                .shown
                .iter()
                .map(|shown| shown.bytes())
                .sum::<usize>()
        };
        assert!(bytes(&kept.known) <= KEPT_BYTES && kept.known.shown.len() > 200);
        assert!(bytes(&kept.strangers) <= KEPT_STRANGERS_BYTES);
    }
}
