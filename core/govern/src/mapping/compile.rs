//! JSON to a shape. The first mistake is told with its path.

use headwater_model::json::{Object, Value};

use super::path::{KitPath, is_true};
use super::shape::{If, Node, Replace};
use super::{MAX_DEPTH, MAX_NODES, Mode, Piece, ShapeError, kit};
use crate::expression::{ExpressionError, Formula};

/// mapping-kit's bound on patterns and replacements, in UTF-16 units.
const MAX_PATTERN: usize = 10;

/// The key under which a mapping has a directive that all others are the `mapping` of.
const ROOT_KEY: &str = "__segment_internal_directive";

const KIT: &str = "@path, @template, @literal, @if, @case, @replace, @arrayPath, @merge, @transform, @flatten, @json, \
@excludeWhenNull";
const OURS: &str =
    "@each, @concat, @assign, @under, @entries, @list, @omit, @pick, @rename, @when, @compact";

pub(super) fn compile(mapping: &Value, mode: Mode) -> Result<Node, ShapeError> {
    let mut compiler = Compiler {
        mode,
        path: Vec::new(),
        loops: Vec::new(),
        nodes: 0,
    };
    match mapping.get(ROOT_KEY) {
        Some(root) if mode == Mode::Kit => {
            let mut others = mapping.to_object().unwrap_or_default();
            others.remove(ROOT_KEY);
            let mut root = root.to_object().unwrap_or_default();
            let Some((_, Value::Object(inner))) = root.iter_mut().next() else {
                return compiler.at(ROOT_KEY, |compiler| {
                    compiler.wrong("it has one directive, whose options are an object")
                });
            };
            inner.insert("mapping", others);
            compiler.at(ROOT_KEY, |compiler| compiler.node(&Value::Object(root)))
        }
        _ => compiler.node(mapping),
    }
}

pub(super) struct Compiler {
    mode: Mode,
    path: Vec<String>,
    pub(super) loops: Vec<Box<str>>,
    nodes: usize,
}

pub(super) type Compiled<T> = Result<T, ShapeError>;

impl Compiler {
    pub(super) fn wrong<T>(&self, problem: impl Into<String>) -> Compiled<T> {
        Err(ShapeError {
            path: self.path.join("."),
            problem: problem.into(),
        })
    }

    pub(super) fn at<T>(
        &mut self,
        key: impl Into<String>,
        inside: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        self.path.push(key.into());
        let compiled = inside(self);
        self.path.pop();
        compiled
    }

