//! headwater: `send()` stamps and serialises the event and appends it to the queue; one thread delivers.
//!
//! All settings but the durability are the defaults, gzip included, which no peer has on.

use std::path::Path;
use std::time::Duration;

use headwater::{Client, Durability};
use measure::Failure;

use super::Contender;
use crate::event::{NAME, Order};

/// Time to deliver what the measured calls left; more than enough, so that nothing counts as lost that is only late.
const DRAIN: Duration = Duration::from_secs(120);

pub(crate) struct Headwater {
    client: Client,
}

impl Headwater {
    pub(crate) fn new(durability: Durability, folder: &Path, port: u16) -> Result<Self, Failure> {
        let client = Client::builder("bench")
            .endpoint(format!("http://127.0.0.1:{port}"))
            .directory(folder)
            .durability(durability)
            .on_report(|report| {
                eprintln!("headwater: {} events lost: {}", report.count, report.reason);
            })
            .build()?;
        Ok(Self { client })
    }
}

impl Contender for Headwater {
    fn track(&mut self, order: &Order) -> Result<(), Failure> {
        self.client
            .track(NAME, order)
            .user_id(order.user())
            .send()?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        self.client.shutdown_blocking(DRAIN);
        Ok(())
    }
}
