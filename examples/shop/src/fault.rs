//! What goes wrong, and when. The same seed gives the same faults in the same order.

/// What the link does with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it goes through.
    None,
    /// It goes through, late.
    Delay,
    /// The connection is reset before the request is read.
    Reset,
    /// Half of the request reaches the collector.
    Torn,
    /// 503 with Retry-After, from somewhere on the way.
    Unavailable,
    /// 429 with Retry-After.
    TooMany,
    /// The collector stores the events and says so, and the answer does not arrive: the SDK cannot know.
    LostAnswer,
}

/// A turn of faults: as many good requests as bad ones, each fault at least once. Dealt in shuffled order, again and
/// again, so that every demo shows every fault.
const DECK: [Fault; 16] = {
    use Fault::{Delay, LostAnswer, None, Reset, TooMany, Torn, Unavailable};
    [
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        Delay,
        Reset,
        Torn,
        Unavailable,
        TooMany,
        LostAnswer,
        LostAnswer,
        LostAnswer,
    ]
};

/// The faults to come.
#[derive(Debug)]
pub(crate) struct Plan {
    state: Option<u64>,
    left: Vec<Fault>,
}

impl Plan {
    pub(crate) fn none() -> Self {
        Self {
            state: None,
            left: Vec::new(),
        }
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            state: Some(seed),
            left: Vec::new(),
        }
    }

    pub(crate) fn draw(&mut self) -> Fault {
        let Some(state) = &mut self.state else {
            return Fault::None;
        };
        if self.left.is_empty() {
            self.left = DECK.to_vec();
            for place in (1..self.left.len()).rev() {
                let other = usize::try_from(random(state) % (place as u64 + 1)).unwrap_or(0);
                self.left.swap(place, other);
            }
        }
        self.left.pop().unwrap_or(Fault::None)
    }
}

/// SplitMix64: four lines, good enough to shuffle sixteen cards.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deal(mut plan: Plan, count: usize) -> Vec<Fault> {
        (0..count).map(|_| plan.draw()).collect()
    }

    #[test]
    fn the_same_seed_deals_the_same_faults() {
        assert_eq!(deal(Plan::seeded(3), 100), deal(Plan::seeded(3), 100));
        assert_ne!(deal(Plan::seeded(3), 100), deal(Plan::seeded(4), 100));
    }

    #[test]
    fn every_turn_shows_every_fault() {
        for seed in 0..50 {
            let dealt = deal(Plan::seeded(seed), DECK.len());
            assert!(
                DECK.iter().all(|fault| dealt.contains(fault)),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn without_faults_everything_goes_through() {
        assert!(
            deal(Plan::none(), 50)
                .iter()
                .all(|fault| *fault == Fault::None)
        );
    }
}
