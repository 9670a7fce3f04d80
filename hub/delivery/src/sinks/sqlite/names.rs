//! Names of tables and columns: words in small letters, joined by `_`, as Segment's.
//!
//! A path or event has a plain name and, where somebody else has that, a name with digits of its own hash. Of a set, what
//! is spelled as its own plain name goes first, then all in the order of their text: the same set gets the same names in
//! any order. What was given once is stored and stays. Two never share a name.

use std::collections::HashSet;
use std::hash::Hasher;

/// Tables that events are not named after.
const TAKEN: &str = " tracks identifies pages screens groups aliases users accounts ";

/// Words that SQLite or PostgreSQL takes as a name only in quotes. They get a `_` in front, as RudderStack does it.
const RESERVED: &str = " add all alter analyze and any array as asc autoincrement between both case cast check collate \
    column commit constraint create cross current_date current_time current_timestamp current_user default deferrable \
    delete desc distinct do drop else end escape except exists false fetch for foreign from full grant group having in \
    index inner insert intersect into is isnull join left limit natural not notnull null offset on or order outer primary \
    references returning right select set table then to transaction true union unique update user using values when where \
    with ";

/// The longest name in bytes, as PostgreSQL's.
const MAX_NAME: usize = 63;

/// Names of columns for paths, each one that nobody has.
pub(super) fn columns<'a>(
    paths: impl IntoIterator<Item = &'a str>,
    taken: impl Fn(&str) -> bool,
) -> Vec<(&'a str, String)> {
    give(paths, plain, taken)
}

/// Names of tables for events, each one that nobody has.
pub(super) fn tables<'a>(
    events: impl IntoIterator<Item = &'a str>,
    taken: impl Fn(&str) -> bool,
) -> Vec<(&'a str, String)> {
    give(events, table, taken)
}

fn give<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    plain: impl Fn(&str) -> String,
    taken: impl Fn(&str) -> bool,
) -> Vec<(&'a str, String)> {
    let mut wanted: Vec<(bool, &str, String)> = texts
        .into_iter()
        .map(|text| {
            let plain = plain(text);
            (plain != text, text, plain)
        })
        .collect();
    wanted.sort();
    wanted.dedup();
    let mut given = HashSet::new();
    let mut names = Vec::with_capacity(wanted.len());
    for (_, text, plain) in wanted {
        let mut name = plain.clone();
        let mut turn = 0;
        while taken(&name) || given.contains(&name) {
            name = hashed(&plain, text, turn);
            turn += 1;
        }
        given.insert(name.clone());
        names.push((text, name));
    }
    names
}

/// The plain name of a path. A word ends where neither letter nor digit follows, and where a capital follows a small
/// letter, digits in between or not: `Base64Encode` is two words, `CStringRef` two and `2FA` one, as at Segment. Letters
/// beyond ASCII stay as they are.
fn plain(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 8);
    let (mut small, mut gap) = (false, false);
    for c in text.chars() {
        if !c.is_alphanumeric() {
            gap = true;
            continue;
        }
        let capital = c.is_ascii_uppercase();
        if (gap || capital && small) && !name.is_empty() {
            name.push('_');
            small = false;
        }
        gap = false;
        small = !capital && (small || c.is_lowercase());
        name.push(c.to_ascii_lowercase());
    }
    if name.is_empty() {
        return hashed("unnamed", text, 0);
    }
    if RESERVED.contains(&format!(" {name} ")) {
        return format!("_{name}");
    }
    cut(&name, MAX_NAME).to_owned()
}

/// The plain name of an event's table.
fn table(event: &str) -> String {
    let name = plain(event);
    if TAKEN.contains(&format!(" {name} ")) || name.starts_with("sqlite_") {
        cut(&format!("_{name}"), MAX_NAME).to_owned()
    } else {
        name
    }
}

/// The name with digits of the text's hash: six, then more, then the hash's successors.
fn hashed(plain: &str, text: &str, turn: u64) -> String {
    let mut hasher = siphasher::sip::SipHasher24::new();
    hasher.write(text.as_bytes());
    let hash = hasher.finish().wrapping_add(turn / 3);
    let digits = format!("{hash:016x}");
    let digits = digits
        .get([10, 4, 0][(turn % 3) as usize]..)
        .unwrap_or(&digits);
    format!("{}_{digits}", cut(plain, MAX_NAME - 1 - digits.len()))
}

/// The beginning of a name, without a `_` at its end.
fn cut(name: &str, most: usize) -> &str {
    let mut end = most.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().trim_end_matches('_')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use headwater_model::json::{Limits, Value, parse};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_shared_vectors() {
        let vectors = parse(
            include_bytes!("../../../../../tests/vectors/hub/warehouse-names.json"),
            &Limits::default(),
        )
        .unwrap();
        for (kind, give) in [("columns", plain as fn(&str) -> String), ("tables", table)] {
            let pairs = vectors.path(kind).and_then(Value::as_object).unwrap();
            for (text, name) in pairs.iter() {
                assert_eq!(give(text), name.as_str().unwrap(), "{kind} {text}");
            }
        }
        for set in vectors.path("together").and_then(Value::as_array).unwrap() {
            let set = set.as_object().unwrap();
            let names: BTreeMap<_, _> = columns(set.keys(), |_| false).into_iter().collect();
            for (path, name) in set.iter() {
                assert_eq!(names.get(path).map(String::as_str), name.as_str(), "{path}");
            }
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[aAbB_. ]{0,4}",
            "(order|group|tracks|sqlite_)[ _.]?[a-zA-Z]{0,2}",
            "\\PC{0,8}",
            "[aéДあ🙂]{55,70}",
        ]
    }

    proptest! {
        #[test]
        fn no_two_share_a_name_in_any_order_and_each_is_an_identifier(
            texts in prop::collection::vec(text(), 0..20),
            turned in any::<prop::sample::Index>(),
        ) {
            for give in [plain as fn(&str) -> String, table] {
                let names = give_all(&texts, give);
                let mut other = texts.clone();
                other.reverse();
                if !other.is_empty() {
                    let by = turned.index(other.len());
                    other.rotate_left(by);
                }
                prop_assert_eq!(&names, &give_all(&other, give));
                let different: BTreeSet<_> = names.values().map(|name| name.to_ascii_lowercase()).collect();
                prop_assert_eq!(different.len(), names.len());
                for name in names.values() {
                    prop_assert!(!name.is_empty() && name.len() <= MAX_NAME, "{}", name);
                    prop_assert!(name.chars().all(|c| c == '_' || c.is_alphanumeric()), "{}", name);
                    prop_assert!(!name.chars().any(|c| c.is_ascii_uppercase()), "{}", name);
                    prop_assert!(!RESERVED.contains(&format!(" {name} ")), "{}", name);
                }
            }
        }

        #[test]
        fn a_plain_name_is_its_own_plain_name(text in text()) {
            prop_assert_eq!(plain(&plain(&text)), plain(&text));
            prop_assert_eq!(table(&table(&text)), table(&text));
        }
    }

    fn give_all(texts: &[String], plain: fn(&str) -> String) -> BTreeMap<&str, String> {
        give(texts.iter().map(String::as_str), plain, |_| false)
            .into_iter()
            .collect()
    }
}
