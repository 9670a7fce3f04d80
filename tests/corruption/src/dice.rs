//! Chance, from a seed, the same on every platform.

/// A source of numbers that follow from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(headwater_dice::Dice);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(headwater_dice::Dice::new(
            seed.wrapping_mul(0xa076_1d64_78bd_642f) ^ 0xe703_7ed1_a0b4_28db,
        ))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.roll()
    }

    /// 0 up to, not including, `end`; 0 when `end` is.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % (end as u64).max(1)) as usize
    }

    /// From `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// As [`between`](Self::between), each order of magnitude as often as the others.
    pub(crate) fn spread(&mut self, least: usize, most: usize) -> usize {
        let (low, high) = ((least as f64).ln(), (most as f64).ln());
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((low + (high - low) * share).exp() as usize).clamp(least, most)
    }

    /// Once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        among.get(self.below(among.len()))
    }
}
