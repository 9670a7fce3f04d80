//! The tables for people: medians over the rounds, the greatest for memory and the maximum, sums for counts.

use measure::median;

use crate::case::{Case, Hub, Pace, RATE};
use crate::measured::Told;
use crate::sink::Tally;

/// One case and what each round told.
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) rounds: Vec<(Told, Tally)>,
}

impl Row {
    pub(crate) fn new(case: Case) -> Self {
        Self {
            case,
            rounds: Vec::new(),
        }
    }

    pub(crate) fn middle(&self, figure: impl Fn(&Told) -> f64) -> f64 {
        let told = self.rounds.iter().map(|(told, _)| figure(told));
        median(&told.collect::<Vec<_>>())
    }

    pub(crate) fn greatest(&self, figure: impl Fn(&Told) -> f64) -> f64 {
        let told = self.rounds.iter().map(|(told, _)| figure(told));
        told.fold(0.0, f64::max)
    }

    /// Requests of a round.
    pub(crate) fn requests(&self) -> f64 {
        let counts = self.rounds.iter().map(|(_, tally)| tally.requests as f64);
        median(&counts.collect::<Vec<_>>())
    }

    /// Measured calls of all rounds whose event never arrived; 0 for those that do not deliver.
    pub(crate) fn lost(&self) -> u64 {
        if !self.case.delivers() {
            return 0;
        }
        let made = u64::from(self.case.calls) * self.rounds.len() as u64;
        made.saturating_sub(self.sum(|tally| tally.events))
    }

    fn sum(&self, figure: impl Fn(&Tally) -> u64) -> u64 {
        self.rounds.iter().map(|(_, tally)| figure(tally)).sum()
    }
}

/// All cases, a line each: bursts, then those at a pace.
pub(crate) fn tables(rows: &[Row], warm_up: u32) {
    let of = |pace| rows.iter().filter(move |row: &&Row| row.case.pace == pace);
    table("without a pause", of(Pace::Burst));
    table(&format!("{RATE} calls a second"), of(Pace::Even));
    println!(
        "({warm_up} calls before the measured ones, not counted; cpu is the whole process for each call, delivery included;\n\
         arrived, lost, twice and errors are sums over the rounds, requests the median)"
    );
}

fn table<'a>(title: &str, rows: impl Iterator<Item = &'a Row>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    println!("{title}:");
    println!(
        "{:<19} {:>7} {:>7} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7} {:>8} {:>8} {:>7} {:>7} {:>6} {:>5} {:>8} {:>7}",
        "contender",
        "hub",
        "calls",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "max us",
        "calls/s",
        "cpu us",
        "user",
        "system",
        "peak MiB",
        "arrived",
        "lost",
        "twice",
        "errors",
        "B/ev",
        "requests",
        "drain s"
    );
    for row in rows {
        let arrived = row.sum(|tally| tally.events);
        println!(
            "{:<19} {:>7} {:>7} {:>8.2} {:>8.2} {:>9.2} {:>8.0} {:>8.0} {:>8.2} {:>7.2} {:>7.2} {:>8.1} {arrived:>8} {:>7} {:>7} {:>6} {:>5} {:>8} {:>7.2}",
            row.case.name,
            match row.case.hub {
                Hub::Up => "up",
                Hub::Refuses => "refuses",
                Hub::Fails => "500",
            },
            row.case.calls,
            row.middle(|told| told.p50),
            row.middle(|told| told.p99),
            row.middle(|told| told.p999),
            row.greatest(|told| told.max),
            row.middle(|told| told.rate),
            row.middle(Told::cpu),
            row.middle(|told| told.user),
            row.middle(|told| told.system),
            row.greatest(|told| told.rss),
            row.lost(),
            row.sum(|tally| tally.repeated),
            row.rounds.iter().map(|(told, _)| told.refused).sum::<u32>(),
            row.sum(|tally| tally.bytes)
                .checked_div(arrived)
                .unwrap_or(0),
            row.requests(),
            row.middle(|told| told.drain),
        );
    }
}
