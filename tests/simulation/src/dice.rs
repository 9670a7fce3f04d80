//! The only randomness of a life: the same seed rolls the same.

/// One life's dice.
#[derive(Clone, Debug)]
pub(crate) struct Dice(headwater_dice::Dice);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(headwater_dice::Dice::new(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d,
        ))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.roll()
    }

    /// `0..sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides.max(1)
    }

    pub(crate) fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.roll(to - from + 1)
    }

    /// True `permille` times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.roll(1_000) < permille
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let at = usize::try_from(self.roll(of.len() as u64)).unwrap_or(0);
        of.get(at).copied()
    }

    pub(crate) fn entropy(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&self.next().to_le_bytes());
        second.copy_from_slice(&self.next().to_le_bytes());
        bytes
    }
}
