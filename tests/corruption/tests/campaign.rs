//! Two thousand cases in every test run, and those that once went wrong, by name.

use headwater_corruption::{Case, Totals, run};

fn cases(seeds: impl IntoIterator<Item = u64>) -> Totals {
    let mut totals = Totals::default();
    for seed in seeds {
        let outcome = run(seed);
        assert!(outcome.is_good(), "corrupt --seed {seed}: {outcome:#?}");
        totals.add(&outcome);
    }
    totals
}

#[test]
fn two_thousand_damaged_logs_lose_the_records_hit_and_no_other_double_nothing_and_refuse_no_lost_event()
 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let totals = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || cases((part..2000).step_by(threads as usize))))
            .collect();
        let mut totals = Totals::default();
        for part in parts {
            match part.join() {
                Ok(part) => totals.merge(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        totals
    });
    println!("{totals}");
    // Damage that hit nothing would prove nothing.
    assert!(totals.damages > 3000 && totals.damaged > 3000, "{totals:?}");
    let large = (0..2000).filter(|seed| Case::of(*seed) == Case::LargeLog);
    assert_eq!(large.count(), 20);
}

#[test]
fn a_case_is_the_same_whenever_it_is_run() {
    for seed in [3, 700] {
        assert_eq!(run(seed).told, run(seed).told);
    }
}

#[test]
fn a_record_whose_file_lost_bytes_of_its_header_before_it_is_read() {
    cases([5539]);
}

#[test]
fn a_record_whose_missing_first_byte_is_also_the_last_one_before_it_is_read() {
    cases([16_108]);
}
