//! Uploads: one request at a time, so that order holds.
//!
//! ```text
//!        flush wanted                    2xx: settle, go on
//!  Idle ──────────────► InFlight ──┬──── 400/413: halve (Idle at once), or quarantine the one event
//!    ▲                             ├──── other 4xx…: report, go on
//!    │                             ├──── 307/308 of the same origin: there at once, the first time
//!    └── the wait is over ◄────────┴──── retryable or no answer: wait
//! ```
//!
//! While nobody has said where the hub is, nothing is sent: events wait as those of an offline device do.

use headwater_model::id::Seq;
use headwater_model::json::decimal;

use crate::batch::{Envelope, cut};
use crate::clock::Now;
use crate::consent::{Consent, Gate};
use crate::effect::{Diagnostic, DropReason, Effect, FlushReport, Report, StateKey, Upload};
use crate::endpoint::shown;
use crate::engine::Engine;
use crate::flush::Waiter;
use crate::input::HttpOutcome;
use crate::part::FULL;
use crate::release::Purpose;
use crate::retry::{Failure, Verdict, classify, retry_after};
use crate::settings::Fetcher;
use crate::text::words;

/// What the host may take over its own timeout before a request counts as lost, milliseconds.
const GRACE: u64 = 5_000;

/// The request under way: the first `count` events of the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    request: u32,
    last: Seq,
    pub(crate) deadline: u64,
    /// It went to a host that nobody had named then ([`Engine::locate`]).
    guessed: bool,
    /// A redirect led here; another one is not followed.
    #[cfg(feature = "native")]
    followed: bool,
}

/// What a flush waits for when guards keep its events back.
const FAILED_PLUGIN: &str = "a plugin that failed: it is tried again";

impl Engine {
    /// An explicit flush.
    pub(crate) fn flush(&mut self, id: u64, now: Now) {
        let until = Seq(self.next_seq.saturating_sub(1));
        self.waiters.push(Waiter {
            id,
            until,
            report: FlushReport::default(),
        });
        self.effects.push(Effect::Signal { reset: false });
        self.request_flush();
        self.pump(now);
    }

    /// Sends the next batch, if one is wanted and nothing is in the way.
    pub(crate) fn pump(&mut self, now: Now) {
        self.expire(now);
        if self.retry.wait_until.is_some_and(|until| until <= now.mono) {
            self.retry.wait_until = None;
        }
        // Released events are read back first; each that comes in looks here again.
        if self.in_flight.is_some() || self.releasing() {
            return;
        }
        let Some(first) = self.next_to_send() else {
            self.flush_to = None;
            let retry_in = self.next_try(now);
            self.finish_waiters(None, retry_in);
            return;
        };
        if let Some((reason, retry_in)) = self.blocked(now) {
            self.finish_waiters(Some(reason), retry_in);
            return;
        }
        // The settings document, which is on its way, says where to; a flush waits for it as for an answer.
        if self.url.is_empty() {
            return;
        }
        // The store's answer comes back here; waiting for it puts the newest events into the batch.
        if self
            .flush_to
            .is_some_and(|target| !self.ledger.stored_until(target))
        {
            return;
        }
        // Others carry their own preferences, and a hub that merges deeply must not mix the two.
        let unstamped = self.ledger.front().is_some_and(|entry| entry.unstamped);
        let context = if unstamped {
            self.released_under(first)
        } else {
            None
        };
        let envelope = Envelope::new(self.config.write_key.as_str(), now.wall, context.as_ref());
        // Pieces whose events are gone by other ways (quota) bound nothing any more.
        self.next_is(first);
        let bound = self.bisect.last().copied();
        let lens = self
            .ledger
            .iter()
            .take_while(|entry| {
                entry.stored
                    && entry.unstamped == unstamped
                    && bound.is_none_or(|bound| entry.seq <= bound)
            })
            .map(|entry| entry.len);
        let (count, body_bytes) = cut(
            lens,
            envelope.len(),
            self.config.max_batch_bytes,
            self.config.max_batch_events,
        );
        let seqs = self.ledger.seqs(0, count);
        let Some(last) = seqs.last().copied() else {
            return;
        };
        let url = self.url.clone();
        #[cfg(feature = "native")]
        let followed = self.detour.is_some();
        #[cfg(feature = "native")]
        let url = self.detour.take().unwrap_or(url);
        #[cfg(feature = "native")]
        self.sent_to.clone_from(&url);
        self.next_request = self.next_request.wrapping_add(1);
        self.ledger.in_flight = count;
        self.in_flight = Some(InFlight {
            request: self.next_request,
            last,
            deadline: now
                .mono
                .saturating_add(self.config.request_timeout)
                .saturating_add(GRACE),
            guessed: self.guessed,
            #[cfg(feature = "native")]
            followed,
        });
        let mut headers = self.headers.clone();
        if self.retry.tries > 0 {
            headers.push(("X-Retry-Count".to_owned(), decimal(self.retry.tries.into())));
        }
        self.effects.push(Effect::Upload(Upload {
            request: self.next_request,
            url,
            headers,
            prefix: envelope.prefix,
            seqs,
            suffix: envelope.suffix,
            body_bytes,
            gzip: self.config.gzip,
            timeout: self.config.request_timeout,
        }));
    }

