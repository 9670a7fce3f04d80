//! Our directives to shapes.

use headwater_model::json::Value;

use super::compile::{Compiled, Compiler};
use super::shape::{Each, Entries, Node};
use crate::expression::Formula;

impl Compiler {
    pub(super) fn ours(&mut self, name: &str, options: &Value) -> Compiled<Option<Node>> {
        Ok(Some(match name {
            "@each" => {
                self.only(options, &["over", "as", "where", "do"])?;
                let over = self.expression(options, "over")?;
                let name = options.get("as").and_then(Value::as_str).map(Box::from);
                let known = self.loops.len();
                self.loops.extend(name.clone());
                let filter = self.optional(options, "where")?;
                let to = self.needed(options, "do")?;
                self.loops.truncate(known);
                Node::Each(Box::new(Each {
                    over,
                    name,
                    filter,
                    to,
                }))
            }
            "@concat" => Node::Concat(self.list(options)?),
            "@assign" | "@under" => Node::Assign {
                objects: self.list(options)?,
                first_wins: name == "@under",
            },
            "@entries" => {
                self.only(options, &["over", "key", "value", "where"])?;
                Node::Entries(Box::new(Entries {
                    over: self.expression(options, "over")?,
                    filter: self.optional(options, "where")?,
                    key: self.expression(options, "key")?,
                    value: self.needed(options, "value")?,
                }))
            }
            "@list" => {
                self.only(options, &["over", "do"])?;
                Node::ListOf {
                    over: self.expression(options, "over")?,
                    to: Box::new(self.needed(options, "do")?),
                }
            }
            "@omit" | "@pick" => {
                self.only(options, &["from", "keys"])?;
                let keys = match options.get("keys") {
                    Some(Value::Array(keys)) => {
                        keys.iter().map(|key| key.as_str().map(Box::from)).collect()
                    }
                    _ => None,
                };
                let Some(keys) = keys else {
                    return self.wrong("keys is a list of texts");
                };
                Node::Keys {
                    from: Box::new(self.needed(options, "from")?),
                    keys,
                    keep: name == "@pick",
                }
            }
            "@rename" => {
                self.only(options, &["from", "keys"])?;
                let keys = options
                    .get("keys")
                    .and_then(Value::as_object)
                    .and_then(|keys| {
                        keys.iter()
                            .map(|(from, to)| to.as_str().map(|to| (from.into(), to.into())))
                            .collect()
                    });
                let Some(keys) = keys else {
                    return self.wrong("keys is an object of old and new names");
                };
                Node::Rename {
                    from: Box::new(self.needed(options, "from")?),
                    keys,
                }
            }
            "@when" => self.when(options)?,
            "@compact" => {
                self.only(options, &["of"])?;
                Node::Compact(Box::new(self.needed(options, "of")?))
            }
            _ => return Ok(None),
        }))
    }

    fn when(&mut self, options: &Value) -> Compiled<Node> {
        let Value::Array(cases) = options else {
            return self.wrong("it is a list of {if, then}, and at its end perhaps {else}");
        };
        let mut compiled = Vec::with_capacity(cases.len());
        for (index, case) in cases.iter().enumerate() {
            let last = index + 1 == cases.len();
            compiled.push(self.at(index.to_string(), |compiler| {
                if last && case.get("else").is_some() {
                    compiler.only(case, &["else"])?;
                    return Ok((None, compiler.needed(case, "else")?));
                }
                compiler.only(case, &["if", "then"])?;
                Ok((
                    Some(compiler.expression(case, "if")?),
                    compiler.needed(case, "then")?,
                ))
            })?);
        }
        Ok(Node::When(compiled.into()))
    }

    fn list(&mut self, options: &Value) -> Compiled<Box<[Node]>> {
        match options {
            Value::Array(items) => Ok(self.nodes(items)?.into()),
            _ => self.wrong("it is a list"),
        }
    }

    fn expression(&mut self, options: &Value, key: &str) -> Compiled<Formula> {
        match options.get(key) {
            Some(Value::String(text)) => self.at(key, |compiler| compiler.formula(text)),
            _ => self.wrong(format!("{key} is needed: an expression, without `= `")),
        }
    }

    fn optional(&mut self, options: &Value, key: &str) -> Compiled<Option<Formula>> {
        match options.get(key) {
            None => Ok(None),
            Some(_) => self.expression(options, key).map(Some),
        }
    }

    /// Refuses options that there are not.
    fn only(&self, options: &Value, keys: &[&str]) -> Compiled<()> {
        let Some(object) = options.as_object() else {
            return self.wrong(format!("it is an object of {}", keys.join(", ")));
        };
        match object.keys().find(|key| !keys.contains(key)) {
            Some(key) => self.wrong(format!(
                "there is no {key} here; there are {}",
                keys.join(", ")
            )),
            None => Ok(()),
        }
    }
}
