//! Who is connected, how many of each peer, and who gives way when there is no room.
//!
//! Invariant: a connection that has a request in hand never gives way; one that has none always may. So connections that
//! say nothing, however many there are, never keep a request out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::activity::Activity;
use crate::peer::PeerNetwork;

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    most_per_peer: usize,
    by_peer: Mutex<HashMap<PeerNetwork, Vec<Arc<Open>>>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Open {
    peer: PeerNetwork,
    is_exempt: bool,
    pub(super) activity: Arc<Activity>,
    told: AtomicBool,
    /// Told to close.
    pub(super) give_way: Notify,
}

impl Open {
    fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
        self.give_way.notify_one();
    }
}

/// A place among the connections; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    pub(super) open: Arc<Open>,
}

/// Whether there was room.
#[derive(Debug)]
pub(super) enum Entered {
    /// There was.
    Free(Place),
    /// Another connection of the peer gives way.
    Instead(Place),
    /// The peer has as many requests in hand as it may have connections.
    Refused,
}

impl Connections {
    pub(super) fn new(most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            most_per_peer,
            by_peer: Mutex::default(),
        })
    }

    /// Takes a place for a new connection. A peer that is exempt (a proxy speaks for many) has no bound of its own.
    pub(super) fn enter(self: &Arc<Self>, peer: PeerNetwork, is_exempt: bool) -> Entered {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_peer.entry(peer).or_default();
        let staying = own
            .iter()
            .filter(|open| !open.told.load(Ordering::Relaxed))
            .count();
        let is_full = !is_exempt && staying >= self.most_per_peer;
        if is_full {
            match longest_at_rest(&*own) {
                Some(open) => open.tell(),
                None => return Entered::Refused,
            }
        }
        let open = Arc::new(Open {
            peer,
            is_exempt,
            activity: Activity::begin(),
            told: AtomicBool::new(false),
            give_way: Notify::new(),
        });
        own.push(Arc::clone(&open));
        let place = Place {
            connections: Arc::clone(self),
            open,
        };
        if is_full {
            Entered::Instead(place)
        } else {
            Entered::Free(place)
        }
    }

    /// Tells the connection that has been at rest for longest, whosever it is, to give way to `newest`; proxies' only
    /// when there is no other. `false` when all have a request in hand.
    pub(super) fn make_room(&self, newest: &Arc<Open>) -> bool {
        let by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |exempt: bool| {
            longest_at_rest(
                by_peer
                    .values()
                    .flatten()
                    .filter(|open| open.is_exempt == exempt && !Arc::ptr_eq(open, newest)),
            )
        };
        let found = others(false).or_else(|| others(true));
        if let Some(open) = found {
            open.tell();
        }
        found.is_some()
    }
}

fn longest_at_rest<'a>(open: impl IntoIterator<Item = &'a Arc<Open>>) -> Option<&'a Arc<Open>> {
    open.into_iter()
        .filter(|open| !open.told.load(Ordering::Relaxed))
        .filter_map(|open| Some((open.activity.resting_since()?, open)))
        .min_by_key(|(since, _)| *since)
        .map(|(_, open)| open)
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_peer = self
            .connections
            .by_peer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by_peer.get_mut(&self.open.peer) {
            own.retain(|open| !Arc::ptr_eq(open, &self.open));
            if own.is_empty() {
                by_peer.remove(&self.open.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> PeerNetwork {
        PeerNetwork::of([192, 0, 2, last].into())
    }

    fn place(entered: Entered) -> Place {
        match entered {
            Entered::Free(place) | Entered::Instead(place) => place,
            Entered::Refused => panic!("refused"),
        }
    }

    fn is_told(place: &Place) -> bool {
        place.open.told.load(Ordering::Relaxed)
    }

    #[test]
    fn at_its_bound_a_peers_connection_that_rests_longest_gives_way_and_no_request_does() {
        let connections = Connections::new(2);
        let busy = place(connections.enter(peer(1), false));
        let request = busy.open.activity.request();
        let silent = place(connections.enter(peer(1), false));
        let other = place(connections.enter(peer(2), false));
        let Entered::Instead(newest) = connections.enter(peer(1), false) else {
            panic!("the silent one gives way");
        };
        assert!(is_told(&silent) && !is_told(&busy) && !is_told(&other));
        let second = newest.open.activity.request();
        assert!(matches!(
            connections.enter(peer(1), false),
            Entered::Refused
        ));
        assert!(matches!(connections.enter(peer(1), true), Entered::Free(_)));
        drop((request, second));
        drop((busy, newest, silent));
        assert!(matches!(
            connections.enter(peer(1), false),
            Entered::Free(_)
        ));
    }

    #[test]
    fn for_want_of_room_strangers_give_way_before_proxies_and_the_newest_never_does() {
        let connections = Connections::new(10);
        let proxy = place(connections.enter(peer(1), true));
        let stranger = place(connections.enter(peer(2), false));
        let newest = place(connections.enter(peer(3), false));
        assert!(connections.make_room(&newest.open) && is_told(&stranger) && !is_told(&proxy));
        assert!(connections.make_room(&newest.open) && is_told(&proxy));
        assert!(!connections.make_room(&newest.open) && !is_told(&newest));
    }
}
