//! Transformations: what an event is like when it leaves its source, or reaches a destination.
//!
//! A source's run before its plan, so that a rename can align an event with it; a connection's after its filters. Within one
//! transformation: drop, new name, rename, set, compute, hash, allow; each step sees what the one before it left. The condition
//! is asked before all of them.
//!
//! Ids and the type of an event are no transformation's to change: writing reaches what is below `properties`, `traits` and
//! `context`, and the event's name.

use headwater_model::event::EventType;
use headwater_model::json::{Object, Value};

use crate::event_path::EventPath;
use crate::expression::{Exceeded, Expression};
#[cfg(feature = "shapes")]
use crate::expression::{HashAlgorithm, Normaliser, hashed};

/// The objects that may be changed.
const WRITABLE: [&str; 3] = ["properties", "traits", "context"];

/// One transformation.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Its id in the workspace; traces and counts name it.
    pub id: String,
    /// Which events it is about; the others stay as they are.
    pub condition: Expression,
    /// Whether those go no further.
    pub drop: bool,
    /// The name that track events get.
    pub event_name: Option<String>,
    /// Values that move, from and to.
    pub rename: Vec<(Target, Target)>,
    /// Values that are set.
    pub set: Vec<(Target, Value)>,
    /// Values that are computed. A path of the event that is missing leaves its target as it is.
    pub compute: Vec<(Target, Expression)>,
    /// Values that are hashed.
    #[cfg(feature = "shapes")]
    pub hash: Vec<Hashing>,
    /// Keys that stay, by their object; its others go.
    pub allow: Vec<(Target, Vec<String>)>,
}

/// Values that are replaced by their hashes, in hex. What cannot be hashed (an object, or what is not what the normaliser is
/// for) is taken out: it was not meant to be seen.
#[cfg(feature = "shapes")]
#[derive(Clone, Debug, PartialEq)]
pub struct Hashing {
    /// Where; a list has each of its elements hashed.
    pub target: Target,
    /// How.
    pub algorithm: HashAlgorithm,
    /// What a value is made like before it is hashed.
    pub normaliser: Normaliser,
}

#[cfg(feature = "shapes")]
impl Hashing {
    fn apply(&self, event: &mut Object) {
        self.target
            .0
            .each_holder(event, &mut |holder, key| match holder
                .get(key)
                .and_then(|value| self.hashed(value))
            {
                Some(hash) => drop(holder.insert(key, hash)),
                None => drop(holder.remove(key)),
            });
    }

    fn hashed(&self, value: &Value) -> Option<Value> {
        let hash = |text: &str| hashed(self.algorithm, text, self.normaliser).map(Value::from);
        match value {
            Value::Null => Some(Value::Null),
            Value::String(text) => hash(text),
            Value::Number(number) => hash(number.as_str()),
            Value::Bool(value) => hash(if *value { "true" } else { "false" }),
            Value::Array(items) => {
                Some(items.iter().filter_map(|item| self.hashed(item)).collect())
            }
            Value::Object(_) => None,
        }
    }
}

/// A place that a transformation may write: below `properties`, `traits` or `context`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(EventPath);

/// Why a path is no [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no path.
    #[error(transparent)]
    Path(#[from] crate::expression::ExpressionError),
    /// It is outside of what may be changed.
    #[error(
        "must begin with properties, traits or context: ids and the type of an event stay as they are"
    )]
    Outside,
    /// It is one of those as a whole.
    #[error("must name a key below it")]
    Whole,
}

impl Target {
    /// Reads the path of a value.
    ///
    /// # Errors
    /// [`TargetError`]
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let target = Target::parse_object(text)?;
        if target.0.keys().len() < 2 {
            return Err(TargetError::Whole);
        }
        Ok(target)
    }

    /// Reads the path of an object, which may be one of the three as a whole.
    ///
    /// # Errors
    /// [`TargetError`]
    pub fn parse_object(text: &str) -> Result<Target, TargetError> {
        let path = EventPath::parse(text)?;
        let inside = path
            .keys()
            .next()
            .is_some_and(|key| WRITABLE.contains(&key));
        if inside {
            Ok(Target(path))
        } else {
            Err(TargetError::Outside)
        }
    }

    /// Takes out what is there: of each element, where the path goes through a list.
    pub fn remove(&self, event: &mut Object) {
        self.0.each_holder(event, &mut |holder, key| {
            holder.remove(key);
        });
    }

    fn rename(&self, to: &Target, event: &mut Object) {
        let (from, to) = (&self.0, &to.0);
        if let Some(key) = from.sibling(to) {
            from.each_holder(event, &mut |holder, old| {
                if let Some(value) = holder.remove(old) {
                    holder.insert(key, value);
                }
            });
        } else if let Some(value) = from.find(event).cloned() {
            self.remove(event);
            to.set(event, &value);
        }
    }

    fn allow(&self, keys: &[String], event: &mut Object) {
        self.0.each_object(event, &mut |object| {
            object.retain(|key, _| keys.iter().any(|allowed| allowed == key));
        });
    }
}

/// What a transformation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformed {
    /// The event goes on; it may have changed.
    Passed,
    /// It goes no further.
    Dropped,
}

impl Transform {
    /// Whether it is about this event.
    ///
    /// # Errors
    /// [`Exceeded`], for which the event goes no further.
    pub fn applies(&self, event: &Object) -> Result<bool, Exceeded> {
        self.condition.matches(event)
    }

    /// Changes an event that it is about.
    ///
    /// # Errors
    /// [`Exceeded`], for which the event goes no further.
    pub fn apply(&self, event: &mut Object) -> Result<Transformed, Exceeded> {
        if self.drop {
            return Ok(Transformed::Dropped);
        }
        let track = event.get("type").and_then(Value::as_str) == Some(EventType::Track.as_str());
        if let (Some(name), true) = (&self.event_name, track) {
            event.insert("event", name.as_str());
        }
        for (from, to) in &self.rename {
            from.rename(to, event);
        }
        for (target, value) in &self.set {
            target.0.set(event, value);
        }
        for (target, expression) in &self.compute {
            if let Some(value) = expression.value(event)? {
                target.0.set(event, &value);
            }
        }
        #[cfg(feature = "shapes")]
        for hashing in &self.hash {
            hashing.apply(event);
        }
        for (target, keys) in &self.allow {
            target.allow(keys, event);
        }
        Ok(Transformed::Passed)
    }
}
