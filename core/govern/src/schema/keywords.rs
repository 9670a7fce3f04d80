//! The keywords of one schema.

use headwater_model::json::{Number, Object, Value};

use super::SchemaError;
use super::compile::{Compiler, below, wrong};
use super::decimal;
use super::format::Format;
use super::node::{ALWAYS, Bound, Check, Dependency, Members, Node, Types, Values};
use super::pattern::Pattern;

/// Words of later drafts that ask for something: passing over them would promise what is not kept.
const LATER: [(&str, &str); 10] = [
    ("$dynamicRef", "`$ref`"),
    ("$recursiveRef", "`$ref`"),
    ("dependentRequired", "`dependencies`"),
    ("dependentSchemas", "`dependencies`"),
    ("maxContains", "`contains`"),
    ("minContains", "`contains`"),
    ("nullable", "a `type` with \"null\""),
    ("prefixItems", "`items` with a list"),
    ("unevaluatedItems", "`additionalItems`"),
    ("unevaluatedProperties", "`additionalProperties`"),
];

pub(super) fn read<'v>(
    compiler: &mut Compiler<'v>,
    schema: &'v Object,
    path: &str,
) -> Result<Node, SchemaError> {
    let mut node = Node::default();
    let mut checks = Vec::new();
    for (keyword, value) in schema.iter() {
        let at = below(path, keyword);
        let check = match keyword {
            "type" => {
                node.types = Some(types(value, &at)?);
                continue;
            }
            "const" => Check::Const(value.clone()),
            "enum" => Check::Enum(values(value, &at)?),
            "multipleOf" => {
                let by = number(value, &at)?;
                if !decimal::is_divisor(by.as_str()) {
                    return wrong(&at, "must be over 0, with at most 18 digits");
                }
                Check::MultipleOf(by.clone())
            }
            "minimum" => Check::Minimum(bound(compiler, schema, value, &at, "exclusiveMinimum")?),
            "maximum" => Check::Maximum(bound(compiler, schema, value, &at, "exclusiveMaximum")?),
            "exclusiveMinimum" | "exclusiveMaximum" if compiler.old => match value {
                Value::Bool(_) => continue,
                _ => return wrong(&at, "must be true or false in a schema of draft-04"),
            },
            "exclusiveMinimum" => Check::Minimum(exclusive(value, &at)?),
            "exclusiveMaximum" => Check::Maximum(exclusive(value, &at)?),
            "minLength" => Check::MinLength(count(value, &at)?),
            "maxLength" => Check::MaxLength(count(value, &at)?),
            "minItems" => Check::MinItems(count(value, &at)?),
            "maxItems" => Check::MaxItems(count(value, &at)?),
            "minProperties" => Check::MinProperties(count(value, &at)?),
            "maxProperties" => Check::MaxProperties(count(value, &at)?),
            "pattern" => Check::Pattern(pattern(text(value, &at)?, &at)?),
            "format" => match Format::named(text(value, &at)?) {
                Some(format) => Check::Format(format),
                None => {
                    compiler.unknown.push(at);
                    continue;
                }
            },
            "uniqueItems" => match value.as_bool() {
                Some(true) => Check::Unique,
                Some(false) => continue,
                None => return wrong(&at, "must be true or false"),
            },
            "items" => match value.as_array() {
                None => Check::Items(compiler.node(value, &at)?),
                Some(list) => {
                    let nodes: Result<_, _> = list
                        .iter()
                        .enumerate()
                        .map(|(index, item)| compiler.node(item, &format!("{at}[{index}]")))
                        .collect();
                    let others = match schema.get("additionalItems") {
                        Some(others) => compiler.node(others, &below(path, "additionalItems"))?,
                        None => ALWAYS,
                    };
                    Check::Tuple(nodes?, others)
                }
            },
            "contains" => Check::Contains(compiler.node(value, &at)?),
            "required" => match value {
                // In draft-04 and before, a flag of the property itself; others pass over it.
                Value::Bool(_) if compiler.old => continue,
                _ => Check::Required(names(value, &at)?),
            },
            "propertyNames" => Check::PropertyNames(compiler.node(value, &at)?),
            "dependencies" => Check::Dependencies(dependencies(compiler, value, &at)?),
            "allOf" => Check::AllOf(compiler.nodes(value, &at)?),
            "anyOf" => Check::AnyOf(compiler.nodes(value, &at)?),
            "oneOf" => Check::OneOf(compiler.nodes(value, &at)?),
            "not" => Check::Not(compiler.node(value, &at)?),
            "if" => {
                let mut branch = |keyword| match schema.get(keyword) {
                    Some(branch) => compiler.node(branch, &below(path, keyword)),
                    None => Ok(ALWAYS),
                };
                let (then, otherwise) = (branch("then")?, branch("else")?);
                Check::If {
                    condition: compiler.node(value, &at)?,
                    then,
                    otherwise,
                }
            }
            // Read with their neighbours, and here only looked at.
            "then" | "else" | "additionalItems" => {
                compiler.node(value, &at)?;
                continue;
            }
            "definitions" => {
                for (name, definition) in object(value, &at)?.iter() {
                    compiler.node(definition, &below(&at, name))?;
                }
                continue;
            }
            "properties" | "patternProperties" | "additionalProperties" => continue,
            "$schema" | "$id" | "id" | "$comment" | "title" | "description" | "default"
            | "examples" | "readOnly" | "writeOnly" | "contentEncoding" | "contentMediaType"
            | "labels" | "deprecated" => continue,
            _ => {
                if let Some((_, instead)) = LATER.iter().find(|(later, _)| *later == keyword) {
                    return wrong(
                        &at,
                        format!(
                            "is a keyword of another draft and would not be checked; use {instead}"
                        ),
                    );
                }
                compiler.unknown.push(at);
                continue;
            }
        };
        checks.push(check);
    }
    if let Some(members) = members(compiler, schema, path)? {
        checks.push(Check::Members(members));
    }
    node.checks = checks;
    Ok(node)
}

