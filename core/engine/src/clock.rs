//! Time, as an argument.

use headwater_model::time::Millis;

/// The two clocks of the host at the moment of an input.
///
/// `wall` stamps events and survives restarts; it may jump. `mono` measures delays within one life of the process;
/// it never goes back. Both are milliseconds; `mono` has an arbitrary zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Unix time.
    pub wall: Millis,
    /// A monotonic clock.
    pub mono: u64,
}

/// A small generator for jitter (splitmix64): the engine's only "random" source, seeded by the host.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    /// A number in `0..=999`.
    pub(crate) fn permille(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        u32::try_from(z % 1000).unwrap_or(0)
    }
}
