//! The lines for machines, ours over theirs.

use measure::bench;

use crate::case::{Hub, Pace};
use crate::measured::Told;
use crate::report::Row;

const PEERS: [&str; 3] = ["segment", "posthog-rs", "rudderanalytics"];

type Figure = fn(&Row) -> f64;

fn p50(row: &Row) -> f64 {
    row.middle(|told| told.p50)
}

fn p99(row: &Row) -> f64 {
    row.middle(|told| told.p99)
}

fn rss(row: &Row) -> f64 {
    row.greatest(|told| told.rss)
}

fn cpu(row: &Row) -> f64 {
    row.middle(Told::cpu)
}

fn lost(row: &Row) -> f64 {
    row.lost() as f64 / row.rounds.len().max(1) as f64
}

/// The rows of one pace and state of the hub.
struct Part<'a> {
    rows: &'a [Row],
    pace: Pace,
    hub: Hub,
}

impl Part<'_> {
    fn find(&self, name: &str) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| (row.case.name, row.case.pace, row.case.hub) == (name, self.pace, self.hub))
    }

    fn line(
        &self,
        name: &str,
        unit: &str,
        figure: Figure,
        (ours, theirs): (&str, &str),
        shown: &str,
    ) {
        if let (Some(ours), Some(theirs)) = (self.find(ours), self.find(theirs)) {
            println!("{}", bench(name, figure(ours), unit, shown, figure(theirs)));
        }
    }

    fn against(&self, name: &str, unit: &str, figure: Figure, peer: &str) {
        self.line(name, unit, figure, ("headwater", peer), peer);
    }

    /// What an event costs beside the crate `segment` and the one write that it does not make. The harness alone is taken
    /// off all of them: at a pace it is most of the figure, and would bring any ratio near 1.
    fn cpu_beside_segment_and_write(&self, name: &str) {
        let net = |name: &str| {
            let idle = self.find("idle")?;
            Some(cpu(self.find(name)?) - cpu(idle))
        };
        if let (Some(ours), Some(segment), Some(write)) =
            (net("headwater"), net("segment"), net("write(2)"))
        {
            println!(
                "{}",
                bench(name, ours, "us", "segment+write", segment + write)
            );
        }
    }
}

pub(crate) fn lines(rows: &[Row], lost_on_kill: f64, lost_by_peer: f64) {
    let part = |pace, hub| Part { rows, pace, hub };
    let burst = part(Pace::Burst, Hub::Up);
    for peer in PEERS {
        burst.against("track_p50", "us", p50, peer);
        burst.against("track_p99", "us", p99, peer);
        burst.against("track_peak_rss", "MiB", rss, peer);
        burst.against("track_cpu", "us", cpu, peer);
    }
    burst.cpu_beside_segment_and_write("track_cpu");
    let memory = ("headwater-memory", "posthog-rs");
    let sync = ("headwater-sync", "write+fdatasync");
    burst.line("track_p50", "us", p50, ("headwater", "write"), "limit");
    burst.line("track_p99", "us", p99, ("headwater", "write"), "limit");
    burst.line("track_p50_sync", "us", p50, sync, "limit");
    burst.line("track_p99_sync", "us", p99, sync, "limit");
    burst.line("track_p50_memory", "us", p50, memory, memory.1);
    burst.line("track_p99_memory", "us", p99, memory, memory.1);

    let paced = part(Pace::Even, Hub::Up);
    for peer in PEERS {
        paced.against("track_p50_paced", "us", p50, peer);
        paced.against("track_p99_paced", "us", p99, peer);
        paced.against("track_cpu_paced", "us", cpu, peer);
        paced.against("track_requests_paced", "requests", Row::requests, peer);
    }
    paced.cpu_beside_segment_and_write("track_cpu_paced");
    paced.line(
        "track_p50_paced",
        "us",
        p50,
        ("headwater", "write"),
        "limit",
    );
    paced.line(
        "track_p99_paced",
        "us",
        p99,
        ("headwater", "write"),
        "limit",
    );
    for (hub, shown) in [(Hub::Refuses, "refused"), (Hub::Fails, "500")] {
        let down = part(Pace::Even, hub);
        for peer in PEERS {
            down.against(&format!("track_p50_paced_{shown}"), "us", p50, peer);
            down.against(&format!("track_p99_paced_{shown}"), "us", p99, peer);
            down.against(&format!("track_lost_{shown}"), "events", lost, peer);
        }
    }
    println!(
        "{}",
        bench(
            "track_lost_on_kill",
            lost_on_kill,
            "events",
            "posthog-rs",
            lost_by_peer
        )
    );
}
