//! The account: what was sent against what is stored, by messageId. Counters of anybody's are not asked.

use std::collections::HashMap;

use headwater::json::{Object, Value};

use crate::session::Call;

/// What a stored event must have as it was sent.
const KEPT: [&str; 10] = [
    "type",
    "event",
    "name",
    "category",
    "userId",
    "anonymousId",
    "groupId",
    "previousId",
    "properties",
    "traits",
];

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Account<'a> {
    sent: HashMap<String, &'a Call>,
    calls: usize,
}

/// How it came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) sent: usize,
    /// Of those sent, stored at least once.
    pub(crate) received: usize,
    pub(crate) lost: usize,
    /// Stored again, after the first time.
    pub(crate) duplicated: usize,
    /// The messageIds of events that are not as they were sent, with the member that differs.
    pub(crate) changed: Vec<(String, &'static str)>,
}

impl Balance {
    pub(crate) fn is_even(&self) -> bool {
        self.sent > 0 && self.lost == 0 && self.duplicated == 0 && self.changed.is_empty()
    }
}

impl<'a> Account<'a> {
    pub(crate) fn sent(&mut self, message_id: &str, call: &'a Call) {
        self.calls += 1;
        self.sent.insert(message_id.to_owned(), call);
    }

    /// The messageIds that were sent.
    pub(crate) fn ids(&self) -> std::collections::HashSet<&str> {
        self.sent.keys().map(String::as_str).collect()
    }

    pub(crate) fn settle(&self, stored: &[Object]) -> Balance {
        let mut times: HashMap<&str, usize> = HashMap::new();
        let mut changed = Vec::new();
        for event in stored {
            let Some(id) = event.get("messageId").and_then(Value::as_str) else {
                continue;
            };
            // Others may have sent to the same collector.
            let Some(call) = self.sent.get(id) else {
                continue;
            };
            *times.entry(id).or_default() += 1;
            let differs = KEPT
                .into_iter()
                .find(|member| !same(call.get(member), event.get(member)));
            changed.extend(differs.map(|member| (id.to_owned(), member)));
        }
        Balance {
            sent: self.calls,
            received: times.len(),
            lost: self.calls - times.len(),
            duplicated: times.values().map(|times| times - 1).sum(),
            changed,
        }
    }
}

/// Empty properties and none are the same to the spec.
fn same(sent: Option<&Value>, stored: Option<&Value>) -> bool {
    let empty = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .is_none_or(Object::is_empty)
    };
    sent == stored || (empty(sent) && empty(stored) && !is_text(sent) && !is_text(stored))
}

fn is_text(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.as_str().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session;

    fn event(call: &Call, id: &str) -> Object {
        let mut event: Object = [("messageId", id)].into_iter().collect();
        for member in KEPT {
            if let Some(value) = call.get(member) {
                event.insert(member, value.clone());
            }
        }
        event
    }

    #[test]
    fn a_missing_a_doubled_and_a_changed_event_are_all_seen() {
        let calls = session::load(None).unwrap();
        let mut account = Account::default();
        let ids: Vec<String> = (0..4).map(|number| format!("m{number}")).collect();
        for (id, call) in ids.iter().zip(&calls) {
            account.sent(id, call);
        }
        let all: Vec<Object> = ids
            .iter()
            .zip(&calls)
            .map(|(id, call)| event(call, id))
            .collect();
        assert!(account.settle(&all).is_even());

        assert_eq!(account.settle(&all[1..]).lost, 1);

        let mut twice = all.clone();
        twice.push(all[2].clone());
        assert_eq!(account.settle(&twice).duplicated, 1);

        let mut other = all;
        other[1].insert("anonymousId", "somebody else");
        assert_eq!(
            account.settle(&other).changed,
            [("m1".to_owned(), "anonymousId")]
        );
    }

    #[test]
    fn one_id_for_two_calls_is_a_loss() {
        let calls = session::load(None).unwrap();
        let mut account = Account::default();
        account.sent("m", &calls[0]);
        account.sent("m", &calls[1]);
        assert_eq!(account.settle(&[event(&calls[1], "m")]).lost, 1);
    }
}
