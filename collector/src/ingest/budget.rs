//! How many bytes of bodies are held at one time, over all connections and for each peer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::peer::PeerNetwork;

/// What a request costs before a byte of its body has arrived: its headers, its task and what waits for it. Measured: 32,768
/// streams of HTTP/2 that only begin take 14 KB each.
const REQUEST: usize = 16 * 1024;

/// The bounds.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
    max_per_peer: usize,
    by_peer: Mutex<HashMap<PeerNetwork, usize>>,
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    /// Whose share it comes from; `None` for a proxy that does not say whom it speaks for.
    peer: Option<PeerNetwork>,
    held: usize,
}

impl Budget {
    pub(crate) fn new(max: usize, max_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            // The configuration speaks of bodies: the largest in both forms fits beside its request.
            max: max.saturating_add(REQUEST),
            max_per_peer: max_per_peer.saturating_add(REQUEST),
            by_peer: Mutex::default(),
        })
    }

    /// The charge of a new request; `None` when there is no room for one more.
    pub(crate) fn open(self: &Arc<Self>, peer: Option<PeerNetwork>) -> Option<Charge> {
        let mut charge = Charge {
            budget: Arc::clone(self),
            peer,
            held: 0,
        };
        charge.hold(REQUEST).then_some(charge)
    }

    fn take(&self, peer: Option<PeerNetwork>, more: usize) -> bool {
        let before = self.used.fetch_add(more, Ordering::Relaxed);
        let fits = before + more <= self.max
            && peer.is_none_or(|peer| {
                let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
                let share = by_peer.entry(peer).or_default();
                let fits = *share + more <= self.max_per_peer;
                if fits {
                    *share += more;
                } else if *share == 0 {
                    by_peer.remove(&peer);
                }
                fits
            });
        if !fits {
            self.used.fetch_sub(more, Ordering::Relaxed);
        }
        fits
    }

    fn give_back(&self, peer: Option<PeerNetwork>, held: usize) {
        self.used.fetch_sub(held, Ordering::Relaxed);
        let Some(peer) = peer else {
            return;
        };
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut share) = by_peer.entry(peer) {
            *share.get_mut() = share.get().saturating_sub(held);
            if *share.get() == 0 {
                share.remove();
            }
        }
    }
}

impl Charge {
    /// Holds `bytes` in all, if they are to be had; never fewer than before.
    #[must_use]
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.held).filter(|more| *more > 0) else {
            return true;
        };
        let fits = self.budget.take(self.peer, more);
        if fits {
            self.held = bytes;
        }
        fits
    }

    /// Holds `bytes` on top of what is held.
    #[must_use]
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        self.hold(self.held + bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give_back(self.peer, self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Option<PeerNetwork> {
        Some(PeerNetwork::of([192, 0, 2, last].into()))
    }

    #[test]
    fn what_is_over_the_bound_is_refused_and_what_is_dropped_is_free_again() {
        let budget = Budget::new(9 * REQUEST, 9 * REQUEST);
        let mut first = budget.open(None).unwrap();
        assert!(first.hold(6 * REQUEST) && first.hold(4 * REQUEST));
        let mut second = budget.open(None).unwrap();
        assert!(!second.add(3 * REQUEST + 1) && second.add(3 * REQUEST));
        assert!(budget.open(None).is_none());
        drop(first);
        assert!(second.hold(10 * REQUEST));
        drop(second);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_peer_at_its_share_is_refused_and_others_are_not() {
        let budget = Budget::new(9 * REQUEST, 2 * REQUEST);
        let mut first = budget.open(peer(1)).unwrap();
        let mut second = budget.open(peer(1)).unwrap();
        assert!(first.add(REQUEST) && !second.add(1));
        assert!(budget.open(peer(1)).is_none());
        let mut other = budget.open(peer(2)).unwrap();
        assert!(other.hold(3 * REQUEST));
        let mut proxy = budget.open(None).unwrap();
        assert!(proxy.hold(4 * REQUEST) && !proxy.add(1));
        drop(first);
        assert!(second.add(REQUEST));
        drop((proxy, other, second));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
        assert!(budget.by_peer.lock().unwrap().is_empty());
    }
}
