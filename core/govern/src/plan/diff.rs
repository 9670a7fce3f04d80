//! What changes from one plan to another, and whether events that were fine may not be any more.

use std::collections::BTreeMap;

use headwater_model::event::EventType;
use headwater_model::json::Value;

use super::read::{About, PlanError, read};

/// How deep schemas are compared member by member; what lies deeper is compared as a whole.
const MAX_DEPTH: usize = 32;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which rule: `Order Completed`, `identify events`, `all events`, with ` (version 2)` from the second version on.
    pub rule: String,
    /// Where in the event: `properties.total`; empty for the rule itself.
    pub field: String,
    /// What changed, in a few words.
    pub what: String,
    /// Whether an event that was as planned may not be any more.
    pub breaking: bool,
}

/// Compares two plans, rule by rule and property by property.
///
/// # Errors
/// [`PlanError`] of a plan that cannot be read.
pub fn diff(old: &Value, new: &Value) -> Result<Vec<Change>, PlanError> {
    let (old, new) = (rules(old)?, rules(new)?);
    let mut changes = Vec::new();
    for (name, (about, schema)) in &old {
        let Some((_, now)) = new.get(name) else {
            // Without its own rule a track event is unplanned; others are then checked by less.
            changes.push(Change {
                rule: name.clone(),
                field: String::new(),
                what: "removed".to_owned(),
                breaking: matches!(about, About::Track(_)),
            });
            continue;
        };
        compare(name, schema, now, "", 0, &mut changes);
    }
    for (name, (about, _)) in &new {
        if !old.contains_key(name) {
            // An event that no rule was about is now checked.
            changes.push(Change {
                rule: name.clone(),
                field: String::new(),
                what: "added".to_owned(),
                breaking: !matches!(about, About::Track(_)),
            });
        }
    }
    Ok(changes)
}

fn rules(plan: &Value) -> Result<BTreeMap<String, (About<'_>, &Value)>, PlanError> {
    let rules = read(plan)?.rules.into_iter().map(|rule| {
        let name = match rule.about {
            About::Track(name) => name.to_owned(),
            About::Type(kind) => format!("{} events", EventType::as_str(kind)),
            About::Common => "all events".to_owned(),
        };
        let name = match rule.version {
            1 => name,
            version => format!("{name} (version {version})"),
        };
        (name, (rule.about, rule.schema))
    });
    Ok(rules.collect())
}

/// Keywords that are compared by what they mean.
const UNDERSTOOD: [&str; 5] = [
    "additionalProperties",
    "enum",
    "properties",
    "required",
    "type",
];

/// Keywords that say nothing about an event.
const SILENT: [&str; 12] = [
    "$comment",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "id",
    "labels",
    "readOnly",
    "title",
];

