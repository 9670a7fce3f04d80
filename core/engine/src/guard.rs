//! What happens when a plugin that guards events fails: one rule for every host.
//!
//! A *guard* is a plugin whose work must be done before an event may go on: it takes out what nobody may see, or decides who
//! may see it. One that fails (an error, a panic, a trap, no answer in time) stops what it guards. The event is kept back as it
//! was stamped, tried again after each of [`WAITS`], and then given up with a report ([`DropReason::PluginFailed`]); it is
//! never sent as it was. Events after it are not held up: they overtake it.
//!
//! ```text
//!  plugins ─┬─ all passed ───────────────────────────────────────────► queue
//!           ├─ one said no ──────────────────────────────────────────► report `plugin`
//!           └─ a guard failed ─► kept back ─┬─ after 1 s, after 10 s ─► the same plugins again, from the start
//!                                           └─ failed a third time ──► report `plugin_failed`
//! ```
//! Invariant: an event that is kept back is in the store, marked by a time below zero ([`kept_at`]), from the call on, unless
//! nothing may be written yet. So a process that dies loses none; the next one tries it again. What such a record holds is
//! no event: nothing that knows of no guards can send it by mistake.

use std::sync::Arc;

use headwater_govern::gate::keep_off;
use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::{DuplicateKeys, Limits, Members, Value, parse, write_string};
use headwater_model::limits::MAX_EVENT_BYTES;
use headwater_model::time::Millis;

use crate::call::{Enrichment, Receipt};
use crate::clock::Now;
use crate::config::NATIVE;
use crate::consent::Gate;
use crate::effect::{Diagnostic, DropReason, Effect, Report};
use crate::engine::{Engine, sooner};
use crate::input::TryOutcome;
use crate::release::Purpose;
use crate::stamp::is_first;
use crate::text::{joined, words};
#[cfg(feature = "plugins")]
use crate::timeline::Stop;

/// How long after a failure the next try comes, milliseconds. A second is past most hiccups (a lookup that timed out, a script
/// that was still loading); ten more are past a restart of what the plugin depends on. A plugin that failed three times over
/// one event has a bug, and keeping more events for it would not help.
pub const WAITS: [u64; 2] = [1_000, 10_000];
/// How long the host may take over one try, milliseconds, before it counts as failed: more than any host gives a plugin
/// (5 seconds each on the web), and no longer than a user looks at one page.
const PATIENCE: u64 = 30_000;
/// Events kept back at a time; as many as may wait in memory for consent. Over it, the newest is given up at once: the others
/// have their tries behind them.
const MAX_KEPT: usize = 1_000;
/// A record of an event that is kept back: the largest event, and the names of its guards.
const RECORD: Limits = Limits {
    max_bytes: 2 * MAX_EVENT_BYTES,
    max_depth: 130,
    duplicate_keys: DuplicateKeys::LastWins,
};

/// How long to wait after so many failures, milliseconds; `None` when that was the last try.
#[must_use]
pub fn wait_after(failures: u32) -> Option<u64> {
    let at = usize::try_from(failures).ok()?.checked_sub(1)?;
    WAITS.get(at).copied()
}

/// The time in the store's record of an event that is kept back: below zero, as no other event's is.
pub(crate) fn kept_at(now: Now) -> Millis {
    Millis(-1 - now.wall.0.max(0))
}

/// An event that is kept back.
struct Kept {
    id: u64,
    /// Its record in the store; absent where nothing may be written.
    seq: Option<Seq>,
    /// As it was stamped.
    event: Arc<Event>,
    /// The names of all guards that it must pass.
    guards: Vec<String>,
    /// The call's own enrichment, which comes after the guards. A process that ends takes it along.
    #[cfg_attr(
        not(feature = "plugins"),
        expect(dead_code, reason = "there are no enrichments")
    )]
    own: Option<Enrichment>,
    failures: u32,
    /// When the next try is due or, while the host is at one, counts as failed.
    due: u64,
    trying: bool,
}

/// What is kept back.
#[derive(Default)]
pub(crate) struct Guards {
    kept: Vec<Kept>,
    next: u64,
    /// Numbers of events that were let go and that the store is about to take, each with that of its record.
    let_go: Vec<(Seq, Seq)>,
    /// Records whose event the store has and a power cut may still take, with how many syncs since.
    unsynced: Vec<(Seq, u8)>,
}

impl core::fmt::Debug for Guards {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Guards")
            .field("kept", &self.kept.len())
            .finish()
    }
}

