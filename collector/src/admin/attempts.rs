//! Wrong admin tokens: by whom, how many, and how long until the next one is looked at.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::peer::PeerNetwork;

/// Wrong tokens that an address may show at once. A person mistypes a few, a page with an old token asks a few times.
pub(super) const BURST: u32 = 20;
/// Then one more each three seconds: ten million guesses, a short word list, take a year.
pub(super) const EVERY: Duration = Duration::from_secs(3);
/// Addresses remembered for their wrong tokens, some 64 KB of memory. Beyond it the one that waits least is forgotten.
const ADDRESSES: usize = 1024;
/// Time between two lines in the log: somebody who guesses cannot fill it.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Who showed wrong tokens, and when that was last told.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// When an address has its whole burst again.
    clear_at: HashMap<PeerNetwork, Instant>,
    told_at: Option<Instant>,
    untold: u64,
}

impl Attempts {
    /// How long this address has to wait, if it has to.
    pub(super) fn wait(&self, place: PeerNetwork, now: Instant) -> Option<Duration> {
        let used = self.clear_at.get(&place)?.saturating_duration_since(now);
        used.checked_sub(EVERY * (BURST - 1))
            .filter(|wait| !wait.is_zero())
    }

    /// Remembers one more.
    pub(super) fn failed(&mut self, place: PeerNetwork, now: Instant) {
        if self.clear_at.len() >= ADDRESSES && !self.clear_at.contains_key(&place) {
            self.clear_at.retain(|_, clear_at| *clear_at > now);
            let least = self.clear_at.iter().min_by_key(|(_, clear_at)| **clear_at);
            if self.clear_at.len() >= ADDRESSES
                && let Some(place) = least.map(|(place, _)| *place)
            {
                self.clear_at.remove(&place);
            }
        }
        let clear_at = self.clear_at.entry(place).or_insert(now);
        *clear_at = (*clear_at).max(now) + EVERY;
    }

    /// Says in the log that somebody tried, and how often since the last time. Neither token nor address stand there.
    pub(super) fn tell(&mut self, now: Instant) {
        self.untold += 1;
        if self
            .told_at
            .is_none_or(|told_at| now.saturating_duration_since(told_at) >= LOG_EVERY)
        {
            tracing::warn!(
                attempts = self.untold,
                "wrong admin token; see headwater_admin_refused_total, and the proxy's log for who it was"
            );
            self.told_at = Some(now);
            self.untold = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn no_number_of_addresses_makes_it_remember_more() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        for n in 0..ADDRESSES as u32 * 3 {
            let from = IpAddr::V4(Ipv4Addr::from_bits(n));
            attempts.failed(PeerNetwork::of(from), start);
        }
        assert_eq!(attempts.clear_at.len(), ADDRESSES);
    }
}
