//! Claims in memory, those of one stretch of time.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_model::time::Millis;

use super::{Claim, Extent};

/// Fingerprints are hashes already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

type Set = HashSet<u128, BuildHasherDefault<Identity>>;

/// Claims of one stretch of time.
#[derive(Debug, Default)]
pub(super) struct Generation {
    claims: Set,
    pub(super) oldest: Millis,
    pub(super) newest: Millis,
    /// Where the records lie that made its claims.
    pub(super) extent: Extent,
    doubt: AtomicBool,
}

impl Generation {
    /// An empty one in place of `old`, of the same stretch and time.
    pub(super) fn in_place_of(old: &Self) -> Self {
        Self {
            oldest: old.oldest,
            newest: old.newest,
            extent: old.extent,
            ..Self::default()
        }
    }

    /// Takes a claim back in; its time is the generation's.
    pub(super) fn put(&mut self, claim: Claim) {
        self.claims.insert(claim.0);
    }

    /// Whether the claim is new here; takes it then.
    pub(super) fn take(&mut self, claim: Claim, at: Millis) -> bool {
        if !self.claims.insert(claim.0) {
            return false;
        }
        if self.claims.len() == 1 {
            self.oldest = at;
            self.newest = at;
        }
        self.newest = self.newest.max(at);
        true
    }

    /// Gives a claim back.
    pub(super) fn release(&mut self, claim: Claim) {
        self.claims.remove(&claim.0);
    }

    /// Whether the claim is taken.
    pub(super) fn contains(&self, claim: Claim) -> bool {
        self.claims.contains(&claim.0)
    }

    /// How many claims it holds.
    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    /// Its claims in ascending order.
    pub(super) fn sorted(&self) -> Vec<u128> {
        let mut claims: Vec<u128> = self.claims.iter().copied().collect();
        claims.sort_unstable();
        claims
    }

    /// Whether records that made its claims are lost.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Relaxed)
    }

    /// From now on it is to be built again.
    pub(super) fn put_in_doubt(&self) {
        self.doubt.store(true, Ordering::Relaxed);
    }
}