    fn next_to_send(&self) -> Option<Seq> {
        let target = self.flush_to?;
        self.ledger
            .front()
            .map(|entry| entry.seq)
            .filter(|first| *first <= target)
    }

    /// What is in the way of sending, in words, and when to look again.
    fn blocked(&self, now: Now) -> Option<(&'static str, Option<u64>)> {
        if self.gate() == Gate::Held {
            return Some(("the user's consent", None));
        }
        if !self.config.has_hub() {
            return Some(("a client that has a hub: this one leaves it out", None));
        }
        if !self.leads {
            return Some(("another client of this store, which sends", None));
        }
        let asked = self.fetcher.as_ref().and_then(Fetcher::deadline);
        if self.url.is_empty() && asked.is_none() {
            return Some(("the hub's address", None));
        }
        if !self.online {
            return Some(("the network: the device is offline", None));
        }
        let wait = self
            .retry
            .wait_until
            .map(|until| until.saturating_sub(now.mono))
            .filter(|wait| *wait > 0)?;
        Some(("the next try: the last one failed", Some(wait)))
    }

    /// The answer to a request.
    pub(crate) fn answered(&mut self, now: Now, request: u32, outcome: HttpOutcome) {
        let Some(in_flight) = self
            .in_flight
            .filter(|in_flight| in_flight.request == request)
        else {
            return;
        };
        self.in_flight = None;
        let count = self.ledger.in_flight;
        self.ledger.in_flight = 0;
        #[cfg(feature = "native")]
        let location = match &outcome {
            HttpOutcome::Answered { location, .. } => location.clone(),
            _ => None,
        };
        let (status, after) = match outcome {
            HttpOutcome::Answered {
                status,
                retry_after,
                ..
            } => (Some(status), retry_after),
            HttpOutcome::NoAnswer => (None, None),
            HttpOutcome::Unreadable(seqs) => {
                let mut lost = Vec::new();
                for seq in seqs {
                    if self.ledger.remove(seq) {
                        lost.push(seq);
                    }
                }
                self.drop_events(
                    lost,
                    DropReason::Corrupt,
                    None,
                    words!("the store could not read them any more"),
                );
                self.pump(now);
                return;
            }
        };
        #[cfg(feature = "native")]
        if !in_flight.followed
            && let (Some(status), Some(location)) = (status, location.as_deref())
        {
            self.detour = crate::redirect::follows(&self.sent_to, status, location);
            if self.detour.is_some() {
                self.pump(now);
                // Where something is in the way now, the next try begins anew.
                self.detour = None;
                return;
            }
        }
        if let Some(status @ 300..=399) = status {
            #[cfg(feature = "native")]
            let location = location.as_deref().map(shown);
            #[cfg(not(feature = "native"))]
            let location = None;
            self.diagnose(Diagnostic::Redirected { status, location });
        }
        if status == Some(404) && !core::mem::replace(&mut self.told_missing, true) {
            #[cfg(feature = "native")]
            let url = shown(&self.sent_to);
            #[cfg(not(feature = "native"))]
            let url = shown(&self.url);
            self.diagnose(Diagnostic::NotFound { url });
        }
        let verdict = status.map_or(Verdict::Retry, |status| {
            classify(status, &self.retry_table().overrides)
        });
        match verdict {
            // Nobody said that the hub is there: its refusal means nothing for the events.
            Verdict::Refused if FULL && in_flight.guessed => {
                self.failed(now, count, in_flight.last, status, after.as_deref());
            }
            Verdict::Delivered => {
                let seqs = self.ledger.take_front(count);
                self.past(in_flight.last);
                self.settle(&seqs, true);
                let events = seqs.len() as u64;
                self.effects.push(Effect::Forget(seqs));
                self.diagnose(Diagnostic::BatchDelivered { events });
                self.clear_retry();
            }
            Verdict::Rejected if count > 1 => self.halve(count, in_flight.last),
            Verdict::Rejected => self.quarantine_front(in_flight.last, status.unwrap_or(0)),
            Verdict::Refused => {
                let seqs = self.ledger.take_front(count);
                self.past(in_flight.last);
                let detail = words!("the hub's answer says that no retry helps");
                self.drop_events(seqs, DropReason::Refused, status, detail);
                self.clear_retry();
            }
            Verdict::Retry => self.failed(now, count, in_flight.last, status, after.as_deref()),
        }
        self.pump(now);
    }

