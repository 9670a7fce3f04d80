//! The run: both servers side by side, the same load on one and then the other, several rounds, medians.

use std::env;
use std::path::Path;
use std::process::Command;

use measure::{Failure, Scratch, Served, bench, free_port, knob, median};

use crate::body::EVENT_BYTES;
use crate::collector;
use crate::load::{CONNECTIONS, Seen};

/// Events in a batch, one case each.
const BATCHES: [usize; 4] = [1, 20, 100, 500];

/// All rounds of one server in one case.
#[derive(Default)]
struct Case {
    seen: Vec<Seen>,
    server_cpu: f64,
    peak_rss: f64,
}

impl Case {
    fn middle(&self, figure: impl Fn(&Seen) -> f64) -> f64 {
        median(&self.seen.iter().map(figure).collect::<Vec<_>>())
    }

    fn acked(&self) -> u64 {
        self.seen.iter().map(|seen| seen.acked).sum()
    }

    /// Processor time of the server for each event it acknowledged.
    fn cpu_micros(&self) -> f64 {
        self.server_cpu * 1e6 / self.acked() as f64
    }

    fn row(&self, name: &str, batch: usize) {
        let rate = self.middle(|seen| seen.rate);
        let spread = |pick: fn(f64, f64) -> f64| {
            self.seen
                .iter()
                .map(|seen| seen.rate)
                .reduce(pick)
                .unwrap_or(0.0)
        };
        let refused: u64 = self.seen.iter().map(|seen| seen.refused).sum();
        let generator: f64 = self.seen.iter().map(|seen| seen.cpu).sum();
        println!(
            "{name:<13} {batch:>5} {rate:>10.0} {:>10.0} {:>10.0} {:>8.2} {:>8.2} {:>9.1} {:>9.2} {generator:>9.2} {:>9} {refused:>7}",
            spread(f64::min),
            spread(f64::max),
            self.middle(|seen| seen.p50),
            self.middle(|seen| seen.p99),
            self.peak_rss,
            self.server_cpu,
            self.acked(),
        );
    }
}

/// Runs all cases; `headwater` is the collector's binary, without it only the limit is measured. False when the
/// collector did not store exactly what it acknowledged.
pub(crate) fn run(headwater: Option<&Path>) -> Result<bool, Failure> {
    let scratch = Scratch::new("ingest")?;
    let rounds: u32 = knob("INGEST_ROUNDS", 3);
    let only: usize = knob("INGEST_BATCH", 0);
    println!(
        "ingest: {CONNECTIONS} connections, {EVENT_BYTES}-byte events, {rounds} rounds of {} s, {} processors, {}",
        knob("INGEST_SECONDS", 2.0),
        std::thread::available_parallelism()?,
        scratch.filesystem()
    );
    println!(
        "{:<13} {:>5} {:>10} {:>10} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "server",
        "batch",
        "events/s",
        "lowest",
        "highest",
        "p50 ms",
        "p99 ms",
        "peak MiB",
        "cpu s",
        "gen cpu s",
        "acked",
        "refused"
    );
    let (mut lines, mut exact, mut peaks) = (Vec::new(), true, (0.0_f64, 0.0_f64));
    for batch in BATCHES
        .into_iter()
        .filter(|batch| only == 0 || *batch == only)
    {
        let (limit, ours) = case(&scratch, headwater, batch, rounds)?;
        limit.row("append-limit", batch);
        let Some((ours, stored)) = ours else { continue };
        ours.row("headwater", batch);
        exact &= stored == ours.acked();
        println!(
            "verify: batch={batch} acked={} stored={stored}",
            ours.acked()
        );
        let figure = |name: &str, unit: &str, of: fn(&Seen) -> f64| {
            bench(
                &format!("ingest_b{batch}{name}"),
                ours.middle(of),
                unit,
                "append-limit",
                limit.middle(of),
            )
        };
        lines.push(figure("", "events/s", |seen| seen.rate));
        lines.push(figure("_p99", "ms", |seen| seen.p99));
        peaks = (peaks.0.max(ours.peak_rss), peaks.1.max(limit.peak_rss));
        // Noise of the machine hits the time that passes, hardly the time that is used.
        lines.push(bench(
            &format!("ingest_b{batch}_cpu"),
            ours.cpu_micros(),
            "us",
            "append-limit",
            limit.cpu_micros(),
        ));
    }
    if headwater.is_some() {
        lines.push(bench(
            "ingest_peak_rss",
            peaks.0,
            "MiB",
            "append-limit",
            peaks.1,
        ));
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(exact)
}

/// Both servers with new folders, loaded in turns; then what the collector says it stored.
fn case(
    scratch: &Scratch,
    headwater: Option<&Path>,
    batch: usize,
    rounds: u32,
) -> Result<(Case, Option<(Case, u64)>), Failure> {
    let folder = scratch.fresh("limit")?;
    let port = free_port()?;
    let limit = Served::start(
        Command::new(env::current_exe()?)
            .args(["limit", &port.to_string()])
            .arg(folder.join("bodies")),
        port,
    )?;
    let data = scratch.fresh("collector")?;
    let collector = headwater
        .map(|binary| collector::start(binary, &data))
        .transpose()?;
    let (mut theirs, mut ours) = (Case::default(), Case::default());
    for round in 0..rounds {
        theirs.seen.push(load(&limit, batch, 2 * round)?);
        if let Some(collector) = &collector {
            ours.seen.push(load(collector, batch, 2 * round + 1)?);
        }
    }
    (theirs.server_cpu, theirs.peak_rss) = (limit.cpu_seconds()?, limit.peak_rss_mib()?);
    drop(limit);
    std::fs::remove_dir_all(folder)?;
    let (Some(collector), Some(binary)) = (collector, headwater) else {
        return Ok((theirs, None));
    };
    (ours.server_cpu, ours.peak_rss) = (collector.cpu_seconds()?, collector.peak_rss_mib()?);
    collector.stop()?;
    let stored = collector::stored(binary, &data)?;
    std::fs::remove_dir_all(data)?;
    Ok((theirs, Some((ours, stored))))
}

fn load(server: &Served, batch: usize, nonce: u32) -> Result<Seen, Failure> {
    let output = Command::new(env::current_exe()?)
        .args([
            "load",
            &server.port().to_string(),
            &batch.to_string(),
            &nonce.to_string(),
        ])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the generator ended with {}", output.status).into());
    }
    String::from_utf8(output.stdout)?.parse()
}