fn members<'v>(
    compiler: &mut Compiler<'v>,
    schema: &'v Object,
    path: &str,
) -> Result<Option<Members>, SchemaError> {
    let mut members = Members::default();
    let mut any = false;
    if let Some(properties) = schema.get("properties") {
        let at = below(path, "properties");
        for (name, property) in object(properties, &at)?.iter() {
            let node = compiler.node(property, &below(&at, name))?;
            members.name(name, node);
            any = true;
        }
        members.sort();
    }
    if let Some(patterns) = schema.get("patternProperties") {
        let at = below(path, "patternProperties");
        for (text, property) in object(patterns, &at)?.iter() {
            let at = below(&at, text);
            let node = compiler.node(property, &at)?;
            members.patterns.push((pattern(text, &at)?, node));
            any = true;
        }
    }
    if let Some(others) = schema.get("additionalProperties") {
        members.others = compiler.node(others, &below(path, "additionalProperties"))?;
        any |= members.others != ALWAYS;
    }
    Ok(any.then_some(members))
}

fn types(value: &Value, at: &str) -> Result<Types, SchemaError> {
    let mut types = Types::default();
    let one = core::slice::from_ref(value);
    let names = value.as_array().map_or(one, Vec::as_slice);
    let known = names
        .iter()
        .all(|name| name.as_str().is_some_and(|name| types.add(name)));
    if !known || names.is_empty() {
        return wrong(
            at,
            "must be null, boolean, integer, number, string, array or object, or a list of these",
        );
    }
    Ok(types)
}

fn values(value: &Value, at: &str) -> Result<Values, SchemaError> {
    /// So many are told in a sentence.
    const TOLD: usize = 8;
    let Some(list) = value.as_array() else {
        return wrong(at, "must be a list of values");
    };
    let mut values = Values::default();
    for (index, value) in list.iter().enumerate() {
        if index < TOLD {
            let told = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let comma = if index == 0 { "" } else { ", " };
            values.sentence.push_str(comma);
            values.sentence.extend(told.chars().take(100));
        }
        match value {
            Value::String(text) => values.texts.push(text.clone()),
            _ => values.others.push(value.clone()),
        }
    }
    if list.len() > TOLD {
        values
            .sentence
            .push_str(&format!(" or {} more", list.len() - TOLD));
    }
    values.texts.sort();
    Ok(values)
}

fn bound(
    compiler: &Compiler<'_>,
    schema: &Object,
    limit: &Value,
    at: &str,
    exclusive: &str,
) -> Result<Bound, SchemaError> {
    Ok(Bound {
        limit: number(limit, at)?.clone(),
        exclusive: compiler.old && schema.flag(exclusive) == Some(true),
    })
}

fn exclusive(limit: &Value, at: &str) -> Result<Bound, SchemaError> {
    Ok(Bound {
        limit: number(limit, at)?.clone(),
        exclusive: true,
    })
}

fn dependencies<'v>(
    compiler: &mut Compiler<'v>,
    value: &'v Value,
    at: &str,
) -> Result<Vec<(String, Dependency)>, SchemaError> {
    object(value, at)?
        .iter()
        .map(|(name, dependency)| {
            let at = below(at, name);
            let dependency = match dependency {
                Value::Array(_) => Dependency::Members(names(dependency, &at)?),
                _ => Dependency::Schema(compiler.node(dependency, &at)?),
            };
            Ok((name.to_owned(), dependency))
        })
        .collect()
}

fn pattern(text: &str, at: &str) -> Result<Pattern, SchemaError> {
    Pattern::parse(text).or_else(|problem| wrong(at, problem))
}

fn object<'v>(value: &'v Value, at: &str) -> Result<&'v Object, SchemaError> {
    value
        .as_object()
        .map_or_else(|| wrong(at, "must be an object of schemas"), Ok)
}

fn text<'v>(value: &'v Value, at: &str) -> Result<&'v str, SchemaError> {
    value
        .as_str()
        .map_or_else(|| wrong(at, "must be a string"), Ok)
}

fn number<'v>(value: &'v Value, at: &str) -> Result<&'v Number, SchemaError> {
    value
        .as_number()
        .map_or_else(|| wrong(at, "must be a number"), Ok)
}

/// A whole number; `2.0` is one.
fn count(value: &Value, at: &str) -> Result<u64, SchemaError> {
    let whole = number(value, at)?;
    let count = whole.as_u64().or_else(|| {
        let text = whole.as_str();
        let digits = text.trim_end_matches('0').strip_suffix('.')?;
        headwater_model::json::parse_u64(digits)
    });
    count.map_or_else(|| wrong(at, "must be a whole number from 0 on"), Ok)
}

fn names(value: &Value, at: &str) -> Result<Vec<String>, SchemaError> {
    let names = value.as_array().and_then(|names| {
        names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    });
    names.map_or_else(|| wrong(at, "must be a list of names"), Ok)
}
