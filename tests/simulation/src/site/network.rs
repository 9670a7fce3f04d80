//! What becomes of requests, and of what tabs tell each other.

use super::*;

impl Site {
    pub(super) fn upload(&mut self, name: usize, upload: &Upload) {
        let request = upload.request;
        if self.leader() != Some(name) {
            self.fail(format!("tab {name} sends and does not lead"));
        }
        let mut body = upload.prefix.clone();
        let mut lost = Vec::new();
        for (at, seq) in upload.seqs.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            match self.body(name, seq.0) {
                Some(text) => body.extend_from_slice(&text),
                None => lost.push(*seq),
            }
        }
        body.extend_from_slice(&upload.suffix);
        if !lost.is_empty() {
            self.fail(format!("tab {name} cannot read {lost:?}"));
            return;
        }
        if let Some(tab) = self.tabs.get_mut(name) {
            tab.in_flight = Some(request);
        }
        self.note(format!("tab {name} sends {} events", upload.seqs.len()));
        let mut delay = self.dice.range(1, 300);
        let mut answer = Back::Own;
        if self.stormy && self.dice.chance(250) {
            self.totals.faults += 1;
            match self.dice.roll(5) {
                0 => {
                    let outcome = HttpOutcome::NoAnswer;
                    let tab = name;
                    let message = Message::Answer {
                        tab,
                        request,
                        outcome,
                    };
                    return self.post(delay, message);
                }
                1 => return,
                2 => answer = Back::Nothing,
                3 => answer = Back::Status(self.dice.pick(&[429, 500, 503, 408]).unwrap_or(500)),
                _ => delay = self.dice.range(36_000, 90_000),
            }
        }
        self.post(
            delay,
            Message::Request {
                tab: name,
                request,
                body,
                answer,
            },
        );
    }

    pub(super) fn arrive(&mut self, tab: usize, request: u32, body: &[u8], answer: Back) {
        let now = self.true_time();
        let Some((status, retry_after)) = self.hub.take(now, body) else {
            let outcome = HttpOutcome::NoAnswer;
            let message = Message::Answer {
                tab,
                request,
                outcome,
            };
            return self.post(5, message);
        };
        if status == 200 {
            let awaited = self
                .alive(tab)
                .is_some_and(|tab| tab.in_flight == Some(request));
            for id in ids(body) {
                if self.arrived.insert(id.clone()) && awaited {
                    self.arrivals.push(id);
                }
            }
        }
        let (status, retry_after) = match answer {
            Back::Own => (status, retry_after),
            Back::Status(status) => (status, None),
            Back::Nothing => return,
        };
        let outcome = HttpOutcome::Answered {
            status,
            retry_after,
            location: None,
        };
        let delay = self.dice.range(1, 300);
        self.post(
            delay,
            Message::Answer {
                tab,
                request,
                outcome,
            },
        );
    }

    pub(super) fn happen(&mut self, message: Message) {
        self.totals.steps += 1;
        match message {
            Message::Request {
                tab,
                request,
                body,
                answer,
            } => self.arrive(tab, request, &body, answer),
            Message::Answer {
                tab,
                request,
                outcome,
            } => {
                if let Some(tab) = self.tabs.get_mut(tab)
                    && tab.in_flight == Some(request)
                {
                    tab.in_flight = None;
                }
                self.input(tab, Input::Http { request, outcome });
            }
            Message::Commit(tab) => {
                self.commit(tab);
            }
            Message::Lead(tab) => self.lead(tab),
            Message::Stored(tab) => {
                if self.alive(tab).is_some_and(|tab| tab.leads) {
                    self.look(tab);
                }
            }
            Message::Died(tab) => {
                if self.alive(tab).is_some_and(|tab| tab.leads) {
                    self.inherit(tab);
                }
            }
            Message::State(tab, key, value) => self.input(tab, Input::Saved(key, value)),
        }
    }

    /// Time passes: messages arrive and engines wake, whichever comes first.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.t + ms;
        for _ in 0..20_000 {
            let due = self.messages.keys().next().map(|(at, _)| *at);
            let wake = self
                .living()
                .into_iter()
                .filter_map(|name| {
                    let tab = self.alive(name)?;
                    let deadline = tab.engine.as_ref()?.next_deadline()?;
                    Some((deadline.saturating_sub(1) + tab.born, name))
                })
                .min();
            let next = [due, wake.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.t = end;
                return;
            };
            self.t = self.t.max(next);
            if due == Some(next) {
                if let Some((_, message)) = self.messages.pop_first() {
                    self.happen(message);
                }
            } else if let Some((_, name)) = wake {
                self.input(name, Input::Timer);
            }
        }
        self.fail("the site does not come to rest".to_owned());
    }
}
