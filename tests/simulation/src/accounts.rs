//! The books: what became of each event, as the device says it. An event leaves the store when the hub answered for it or
//! when it was reported, never otherwise, and a report says how many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_engine::{DropReason, Report};

use crate::life::Life;

#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    /// Which event has which number in the store.
    pub(crate) numbers: BTreeMap<u64, String>,
    /// What the store holds now.
    pub(crate) waiting: BTreeSet<u64>,
    /// Those of them that a guard keeps back: they do not count in the quota.
    pub(crate) kept: BTreeSet<u64>,
    /// Settled events: should a power cut bring one back, it comes late.
    pub(crate) forgotten: BTreeSet<String>,
    /// Events that were reported, with the last reason.
    fates: BTreeMap<String, DropReason>,
    /// Reports that say of which events only together with what follows.
    open: Option<(DropReason, u64)>,
    /// Reported events that nobody can name.
    pub(crate) unnamed: u64,
    /// Counts by reason.
    pub(crate) reported: BTreeMap<&'static str, u64>,
    /// Events that the store did not take and whose report is due.
    pub(crate) not_taken: VecDeque<String>,
    /// Rejected events on their way into quarantine.
    set_aside: BTreeSet<u64>,
    /// Purged for want of consent: never to be sent again.
    pub(crate) purged: BTreeSet<String>,
}

impl Accounts {
    pub(crate) fn is_accounted_for(&self, message_id: &str) -> bool {
        self.fates.contains_key(message_id)
    }

    /// A new process: what the old one was about to say is void.
    pub(crate) fn reborn(&mut self, waiting: BTreeSet<u64>) {
        self.open = None;
        self.not_taken.clear();
        self.set_aside.clear();
        self.waiting = waiting;
    }

    /// Whether this was the record of an event that a guard kept back, and the event is in the store again or was given up.
    fn gave_way(&mut self, seq: u64) -> bool {
        let Some(id) = self.numbers.get(&seq) else {
            return false;
        };
        let again = |(other, theirs): (&u64, &String)| *other > seq && theirs == id;
        let gone = self.fates.contains_key(id) || self.numbers.iter().any(again);
        if gone {
            self.waiting.remove(&seq);
        }
        gone
    }

    fn settle(&mut self, seqs: &[u64], reason: Option<DropReason>) {
        for seq in seqs {
            self.waiting.remove(seq);
            let Some(id) = self.numbers.get(seq).cloned() else {
                continue;
            };
            // Gone before the store could say that it had not taken it.
            self.not_taken.retain(|other| *other != id);
            if let Some(reason) = reason {
                self.fates.insert(id.clone(), reason);
                if matches!(
                    reason,
                    DropReason::ConsentDenied | DropReason::ConsentWithdrawn
                ) {
                    self.purged.insert(id.clone());
                }
            }
            self.forgotten.insert(id);
        }
    }
}

impl Life {
    pub(crate) fn reported(&mut self, report: &Report) {
        self.note(|_| {
            format!(
                "report {} x{} {:?}",
                report.reason, report.count, report.status
            )
        });
        self.close_report();
        let count = report.count;
        *self
            .accounts
            .reported
            .entry(report.reason.as_str())
            .or_default() += count;
        self.totals.reported += count;
        match report.reason {
            DropReason::StorageFailed => match self.accounts.not_taken.pop_front() {
                Some(id) => {
                    self.accounts.fates.insert(id, report.reason);
                }
                None => self.fail("a failed store is reported, and it did not fail".to_owned()),
            },
            DropReason::Corrupt if self.rotted => {
                self.accounts.open = Some((report.reason, count));
            }
            // What a power cut tore was not synced, so nobody was promised it.
            DropReason::Corrupt if self.torn => {}
            DropReason::Corrupt => {
                self.fail("corruption is reported, and nothing was damaged".to_owned());
            }
            DropReason::Rejected => {
                self.reported_batch(report.reason, count);
                let seqs = self.pace.last.clone();
                self.accounts.settle(&seqs, Some(report.reason));
                self.accounts.set_aside.extend(&seqs);
            }
            DropReason::Refused | DropReason::RetryLimit => {
                self.reported_batch(report.reason, count);
                self.accounts.open = Some((report.reason, count));
            }
            DropReason::ConsentDenied | DropReason::ConsentWithdrawn => match &report.message_id {
                Some(id) => {
                    self.accounts.fates.insert(id.clone(), report.reason);
                }
                None => self.accounts.open = Some((report.reason, count)),
            },
            DropReason::Purged => self.accounts.open = Some((report.reason, count)),
            DropReason::QuotaEvents if self.setup.quota_events.is_some() => {
                self.accounts.open = Some((report.reason, count));
            }
            DropReason::PluginFailed if self.setup.guard.is_some() && count == 1 => {
                let Some(id) = report.message_id.clone() else {
                    return self.fail("it is not said which event was given up".to_owned());
                };
                self.given_up(&id);
                self.accounts.fates.insert(id, report.reason);
            }
            DropReason::DestinationFailed => self.destination_reported(),
            other => self.fail(format!("nothing in this life is a reason for {other}")),
        }
    }

    /// The report before was about what no store held: what waited in memory.
    pub(crate) fn close_report(&mut self) {
        let Some((reason, count)) = self.accounts.open.take() else {
            return;
        };
        let in_memory: Vec<String> = self
            .promises
            .iter()
            .filter(|promise| promise.in_memory)
            .map(|promise| promise.message_id.clone())
            .collect();
        if in_memory.len() as u64 == count {
            for id in in_memory {
                self.accounts.fates.insert(id, reason);
            }
        } else {
            self.accounts.unnamed += count;
        }
    }

    /// Events leave the store: answered for, or reported?
    pub(crate) fn check_forgotten(&mut self, seqs: &[u64]) {
        let count = seqs.len() as u64;
        if seqs.iter().all(|seq| self.accounts.set_aside.remove(seq)) {
            return;
        }
        if self.accounts.open.is_none()
            && let [seq] = seqs
            && self.accounts.kept.contains(seq)
        {
            let id = self.accounts.numbers.get(seq);
            let promise = id.and_then(|id| self.promises.get(self.place(id)?));
            // Destinations have it, and the hub never gets it.
            let local = promise.is_some_and(|it| it.guarded && !it.wish.to_hub());
            if self.accounts.gave_way(*seq) || local {
                self.accounts.waiting.remove(seq);
                return;
            }
        }
        match self.accounts.open.take() {
            Some((reason, of)) if of == count => {
                if reason == DropReason::QuotaEvents {
                    self.check_oldest(seqs);
                }
                self.accounts.settle(seqs, Some(reason));
            }
            None if seqs == self.pace.delivered => {
                self.pace.delivered.clear();
                self.accounts.settle(seqs, None);
            }
            open => self.fail(format!(
                "{seqs:?} are forgotten without the hub's answer and without a report ({open:?})"
            )),
        }
    }

    /// Over the quota the oldest go, but for those that are under way.
    fn check_oldest(&mut self, seqs: &[u64]) {
        let newest_gone = seqs.iter().max().copied().unwrap_or(0);
        let under_way = self.pace.in_flight();
        let older = self
            .accounts
            .waiting
            .iter()
            .filter(|seq| !self.accounts.kept.contains(seq))
            .find(|seq| !seqs.contains(seq) && !under_way.contains(seq));
        if let Some(older) = older.copied().filter(|older| *older < newest_gone) {
            self.fail(format!("over the quota {seqs:?} went while {older} stayed"));
        }
    }
}
