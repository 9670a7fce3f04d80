//! When the settings document is fetched. It is cached, and no event waits for it, but where only it knows the way.

use crate::clock::Now;
use crate::config::SettingsConfig;

/// Coming to the foreground fetches again, but not within this of the last time, milliseconds (as analytics-swift).
const FOREGROUND_PAUSE: u64 = 10_000;
/// An answer that did not come for so long does not come, milliseconds; hosts give up before (10 s).
const OVERDUE: u64 = 15_000;
/// First and longest wait after a failed fetch, milliseconds.
const RETRY_FIRST: u64 = 1_000;
const RETRY_LONGEST: u64 = 300_000;

/// When to fetch.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) config: SettingsConfig,
    /// The monotonic time of the next fetch; `None` while one is under way.
    next: Option<u64>,
    last: Option<u64>,
    failures: u32,
    /// Whether a document was had, in this life or before.
    pub(crate) known: bool,
}

impl Fetcher {
    pub(crate) fn new(config: SettingsConfig, now: Now) -> Fetcher {
        Fetcher {
            next: (!config.url.is_empty()).then_some(now.mono),
            config,
            last: None,
            failures: 0,
            known: false,
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.next.or_else(|| self.overdue_at())
    }

    /// A document was had another way: from the store, or from another client of it.
    pub(crate) fn had(&mut self) {
        self.known = true;
    }

    /// Whether a document was had, or could not be.
    pub(crate) fn settled(&self) -> bool {
        self.known || self.failures > 0
    }

    /// When the answer that is awaited counts as missing. One that comes later counts all the same.
    fn overdue_at(&self) -> Option<u64> {
        self.last.map(|last| last.saturating_add(OVERDUE))
    }

    /// Whether the answer that is awaited has not come.
    pub(crate) fn overdue(&self, now: Now) -> bool {
        self.next.is_none() && self.overdue_at().is_some_and(|due| due <= now.mono)
    }

    /// Whether to fetch now; then one is under way.
    pub(crate) fn due(&mut self, now: Now) -> bool {
        let due = self.next.is_some_and(|next| next <= now.mono);
        if due {
            self.next = None;
            self.last = Some(now.mono);
        }
        due
    }

    pub(crate) fn foreground(&mut self, now: Now) {
        let recent = self
            .last
            .is_some_and(|last| now.mono.saturating_sub(last) < FOREGROUND_PAUSE);
        if self.next.is_some() && !recent {
            self.next = Some(now.mono);
        }
    }

    pub(crate) fn succeeded(&mut self, now: Now) {
        self.failures = 0;
        self.known = true;
        self.next = Some(now.mono.saturating_add(self.config.refresh));
    }

    pub(crate) fn failed(&mut self, now: Now) {
        let wait = (RETRY_FIRST << self.failures.min(16)).min(RETRY_LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now.mono.saturating_add(wait));
    }
}
