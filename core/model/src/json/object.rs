use super::Value;

/// A JSON object: pairs in the order they came, each key once.
///
/// Look-up is a linear search, which beats hashing at the sizes events have (a dozen keys); building one from many
/// pairs is not quadratic. Two objects are equal when they have the same pairs, in any order.
#[derive(Debug, Clone, Default)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// An empty object.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The value of `key`, to change in place.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0
            .iter_mut()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Sets `key`: in its place when it is there already, and returns the old value; at the end otherwise.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.set(key.into(), value.into())
    }

    fn set(&mut self, key: String, value: Value) -> Option<Value> {
        if let Some(held) = self.get_mut(&key) {
            return Some(std::mem::replace(held, value));
        }
        self.0.push((key, value));
        None
    }

    /// Takes `key` out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// Takes `key` out, where it is a string.
    pub fn take_text(&mut self, key: &str) -> Option<String> {
        match self.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Takes `key` out, where it is an object.
    pub fn take_object(&mut self, key: &str) -> Option<Object> {
        match self.remove(key) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// The number of `key`, where it is an integer that fits.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    /// The same, where it is not negative.
    #[must_use]
    pub fn natural(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// The boolean of `key`.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// The object of `key`.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<&Object> {
        self.get(key)?.as_object()
    }

    /// The object of `key`, as one of its own.
    #[must_use]
    pub fn to_object(&self, key: &str) -> Option<Object> {
        self.get(key)?.to_object()
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The pairs in order, values to change in place.
    pub fn iter_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (&str, &mut Value)> + ExactSizeIterator {
        self.0.iter_mut().map(|(key, value)| (key.as_str(), value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Keeps the pairs that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// How many pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes pairs that may repeat a key; the last value wins, at the place of the first.
    pub(crate) fn from_pairs(mut pairs: Vec<(String, Value)>) -> Self {
        if pairs.len() <= SMALL {
            let mut at = 1;
            while at < pairs.len() {
                let (before, rest) = pairs.split_at_mut(at);
                let twin = before.iter_mut().find(|(key, _)| *key == rest[0].0);
                if let Some(first) = twin {
                    std::mem::swap(&mut first.1, &mut rest[0].1);
                    pairs.remove(at);
                } else {
                    at += 1;
                }
            }
        } else {
            merge_sorted(&mut pairs);
        }
        Self(pairs)
    }
}

/// Up to here comparing each with each is quicker than sorting.
const SMALL: usize = 32;

/// Groups equal keys by sorting indices: n log n whatever the keys are, where a hash could be flooded.
fn merge_sorted(pairs: &mut Vec<(String, Value)>) {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_unstable_by(|&a, &b| pairs[a].0.cmp(&pairs[b].0).then(a.cmp(&b)));
    let mut repeated = vec![false; pairs.len()];
    let mut any = false;
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && pairs[order[to]].0 == pairs[order[from]].0 {
            repeated[order[to]] = true;
            to += 1;
        }
        if to > from + 1 {
            any = true;
            pairs[order[from]].1 = std::mem::take(&mut pairs[order[to - 1]].1);
        }
        from = to;
    }
    if any {
        let mut repeated = repeated.into_iter();
        pairs.retain(|_| repeated.next() != Some(true));
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.0.iter().enumerate().all(|(index, (key, value))| {
                // The same order is the usual case; only then is the comparison linear.
                match other.0.get(index) {
                    Some((name, twin)) if name == key => twin == value,
                    _ => other.get(key) == Some(value),
                }
            })
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self::from_pairs(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl<K: Into<String>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into())),
        );
        *self = Self::from_pairs(all);
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a str, &'a Value);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'a, (String, Value)>,
        fn(&'a (String, Value)) -> Self::Item,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}
