//! Scenarios say large things in short: variables, repetition, series of events, deep objects.

use serde_json::{Map, Value};

/// Replaces `${name}` in every string; a string that is nothing else takes the variable's type.
pub(crate) fn fill(value: &mut Value, variables: &Map<String, Value>) {
    match value {
        Value::String(text) => {
            for (name, with) in variables {
                let mark = ["${", name, "}"].concat();
                if *text == mark {
                    *value = with.clone();
                    return;
                }
                if text.contains(&mark) {
                    let with = with
                        .as_str()
                        .map_or_else(|| with.to_string(), str::to_owned);
                    *text = text.replace(&mark, &with);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|each| fill(each, variables)),
        Value::Object(all) => all.values_mut().for_each(|each| fill(each, variables)),
        _ => {}
    }
}

/// Expands `{"$events": N, "as": …}` inside arrays (with `{n}`, and `{nnnn}` of four digits), `{"$repeat": text,
/// "times": N}` to a string, and `{"$nest": depth, "leaf": …}` to objects in objects.
pub(crate) fn expand(value: &mut Value) {
    match value {
        Value::Array(all) => {
            let mut out = Vec::with_capacity(all.len());
            for each in all.drain(..) {
                match each.get("$events").and_then(Value::as_u64) {
                    Some(count) => {
                        let from = each.get("from").and_then(Value::as_u64).unwrap_or(1);
                        let pattern = each.get("as").cloned().unwrap_or_default();
                        out.extend((from..from + count).map(|n| numbered(pattern.clone(), n)));
                    }
                    None => out.push(each),
                }
            }
            *all = out;
            all.iter_mut().for_each(expand);
        }
        Value::Object(all) => {
            let times = all.get("times").and_then(Value::as_u64).unwrap_or(1);
            if let Some(text) = all.get("$repeat").and_then(Value::as_str) {
                *value = Value::from(text.repeat(usize::try_from(times).unwrap_or(0)));
            } else if let Some(depth) = all.get("$nest").and_then(Value::as_u64) {
                let mut inner = all.get("leaf").cloned().unwrap_or(Value::Bool(true));
                for _ in 0..depth {
                    inner = Value::Object([("d".to_owned(), inner)].into_iter().collect());
                }
                *value = inner;
            } else {
                all.values_mut().for_each(expand);
            }
        }
        _ => {}
    }
}

fn numbered(mut value: Value, n: u64) -> Value {
    match &mut value {
        Value::String(text) => {
            *text = text
                .replace("{nnnn}", &format!("{n:04}"))
                .replace("{n}", &n.to_string());
        }
        Value::Array(all) => all
            .iter_mut()
            .for_each(|each| *each = numbered(each.take(), n)),
        Value::Object(all) => all
            .values_mut()
            .for_each(|each| *each = numbered(each.take(), n)),
        _ => {}
    }
    value
}

/// Lays `over` onto `base`, object by object; what `over` says wins, `null` takes away.
pub(crate) fn lay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(key);
                } else {
                    lay(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_forms_become_what_they_say() {
        let mut value = json!({"a": [{"$events": 2, "as": {"id": "e{nnnn}"}}], "b": {"$repeat": "xy", "times": 2},
            "c": {"$nest": 2, "leaf": 1}});
        expand(&mut value);
        let whole =
            json!({"a": [{"id": "e0001"}, {"id": "e0002"}], "b": "xyxy", "c": {"d": {"d": 1}}});
        assert_eq!(value, whole);
    }

    #[test]
    fn a_variable_alone_keeps_its_type() {
        let mut value = json!(["${status}", "a ${status}"]);
        let variables = [("status".to_owned(), json!(500))].into_iter().collect();
        fill(&mut value, &variables);
        assert_eq!(value, json!([500, "a 500"]));
    }
}
