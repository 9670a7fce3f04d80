//! The text that `/metrics` answers with.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Histogram, Metrics, STATUSES};
use crate::admin::Refused;
use crate::ingest::Route;
use crate::log::{LogStatus, LogTimings, Reason};

/// All series.
pub(crate) fn write(metrics: &Metrics, log: &LogTimings, status: &LogStatus) -> String {
    let mut out = String::with_capacity(8 * 1024);
    family(
        &mut out,
        "headwater_requests_total",
        "counter",
        "Answers by route and status.",
    );
    for (name, row) in Route::NAMES.iter().zip(&metrics.requests) {
        let statuses = STATUSES
            .iter()
            .map(u16::to_string)
            .chain(["other".to_owned()]);
        for (status, count) in statuses.zip(row) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let _ = writeln!(
                    out,
                    "headwater_requests_total{{route=\"{name}\",status=\"{status}\"}} {count}"
                );
            }
        }
    }
    family(
        &mut out,
        "headwater_events_total",
        "counter",
        "Events by what became of them.",
    );
    for (name, count) in [
        ("accepted", &metrics.accepted),
        ("duplicate", &metrics.duplicates),
    ] {
        let _ = writeln!(
            out,
            "headwater_events_total{{verdict=\"{name}\"}} {}",
            count.load(Ordering::Relaxed)
        );
    }
    family(
        &mut out,
        "headwater_events_rejected_total",
        "counter",
        "Rejected events by reason.",
    );
    for (reason, count) in Reason::ALL.iter().zip(&metrics.rejected) {
        let _ = writeln!(
            out,
            "headwater_events_rejected_total{{code=\"{}\"}} {}",
            reason.code(),
            count.load(Ordering::Relaxed)
        );
    }
    family(
        &mut out,
        "headwater_admin_refused_total",
        "counter",
        "Requests that were not let in to the admin routes, by reason.",
    );
    for (code, count) in Refused::COUNTED.iter().zip(&metrics.admin_refused) {
        let _ = writeln!(
            out,
            "headwater_admin_refused_total{{code=\"{code}\"}} {}",
            count.load(Ordering::Relaxed)
        );
    }
    let mut counter = |name: &str, help: &str, value: &AtomicU64| {
        single(
            &mut out,
            name,
            "counter",
            help,
            value.load(Ordering::Relaxed),
        );
    };
    counter(
        "headwater_wire_bytes_total",
        "Body bytes as they were sent.",
        &metrics.wire_bytes,
    );
    counter(
        "headwater_body_bytes_total",
        "Body bytes after inflating.",
        &metrics.body_bytes,
    );
    counter(
        "headwater_retries_seen_total",
        "Requests with X-Retry-Count or Rsa-Retry-Attempt above 0.",
        &metrics.retries,
    );
    counter(
        "headwater_live_dropped_total",
        "Events that live readers were too slow for.",
        &metrics.live_dropped,
    );
    counter(
        "headwater_connections_gave_way_total",
        "Connections without a request in hand that were closed to make room.",
        &metrics.connections_gave_way,
    );
    counter(
        "headwater_connections_refused_total",
        "Connections of peers that had all they may have.",
        &metrics.connections_refused,
    );
    counter(
        "headwater_strangers_unsampled_total",
        "Requests of strangers that the sample left out.",
        &metrics.strangers_unsampled,
    );
    counter(
        "headwater_log_appended_bytes_total",
        "Bytes appended to the log.",
        &log.bytes,
    );
    counter(
        "headwater_log_failed_groups_total",
        "Groups that could not be written.",
        &log.failed_groups,
    );
    counter(
        "headwater_log_swept_segments_total",
        "Segments that retention removed.",
        &log.swept_segments,
    );
    counter(
        "headwater_log_swept_unread_segments_total",
        "Segments that retain_bytes removed before all had read them.",
        &log.swept_unread,
    );
    counter(
        "headwater_archived_segments_total",
        "Segments that moved into the archive.",
        &log.archived_segments,
    );
    counter(
        "headwater_log_incidents_total",
        "What others did to the log's files: removed, moved, cut.",
        &log.incidents,
    );
    counter(
        "headwater_claims_rebuilt_total",
        "Damaged parts of the claims that were built again from the log.",
        &log.rebuilt_claims,
    );
    let mut gauge =
        |name: &str, help: &str, value: u64| single(&mut out, name, "gauge", help, value);
    gauge(
        "headwater_connections",
        "Open connections.",
        metrics.connections.load(Ordering::Relaxed),
    );
    gauge(
        "headwater_live_readers",
        "Readers that follow the events as they come.",
        metrics.live_readers.load(Ordering::Relaxed),
    );
    gauge(
        "headwater_log_bytes",
        "Bytes of log on disk.",
        status.end.0.saturating_sub(status.first.0),
    );
    gauge(
        "headwater_archive_segments",
        "Segments in the archive.",
        status.archive_segments,
    );
    gauge(
        "headwater_archive_bytes",
        "Bytes of the archive's files.",
        status.archive_bytes,
    );
    gauge(
        "headwater_archive_failing",
        "1 while segments cannot be archived; /readyz says why.",
        u64::from(status.archive_failing.is_some()),
    );
    gauge(
        "headwater_log_waiting",
        "Requests that wait for their group.",
        status.waiting,
    );
    gauge(
        "headwater_claims_memory",
        "messageIds remembered in memory.",
        status.claims_in_memory,
    );
    gauge(
        "headwater_claims_disk",
        "messageIds remembered on disk.",
        status.claims_on_disk,
    );
    gauge(
        "headwater_claims_in_doubt",
        "Damaged parts of the claims that are being built again.",
        status.claims_in_doubt,
    );
    if let Some(free) = status.free_bytes {
        gauge(
            "headwater_disk_free_bytes",
            "Free bytes on the log's disk.",
            free,
        );
    }
    histogram(
        &mut out,
        "headwater_ingest_seconds",
        "Time to the answer, ingest routes.",
        &metrics.ingest_seconds,
    );
    histogram(
        &mut out,
        "headwater_log_group_seconds",
        "Time to commit a group.",
        &log.group_seconds,
    );
    histogram(
        &mut out,
        "headwater_log_group_entries",
        "Requests in a group.",
        &log.group_entries,
    );
    out
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn single(out: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    family(out, name, kind, help);
    let _ = writeln!(out, "{name} {value}");
}

fn histogram(out: &mut String, name: &str, help: &str, histogram: &Histogram) {
    family(out, name, "histogram", help);
    let mut total = 0;
    let bounds = histogram
        .bounds
        .iter()
        .map(f64::to_string)
        .chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(&histogram.counts) {
        total += count.load(Ordering::Relaxed);
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
    }
    let sum = histogram.sum_millionths.load(Ordering::Relaxed) as f64 / 1e6;
    let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {total}");
}
