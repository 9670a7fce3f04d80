//! What each rule did to one event: for previews and for "where is my event".

use headwater_model::json::{Object, Value};

/// At most so many changes are told of one rule.
const MAX_CHANGES: usize = 100;

/// What each rule did to one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// In the order in which the rules ran.
    pub steps: Vec<Step>,
}

/// One rule's part.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Which rule: `plan:checkout`, `gate`, `filter:no-test-orders`.
    pub rule: String,
    /// What it did: `passed`, `changed`, `marked`, `omitted`, `blocked`, `dropped`.
    pub did: &'static str,
    /// What it found, without values of the event.
    pub found: Vec<String>,
    /// What it changed of the event; at most 100 are told.
    pub changes: Vec<Change>,
}

/// One value that a rule changed.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// Where: `properties.items[0].sku`.
    pub path: String,
    /// What was there; `None` where nothing was.
    pub before: Option<Value>,
    /// What is there now; `None` where nothing is.
    pub after: Option<Value>,
}

/// Without the values, which may be personal.
impl core::fmt::Debug for Change {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Change")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Trace {
    /// The trace as JSON: `[{"rule", "did", "found", "changes": [{"path", "before"?, "after"?}]}]`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.steps.iter().map(Step::to_json).collect()
    }
}

impl Step {
    fn to_json(&self) -> Value {
        let mut step = Object::new();
        step.insert("rule", self.rule.as_str());
        step.insert("did", self.did);
        step.insert(
            "found",
            self.found
                .iter()
                .map(|found| Value::from(found.as_str()))
                .collect::<Value>(),
        );
        let changes: Value = self
            .changes
            .iter()
            .map(|change| {
                let mut one = Object::new();
                one.insert("path", change.path.as_str());
                for (side, value) in [("before", &change.before), ("after", &change.after)] {
                    if let Some(value) = value {
                        one.insert(side, value.clone());
                    }
                }
                Value::Object(one)
            })
            .collect();
        step.insert("changes", changes);
        Value::Object(step)
    }
}

/// Writes down what rules do, where somebody wants to know; costs nothing otherwise.
pub(super) struct Recorder<'t> {
    trace: Option<&'t mut Trace>,
}

impl<'t> Recorder<'t> {
    pub(super) fn new(trace: Option<&'t mut Trace>) -> Recorder<'t> {
        Recorder { trace }
    }

    /// The event as it is before a rule, where somebody wants to know.
    pub(super) fn before(&self, event: &Object) -> Option<Object> {
        self.trace.is_some().then(|| event.clone())
    }

    pub(super) fn note(
        &mut self,
        rule: impl FnOnce() -> String,
        did: &'static str,
        found: impl FnOnce() -> Vec<String>,
    ) {
        if let Some(trace) = &mut self.trace {
            trace.steps.push(Step {
                rule: rule(),
                did,
                found: found(),
                changes: Vec::new(),
            });
        }
    }

    /// Adds to the last step what it changed. A step that only passed has `changed` then.
    pub(super) fn changes(&mut self, before: Option<&Object>, after: &Object) {
        if let (Some(trace), Some(before)) = (&mut self.trace, before)
            && let Some(step) = trace.steps.last_mut()
        {
            compare(before, after, "", &mut step.changes);
            if step.did == "passed" && !step.changes.is_empty() {
                step.did = "changed";
            }
        }
    }
}

/// Recursion ends where the event does, which JSON's bound on depth bounds.
fn compare(before: &Object, after: &Object, path: &str, changes: &mut Vec<Change>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    for (key, old) in before.iter() {
        match after.get(key) {
            Some(new) => compare_values(old, new, || below(key), changes),
            None => tell(below(key), Some(old), None, changes),
        }
    }
    for (key, new) in after.iter() {
        if !before.contains_key(key) {
            tell(below(key), None, Some(new), changes);
        }
    }
}

fn compare_values(old: &Value, new: &Value, path: impl Fn() -> String, changes: &mut Vec<Change>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(old), Value::Object(new)) => compare(old, new, &path(), changes),
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let at: &dyn Fn() -> String = &|| format!("{}[{index}]", path());
                compare_values(old, new, at, changes);
            }
        }
        _ => tell(path(), Some(old), Some(new), changes),
    }
}

fn tell(path: String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    if changes.len() < MAX_CHANGES {
        changes.push(Change {
            path,
            before: before.cloned(),
            after: after.cloned(),
        });
    }
}
