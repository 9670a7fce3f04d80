//! The keys of the objects that are open, to find one that repeats.
//!
//! Exact, and bounded whatever the keys are: the first keys of an object are compared one by one (fingerprints first),
//! a larger object's are sorted when it closes, so that no choice of keys costs more than n log n.

use std::borrow::Cow;

use super::string::decode;

/// Up to here each key is compared with those before it.
const SMALL: usize = 64;

/// Where a key stands in the text.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Place {
    fn decode(self, text: &str) -> Cow<'_, str> {
        decode(
            text.get(self.start..self.end).unwrap_or_default(),
            self.escaped,
        )
    }
}

/// A stack of objects, innermost last.
#[derive(Default)]
pub(crate) struct Keys {
    /// One a key; apart from the places, so that many are compared at a time.
    fingerprints: Vec<u32>,
    places: Vec<Place>,
    /// For each open object where its keys begin.
    opened: Vec<usize>,
}

impl Keys {
    pub(crate) fn open(&mut self) {
        self.opened.push(self.places.len());
    }

    /// Takes the key at `start..end` of `text`; false when the innermost object has it already.
    #[inline]
    pub(crate) fn add(&mut self, text: &str, start: usize, end: usize, escaped: bool) -> bool {
        let place = Place {
            start,
            end,
            escaped,
        };
        let print = if escaped {
            fingerprint(place.decode(text).as_bytes())
        } else {
            fingerprint(text.as_bytes().get(start..end).unwrap_or_default())
        };
        let from = self.opened.last().copied().unwrap_or(0);
        let known = self.fingerprints.get(from..).unwrap_or_default();
        if known.len() < SMALL && known.contains(&print) && self.is_known(text, place) {
            return false;
        }
        self.fingerprints.push(print);
        self.places.push(place);
        true
    }

    #[cold]
    fn is_known(&self, text: &str, place: Place) -> bool {
        let from = self.opened.last().copied().unwrap_or(0);
        let key = place.decode(text);
        self.places
            .get(from..)
            .unwrap_or_default()
            .iter()
            .any(|known| known.decode(text) == key)
    }

    /// Closes the innermost object; the start of its first repeated key, when that was not found on the way.
    pub(crate) fn close(&mut self, text: &str) -> Option<usize> {
        let from = self.opened.pop().unwrap_or(0);
        let repeated = match self.places.get(from..) {
            Some(known) if known.len() > SMALL => first_repeated(text, known),
            _ => None,
        };
        self.places.truncate(from);
        self.fingerprints.truncate(from);
        repeated
    }
}

#[cold]
fn first_repeated(text: &str, known: &[Place]) -> Option<usize> {
    let mut keys: Vec<(Cow<'_, str>, usize)> = known
        .iter()
        .map(|place| (place.decode(text), place.start))
        .collect();
    keys.sort_unstable();
    keys.windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[1].1)
        .min()
}

/// Tells most keys apart by length and ends; equal fingerprints are followed by a comparison.
#[inline]
fn fingerprint(key: &[u8]) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (
            key.iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte)),
            0,
        ),
    };
    let mixed = (first ^ key.len() as u64).wrapping_mul(MIX) ^ last.rotate_left(29);
    (mixed.wrapping_mul(MIX) >> 32) as u32
}
