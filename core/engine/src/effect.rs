//! What the engine asks of its host.

use core::fmt;
#[cfg(feature = "full")]
use std::sync::Arc;

#[cfg(feature = "full")]
use headwater_model::event::Event;
use headwater_model::id::Seq;
#[cfg(feature = "full")]
use headwater_model::json::Value;
use headwater_model::time::Millis;

/// One thing to do. The host carries effects out in the order they come.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Append the event to the store. Answer: `Persisted` or `StoreFailed`.
    Persist {
        /// Its place in the order.
        seq: Seq,
        /// When it was queued, for the quota by age. Below zero: what is stored is an event that a guard keeps back, and must
        /// not be sent as it is.
        at: Millis,
        /// Its JSON text.
        body: Vec<u8>,
        /// It was made before a decision on consent. A host that numbers events anew at each start says so in
        /// [`Stored`](crate::Stored); others may forget it.
        unstamped: bool,
    },
    /// These events are settled; the store may forget them.
    Forget(Vec<Seq>),
    /// Replace a small piece of state, atomically. An empty value removes it.
    Save {
        /// Which.
        key: StateKey,
        /// The new value.
        value: Vec<u8>,
    },
    /// Read these events back. Answer: one `Loaded` each.
    Load(Vec<Seq>),
    /// Make all that was appended durable. Answer: `Synced`.
    Sync,
    /// Send a batch. Answer: `Http` with the same request id.
    Upload(Upload),
    /// Give up on a request; no answer is awaited any more.
    Cancel(u32),
    /// Fetch the settings document. Answer: `SettingsFetched`.
    FetchSettings {
        /// Where.
        url: String,
    },
    /// Hand an event to a device-mode destination. Answer: `Delivered`.
    #[cfg(feature = "full")]
    Deliver {
        /// The id of this delivery.
        delivery: u64,
        /// The destination's place in the configuration.
        destination: usize,
        /// The event.
        event: Arc<Event>,
    },
    /// Destinations must not see what they were handed and have not seen yet: consent is gone, or the queue was purged.
    /// Each such delivery is answered all the same, as done.
    #[cfg(feature = "full")]
    CancelDeliveries,
    /// The host's plugins should see an event again that a guard of theirs keeps back, all of them, from the first on. Answer:
    /// `Tried` with the same id.
    #[cfg(feature = "full")]
    TryAgain {
        /// The id of this event's tries.
        id: u64,
        /// The event as it was stamped.
        event: Arc<Event>,
        /// The guards that it must pass. Where one is not there, the try has failed.
        guards: Vec<String>,
    },
    /// The settings document has this to say to a destination.
    #[cfg(feature = "full")]
    Configure {
        /// The destination's place in the configuration.
        destination: usize,
        /// Its entry in `integrations`.
        settings: Value,
    },
    /// Destinations should send what they hold (`true`: and forget who the user is).
    Signal {
        /// After a reset.
        reset: bool,
    },
    /// Events that will never be delivered.
    Report(Report),
    /// A flush came to its end.
    FlushDone {
        /// The id it was asked with.
        id: u64,
        /// What became of it.
        report: FlushReport,
    },
    /// Something worth knowing that costs no event.
    Diagnostic(Diagnostic),
}

/// The small pieces of state that outlive the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// anonymousId, userId, traits, group.
    Identity,
    /// The user's decision.
    Consent,
    /// How long to wait before the next try.
    Retry,
    /// The running session.
    Session,
    /// The last good settings document.
    Settings,
    /// Events the hub refused, the last 20: one JSON text a line.
    Quarantine,
    /// Below which sequence number everything was purged: a purge must not be undone by a power cut.
    Purged,
}

impl StateKey {
    /// All of them, for the host's loading at start.
    pub const ALL: [StateKey; 7] = [
        StateKey::Identity,
        StateKey::Consent,
        StateKey::Retry,
        StateKey::Session,
        StateKey::Settings,
        StateKey::Quarantine,
        StateKey::Purged,
    ];

    /// Its name in a store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StateKey::Identity => "identity",
            StateKey::Consent => "consent",
            StateKey::Retry => "retry",
            StateKey::Session => "session",
            StateKey::Settings => "settings",
            StateKey::Quarantine => "quarantine",
            StateKey::Purged => "purged",
        }
    }
}

/// One request. The body is `prefix`, the stored texts of `seqs` joined by commas, `suffix`: exactly `body_bytes`.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub request: u32,
    /// Where.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// The body up to the first event.
    pub prefix: Vec<u8>,
    /// The events, in order.
    pub seqs: Vec<Seq>,
    /// The body after the last event.
    pub suffix: Vec<u8>,
    /// The size of the whole body before compression.
    pub body_bytes: usize,
    /// Whether to compress the body (and say so in `Content-Encoding`).
    pub gzip: bool,
    /// How long it may take, milliseconds.
    pub timeout: u64,
}

