//! When the device may send, what may still be sent, and what must be reported, as far as one can tell from outside.

use std::collections::BTreeSet;

use headwater_engine::{Diagnostic, DropReason, HttpOutcome, Upload};
use headwater_model::time::Millis;

use crate::life::Life;
use crate::network::{HOME, LOCATIONS};
use crate::table::{Meaning, Table};

/// What a request may take before the device counts it as lost, milliseconds.
const PATIENCE: u64 = 35_000;

/// A series of failures: what has to outlive the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series {
    tries: u32,
    counted: u32,
    timed_by_hub: u32,
    first: Option<i64>,
    by_network: bool,
    /// On the wall clock: no try before.
    until: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) table: Table,
    /// `None`: a crash came at a moment after which either the old or the new state is right.
    series: Option<Series>,
    not_before: Option<u64>,
    online: bool,
    in_flight: Option<(u32, u64)>,
    /// Where the last answer allows the next batch to go, once.
    detour: Option<&'static str>,
    /// The batch under way is there.
    pub(crate) away: bool,
    /// The numbers of the last batch that was sent.
    pub(crate) last: Vec<u64>,
    /// Numbers whose matter is closed: the hub has them, or they were given up.
    closed: BTreeSet<u64>,
    /// The batch that was answered last, while its forgetting is due.
    pub(crate) delivered: Vec<u64>,
    /// A report that is due, and of how many events.
    due: Option<(DropReason, usize)>,
    /// The wait that the last failure allows.
    wait: Option<(u64, u64)>,
    /// A request may be given up early: the queue may have been emptied.
    may_cancel: bool,
}

impl Pace {
    pub(crate) fn new(table: Table) -> Pace {
        Pace {
            table,
            series: Some(Series::default()),
            not_before: None,
            online: true,
            in_flight: None,
            detour: None,
            away: false,
            last: Vec::new(),
            closed: BTreeSet::new(),
            delivered: Vec::new(),
            due: None,
            wait: None,
            may_cancel: false,
        }
    }

    pub(crate) fn series(&self) -> Option<&Series> {
        self.series.as_ref()
    }

    pub(crate) fn waits_for(&self, request: u32) -> bool {
        self.in_flight.is_some_and(|(known, _)| known == request)
    }

    /// The last batch, while no answer to it came.
    pub(crate) fn in_flight(&self) -> &[u64] {
        if self.in_flight.is_some() {
            &self.last
        } else {
            &[]
        }
    }

    /// A new process, which knows of the series what was saved.
    pub(crate) fn reborn(&mut self, saved: Option<Series>, table: Table, wall: Millis, t: u64) {
        let usual = Table::new(None);
        let longest = usual.longest.max(usual.longest_asked);
        let not_before = saved
            .as_ref()
            .and_then(|series| series.until)
            .and_then(|until| u64::try_from(until - wall.0).ok())
            .map(|wait| t + wait.min(longest));
        *self = Pace {
            series: saved,
            not_before,
            ..Pace::new(table)
        };
    }

    pub(crate) fn connection(&mut self, online: bool) {
        self.online = online;
        let by_network = self.series.as_ref().is_none_or(|series| series.by_network);
        if online && by_network {
            self.not_before = None;
        }
    }

    /// The queue was emptied: nothing is under way and no failure counts any more.
    pub(crate) fn emptied(&mut self) {
        self.in_flight = None;
        self.clear();
    }

    /// The same, unless the device had emptied it before a crash.
    pub(crate) fn maybe_emptied(&mut self) {
        self.series = None;
        self.not_before = None;
        self.may_cancel = true;
    }

    fn clear(&mut self) {
        self.series = Some(Series::default());
        self.not_before = None;
    }
}

/// Where on the hub's own host a redirect leads.
fn ours(location: &str) -> Option<&'static str> {
    let known = LOCATIONS.iter().find(|(known, _)| *known == location);
    known.and_then(|(_, target)| *target)
}

impl Life {
    /// A batch leaves the device: is it time, and may it hold what it holds?
    pub(crate) fn check_upload(&mut self, upload: &Upload, bytes: usize) {
        let t = self.t;
        if self.pace.not_before.is_some_and(|earliest| t < earliest) {
            let earliest = self.pace.not_before;
            self.fail(format!("a try at {t} before its time, {earliest:?}"));
        }
        if !self.pace.online {
            self.fail("a try while the device is offline".to_owned());
        }
        let detour = self.pace.detour.take();
        self.pace.away = Some(upload.url.as_str()) == detour;
        if !self.pace.away && upload.url != HOME {
            self.fail(format!("a batch goes to {}", upload.url));
        }
        if self.pace.in_flight.is_some() {
            self.fail("two requests at a time".to_owned());
        }
        let seqs: Vec<u64> = upload.seqs.iter().map(|seq| seq.0).collect();
        if seqs.iter().any(|seq| self.pace.closed.contains(seq)) {
            self.fail("a batch that was answered for good is sent again".to_owned());
        }
        if seqs.len() > self.setup.batch_events || seqs.len() > 1 && bytes > self.setup.batch_bytes
        {
            self.fail(format!(
                "{} events in {bytes} bytes are over the limits of a batch",
                seqs.len()
            ));
        }
        let said = upload
            .headers
            .iter()
            .find(|(name, _)| name == "X-Retry-Count")
            .and_then(|(_, count)| count.parse().ok())
            .unwrap_or(0);
        if let Some(series) = self.pace.series()
            && series.tries != said
        {
            let tries = series.tries;
            self.fail(format!("X-Retry-Count says {said} after {tries} failures"));
        }
        self.pace.in_flight = Some((upload.request, t));
        self.pace.may_cancel = false;
        self.pace.last = seqs;
    }

