//! What the client tells the host.

use std::sync::Arc;

use crate::error::ForeignError;

/// Hears what happens, on a thread of its own; it may take its time and may call the client.
#[uniffi::export(foreign)]
pub trait Listener: Send + Sync {
    /// Events that will never be delivered, and why.
    ///
    /// # Errors
    /// Ignored.
    fn on_report(&self, report: DropReport) -> Result<(), ForeignError>;

    /// Something worth knowing that costs no event.
    ///
    /// # Errors
    /// Ignored.
    fn on_diagnostic(&self, diagnostic: Diagnostic) -> Result<(), ForeignError>;

    /// The user or the settings document is another one now: ask the client. Several changes may be told as one.
    ///
    /// # Errors
    /// Ignored.
    fn on_change(&self, change: Change) -> Result<(), ForeignError>;

    /// Runs all plugins of the host again, from the first on, over an event that `Client.hold` kept back. `guards` are those
    /// that it must pass: where one is not there, the try has failed.
    ///
    /// # Errors
    /// Counts as a try that failed.
    fn on_try(&self, event: String, guards: Vec<String>) -> Result<Tried, ForeignError>;
}

/// What came of another try of an event that was kept back.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Tried {
    /// All plugins let it pass.
    Passed {
        /// The event as they left it, as JSON.
        event: String,
    },
    /// One said no.
    Dropped {
        /// Its name.
        plugin: String,
    },
    /// One that the event must pass failed again, or is not there.
    Failed {
        /// Its name.
        plugin: String,
        /// What it said.
        detail: String,
    },
}

/// Events that will never be delivered.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct DropReport {
    /// Why: `invalid`, `quota_bytes`, `quota_events`, `too_old`, `rejected`, `refused`, `retry_limit`,
    /// `consent_denied`, `consent_withdrawn`, `plugin`, `plugin_failed`, `storage_failed`, `corrupt`, `destination_failed`,
    /// `destination_overflow`, `purged`, `not_kept`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The event's id, where it is about one whose id is known.
    pub message_id: Option<String>,
    /// The hub's answer, where there was one.
    pub status: Option<u16>,
    /// The destination, where one failed.
    pub destination: Option<String>,
    /// In words, without anything from the event itself.
    pub detail: String,
}

/// Something worth knowing that costs no event.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Diagnostic {
    /// What: `batch_delivered`, `upload_failed`, `redirected`, `not_found`, `no_endpoint`, `settings_failed`,
    /// `plugin_failed`, or another word.
    pub kind: String,
    /// `batch_delivered`: its events.
    pub events: Option<u64>,
    /// `upload_failed`, `redirected`, `not_found`: the hub's status; absent when no answer came.
    pub status: Option<u16>,
    /// `upload_failed`: milliseconds until the next try.
    pub retry_in_ms: Option<u64>,
    /// In words.
    pub detail: String,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Change {
    /// Who the user is.
    Identity,
    /// The settings document.
    Settings,
}

impl From<&headwater::Report> for DropReport {
    fn from(report: &headwater::Report) -> DropReport {
        DropReport {
            reason: report.reason.as_str().to_owned(),
            count: report.count,
            message_id: report.message_id.clone(),
            status: report.status,
            destination: report.destination.clone(),
            detail: report.detail.clone(),
        }
    }
}

impl From<&headwater::Diagnostic> for Diagnostic {
    fn from(diagnostic: &headwater::Diagnostic) -> Diagnostic {
        use headwater::Diagnostic as From;
        let of = |kind: &str, detail: String| Diagnostic {
            kind: kind.to_owned(),
            events: None,
            status: None,
            retry_in_ms: None,
            detail,
        };
        match diagnostic {
            From::BatchDelivered { events } => Diagnostic {
                events: Some(*events),
                ..of("batch_delivered", format!("{events} events delivered"))
            },
            From::UploadFailed {
                status,
                failures,
                retry_in,
            } => Diagnostic {
                status: *status,
                retry_in_ms: Some(*retry_in),
                ..of(
                    "upload_failed",
                    match status {
                        Some(status) => format!("status {status}, failure {failures} in a row"),
                        None => format!("no answer, failure {failures} in a row"),
                    },
                )
            },
            From::Redirected { status, location } => Diagnostic {
                status: Some(*status),
                ..of(
                    "redirected",
                    match location {
                        Some(location) => format!(
                            "status {status}, to {location}: a redirect is no delivery; name that address as the host"
                        ),
                        None => format!("status {status}: a redirect is no delivery"),
                    },
                )
            },
            From::NotFound { url } => Diagnostic {
                status: Some(404),
                ..of(
                    "not_found",
                    format!("there is nothing at {url}: is the host's path right?"),
                )
            },
            From::NoEndpoint => of(
                "no_endpoint",
                "no host was named: events wait, and nothing is sent".to_owned(),
            ),
            From::SettingsFailed { detail } => of("settings_failed", detail.clone()),
            From::PluginFailed { plugin, detail } => {
                of("plugin_failed", format!("{plugin}: {detail}"))
            }
            From::StateUnreadable(key) => of("state_unreadable", key.as_str().to_owned()),
            From::StateNotSaved(key) => of("state_not_saved", key.as_str().to_owned()),
            From::TornTail { bytes } => of("torn_tail", format!("{bytes} bytes")),
            From::SyncFailed => of("sync_failed", String::new()),
            other => of("other", format!("{other:?}")),
        }
    }
}

/// The host's plugins over an event that was kept back.
fn try_again(host: &dyn Listener, again: headwater::Try) {
    let mut text = Vec::new();
    again.event().write(&mut text);
    let guards = again.guards().to_vec();
    let first = guards.first().cloned().unwrap_or_default();
    match host.on_try(crate::call::string(text), guards) {
        Ok(Tried::Passed { event }) => match crate::call::event(&event) {
            Ok(event) => again.pass(event),
            Err(error) => again.fail(&first, &error.to_string()),
        },
        Ok(Tried::Dropped { plugin }) => again.discard(&plugin),
        Ok(Tried::Failed { plugin, detail }) => again.fail(&plugin, &detail),
        Err(error) => again.fail(&first, &error.to_string()),
    }
}

/// The host's listener on a builder.
pub(crate) fn listen(builder: headwater::Builder, to: &Arc<dyn Listener>) -> headwater::Builder {
    let (reports, diagnostics, changes) = (Arc::clone(to), Arc::clone(to), Arc::clone(to));
    let tries = Arc::clone(to);
    builder
        .on_try(move |again| try_again(&*tries, again))
        .on_report(move |report| {
            let _ = reports.on_report(report.into());
        })
        .on_diagnostic(move |diagnostic| {
            let _ = diagnostics.on_diagnostic(diagnostic.into());
        })
        .on_change(move |change| {
            let change = match change {
                headwater::Change::Identity => Change::Identity,
                headwater::Change::Settings => Change::Settings,
                _ => return,
            };
            let _ = changes.on_change(change);
        })
}
