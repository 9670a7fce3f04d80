//! How long `track()` keeps its caller: 100,000 calls of a 12-property event of about 700 bytes, in a row.
//!
//! `cargo run --release -p headwater --example track_latency [-- buffered|sync|memory] [calls] [quiet]`
//! With `quiet` nothing is sent meanwhile.

use std::time::{Duration, Instant};

use headwater::{Client, Durability};
use serde::Serialize;

#[derive(Serialize)]
struct Order<'a> {
    order_id: &'a str,
    affiliation: &'a str,
    coupon: &'a str,
    currency: &'a str,
    checkout_id: &'a str,
    total: f64,
    revenue: f64,
    shipping: f64,
    tax: f64,
    discount: f64,
    items: u32,
    gift: bool,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let durability = match arguments.next().as_deref() {
        Some("sync") => Durability::Sync,
        Some("memory") => Durability::Memory,
        _ => Durability::Buffered,
    };
    let calls = arguments
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let directory = std::env::temp_dir().join(format!("headwater-latency-{}", std::process::id()));
    let quiet = arguments.next().is_some();
    // Nobody listens there: the whole backlog stays, which is the worst case for memory.
    let client = Client::builder("bench-key")
        .endpoint("http://127.0.0.1:9")
        .directory(&directory)
        .durability(durability)
        .flush_at(if quiet { usize::MAX } else { 20 })
        .flush_bytes(if quiet { u64::MAX } else { 250_000 })
        .build()?;
    let order = Order {
        order_id: "50314b8e-7ae1-4d6e-8f2b-1c2d3e4f5a6b",
        affiliation: "Google Store, north-western storefront, ground floor, second aisle on the left",
        coupon: "SUMMER-SALE-2026-THIRTY-PERCENT-OFF-ALL-SHOES-AND-BAGS",
        currency: "EUR",
        checkout_id: "fksdjfsdjfisjf9sdfjsd9f-checkout-0001-8f2b1c2d3e4f5a6b7c8d9e0f1a2b3c4d",
        total: 27.5,
        revenue: 25.0,
        shipping: 3.0,
        tax: 2.0,
        discount: 2.5,
        items: 3,
        gift: true,
    };
    let mut taken = Vec::with_capacity(calls);
    let begun = Instant::now();
    for _ in 0..calls {
        let before = Instant::now();
        client
            .track("Order Completed", &order)
            .user_id("97980cfea0067-customer-0000000001")
            .send()?;
        taken.push(before.elapsed());
    }
    let all = begun.elapsed();
    taken.sort_unstable();
    let at = |share: f64| -> Duration {
        let index = (taken.len() as f64 * share) as usize;
        taken
            .get(index.min(taken.len() - 1))
            .copied()
            .unwrap_or_default()
    };
    let queue = client.queue();
    println!(
        "{durability:?}: p50 {:?}  p90 {:?}  p99 {:?}  p99.9 {:?}  max {:?}  {:.0} calls/s",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0),
        calls as f64 / all.as_secs_f64()
    );
    println!(
        "{} events of {} bytes wait; peak memory {}",
        queue.events,
        queue.bytes / queue.events.max(1) as u64,
        std::fs::read_to_string("/proc/self/status")
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap_or("unknown")
            .trim()
    );
    drop(client);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    Ok(())
}
