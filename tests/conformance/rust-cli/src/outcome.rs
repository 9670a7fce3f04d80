//! What became of the run: the contract's answer, and what only our SDK can tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater::{Diagnostic, FlushReport, Report};
use serde_json::{Value, json};

/// What the client's callbacks told, added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    batches: u64,
    reports: BTreeMap<&'static str, u64>,
    /// Diagnostics about where events go.
    told: BTreeMap<&'static str, u64>,
}

impl Heard {
    pub(crate) fn report(&self, report: &Report) {
        *self
            .counts()
            .reports
            .entry(report.reason.as_str())
            .or_default() += report.count;
    }

    pub(crate) fn diagnostic(&self, diagnostic: &Diagnostic) {
        let told = match diagnostic {
            Diagnostic::BatchDelivered { .. } => {
                self.counts().batches += 1;
                return;
            }
            Diagnostic::Redirected { .. } => "redirected",
            Diagnostic::NotFound { .. } => "not_found",
            Diagnostic::NoEndpoint => "no_endpoint",
            _ => return,
        };
        *self.counts().told.entry(told).or_default() += 1;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document for stdout, and whether all is well: every call taken, every event delivered.
    pub(crate) fn answer(&self, last: &FlushReport, refused: &[String]) -> (Value, bool) {
        let counts = self.counts();
        let dropped: u64 = counts.reports.values().sum();
        let success = dropped == 0 && last.pending == 0 && refused.is_empty();
        let mut answer = json!({
            "success": success,
            "sentBatches": counts.batches,
            "pending": last.pending,
            "reports": counts.reports,
            "told": counts.told,
            "refused": refused,
        });
        if !success {
            let waiting = last.waiting_for.as_deref().unwrap_or("nothing");
            answer["error"] = Value::from(format!(
                "{} calls refused, {dropped} events dropped, {} pending (waiting for {waiting})",
                refused.len(),
                last.pending
            ));
        }
        (answer, success)
    }
}
