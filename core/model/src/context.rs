//! The merge of two contexts: what the library fills in, under what the caller gives.

use crate::json::{Object, Value};

/// How many levels are merged key by key; below, the caller's value replaces the other one whole. The spec's contexts
/// have three (`context.traits.address`).
pub const MERGE_DEPTH: usize = 16;

/// Lays `over` on `base`: its keys win, objects merge key by key, arrays and all else replace, `null` too.
pub fn merge(base: &mut Object, over: Object) {
    merge_to(base, over, MERGE_DEPTH);
}

fn merge_to(base: &mut Object, over: Object, levels: usize) {
    for (key, value) in over {
        match base.get_mut(&key) {
            Some(held) => *held = merged(core::mem::take(held), value, levels - 1),
            None => {
                base.insert(key, value);
            }
        }
    }
}

fn merged(below: Value, above: Value, levels: usize) -> Value {
    if levels == 0 || !below.is_object() || !above.is_object() {
        return above;
    }
    let mut base = below.into_object().unwrap_or_default();
    merge_to(&mut base, above.into_object().unwrap_or_default(), levels);
    base.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    fn object(text: &str) -> Object {
        match parse(text.as_bytes(), &Limits::default()) {
            Ok(Value::Object(object)) => object,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_callers_keys_win_at_every_level() {
        for (base, over, expected) in [
            (r#"{"a":1}"#, r#"{"b":2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":1,"b":1}"#, r#"{"a":2}"#, r#"{"a":2,"b":1}"#),
            (
                r#"{"app":{"name":"x","v":1}}"#,
                r#"{"app":{"v":2}}"#,
                r#"{"app":{"name":"x","v":2}}"#,
            ),
            (
                r#"{"app":{"name":"x"}}"#,
                r#"{"app":null}"#,
                r#"{"app":null}"#,
            ),
            (
                r#"{"app":null}"#,
                r#"{"app":{"name":"x"}}"#,
                r#"{"app":{"name":"x"}}"#,
            ),
            (r#"{"a":[1,2]}"#, r#"{"a":[3]}"#, r#"{"a":[3]}"#),
            (r#"{"a":{"b":1}}"#, r#"{"a":1}"#, r#"{"a":1}"#),
        ] {
            let mut merged = object(base);
            merge(&mut merged, object(over));
            assert_eq!(Value::Object(merged).to_string(), expected);
        }
    }

    #[test]
    fn below_the_deepest_merged_level_the_callers_value_replaces() {
        let nest = |key: &str, levels| {
            format!(
                "{}{{\"{key}\":1}}{}",
                "{\"n\":".repeat(levels),
                "}".repeat(levels)
            )
        };
        let merged = |levels| {
            let mut base = object(&nest("a", levels));
            merge(&mut base, object(&nest("b", levels)));
            Value::Object(base).to_string()
        };
        assert!(merged(MERGE_DEPTH - 1).contains(r#"{"a":1,"b":1}"#));
        assert!(!merged(MERGE_DEPTH).contains(r#""a""#));
    }
}