    fn failed(
        &mut self,
        now: Now,
        count: usize,
        last: Seq,
        status: Option<u16>,
        after: Option<&str>,
    ) {
        let table = self.retry_table().clone();
        let after = after.and_then(|text| retry_after(text, now.wall, table.max_retry_after));
        let failure = status.map_or(Failure::Network, Failure::Status);
        let clocks = (now.wall.0, now.mono);
        match self
            .retry
            .failed(&table, failure, after, clocks, &mut self.jitter)
        {
            Some(retry_in) => {
                let text = self.retry.to_json();
                self.save(StateKey::Retry, text);
                let failures = self.retry.tries;
                self.diagnose(Diagnostic::UploadFailed {
                    status,
                    failures,
                    retry_in,
                });
                // What failed is what waits: it goes out when the wait is over, without a new flush.
                self.flush_to = self.flush_to.max(Some(last));
            }
            None => {
                let seqs = self.ledger.take_front(count);
                self.past(last);
                let detail = words!("as many tries as configured failed");
                self.drop_events(seqs, DropReason::RetryLimit, status, detail);
                self.clear_retry();
            }
        }
    }

    /// Cuts a rejected batch in two; the first half goes next.
    fn halve(&mut self, count: usize, last: Seq) {
        if self.bisect.last() != Some(&last) {
            self.bisect.push(last);
        }
        if let Some(middle) = self.ledger.iter().nth(count / 2 - 1) {
            self.bisect.push(middle.seq);
        }
    }