    fn node(&mut self, value: &Value) -> Compiled<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.wrong(format!("a mapping has at most {MAX_NODES} parts"));
        }
        if self.path.len() > MAX_DEPTH {
            return self.wrong(format!("a mapping nests at most {MAX_DEPTH} deep"));
        }
        match value {
            Value::String(text) if self.mode == Mode::Shape => {
                if let Some(formula) = text.strip_prefix("= ") {
                    Ok(Node::Formula(self.formula(formula)?))
                } else if let Some(literal) =
                    text.strip_prefix("==").filter(|rest| rest.starts_with(' '))
                {
                    Ok(Node::Constant(Value::String(format!("={literal}"))))
                } else {
                    Ok(Node::Constant(value.clone()))
                }
            }
            Value::Array(items) => {
                let items = self.nodes(items)?;
                if let Some(constants) = constants(&items) {
                    return Ok(Node::Constant(Value::Array(constants)));
                }
                Ok(Node::List {
                    items: items.into(),
                    holes: self.mode == Mode::Kit,
                })
            }
            Value::Object(object) if object.keys().any(|key| key.starts_with('@')) => {
                self.directive(object)
            }
            Value::Object(object) => self.object(object),
            other => Ok(Node::Constant(other.clone())),
        }
    }

    pub(super) fn nodes(&mut self, items: &[Value]) -> Compiled<Vec<Node>> {
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            nodes.push(self.at(index.to_string(), |compiler| compiler.node(item))?);
        }
        Ok(nodes)
    }

    fn object(&mut self, object: &Object) -> Compiled<Node> {
        let mut entries: Vec<(Box<str>, Node)> = Vec::with_capacity(object.len());
        for (key, value) in object.iter() {
            let node = self.at(key, |compiler| compiler.node(value))?;
            entries.push((key.into(), node));
        }
        if entries
            .iter()
            .all(|(_, node)| matches!(node, Node::Constant(_)))
        {
            let constant = entries.into_iter().filter_map(|(key, node)| match node {
                Node::Constant(value) => Some((String::from(key), value)),
                _ => None,
            });
            return Ok(Node::Constant(Value::Object(constant.collect())));
        }
        Ok(Node::Object(entries.into()))
    }

    pub(super) fn formula(&self, text: &str) -> Compiled<Formula> {
        let text = text.trim();
        match Formula::parse(text, &self.loops) {
            Ok(formula) => Ok(formula),
            Err(ExpressionError { position, problem }) => {
                self.wrong(format!("at character {position} of `{text}`: {problem}"))
            }
        }
    }

    fn directive(&mut self, object: &Object) -> Compiled<Node> {
        let mut names = object.keys().filter(|key| key.starts_with('@'));
        let name = names.next().unwrap_or_default();
        if let Some(other) = names.next() {
            return self.wrong(format!(
                "one directive is expected, here are {name} and {other}"
            ));
        }
        if let Some(key) = object
            .keys()
            .find(|key| !key.starts_with('@') && *key != "_metadata")
        {
            return self.wrong(format!(
                "beside {name} there is no other key, but here is {key}"
            ));
        }
        let Some(options) = object.get(name) else {
            return self.wrong("a directive is expected");
        };
        self.at(name, |compiler| compiler.named(name, options))
    }

    fn named(&mut self, name: &str, options: &Value) -> Compiled<Node> {
        if self.mode == Mode::Shape
            && let Some(node) = self.ours(name, options)?
        {
            return Ok(node);
        }
        Ok(match name {
            "@path" => match options {
                Value::String(path) => Node::Path(KitPath::of_directive(path)),
                Value::Object(_) => Node::PathOf(Box::new(self.node(options)?)),
                _ => return self.wrong("a path is a text: $.properties.total"),
            },
            "@template" => match options {
                Value::String(template) => template_node(template),
                Value::Object(_) => Node::TemplateOf(Box::new(self.node(options)?)),
                _ => return self.wrong("a template is a text"),
            },
            "@literal" => self.node(options)?,
            "@if" => self.condition(options)?,
            "@case" => {
                let upper = match options.get("operator").and_then(Value::as_str) {
                    Some("upper") => true,
                    Some("lower") => false,
                    _ => return self.wrong("operator is \"lower\" or \"upper\""),
                };
                match self.truthy(options, "value")? {
                    Some(value) => Node::Case {
                        upper,
                        value: Box::new(value),
                    },
                    None => missing(),
                }
            }
            "@replace" => self.replace(options)?,
            "@arrayPath" => self.array_path(options)?,
            "@merge" => {
                let first_wins = match options.get("direction").and_then(Value::as_str) {
                    Some("left") => true,
                    Some("right") => false,
                    _ => return self.wrong("direction is \"left\" or \"right\""),
                };
                let Some(Value::Array(objects)) = options.get("objects") else {
                    return self.wrong("objects is a list");
                };
                let objects = self.at("objects", |compiler| compiler.nodes(objects))?;
                Node::Merge {
                    objects: objects.into_iter().map(unfolded).collect(),
                    first_wins,
                }
            }
            "@transform" => {
                let apply = self.needed(options, "apply")?;
                let mapping = self.needed(options, "mapping")?;
                Node::Transform {
                    apply: Box::new(apply),
                    mapping: Box::new(mapping),
                }
            }
            "@flatten" => {
                let separator = match options.get("separator").and_then(Value::as_str) {
                    Some(separator) if !separator.is_empty() => separator.into(),
                    _ => return self.wrong("separator is a text that is not empty"),
                };
                Node::FlattenKit {
                    value: Box::new(self.needed(options, "value")?),
                    separator,
                    omit_arrays: options.get("omitArrays").is_some_and(is_true),
                }
            }
            "@json" => {
                let encode = match options.get("mode").and_then(Value::as_str) {
                    Some("encode") => true,
                    Some("decode") => false,
                    _ => return self.wrong("mode is \"encode\" or \"decode\""),
                };
                match self.truthy(options, "value")? {
                    Some(value) if encode => Node::Encode(Box::new(value)),
                    Some(value) => Node::Decode(Box::new(value)),
                    None => return self.wrong("value is needed"),
                }
            }
            "@excludeWhenNull" => Node::ExcludeWhenNull(Box::new(self.node(options)?)),
            "@liquid" => {
                return self
                    .wrong("liquid templates are not run here; use @template, @case and @replace");
            }
            _ if self.mode == Mode::Kit => {
                return self.wrong(format!("there is no such directive; there are {KIT}"));
            }
            _ => {
                return self.wrong(format!(
                    "there is no such directive; there are {OURS}, {KIT}"
                ));
            }
        })
    }

    /// An option that must be there.
    pub(super) fn needed(&mut self, options: &Value, key: &str) -> Compiled<Node> {
        match options.get(key) {
            Some(value) => self.at(key, |compiler| compiler.node(value)),
            None => self.wrong(format!("{key} is needed")),
        }
    }

    /// An option; `None` when JavaScript takes it for false.
    fn truthy(&mut self, options: &Value, key: &str) -> Compiled<Option<Node>> {
        match options.get(key) {
            Some(value) if is_true(value) => {
                Ok(Some(self.at(key, |compiler| compiler.node(value))?))
            }
            _ => Ok(None),
        }
    }

    fn condition(&mut self, options: &Value) -> Compiled<Node> {
        let (exists, blank) = (options.get("exists"), options.get("blank"));
        if !exists.is_some_and(is_true) && !blank.is_some_and(is_true) {
            return self.wrong("it needs `exists` or `blank`, with what is looked at");
        }
        let key = if exists.is_some() { "exists" } else { "blank" };
        let condition = self.needed(options, key)?;
        let then = match options.get("then") {
            Some(_) => Some(self.needed(options, "then")?),
            None => None,
        };
        Ok(Node::If(Box::new(If {
            condition,
            filled: exists.is_none(),
            then,
            otherwise: self.truthy(options, "else")?,
        })))
    }

    fn replace(&mut self, options: &Value) -> Compiled<Node> {
        let text = |key: &str| match options.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.encode_utf16().count() <= MAX_PATTERN => {
                Ok(Some(text.as_str()))
            }
            Some(_) => Err(format!(
                "{key} is a text of at most {MAX_PATTERN} characters"
            )),
        };
        let flag = |key: &str, otherwise: bool| match options.get(key) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("{key} is true or false")),
        };
        let parts = || -> Result<_, String> {
            let pattern = text("pattern")?
                .filter(|pattern| !pattern.is_empty())
                .ok_or("pattern is needed")?;
            let mut pairs = vec![(
                Box::from(pattern),
                Box::from(text("replacement")?.unwrap_or_default()),
            )];
            if let Some(second) = text("pattern2")?.filter(|pattern| !pattern.is_empty()) {
                pairs.push((
                    second.into(),
                    text("replacement2")?.unwrap_or_default().into(),
                ));
            }
            Ok((pairs, flag("ignorecase", false)?, flag("global", true)?))
        };
        let (pairs, ignore_case, global) = match parts() {
            Ok(parts) => parts,
            Err(problem) => return self.wrong(problem),
        };
        Ok(match self.truthy(options, "value")? {
            None => missing(),
            value => Node::Replace(Box::new(Replace {
                value,
                pairs: pairs.into(),
                ignore_case,
                global,
            })),
        })
    }

    fn array_path(&mut self, options: &Value) -> Compiled<Node> {
        let Value::Array(parts) = options else {
            return self.wrong("it is a list of a path and a shape");
        };
        let list = match parts.first() {
            Some(Value::String(path)) => Node::Path(KitPath::of_directive(path)),
            Some(path @ Value::Object(_)) => self.at("0", |compiler| compiler.node(path))?,
            _ => return self.wrong("its first part is a path"),
        };
        let shape = match parts.get(1) {
            Some(shape @ Value::Object(object)) if !object.is_empty() => {
                Some(Box::new(self.at("1", |compiler| compiler.node(shape))?))
            }
            _ => None,
        };
        Ok(Node::ArrayPath {
            list: Box::new(list),
            shape,
        })
    }
}

/// What JavaScript calls undefined.
fn missing() -> Node {
    Node::When(Box::default())
}

fn template_node(template: &str) -> Node {
    let pieces = kit::pieces(template);
    match &*pieces {
        [] => Node::Constant(Value::from("")),
        [Piece::Text(text)] => Node::Constant(Value::from(&**text)),
        _ => Node::Template(pieces.into()),
    }
}

/// The values of nodes that are all constant.
fn constants(nodes: &[Node]) -> Option<Vec<Value>> {
    nodes
        .iter()
        .map(|node| match node {
            Node::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect()
}

/// A constant object of a `@merge` as entries, so that all objects written there go the same way.
fn unfolded(node: Node) -> Node {
    match node {
        Node::Constant(Value::Object(object)) => Node::Object(
            object
                .into_iter()
                .map(|(key, value)| (key.into(), Node::Constant(value)))
                .collect(),
        ),
        other => other,
    }
}
