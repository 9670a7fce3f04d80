//! The crate `segment`: `push()` serialises the event to learn its size and keeps it in memory; the call that fills a batch
//! sends it and waits for the answer. Nothing goes by time, and a batch that fails is gone.

use measure::Failure;
use segment::message::{Track, User};
use segment::{AutoBatcher, Batcher, HttpClient};
use tokio::runtime::Runtime;

use super::Contender;
use crate::event::{NAME, Order};

pub(crate) struct Segment {
    batcher: AutoBatcher,
    /// Its calls are futures; this thread runs them, as its documentation has it.
    runtime: Runtime,
}

impl Segment {
    pub(crate) fn new(port: u16) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = HttpClient::new(reqwest::Client::new(), format!("http://127.0.0.1:{port}"));
        Ok(Self {
            batcher: AutoBatcher::new(client, Batcher::new(None), "bench".to_owned()),
            runtime,
        })
    }
}

impl Contender for Segment {
    fn track(&mut self, order: &Order) -> Result<(), Failure> {
        let track = Track {
            user: User::UserId {
                user_id: order.user(),
            },
            event: NAME.to_owned(),
            properties: serde_json::to_value(order)?,
            ..Track::default()
        };
        Ok(self.runtime.block_on(self.batcher.push(track))?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        // It tries once; what fails is counted as lost, at the sink.
        if let Err(error) = self.runtime.block_on(self.batcher.flush()) {
            eprintln!("segment: the last batch failed: {error}");
        }
        Ok(())
    }
}