    /// The front event alone was rejected: set it aside.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn quarantine_front(&mut self, last: Seq, status: u16) {
        let seqs = self.ledger.take_front(1);
        self.past(last);
        self.settle(&seqs, false);
        let mut report = Report::new(DropReason::Rejected, 1)
            .detail(words!("the hub cannot accept this event; it is in quarantine, and the rest of its batch goes on"));
        report.status = Some(status);
        self.report(report);
        for seq in &seqs {
            self.loads.push((*seq, Purpose::Quarantine(status)));
        }
        self.effects.push(Effect::Load(seqs));
        self.clear_retry();
    }

    /// Everything up to here is settled: pieces of a halved batch that end here are done.
    fn past(&mut self, last: Seq) {
        self.next_is(Seq(last.0.saturating_add(1)));
    }

    /// Pieces that end before `first` are done. They are the last of the list, in which each lies within the one before it.
    fn next_is(&mut self, first: Seq) {
        while self.bisect.last().is_some_and(|bound| *bound < first) {
            self.bisect.pop();
        }
    }

    fn clear_retry(&mut self) {
        if self.retry.clear() {
            self.save(StateKey::Retry, Vec::new());
        }
    }

    /// Takes events away for good, with a report.
    pub(crate) fn drop_events(
        &mut self,
        seqs: Vec<Seq>,
        reason: DropReason,
        status: Option<u16>,
        detail: &str,
    ) {
        if seqs.is_empty() {
            return;
        }
        self.settle(&seqs, false);
        let mut report = Report::new(reason, seqs.len() as u64).detail(detail);
        report.status = status;
        self.report(report);
        self.effects.push(Effect::Forget(seqs));
    }

    /// Counts events in the flushes that wait for them.
    pub(crate) fn settle(&mut self, seqs: &[Seq], delivered: bool) {
        for waiter in &mut self.waiters {
            let count = if delivered {
                &mut waiter.report.delivered
            } else {
                &mut waiter.report.dropped
            };
            for seq in seqs {
                *count += u64::from(*seq <= waiter.until);
            }
        }
    }

    /// Ends flushes: those that have nothing left, and, where something is in the way, all.
    fn finish_waiters(&mut self, waiting_for: Option<&'static str>, retry_in: Option<u64>) {
        let mut at = 0;
        while let Some(waiter) = self.waiters.get(at) {
            let queued = self.ledger.count_until(waiter.until);
            let (unwritten, kept) = (self.in_memory(), self.kept_back());
            if queued > 0 && waiting_for.is_none() && unwritten == 0 {
                at += 1;
                continue;
            }
            let own = (queued + unwritten + kept) as u64;
            let waiter = self.waiters.remove(at);
            // Events that were given away still wait, elsewhere.
            let waiting_for = match waiting_for {
                None if own == 0 && waiter.report.pending > 0 => {
                    Some("another client of this store, which sends")
                }
                None if kept > 0 && unwritten == 0 => Some(FAILED_PLUGIN),
                // Whatever keeps others from the hub: these are not on the way to it.
                Some(_) if kept > 0 && queued + unwritten == 0 && waiter.report.pending == 0 => {
                    Some(FAILED_PLUGIN)
                }
                other => other,
            };
            let pending = own + waiter.report.pending;
            let report = FlushReport {
                pending,
                waiting_for: if pending > 0 {
                    Some(waiting_for.unwrap_or("the user's consent").to_owned())
                } else {
                    None
                },
                retry_in: if pending > 0 { retry_in } else { None },
                ..waiter.report
            };
            self.effects.push(Effect::FlushDone {
                id: waiter.id,
                report,
            });
        }
    }

    /// A request that got no answer in time.
    pub(crate) fn overdue(&mut self, now: Now) {
        if let Some(in_flight) = self
            .in_flight
            .filter(|in_flight| in_flight.deadline <= now.mono)
        {
            self.effects.push(Effect::Cancel(in_flight.request));
            self.answered(now, in_flight.request, HttpOutcome::NoAnswer);
        }
    }

    /// Brings the ledger inside the quota.
    pub(crate) fn expire(&mut self, now: Now) {
        let clock = self.age_clock(now);
        while let Some((reason, seqs)) = self.ledger.evict(&self.config.quota, clock) {
            self.drop_events(
                seqs,
                reason,
                None,
                words!("over the quota: the oldest events went"),
            );
        }
    }

    /// How many events wait for consent in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.in_memory.len())
    }

    /// Empties the queue, with a report.
    pub(crate) fn purge(&mut self, reason: DropReason, detail: &str) {
        if let Some(in_flight) = self.in_flight.take() {
            self.ledger.in_flight = 0;
            self.effects.push(Effect::Cancel(in_flight.request));
        }
        self.bisect.clear();
        // Before anything is forgotten: forgetting alone is not durable, and what was purged for want of consent must
        // not go out because a power cut brought it back.
        self.save(StateKey::Purged, decimal(self.next_seq).into_bytes());
        let seqs = self.ledger.take_all();
        self.drop_events(seqs, reason, None, detail);
        if let Some(held) = self.held.as_mut() {
            let gone = core::mem::take(held);
            for count in [gone.in_memory.len(), gone.local.len()] {
                if count > 0 {
                    self.lose(reason, count as u64, detail);
                }
            }
            self.loads
                .retain(|(_, purpose)| *purpose != Purpose::Release);
        }
        self.purge_kept(reason, detail);
        if let Some(destinations) = self.destinations.as_mut() {
            destinations.purge(&mut self.effects);
        }
        self.flush_to = None;
        self.clear_retry();
        self.finish_waiters(None, None);
    }

    /// The user decided.
    pub(crate) fn set_consent(&mut self, now: Now, given: &[(String, bool)], entropy: [u8; 16]) {
        let before = self.gate();
        let Some(consent) = self.consent.as_mut() else {
            return;
        };
        if !consent.decide(given) {
            return;
        }
        self.decided(now, before, Some(entropy));
    }

    /// There is a new decision. `told` when it was taken here: then it is saved, and the hub hears of it in an event
    /// with this entropy.
    pub(crate) fn decided(&mut self, now: Now, before: Gate, told: Option<[u8; 16]>) {
        let after = self.gate();
        match (before, after) {
            (Gate::Held, Gate::Open) => self.release_held(now),
            (Gate::Held, Gate::Closed) => {
                self.purge(
                    DropReason::ConsentDenied,
                    words!("the user denied consent before they were released"),
                );
            }
            (Gate::Open, Gate::Closed) => {
                self.purge(
                    DropReason::ConsentWithdrawn,
                    words!("the user withdrew consent while they waited"),
                );
            }
            _ => {}
        }
        // Whoever took the decision saves what comes of it: were each client to do so, two decisions in a row would go
        // round and round between them.
        if told.is_some()
            && let Some(text) = self.consent.as_ref().map(Consent::to_json)
        {
            self.save(StateKey::Consent, text);
        }
        self.rebuild_context();
        if after == Gate::Closed {
            self.forget_user_state();
        }
        if told.is_some() && before != Gate::Open && after == Gate::Open {
            self.save_identity();
            self.save_session();
        }
        // Whoever was told of a user hears of the change; of a user who never agreed, nothing is told.
        if let Some(entropy) = told.filter(|_| before == Gate::Open || after == Gate::Open) {
            self.consent_event(now, entropy);
        }
        self.offer_waiting();
        self.request_flush();
        self.pump(now);
    }

    /// The user agreed: what was held goes out, in order.
    fn release_held(&mut self, now: Now) {
        self.write_all_kept(now);
        let stored = self.ledger.seqs(0, self.ledger.len());
        let held = self
            .held
            .as_mut()
            .map(|held| core::mem::take(&mut held.in_memory));
        let mut from_memory = Vec::new();
        for (at, body) in held.unwrap_or_default() {
            if self.has_destinations()
                && let Ok(event) = headwater_model::event::Event::parse(&body)
            {
                from_memory.push(std::sync::Arc::new(event));
            }
            self.append(now, at, body, true);
        }
        let until = Seq(self.next_seq.saturating_sub(1));
        if let Some(consent) = self.consent.as_mut() {
            consent.release(until);
        }
        if self.has_destinations()
            && let Some(held) = self.held.as_mut()
        {
            // The last ones first.
            held.to_release.splice(0..0, stored.into_iter().rev());
            from_memory.append(&mut held.local);
            self.release_more();
            for event in from_memory {
                self.offer(event);
            }
        }
    }
}

/// RFC 4648 §4, with padding.
pub(crate) fn base64(text: &str) -> String {
    let bytes = text.as_bytes();
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) & 63;
            let sign = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            out.push(if at <= chunk.len() {
                char::from(sign)
            } else {
                '='
            });
        }
    }
    out
}