impl Guards {
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.kept.iter().map(|kept| kept.due).min()
    }

    /// How long until one of them may be decided: when the next try begins or, while the host is at one, soon.
    fn next_try(&self, now: Now) -> Option<u64> {
        let wait = |kept: &Kept| {
            let wait = kept.due.saturating_sub(now.mono);
            if kept.trying {
                wait.min(WAITS[0])
            } else {
                wait
            }
        };
        self.kept.iter().map(wait).min()
    }

    /// Takes out what the store does not have.
    pub(crate) fn take_unwritten(&mut self, all: bool) -> usize {
        let before = self.kept.len();
        self.kept.retain(|kept| kept.seq.is_some() && !all);
        before - self.kept.len()
    }

    fn take(&mut self, which: impl Fn(&Kept) -> bool) -> Option<Kept> {
        let at = self.kept.iter().position(which)?;
        Some(self.kept.remove(at))
    }
}

impl Engine {
    /// A guard of the host's failed on an event that [`Engine::stamp`] made: the event, as it was stamped, is kept back and comes
    /// again in [`Effect::TryAgain`]. `guards`: the names of all guards that it must pass, the one that failed among them.
    pub fn hold(
        &mut self,
        now: Now,
        event: Event,
        (plugin, detail): (&str, &str),
        guards: Vec<String>,
    ) -> Receipt {
        self.stamped.forget(&event);
        self.keep_back(now, event, (plugin, detail), guards, None)
    }

    pub(crate) fn keep_back(
        &mut self,
        now: Now,
        event: Event,
        (plugin, detail): (&str, &str),
        guards: Vec<String>,
        own: Option<Enrichment>,
    ) -> Receipt {
        let message_id = event.message_id.as_str().to_owned();
        self.diagnose(Diagnostic::PluginFailed {
            plugin: plugin.to_owned(),
            detail: detail.to_owned(),
        });
        if self.gate() == Gate::Closed {
            return self.denied(message_id);
        }
        if self.kept_back() >= MAX_KEPT {
            let detail = words!("more than 1,000 events wait for plugins that failed");
            self.give_up(&event, None, plugin, detail);
            return Receipt::Dropped(message_id);
        }
        let body = record(&event, &guards);
        if body.len() > RECORD.max_bytes {
            let detail = words!("the event is too large to be kept back");
            self.give_up(&event, None, plugin, detail);
            return Receipt::Dropped(message_id);
        }
        // A client that has a hub must not find what this one keeps from it.
        let written = self.config.has_hub() && !self.writes_held();
        let seq = written.then(|| self.write_kept(now, body));
        let wait = wait_after(1).unwrap_or_default();
        if let Some(all) = self.guards.as_mut() {
            all.next += 1;
            all.kept.push(Kept {
                id: all.next,
                seq,
                event: Arc::new(event),
                guards,
                own,
                failures: 1,
                due: now.mono.saturating_add(wait),
                trying: false,
            });
        }
        Receipt::Held(message_id)
    }

    fn write_kept(&mut self, now: Now, body: Vec<u8>) -> Seq {
        let seq = self.reserve(1);
        self.effects.push(Effect::Persist {
            seq,
            at: kept_at(now),
            body,
            unstamped: false,
        });
        self.appended(now);
        seq
    }

    /// From now on events may be written.
    pub(crate) fn write_all_kept(&mut self, now: Now) {
        if !self.config.has_hub() {
            return;
        }
        let mut kept = self
            .guards
            .as_mut()
            .map(|all| core::mem::take(&mut all.kept))
            .unwrap_or_default();
        for one in kept.iter_mut().filter(|one| one.seq.is_none()) {
            one.seq = Some(self.write_kept(now, record(&one.event, &one.guards)));
        }
        if let Some(all) = self.guards.as_mut() {
            all.kept = kept;
        }
    }

    /// How many an earlier life kept back that are still being read.
    fn loading_kept(&self) -> usize {
        let loads = self.loads.iter();
        loads
            .filter(|(_, purpose)| *purpose == Purpose::Guard)
            .count()
    }

    /// How many events guards keep back.
    #[must_use]
    pub fn kept_back(&self) -> usize {
        self.guards.as_ref().map_or(0, Guards::len) + self.loading_kept()
    }

    /// How long until one of them is tried again.
    pub(crate) fn next_try(&self, now: Now) -> Option<u64> {
        let loading = (self.loading_kept() > 0).then_some(WAITS[0]);
        sooner(
            self.guards.as_ref().and_then(|all| all.next_try(now)),
            loading,
        )
    }

