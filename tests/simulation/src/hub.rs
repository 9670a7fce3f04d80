//! The hub: the collector's own decode–claim–append path over a disk that fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use headwater_collector::config::{Config, LimitsConfig};
use headwater_collector::ingest::direct;
use headwater_collector::log::{Committer, LogOptions, LogReader, Next, Position};
use headwater_collector::read::{Item, items};
use headwater_collector::sources::Sources;
use headwater_model::json::Value;
use headwater_model::time::Millis;
use headwater_store::disk::FaultyDisk;

const DIR: &str = "/hub";
const SOURCE: &str = "app";
const STRANGE: &str = "strange";

pub(crate) struct Hub {
    pub(crate) disk: FaultyDisk,
    committer: Option<Committer>,
    sources: Sources,
    /// A source that is not the device's.
    strange: Sources,
    /// messageIds that were accepted from it.
    strangers: BTreeSet<String>,
    limits: LimitsConfig,
}

fn options() -> LogOptions {
    LogOptions {
        dir: DIR.into(),
        segment_bytes: 64 * 1024,
        retain_ms: None,
        hot_ms: None,
        retain_bytes: None,
        min_free_bytes: 0,
        dedupe_ms: 24 * 3_600_000,
        // Few, so that claims go to disk in a life, too.
        dedupe_memory: 1 << 16,
        new_key: [42; 16],
        free_space: Arc::new(|| None),
    }
}

impl Hub {
    pub(crate) fn new(now: Millis) -> Hub {
        let limits = Config::default().limits;
        let mut hub = Hub {
            disk: FaultyDisk::new(),
            committer: None,
            sources: Sources::any_key(SOURCE),
            strange: Sources::any_key(STRANGE),
            strangers: BTreeSet::new(),
            limits,
        };
        hub.start(now);
        hub
    }

    pub(crate) fn is_up(&self) -> bool {
        self.committer.is_some()
    }

    pub(crate) fn start(&mut self, now: Millis) -> bool {
        if self.committer.is_none() {
            let opened = Committer::open(Arc::new(self.disk.clone()), options(), now);
            self.committer = opened.ok().map(|(committer, _)| committer);
        }
        self.is_up()
    }

    /// The process dies; with `power`, what was not synced goes, too.
    pub(crate) fn stop(&mut self, power: Option<u64>) {
        self.committer = None;
        if let Some(seed) = power {
            self.disk.crash(seed);
        }
    }

    /// One request: its status, and whether to wait. `None` when the hub is down.
    pub(crate) fn take(&mut self, now: Millis, body: &[u8]) -> Option<(u16, Option<String>)> {
        let committer = self.committer.as_mut()?;
        let body = Bytes::copy_from_slice(body);
        let entry = match direct::batch(
            &body,
            &self.sources,
            &self.limits,
            committer.fingerprinter(),
            now,
        ) {
            Ok(entry) => entry,
            Err(refusal) => return Some((refusal.status().as_u16(), None)),
        };
        match committer.commit(now, vec![entry]) {
            Ok(_) => Some((200, None)),
            Err(_) => Some((503, Some("1".to_owned()))),
        }
    }

    /// One event of the other source; whether it is accepted now. One that was is not sent again.
    pub(crate) fn take_strange(&mut self, now: Millis, id: &str) -> bool {
        let Some(committer) = self
            .committer
            .as_mut()
            .filter(|_| !self.strangers.contains(id))
        else {
            return false;
        };
        let text = format!(
            r#"{{"batch":[{{"type":"track","event":"x","anonymousId":"y","messageId":"{id}"}}],"writeKey":"z"}}"#
        );
        let entry = direct::batch(
            &Bytes::from(text),
            &self.strange,
            &self.limits,
            committer.fingerprinter(),
            now,
        );
        let taken = entry.is_ok_and(|entry| committer.commit(now, vec![entry]).is_ok());
        if taken {
            self.strangers.insert(id.to_owned());
        }
        taken
    }

    /// How many events of the other source were acknowledged, and how many are in the log.
    pub(crate) fn strange(&self) -> (usize, usize) {
        (self.strangers.len(), self.accepted_of(STRANGE).len())
    }

    /// Everything that was accepted of the device, in the order of the log.
    pub(crate) fn accepted(&self) -> Vec<Value> {
        self.accepted_of(SOURCE)
    }

    fn accepted_of(&self, source: &str) -> Vec<Value> {
        let mut reader = LogReader::new(Arc::new(self.disk.clone()), Path::new(DIR), Position(0));
        let mut all = Vec::new();
        loop {
            match reader.advance() {
                Ok(Next::Record(stored)) if stored.head.source == source => {
                    let accepted = |item: &Item| item.verdict.is_accepted();
                    let items = items(&stored).filter(accepted);
                    all.extend(items.map(|item| item.event));
                }
                Ok(Next::Record(_) | Next::Control(_) | Next::Skipped { .. }) => {}
                Ok(Next::End) | Err(_) => return all,
            }
        }
    }
}