/// Without the headers and the envelope: they hold the write key.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("request", &self.request)
            .field("seqs", &self.seqs)
            .field("body_bytes", &self.body_bytes)
            .finish_non_exhaustive()
    }
}

/// Why events will never be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The call itself was wrong; the detail says how.
    Invalid,
    /// Over the quota by bytes: the oldest went.
    QuotaBytes,
    /// Over the quota by count: the oldest went.
    QuotaEvents,
    /// Over the quota by age.
    TooOld,
    /// The hub answered 400 or 413 for this one event; it is in quarantine.
    Rejected,
    /// The hub answered with a status that no retry mends (401, 403, 404, 501 …).
    Refused,
    /// As many tries as configured failed.
    RetryLimit,
    /// The user denied consent before the events were released.
    ConsentDenied,
    /// The user withdrew consent while the events waited.
    ConsentWithdrawn,
    /// A plugin said no.
    Plugin,
    /// A plugin that guards events failed at each try, so the event was not let go.
    PluginFailed,
    /// The store could not take it.
    StorageFailed,
    /// The store lost it: a torn or corrupt record.
    Corrupt,
    /// A device-mode destination failed on it; the hub still has it.
    DestinationFailed,
    /// A device-mode destination was not ready for too many events; the hub still has them.
    DestinationOverflow,
    /// The application purged the queue.
    Purged,
    /// It was kept in memory only, and the client ended.
    NotKept,
}

impl DropReason {
    /// A stable name, for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Invalid => "invalid",
            DropReason::QuotaBytes => "quota_bytes",
            DropReason::QuotaEvents => "quota_events",
            DropReason::TooOld => "too_old",
            DropReason::Rejected => "rejected",
            DropReason::Refused => "refused",
            DropReason::RetryLimit => "retry_limit",
            DropReason::ConsentDenied => "consent_denied",
            DropReason::ConsentWithdrawn => "consent_withdrawn",
            DropReason::Plugin => "plugin",
            DropReason::PluginFailed => "plugin_failed",
            DropReason::StorageFailed => "storage_failed",
            DropReason::Corrupt => "corrupt",
            DropReason::DestinationFailed => "destination_failed",
            DropReason::DestinationOverflow => "destination_overflow",
            DropReason::Purged => "purged",
            DropReason::NotKept => "not_kept",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Events that will never be delivered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub count: u64,
    /// The event's id, where the report is about one whose id is known.
    pub message_id: Option<String>,
    /// The hub's answer, where there was one.
    pub status: Option<u16>,
    /// The destination, where one failed.
    pub destination: Option<String>,
    /// In words, without anything from the event itself.
    pub detail: String,
}

impl Report {
    pub(crate) fn new(reason: DropReason, count: u64) -> Report {
        Report {
            reason,
            count,
            message_id: None,
            status: None,
            destination: None,
            detail: String::new(),
        }
    }

    pub(crate) fn detail(mut self, detail: &str) -> Report {
        detail.clone_into(&mut self.detail);
        self
    }
}

/// What a flush did. Counts are of the events queued before it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// The hub has them.
    pub delivered: u64,
    /// Reported with a reason.
    pub dropped: u64,
    /// Still queued: they are safe and will be tried again.
    pub pending: u64,
    /// Why something is pending, in words.
    pub waiting_for: Option<String>,
    /// Milliseconds until the next try, where that is known.
    pub retry_in: Option<u64>,
}

/// Something worth knowing that costs no event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnostic {
    /// The hub took a batch.
    BatchDelivered {
        /// Its events.
        events: u64,
    },
    /// A plugin failed or panicked. The event went on as it was before it or, where the plugin is a guard, is kept back.
    PluginFailed {
        /// Its name.
        plugin: String,
        /// What it said.
        detail: String,
    },
    /// A batch failed and will be tried again.
    UploadFailed {
        /// The status, or `None` when no answer came.
        status: Option<u16>,
        /// How often in a row.
        failures: u32,
        /// Milliseconds until the next try.
        retry_in: u64,
    },
    /// The answer was a redirect that is not followed: nobody took the batch, and it is tried again. The endpoint should
    /// name the address behind it.
    Redirected {
        /// The status.
        status: u16,
        /// Where it points, without a query; `None` when it does not say, or the host could not see it.
        location: Option<String>,
    },
    /// There is nothing at the address that batches are posted to (404). Told the first time in a life.
    NotFound {
        /// The address, without a query.
        url: String,
    },
    /// Nobody said where events go, so they wait in the queue. Told at the start.
    NoEndpoint,
    /// The settings document could not be used.
    SettingsFailed {
        /// Why.
        detail: String,
    },
    /// A saved piece of state could not be read and counts as absent.
    StateUnreadable(StateKey),
    /// A piece of state could not be saved; it is again when it changes the next time. Told by the host.
    StateNotSaved(StateKey),
    /// Unfinished bytes at the end of the log were cut off: what was being written when the power went.
    TornTail {
        /// How many.
        bytes: u64,
    },
    /// Syncing failed; events are in the operating system's hands, not yet on the disk.
    SyncFailed,
}