    /// Tries what is due, and counts as failed what the host did not answer.
    pub(crate) fn try_again(&mut self, now: Now) {
        let due = |all: &Guards| -> Vec<u64> {
            let due = all.kept.iter().filter(|kept| kept.due <= now.mono);
            due.map(|kept| kept.id).collect()
        };
        for id in self.guards.as_ref().map(due).unwrap_or_default() {
            let find = |all: &mut Guards| {
                let kept = all.kept.iter_mut().find(|kept| kept.id == id)?;
                let late = core::mem::replace(&mut kept.trying, true);
                kept.due = now.mono.saturating_add(PATIENCE);
                Some((late, Arc::clone(&kept.event), kept.guards.clone()))
            };
            let Some((late, event, guards)) = self.guards.as_mut().and_then(find) else {
                continue;
            };
            if late {
                let plugin = guards.into_iter().next().unwrap_or_default();
                let detail = words!("it did not answer in time").to_owned();
                self.tried(now, id, TryOutcome::Failed { plugin, detail });
                continue;
            }
            #[cfg(feature = "plugins")]
            if self.config.timeline.has_all(&guards) {
                self.try_own(now, id, &event);
                continue;
            }
            self.effects.push(Effect::TryAgain { id, event, guards });
        }
    }

    /// The plugins are the engine's own.
    #[cfg(feature = "plugins")]
    fn try_own(&mut self, now: Now, id: u64, event: &Arc<Event>) {
        let mut own = self
            .guards
            .as_mut()
            .and_then(|all| all.kept.iter_mut().find(|kept| kept.id == id))
            .and_then(|kept| kept.own.take());
        let outcome = match self.run_plugins(Event::clone(event), &mut own) {
            Ok(event) => TryOutcome::Passed(Box::new(event)),
            Err(Stop::Dropped(plugin)) => TryOutcome::Dropped(plugin),
            Err(Stop::Failed { plugin, detail }) => TryOutcome::Failed { plugin, detail },
        };
        let kept = self.guards.as_mut().and_then(|all| {
            let kept = all.kept.iter_mut();
            kept.into_iter().find(|kept| kept.id == id)
        });
        if let Some(kept) = kept {
            kept.own = own;
        }
        self.tried(now, id, outcome);
    }

    /// What came of a try.
    pub(crate) fn tried(&mut self, now: Now, id: u64, outcome: TryOutcome) {
        let Some(all) = self.guards.as_mut() else {
            return;
        };
        if let TryOutcome::Failed { .. } = outcome
            && let Some(kept) = all.kept.iter_mut().find(|kept| kept.id == id)
        {
            kept.failures += 1;
            kept.trying = false;
            if let Some(wait) = wait_after(kept.failures) {
                kept.due = now.mono.saturating_add(wait);
                if let TryOutcome::Failed { plugin, detail } = outcome {
                    self.diagnose(Diagnostic::PluginFailed { plugin, detail });
                }
                return;
            }
        }
        let Some(kept) = all.take(|kept| kept.id == id) else {
            return;
        };
        match outcome {
            TryOutcome::Passed(mut event) => {
                keep_off(&kept.event.integrations, &mut event.integrations);
                self.released(now, kept.seq, *event);
            }
            TryOutcome::Dropped(plugin) => {
                let id = kept.event.message_id.as_str().to_owned();
                self.refused(id, is_first(&kept.event), &plugin);
                self.forget_kept(kept.seq);
            }
            TryOutcome::Failed { plugin, detail } => {
                self.give_up(&kept.event, kept.seq, &plugin, &detail);
            }
        }
    }

    /// It passed: into the queue. Its record is forgotten once the store has taken it. Should the process die in between, it comes
    /// again with the same messageId, which the hub takes once.
    fn released(&mut self, now: Now, seq: Option<Seq>, event: Event) {
        let message_id = event.message_id.as_str().to_owned();
        let next = Seq(self.next_seq);
        if let Err(error) = self.queue_up(now, event) {
            let mut report = Report::new(DropReason::Invalid, 1).detail(error.as_str());
            report.message_id = Some(message_id);
            self.report(report);
        }
        match (seq, self.guards.as_mut()) {
            (Some(seq), Some(all)) if self.next_seq > next.0 => all.let_go.push((next, seq)),
            _ => self.forget_kept(seq),
        }
    }

    /// The store has taken this event, or reported that it could not: the record of one that was let go is of no more use.
    pub(crate) fn record_is_over(&mut self, seq: Seq) {
        let Some(all) = self.guards.as_mut() else {
            return;
        };
        if let Some(at) = all.let_go.iter().position(|(event, _)| *event == seq) {
            let (_, record) = all.let_go.remove(at);
            if NATIVE {
                all.unsynced.push((record, 0));
                self.effects.push(Effect::Sync);
            } else {
                // A page's store makes durable what it takes.
                self.forget_kept(Some(record));
            }
        }
    }

