//! Who is connected, how many of each peer, and who gives way when there is no room.
//!
//! Invariant: a connection without a request in hand may always be asked to go, so connections that say nothing, however
//! many there are, never keep a request out. One that has a request in hand goes only when there is no room at all, and
//! only for a peer that has far fewer: it takes as many addresses as there are places, not eight, to fill them all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::activity::Activity;
use crate::peer::PeerNetwork;

/// Connections that a peer keeps even when there is no room for others: a browser's six, and two.
const FEW: usize = 8;

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
    /// Also with a request in hand.
    must_go: AtomicBool,
    /// Told to close.
    pub(super) give_way: Notify,
}

impl Open {
    fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
        self.give_way.notify_one();
    }

    /// Whether, having been told, it goes at once instead of ending what it does.
    pub(super) fn goes_at_once(&self) -> bool {
        self.must_go.load(Ordering::Relaxed) || self.activity.idle_since().is_some()
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
            match longest_idle(&*own) {
                Some(open) => open.tell(),
                None => return Entered::Refused,
            }
        }
        let open = Arc::new(Open {
            peer,
            is_exempt,
            activity: Activity::begin(),
            told: AtomicBool::new(false),
            must_go: AtomicBool::new(false),
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

    /// Tells a connection to give way to `newest`: the one without a request for longest, proxies' only when there is no
    /// other; else the oldest of the peer that has most, if that is more than [`FEW`] and more than twice the newcomer's.
    /// `false` when nobody has too much.
    pub(super) fn make_room(&self, newest: &Arc<Open>) -> bool {
        let by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |exempt: bool| {
            longest_idle(
                by_peer
                    .values()
                    .flatten()
                    .filter(|open| open.is_exempt == exempt && !Arc::ptr_eq(open, newest)),
            )
        };
        let found = others(false).or_else(|| others(true));
        if let Some(open) = found {
            open.tell();
            return true;
        }
        let enough = by_peer.get(&newest.peer).map_or(0, Vec::len).max(FEW / 2) * 2;
        let heaviest = by_peer
            .values()
            .filter(|own| own.len() > enough && own.iter().all(|open| !open.is_exempt))
            .max_by_key(|own| own.len());
        let oldest = heaviest
            .into_iter()
            .flatten()
            .filter(|open| !open.told.load(Ordering::Relaxed))
            .min_by_key(|open| open.activity.begun());
        if let Some(open) = oldest {
            open.must_go.store(true, Ordering::Relaxed);
            open.tell();
        }
        oldest.is_some()
    }
}

fn longest_idle<'a>(open: impl IntoIterator<Item = &'a Arc<Open>>) -> Option<&'a Arc<Open>> {
    open.into_iter()
        .filter(|open| !open.told.load(Ordering::Relaxed))
        .filter_map(|open| Some((open.activity.idle_since()?, open)))
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

    #[test]
    fn for_want_of_room_a_peer_with_many_requests_in_hand_gives_way_to_one_with_few() {
        let connections = Connections::new(100);
        let busy = |last: u8| {
            let place = place(connections.enter(peer(last), false));
            let request = place.open.activity.request();
            (place, request)
        };
        let few: Vec<_> = (0..FEW).map(|_| busy(1)).collect();
        let newest = place(connections.enter(peer(3), false));
        assert!(!connections.make_room(&newest.open), "nobody has too much");
        let many: Vec<_> = (0..=FEW).map(|_| busy(2)).collect();
        assert!(connections.make_room(&newest.open));
        let told =
            |places: &[(Place, _)]| places.iter().filter(|(place, _)| is_told(place)).count();
        assert_eq!((told(&few), told(&many)), (0, 1));
        assert!(is_told(&many[0].0) && many[0].0.open.goes_at_once());
        // The heaviest itself finds nobody who has more, once the newcomer has a request, too.
        let own = place(connections.enter(peer(2), false));
        let _request = newest.open.activity.request();
        assert!(!connections.make_room(&own.open));
    }
}