    /// The device gave a request up: because it took too long, or because the queue was emptied.
    pub(crate) fn cancelled(&mut self, request: u32) {
        if let Some((known, since)) = self.pace.in_flight
            && known == request
        {
            if self.t < since + PATIENCE {
                if self.pace.may_cancel {
                    return self.pace.emptied();
                }
                self.fail("a request was given up before its time".to_owned());
            }
            self.answered(request, &HttpOutcome::NoAnswer);
        }
    }

    /// From an answer: what must happen to the batch, and the earliest time of the next try.
    pub(crate) fn answered(&mut self, request: u32, outcome: &HttpOutcome) {
        if !self.pace.waits_for(request) {
            return;
        }
        let wall = self.now().wall;
        let t = self.t;
        let pace = &mut self.pace;
        pace.in_flight = None;
        let (meaning, asked) = match outcome {
            HttpOutcome::Answered {
                status: 307 | 308,
                location: Some(location),
                ..
            } if !pace.away && ours(location).is_some() => {
                pace.detour = ours(location);
                return;
            }
            HttpOutcome::Answered {
                status,
                retry_after,
                ..
            } => (
                pace.table.meaning(*status),
                retry_after
                    .as_deref()
                    .and_then(|text| pace.table.asked(text, wall)),
            ),
            HttpOutcome::NoAnswer | HttpOutcome::Unreadable(_) => (Meaning::Again, None),
        };
        let count = pace.last.len();
        match meaning {
            Meaning::Taken => {
                pace.delivered.clone_from(&pace.last);
                pace.closed.extend(&pace.last);
                pace.clear();
            }
            Meaning::AtFault if count > 1 => {}
            Meaning::AtFault => {
                pace.due = Some((DropReason::Rejected, 1));
                pace.closed.extend(&pace.last);
                pace.clear();
            }
            Meaning::Never => {
                pace.due = Some((DropReason::Refused, count));
                pace.closed.extend(&pace.last);
                pace.clear();
            }
            Meaning::Again => pace.failed(asked, *outcome == HttpOutcome::NoAnswer, wall, t),
        }
    }

    /// A report about a batch is one that was due.
    pub(crate) fn reported_batch(&mut self, reason: DropReason, count: u64) {
        let known = self.pace.series.is_some();
        match self.pace.due.take() {
            Some((due, of)) if due == reason && of as u64 == count => {}
            // After a crash in a bad moment nobody outside knows how many failures were counted.
            None if !known && reason == DropReason::RetryLimit => {
                self.pace.closed.extend(&self.pace.last);
                self.pace.clear();
            }
            due => self.fail(format!(
                "{count} events reported as {reason}; due was {due:?}"
            )),
        }
    }

    /// What the last answer asked for has happened.
    pub(crate) fn nothing_due(&mut self) {
        if let Some((reason, count)) = self.pace.due.take() {
            self.fail(format!("{count} events were never reported as {reason}"));
        }
        if !core::mem::take(&mut self.pace.delivered).is_empty() {
            self.fail("a batch that the hub has was not forgotten".to_owned());
        }
    }

    /// What the device says of its next try.
    pub(crate) fn diagnosed(&mut self, diagnostic: &Diagnostic) {
        self.note(|_| format!("{diagnostic:?}"));
        self.tail_cut |= matches!(diagnostic, Diagnostic::TornTail { .. });
        if let Diagnostic::UploadFailed { retry_in, .. } = diagnostic
            && let Some((least, most)) = self.pace.wait.take()
            && !(least..=most).contains(retry_in)
        {
            self.fail(format!(
                "the next try in {retry_in} ms, not in {least}–{most}"
            ));
        }
    }
}

impl Pace {
    fn failed(&mut self, asked: Option<u64>, by_network: bool, wall: Millis, t: u64) {
        let Some(series) = &mut self.series else {
            self.not_before = Some(t + asked.unwrap_or(self.table.base));
            return;
        };
        series.by_network = by_network;
        series.tries += 1;
        let first = series.first.filter(|first| *first <= wall.0);
        let first = first.unwrap_or(wall.0);
        series.first = Some(first);
        let over = if asked.is_some() {
            series.timed_by_hub += 1;
            let most = self.table.timed_by_hub;
            most.is_some_and(|most| series.timed_by_hub > most)
        } else {
            series.counted += 1;
            let most = self.table.retries;
            most.is_some_and(|most| series.counted > most)
        };
        let took = u64::try_from(wall.0 - first).unwrap_or(0);
        if over || self.table.total.is_some_and(|most| took > most) {
            self.due = Some((DropReason::RetryLimit, self.last.len()));
            self.closed.extend(&self.last);
            self.clear();
            return;
        }
        let (least, most) = match asked {
            Some(asked) => (asked, asked),
            None => self.table.backoff(series.counted),
        };
        self.wait = Some((least, most));
        self.not_before = Some(t + least);
        series.until = i64::try_from(least).ok().map(|least| wall.0 + least);
    }
}
