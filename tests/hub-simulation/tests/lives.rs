//! Lives that every test run lives.

use headwater_hub_simulation::{Verdict, live};

#[test]
fn five_hundred_lives_lose_double_and_forget_nothing() {
    let mut all = Verdict::default();
    for seed in 0..500 {
        let verdict = live(seed);
        assert!(verdict.is_clean(), "seed {seed}: {verdict:?}");
        all.add(verdict);
    }
    assert!(all.crashes > 1_000, "{all:?}");
    assert!(all.steps > 100_000, "{all:?}");
}