    /// All that was appended is durable: records whose event is can go. The first answer may be to a sync that began before the
    /// event was appended; the one after it cannot, since the host syncs once at a time.
    pub(crate) fn records_synced(&mut self) {
        let Some(all) = self.guards.as_mut() else {
            return;
        };
        let mut over = Vec::new();
        all.unsynced.retain_mut(|(record, syncs)| {
            *syncs += 1;
            let done = *syncs > 1;
            if done {
                over.push(*record);
            }
            !done
        });
        if !all.unsynced.is_empty() {
            self.effects.push(Effect::Sync);
        }
        for record in over {
            self.forget_kept(Some(record));
        }
    }

    fn give_up(&mut self, event: &Event, seq: Option<Seq>, plugin: &str, detail: &str) {
        if is_first(event) {
            self.untouch_session();
        }
        let detail = joined(&joined(plugin, ": "), detail);
        let mut report = Report::new(DropReason::PluginFailed, 1).detail(&detail);
        report.message_id = Some(event.message_id.as_str().to_owned());
        self.report(report);
        if let Some(seq) = seq {
            self.settle(&[seq], false);
        }
        self.forget_kept(seq);
    }

    fn forget_kept(&mut self, seq: Option<Seq>) {
        if let Some(seq) = seq {
            self.effects.push(Effect::Forget(vec![seq]));
        }
    }

    /// A record that an earlier life, or another client of this store, left: it is read back and tried at once.
    pub(crate) fn inherit_kept(&mut self, seq: Seq) {
        // It waits for a client that has a hub.
        if !self.config.has_hub() {
            return;
        }
        self.loads.push((seq, Purpose::Guard));
        self.effects.push(Effect::Load(vec![seq]));
    }

    pub(crate) fn kept_loaded(&mut self, now: Now, seq: Seq, body: Option<&[u8]>) {
        let Some((event, guards)) = body.and_then(read) else {
            let detail = words!("the store lost an event that was kept back");
            return self.drop_events(vec![seq], DropReason::Corrupt, None, detail);
        };
        if let Some(all) = self.guards.as_mut() {
            all.next += 1;
            all.kept.push(Kept {
                id: all.next,
                seq: Some(seq),
                event: Arc::new(event),
                guards,
                own: None,
                failures: 0,
                due: now.mono,
                trying: false,
            });
        }
    }

    /// The store could not take it; whether it was one of these.
    pub(crate) fn kept_not_stored(&mut self, seq: Seq) -> bool {
        let all = self.guards.as_mut();
        all.and_then(|all| all.take(|kept| kept.seq == Some(seq)))
            .is_some()
    }

    /// Another client of the store has it now; whether it was one of these.
    pub(crate) fn give_kept_away(&mut self, seq: Seq) -> bool {
        self.kept_not_stored(seq)
    }

    /// Reports all that is kept back.
    pub(crate) fn purge_kept(&mut self, reason: DropReason, detail: &str) {
        let Some(all) = self.guards.as_mut() else {
            return;
        };
        let gone = core::mem::take(&mut all.kept);
        let mut seqs: Vec<Seq> = gone.iter().filter_map(|kept| kept.seq).collect();
        let unwritten = gone.len() - seqs.len();
        self.loads.retain(|(seq, purpose)| {
            let loading = *purpose == Purpose::Guard;
            if loading {
                seqs.push(*seq);
            }
            !loading
        });
        self.drop_events(seqs, reason, None, detail);
        if unwritten > 0 {
            self.lose(reason, unwritten as u64, detail);
        }
    }
}

/// `{"guards":[…],"event":{…}}`.
fn record(event: &Event, guards: &[String]) -> Vec<u8> {
    let mut members = Members::default();
    let list = members.key("guards");
    list.push(b'[');
    for (at, guard) in guards.iter().enumerate() {
        if at > 0 {
            list.push(b',');
        }
        write_string(list, guard);
    }
    list.push(b']');
    event.write(members.key("event"));
    members.end()
}

fn read(body: &[u8]) -> Option<(Event, Vec<String>)> {
    let mut record = parse(body, &RECORD).ok()?.into_object()?;
    let mut guards = Vec::new();
    if let Some(Value::Array(names)) = record.remove("guards") {
        guards.extend(names.into_iter().filter_map(Value::into_text));
    }
    let mut text = Vec::new();
    record.remove("event")?.write(&mut text);
    Some((Event::parse(&text).ok()?, guards))
}
