//! Turns questions for claims away in memory.

/// The half of a claim that a run is ordered and its filter is spread by.
pub(super) fn upper(claim: u128) -> u64 {
    (claim >> 64) as u64
}

/// A Bloom filter in blocks of a cache line: one miss a question, about 1.5 % false alarms.
#[derive(Debug)]
pub(super) struct Filter {
    words: Vec<u64>,
}

/// 64-bit words in a block.
const BLOCK: usize = 8;
/// Bits set for a claim.
const PROBES: u32 = 5;

impl Filter {
    pub(super) fn sized(claims: usize) -> Self {
        let blocks = (claims * 10).div_ceil(BLOCK * 64).max(1);
        Self {
            words: vec![0; blocks * BLOCK],
        }
    }

    pub(super) fn insert(&mut self, claim: u128) {
        let start = self.block(claim);
        for (word, bit) in probes(claim) {
            if let Some(word) = self.words.get_mut(start + word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn may_hold(&self, claim: u128) -> bool {
        let start = self.block(claim);
        probes(claim).all(|(word, bit)| {
            self.words
                .get(start + word)
                .is_some_and(|word| word & bit != 0)
        })
    }

    /// Bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    fn block(&self, claim: u128) -> usize {
        let blocks = (self.words.len() / BLOCK) as u128;
        ((u128::from(upper(claim)) * blocks) >> 64) as usize * BLOCK
    }
}

/// The lower half is independent of the block, which comes from the upper one.
fn probes(claim: u128) -> impl Iterator<Item = (usize, u64)> {
    let low = claim as u64;
    (0..PROBES).map(move |probe| {
        let nine = (low >> (probe * 9)) & 511;
        ((nine >> 6) as usize, 1 << (nine & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Fingerprinter;

    fn claims(range: std::ops::Range<u32>) -> Vec<u128> {
        let source = Fingerprinter::new([3; 16]).source("s");
        range.map(|n| source.claim(&n.to_le_bytes()).0).collect()
    }

    #[test]
    fn the_filter_turns_most_questions_away() {
        let mut filter = Filter::sized(100_000);
        for claim in claims(0..100_000) {
            filter.insert(claim);
        }
        let alarms = claims(100_000..200_000)
            .iter()
            .filter(|claim| filter.may_hold(**claim))
            .count();
        assert!(alarms < 3_000, "{alarms} false alarms in 100,000");
    }
}
