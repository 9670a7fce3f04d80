//! Five hundred lives in every test run, and those that once went wrong, by name.

use headwater_simulation::{Life, Site, Totals};

fn lives(seeds: impl IntoIterator<Item = u64>) -> Totals {
    let mut totals = Totals::default();
    for seed in seeds {
        let life = Life::run(seed);
        assert!(
            life.failures().is_empty(),
            "sim --seed {seed}: {:#?}",
            life.failures()
        );
        totals.add(&life.totals());
        let site = Site::run(seed);
        assert!(
            site.failures().is_empty(),
            "sim --seed {seed}: {:#?}",
            site.failures()
        );
        totals.add(&site.totals());
    }
    totals
}

#[test]
fn five_hundred_lives_lose_nothing_double_nothing_and_keep_the_order() {
    let totals = lives(0..500);
    println!("{totals}");
    // Storms that never came would prove nothing.
    assert!(
        totals.faults > 5_000 && totals.promised > 20_000 && totals.reported > 1_000,
        "{totals}"
    );
}

#[test]
fn a_life_is_the_same_whenever_it_is_lived() {
    for seed in [1, 77, 4_083] {
        assert_eq!(Life::run(seed).trace(), Life::run(seed).trace());
        assert_eq!(Site::run(seed).trace(), Site::run(seed).trace());
    }
}

#[test]
fn events_purged_for_want_of_consent_do_not_go_out_after_a_power_cut_brought_them_back() {
    lives([224, 670]);
}

#[test]
fn a_withdrawal_holds_over_crashes_and_power_cuts_once_the_disk_has_it() {
    lives([5_378, 10_352, 12_183]);
}

#[test]
fn what_a_guard_let_go_and_a_full_disk_did_not_take_is_still_kept_back_after_a_crash() {
    lives([105, 981]);
}

#[test]
fn an_event_whose_guard_fails_when_consent_is_denied_is_reported_and_not_kept() {
    lives([90]);
}

#[test]
fn two_decisions_in_a_row_do_not_go_round_and_round_between_tabs() {
    lives([133]);
}

#[test]
fn a_decision_whose_tab_died_before_telling_of_it_reaches_the_others() {
    lives([1_553, 1_687]);
}
