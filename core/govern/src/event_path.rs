//! Paths of an event that rules change: FQL's paths, which go through lists to each of their elements.
//!
//! `properties.products.price` is the price of the product, or of each product where `products` is a list.

use headwater_model::json::{Object, Value};

use crate::expression::{Expression, ExpressionError};

/// The keys of a path, outermost first; none is the event itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPath(Vec<String>);

impl EventPath {
    /// Reads a path as FQL writes it; the empty text is the event itself.
    ///
    /// # Errors
    /// [`ExpressionError`] with the position.
    pub fn parse(text: &str) -> Result<EventPath, ExpressionError> {
        if text.is_empty() {
            return Ok(EventPath::default());
        }
        let expression = Expression::parse(text)?;
        expression
            .as_path()
            .map(|keys| EventPath(keys.map(str::to_owned).collect()))
            .ok_or_else(|| ExpressionError {
                position: 1,
                problem: "must be a path of the event, such as properties.total".to_owned(),
            })
    }

    /// The keys, outermost first.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The last key of another path, where both are in the same object.
    #[must_use]
    pub fn sibling<'p>(&self, other: &'p EventPath) -> Option<&'p str> {
        let (_, own) = self.0.split_last()?;
        let (last, others) = other.0.split_last()?;
        (own == others).then_some(last)
    }

    /// The value there; lists are not gone through.
    #[must_use]
    pub fn find<'e>(&self, event: &'e Object) -> Option<&'e Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter()
            .try_fold(event.get(first)?, |value, key| value.get(key))
    }

    /// Calls `change` with each object at this path.
    pub fn each_object(&self, event: &mut Object, change: &mut dyn FnMut(&mut Object)) {
        each_at(event, &self.0, change);
    }

    /// Calls `change` with each object that holds the path's last key, and that key.
    pub fn each_holder(&self, event: &mut Object, change: &mut dyn FnMut(&mut Object, &str)) {
        if let Some((last, holders)) = self.0.split_last() {
            each_at(event, holders, &mut |holder| {
                if holder.contains_key(last) {
                    change(holder, last);
                }
            });
        }
    }

    /// Sets a value. Objects that are missing on the way are made; what is in the way and no object stays, and nothing is
    /// set then.
    ///
    /// ```
    /// use headwater_govern::event_path::EventPath;
    /// use headwater_model::json::{Object, Value};
    ///
    /// let mut event = Object::new();
    /// EventPath::parse("properties.source").unwrap().set(&mut event, &Value::from("web"));
    /// assert_eq!(Value::Object(event).path("properties.source"), Some(&Value::from("web")));
    /// ```
    pub fn set(&self, event: &mut Object, value: &Value) {
        let Some((last, way)) = self.0.split_last() else {
            return;
        };
        let mut holder = event;
        for key in way {
            if !holder.contains_key(key) {
                holder.insert(key.as_str(), Object::new());
            }
            let Some(Value::Object(next)) = holder.get_mut(key) else {
                return;
            };
            holder = next;
        }
        holder.insert(last.as_str(), value.clone());
    }
}

fn each_at(object: &mut Object, keys: &[String], change: &mut dyn FnMut(&mut Object)) {
    match keys.split_first() {
        None => change(object),
        Some((first, rest)) => {
            if let Some(value) = object.get_mut(first) {
                each_below(value, rest, change);
            }
        }
    }
}

fn each_below(value: &mut Value, keys: &[String], change: &mut dyn FnMut(&mut Object)) {
    match value {
        Value::Array(items) => {
            for item in items {
                each_below(item, keys, change);
            }
        }
        Value::Object(object) => each_at(object, keys, change),
        _ => {}
    }
}

/// Dotted, as FQL writes it.
impl core::fmt::Display for EventPath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::expression::print_path(&self.0, f)
    }
}