fn compare(
    rule: &str,
    old: &Value,
    new: &Value,
    field: &str,
    depth: usize,
    changes: &mut Vec<Change>,
) {
    if old == new {
        return;
    }
    let mut tell = |field: &str, what: String, breaking: bool| {
        changes.push(Change {
            rule: rule.to_owned(),
            field: field.to_owned(),
            what,
            breaking,
        });
    };
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        tell(
            field,
            format!("{old} became {new}"),
            new != &Value::Bool(true),
        );
        return;
    };
    if depth > MAX_DEPTH {
        tell(field, "changed".to_owned(), true);
        return;
    }
    let below = |name: &str| match field {
        "" => name.to_owned(),
        field => format!("{field}.{name}"),
    };
    let (types, types_now) = (texts(old, "type"), texts(new, "type"));
    if types != types_now {
        let named = |types: &[String]| match types {
            [] => "anything".to_owned(),
            types => types.join(" or "),
        };
        let kept = |kind: &String| {
            types_now.contains(kind)
                || (kind == "integer" && types_now.iter().any(|now| now == "number"))
        };
        let wider = types_now.is_empty() || (!types.is_empty() && types.iter().all(kept));
        tell(
            field,
            format!("was {}, is {}", named(&types), named(&types_now)),
            !wider,
        );
    }
    let (required, required_now) = (texts(old, "required"), texts(new, "required"));
    for name in required_now.iter().filter(|name| !required.contains(name)) {
        tell(&below(name), "is required now".to_owned(), true);
    }
    for name in required.iter().filter(|name| !required_now.contains(name)) {
        tell(&below(name), "is not required any more".to_owned(), false);
    }
    match (before.get("enum"), after.get("enum")) {
        (Some(Value::Array(values)), Some(Value::Array(values_now))) => {
            for value in values.iter().filter(|value| !values_now.contains(value)) {
                tell(field, format!("may not be {value} any more"), true);
            }
            for value in values_now.iter().filter(|value| !values.contains(value)) {
                tell(field, format!("may be {value}, too"), false);
            }
        }
        (None, Some(_)) => tell(field, "must be one of listed values now".to_owned(), true),
        (Some(_), None) => tell(field, "may have any value now".to_owned(), false),
        _ => {}
    }
    let open = |value: Option<&Value>| value.is_none_or(|value| value == &Value::Bool(true));
    let (others, others_now) = (
        before.get("additionalProperties"),
        after.get("additionalProperties"),
    );
    if others != others_now && !(open(others) && open(others_now)) {
        tell(
            field,
            "what it may have besides its named members changed".to_owned(),
            !open(others_now),
        );
    }
    for (keyword, value) in before
        .iter()
        .chain(after.iter().filter(|(key, _)| !before.contains_key(key)))
    {
        let now = after.get(keyword);
        if UNDERSTOOD.contains(&keyword)
            || SILENT.contains(&keyword)
            || keyword == "items"
            || now == before.get(keyword)
        {
            continue;
        }
        match now {
            None => tell(field, format!("`{keyword}` is gone"), keyword == "$ref"),
            Some(now) if before.contains_key(keyword) => {
                let told = |value: &Value| value.to_string().chars().take(80).collect::<String>();
                tell(
                    field,
                    format!("`{keyword}` was {}, is {}", told(value), told(now)),
                    !looser(keyword, value, now),
                );
            }
            Some(_) => tell(field, format!("`{keyword}` is new"), true),
        }
    }
    if let (Some(items), Some(items_now)) = (before.get("items"), after.get("items")) {
        compare(rule, items, items_now, &below("*"), depth + 1, changes);
    } else if before.contains_key("items") != after.contains_key("items") {
        let breaking = after.contains_key("items");
        let what = if breaking {
            "its elements are described now"
        } else {
            "its elements may be anything now"
        };
        changes.push(Change {
            rule: rule.to_owned(),
            field: field.to_owned(),
            what: what.to_owned(),
            breaking,
        });
    }
    members(rule, old, new, &below, depth, changes);
}

fn members(
    rule: &str,
    old: &Value,
    new: &Value,
    below: &dyn Fn(&str) -> String,
    depth: usize,
    changes: &mut Vec<Change>,
) {
    let properties = |schema: &'_ Value| -> BTreeMap<String, Value> {
        let all = schema.get("properties").and_then(Value::as_object);
        all.into_iter()
            .flat_map(|all| {
                all.iter()
                    .map(|(name, value)| (name.to_owned(), value.clone()))
            })
            .collect()
    };
    let (before, after) = (properties(old), properties(new));
    for (name, schema) in &before {
        match after.get(name) {
            Some(now) => compare(rule, schema, now, &below(name), depth + 1, changes),
            None => changes.push(Change {
                rule: rule.to_owned(),
                field: below(name),
                what: "removed: it is unplanned now".to_owned(),
                breaking: true,
            }),
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        changes.push(Change {
            rule: rule.to_owned(),
            field: below(name),
            what: "added".to_owned(),
            breaking: false,
        });
    }
}

/// Whether a limit allows at least what it did.
fn looser(keyword: &str, old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_f64(), new.as_f64()) else {
        return false;
    };
    if keyword.starts_with("max") || keyword == "exclusiveMaximum" {
        new >= old
    } else if keyword.starts_with("min") || keyword == "exclusiveMinimum" {
        new <= old
    } else {
        false
    }
}

fn texts(schema: &Value, keyword: &str) -> Vec<String> {
    match schema.get(keyword) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}
