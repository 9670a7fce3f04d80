//! The keys of the objects that are open, to find one that repeats.
//!
//! Exact, and bounded whatever the keys are: the first keys of an object are compared one by one (fingerprints first),
//! a larger object's are sorted when it closes, so that no choice of keys costs more than n log n.

use std::borrow::Cow;

use super::string::decode;

/// Up to here each key is compared with those before it.
const SMALL: usize = 64;

#[derive(Clone, Copy)]
struct Entry {
    fingerprint: u32,
    start: usize,
    end: usize,
    escaped: bool,
}

/// A stack of objects, innermost last.
#[derive(Default)]
pub(crate) struct Keys {
    entries: Vec<Entry>,
    /// For each open object where its entries begin.
    opened: Vec<usize>,
}

impl Keys {
    pub(crate) fn open(&mut self) {
        self.opened.push(self.entries.len());
    }

    /// Takes the key at `start..end` of `text`; false when the innermost object has it already.
    pub(crate) fn add(&mut self, text: &str, start: usize, end: usize, escaped: bool) -> bool {
        let key = decode(text.get(start..end).unwrap_or_default(), escaped);
        let fingerprint = fingerprint(key.as_bytes());
        let known = self
            .entries
            .get(self.opened.last().copied().unwrap_or(0)..)
            .unwrap_or_default();
        if known.len() < SMALL {
            for entry in known {
                if entry.fingerprint == fingerprint && entry.decode(text) == key {
                    return false;
                }
            }
        }
        self.entries.push(Entry {
            fingerprint,
            start,
            end,
            escaped,
        });
        true
    }

    /// Closes the innermost object; the start of its first repeated key, when that was not found on the way.
    pub(crate) fn close(&mut self, text: &str) -> Option<usize> {
        let from = self.opened.pop().unwrap_or(0);
        let repeated = match self.entries.get(from..) {
            Some(known) if known.len() > SMALL => first_repeated(text, known),
            _ => None,
        };
        self.entries.truncate(from);
        repeated
    }
}

impl Entry {
    fn decode<'a>(&self, text: &'a str) -> Cow<'a, str> {
        decode(
            text.get(self.start..self.end).unwrap_or_default(),
            self.escaped,
        )
    }
}

#[cold]
fn first_repeated(text: &str, known: &[Entry]) -> Option<usize> {
    let mut keys: Vec<(Cow<'_, str>, usize)> = known
        .iter()
        .map(|entry| (entry.decode(text), entry.start))
        .collect();
    keys.sort_unstable();
    keys.windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[1].1)
        .min()
}

/// Tells most keys apart; equal fingerprints are followed by a comparison.
#[inline]
fn fingerprint(key: &[u8]) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = key.len() as u64;
    let mut chunks = key.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(MIX);
    }
    let rest = chunks
        .remainder()
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    ((hash.rotate_left(5) ^ rest).wrapping_mul(MIX) >> 32) as u32
}
