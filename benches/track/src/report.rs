//! The table for people and the lines for machines: medians over the rounds, the greatest for memory and the maximum.

use measure::{bench, median};

use crate::measured::Told;
use crate::sink::Tally;

/// One contender and what each round told.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Measured calls of a round.
    pub(crate) calls: u32,
    pub(crate) rounds: Vec<(Told, Tally)>,
}

impl Row {
    pub(crate) fn new(name: &'static str, calls: u32) -> Self {
        Self {
            name,
            calls,
            rounds: Vec::new(),
        }
    }

    fn middle(&self, figure: impl Fn(&Told) -> f64) -> f64 {
        median(
            &self
                .rounds
                .iter()
                .map(|(told, _)| figure(told))
                .collect::<Vec<_>>(),
        )
    }

    fn greatest(&self, figure: impl Fn(&Told) -> f64) -> f64 {
        self.rounds
            .iter()
            .map(|(told, _)| figure(told))
            .fold(0.0, f64::max)
    }

    /// Whether it delivers at all; the limits do not.
    fn delivers(&self) -> bool {
        !matches!(self.name, "idle" | "write" | "write+fdatasync")
    }
}

/// All contenders, a line each.
pub(crate) fn table(rows: &[Row], warm_up: u32) {
    println!(
        "{:<19} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>6} {:>6} {:>7} {:>8}",
        "contender",
        "calls",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "max us",
        "calls/s",
        "peak MiB",
        "arrived",
        "lost",
        "twice",
        "errors",
        "B/ev",
        "ev/req",
        "drain s"
    );
    for row in rows {
        let sum = |figure: fn(&Tally) -> u64| {
            row.rounds
                .iter()
                .map(|(_, tally)| figure(tally))
                .sum::<u64>()
        };
        let (arrived, made) = (
            sum(|tally| tally.events),
            u64::from(row.calls + warm_up) * row.rounds.len() as u64,
        );
        let of = |share: u64, whole: u64| share.checked_div(whole).unwrap_or(0);
        println!(
            "{:<19} {:>7} {:>9.2} {:>9.2} {:>9.2} {:>9.0} {:>9.0} {:>9.1} {arrived:>8} {:>8} {:>8} {:>6} {:>6} {:>7} {:>8.2}",
            row.name,
            row.calls,
            row.middle(|told| told.p50),
            row.middle(|told| told.p99),
            row.middle(|told| told.p999),
            row.greatest(|told| told.max),
            row.middle(|told| told.rate),
            row.greatest(|told| told.rss),
            if row.delivers() {
                made.saturating_sub(arrived)
            } else {
                0
            },
            sum(|tally| tally.repeated),
            row.rounds.iter().map(|(told, _)| told.refused).sum::<u32>(),
            of(sum(|tally| tally.bytes), arrived),
            of(arrived, sum(|tally| tally.requests)),
            row.middle(|told| told.drain),
        );
    }
    println!(
        "({warm_up} calls before the measured ones; arrived, lost, twice and errors are sums over the rounds)"
    );
}

/// The results, ours over theirs.
pub(crate) fn lines(rows: &[Row], lost: f64, lost_by_peer: f64) {
    let p50 = |row: &Row| row.middle(|told| told.p50);
    let p99 = |row: &Row| row.middle(|told| told.p99);
    let rss = |row: &Row| row.greatest(|told| told.rss);
    let line = |name: &str,
                unit: &str,
                figure: &dyn Fn(&Row) -> f64,
                ours: &str,
                theirs: &str,
                shown: &str| {
        let find = |name: &str| rows.iter().find(|row| row.name == name);
        if let (Some(ours), Some(theirs)) = (find(ours), find(theirs)) {
            println!("{}", bench(name, figure(ours), unit, shown, figure(theirs)));
        }
    };
    for peer in ["posthog-rs", "rudderanalytics"] {
        line("track_p50", "us", &p50, "headwater", peer, peer);
        line("track_p99", "us", &p99, "headwater", peer, peer);
        line("track_peak_rss", "MiB", &rss, "headwater", peer, peer);
    }
    line("track_p50", "us", &p50, "headwater", "write", "limit");
    line("track_p99", "us", &p99, "headwater", "write", "limit");
    line(
        "track_p50_sync",
        "us",
        &p50,
        "headwater-sync",
        "write+fdatasync",
        "limit",
    );
    line(
        "track_p99_sync",
        "us",
        &p99,
        "headwater-sync",
        "write+fdatasync",
        "limit",
    );
    line(
        "track_p50_memory",
        "us",
        &p50,
        "headwater-memory",
        "posthog-rs",
        "posthog-rs",
    );
    line(
        "track_p99_memory",
        "us",
        &p99,
        "headwater-memory",
        "posthog-rs",
        "posthog-rs",
    );
    println!(
        "{}",
        bench(
            "track_lost_on_kill",
            lost,
            "events",
            "posthog-rs",
            lost_by_peer
        )
    );
}
