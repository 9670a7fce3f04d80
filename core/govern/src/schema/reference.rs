//! Where `$ref` leads: to a place within the schema, by JSON pointer, by `$id`, or both.

use std::collections::BTreeMap;

use headwater_model::json::{Object, Value};

/// Keywords whose value is one schema.
const ONE: [&str; 9] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
];

/// Keywords whose value is a list of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "items", "oneOf"];

/// Keywords whose value is an object of schemas.
const MAPS: [&str; 4] = [
    "definitions",
    "dependencies",
    "patternProperties",
    "properties",
];

/// What `$id`s name.
pub(super) struct Names<'v> {
    root: &'v Value,
    /// By address, the URI that references in a schema are relative to, where it is not the root's.
    bases: BTreeMap<usize, String>,
    /// By absolute URI, with or without a fragment.
    named: BTreeMap<String, &'v Value>,
    root_base: String,
}

pub(super) fn address(value: &Value) -> usize {
    core::ptr::from_ref(value).addr()
}

impl<'v> Names<'v> {
    /// Reads the `$id`s of all schemas within a schema.
    pub(super) fn read(root: &'v Value) -> Names<'v> {
        let own = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        let mut names = Names {
            root,
            bases: BTreeMap::new(),
            named: BTreeMap::new(),
            root_base: own.trim_end_matches('#').to_owned(),
        };
        let mut open: Vec<(&'v Value, String)> = vec![(root, String::new())];
        while let Some((schema, base)) = open.pop() {
            let Some(object) = schema.as_object() else {
                continue;
            };
            // What stands beside a reference does not count.
            if object.get("$ref").is_some_and(|to| to.as_str().is_some()) {
                if base != names.root_base {
                    names.bases.insert(address(schema), base);
                }
                continue;
            }
            let base = match object.get("$id").and_then(Value::as_str) {
                Some(id) => {
                    let uri = resolve(&base, id);
                    let uri = uri.strip_suffix('#').unwrap_or(&uri);
                    names.named.insert(uri.to_owned(), schema);
                    match uri.split_once('#') {
                        Some((base, _)) => base.to_owned(),
                        None => uri.to_owned(),
                    }
                }
                None => base,
            };
            for child in children(object) {
                open.push((child, base.clone()));
            }
            if base != names.root_base {
                names.bases.insert(address(schema), base);
            }
        }
        names
    }

    /// The schema that a reference in `schema` leads to.
    pub(super) fn find(&self, schema: &Value, reference: &str) -> Result<&'v Value, String> {
        let base = self.bases.get(&address(schema)).unwrap_or(&self.root_base);
        let uri = resolve(base, reference);
        let (resource, fragment) = uri.split_once('#').unwrap_or((&uri, ""));
        let nowhere = || {
            format!(
                "leads to `{reference}`, which is not in this schema; put it under `definitions`, since nothing is fetched"
            )
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return self.named.get(&uri).copied().ok_or_else(nowhere);
        }
        let resource = if resource == self.root_base {
            self.root
        } else {
            self.named.get(resource).copied().ok_or_else(nowhere)?
        };
        let mut at = resource;
        for part in fragment.split('/').skip(1) {
            let part = unescape(part).ok_or_else(nowhere)?;
            let next = match at {
                Value::Object(object) => object.get(&part),
                Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            };
            at = next.ok_or_else(nowhere)?;
        }
        Ok(at)
    }
}

fn children(object: &Object) -> impl Iterator<Item = &Value> {
    object.iter().flat_map(|(keyword, value)| {
        let one = ONE.contains(&keyword).then_some(value);
        let list = value.as_array().filter(|_| LISTS.contains(&keyword));
        let map = value.as_object().filter(|_| MAPS.contains(&keyword));
        one.into_iter().chain(list.into_iter().flatten()).chain(
            map.into_iter()
                .flat_map(|map| map.iter().map(|(_, value)| value)),
        )
    })
}

/// One part of a JSON pointer in a URI: percent signs first, then `~`.
fn unescape(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(text.replace("~1", "/").replace("~0", "~"))
}

/// A reference, seen from a base (RFC 3986 §5.2, for the forms that schemas use).
fn resolve(base: &str, reference: &str) -> String {
    let (path, fragment) = match reference.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (reference, None),
    };
    let scheme = |text: &str| {
        text.find(':').filter(|at| {
            let name = text.get(..*at).unwrap_or_default();
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
    };
    let mut uri = if path.is_empty() {
        base.to_owned()
    } else if scheme(path).is_some() {
        path.to_owned()
    } else if path.starts_with("//") {
        let end = scheme(base).map_or(0, |at| at + 1);
        format!("{}{path}", base.get(..end).unwrap_or_default())
    } else {
        let host = base.find("://").map_or(0, |at| at + 3);
        let root = base
            .get(host..)
            .and_then(|rest| rest.find('/'))
            .map_or(base.len(), |at| host + at);
        let folder = if path.starts_with('/') {
            root
        } else {
            base.rfind('/')
                .filter(|at| *at >= root)
                .map_or(root, |at| at + 1)
        };
        let between = if folder == base.len() && host > 0 && !path.starts_with('/') {
            "/"
        } else {
            ""
        };
        format!("{}{between}{path}", base.get(..folder).unwrap_or_default())
    };
    if let Some(fragment) = fragment {
        uri.push('#');
        uri.push_str(fragment);
    }
    uri
}
