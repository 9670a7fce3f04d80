//! How many bytes of bodies are held at one time, over all connections and for each peer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::peer::PeerNetwork;

/// What a request costs before a byte of its body has arrived: its headers, its task and what waits for it. 32,768 streams
/// of HTTP/2 that only begin took 14 KB each; half of that, since over HTTP/1 the connections are bounded already, and
/// all of the default `max_connections`, each with a request, must leave room for bodies.
const REQUEST: usize = 8 * 1024;

/// The part of a peer's share up to which it holds little: 1 MiB at the defaults, a batch of 500 KB in both forms.
const LITTLE: usize = 16;

/// The part of the whole that is had on top by peers that hold little, so that a few which hold all they may make only
/// each other wait.
const RESERVE: usize = 8;

/// The bounds.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    max_per_peer: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_peer: HashMap<PeerNetwork, usize>,
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
            // The configuration speaks of bodies: the largest in both forms fits beside its request.
            max: max.saturating_add(REQUEST),
            max_per_peer: max_per_peer.saturating_add(REQUEST),
            held: Mutex::default(),
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

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, peer: Option<PeerNetwork>, more: usize) -> bool {
        let mut held = self.held();
        let share = peer
            .and_then(|peer| held.by_peer.get(&peer))
            .map_or(more, |share| share + more);
        let is_little = peer.is_some() && share <= self.max_per_peer / LITTLE;
        let max = if is_little {
            self.max + self.max / RESERVE
        } else {
            self.max
        };
        let fits = held.total + more <= max && (peer.is_none() || share <= self.max_per_peer);
        if fits {
            held.total += more;
            if let Some(peer) = peer {
                held.by_peer.insert(peer, share);
            }
        }
        fits
    }

    fn give_back(&self, peer: Option<PeerNetwork>, bytes: usize) {
        let mut held = self.held();
        held.total -= bytes;
        if let Some(Entry::Occupied(mut share)) = peer.map(|peer| held.by_peer.entry(peer)) {
            *share.get_mut() -= bytes;
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
        assert_eq!(budget.held().total, 0);
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
        assert_eq!(budget.held().total, 0);
        assert!(budget.held().by_peer.is_empty());
    }

    #[test]
    fn when_all_is_held_by_others_a_peer_that_holds_little_is_served_still() {
        let share = 16 * REQUEST;
        let budget = Budget::new(4 * share, share);
        let mut hoarders: Vec<Charge> = (0..4).filter_map(|n| budget.open(peer(n))).collect();
        for hoarder in &mut hoarders {
            assert!(hoarder.hold(share));
        }
        let mut one_more = budget.open(peer(9)).unwrap();
        assert!(!one_more.hold(share / 2), "not much");
        assert!(budget.open(peer(8)).is_some());
        assert!(budget.open(None).is_none());
        assert!(!hoarders[0].add(1));
    }
}
