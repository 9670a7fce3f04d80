//! From JSON to nodes. Schemas wait in a list for their turn, so that no nesting and no reference makes this recurse.

use std::collections::BTreeMap;

use headwater_model::json::{Object, Value};

use super::keywords;
use super::node::{ALWAYS, NEVER, Node, NodeId};
use super::reference::{Names, address};
use super::{MAX_SCHEMAS, Schema, SchemaError};

pub(super) fn compile(schema: &Value) -> Result<Schema, SchemaError> {
    let mut compiler = Compiler {
        names: Names::read(schema),
        nodes: vec![Node::default(), Node::default()],
        known: BTreeMap::new(),
        waiting: Vec::new(),
        unknown: Vec::new(),
        old: false,
    };
    if let Some(draft) = schema.get("$schema") {
        compiler.old = is_draft_04(draft)?;
    }
    let root = compiler.node(schema, "")?;
    while let Some(waiting) = compiler.waiting.pop() {
        let node = keywords::read(&mut compiler, waiting.schema, &waiting.path)?;
        if let Some(place) = compiler.nodes.get_mut(waiting.node as usize) {
            *place = node;
        }
    }
    let Compiler { nodes, unknown, .. } = compiler;
    endless(&nodes)?;
    Ok(Schema {
        nodes,
        root,
        unknown,
    })
}

/// Whether `$schema` names draft-04, where `exclusiveMinimum` is a boolean. Draft-06 reads like draft-07; others mean
/// something else by the same words.
fn is_draft_04(draft: &Value) -> Result<bool, SchemaError> {
    let draft = draft.as_str().unwrap_or_default().trim_end_matches('#');
    match draft.rsplit_once("json-schema.org/") {
        Some((_, "draft-04/schema")) => Ok(true),
        Some((_, "draft-06/schema" | "draft-07/schema" | "schema")) => Ok(false),
        _ => wrong(
            "$schema",
            "must be http://json-schema.org/draft-07/schema# (draft-04 and draft-06 are read, too)",
        ),
    }
}

pub(super) fn wrong<T>(path: &str, problem: impl Into<String>) -> Result<T, SchemaError> {
    Err(SchemaError {
        path: path.to_owned(),
        problem: problem.into(),
    })
}

pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

struct Waiting<'v> {
    node: NodeId,
    schema: &'v Object,
    path: String,
}

pub(super) struct Compiler<'v> {
    names: Names<'v>,
    nodes: Vec<Node>,
    /// Nodes by the address of their schema: a schema that several refer to is compiled once.
    known: BTreeMap<usize, NodeId>,
    waiting: Vec<Waiting<'v>>,
    /// Keywords that no draft knows.
    pub(super) unknown: Vec<String>,
    /// Whether the schema is one of draft-04.
    pub(super) old: bool,
}

impl<'v> Compiler<'v> {
    /// The node of a schema, which may get its content later.
    pub(super) fn node(&mut self, schema: &'v Value, path: &str) -> Result<NodeId, SchemaError> {
        let (mut at, mut steps) = (schema, 0);
        loop {
            let object = match at {
                Value::Bool(true) => return Ok(ALWAYS),
                Value::Bool(false) => return Ok(NEVER),
                Value::Object(object) => object,
                _ => return wrong(path, "must be a JSON Schema: an object, true or false"),
            };
            if let Some(node) = self.known.get(&address(at)) {
                return Ok(*node);
            }
            let Some(Value::String(reference)) = object.get("$ref") else {
                if self.nodes.len() >= MAX_SCHEMAS {
                    return wrong(path, format!("there are more than {MAX_SCHEMAS} schemas"));
                }
                let node = NodeId::try_from(self.nodes.len()).unwrap_or(NEVER);
                self.nodes.push(Node::default());
                self.known.insert(address(at), node);
                self.waiting.push(Waiting {
                    node,
                    schema: object,
                    path: path.to_owned(),
                });
                return Ok(node);
            };
            at = self
                .names
                .find(at, reference)
                .or_else(|problem| wrong(&below(path, "$ref"), problem))?;
            steps += 1;
            if steps > 100 {
                return wrong(
                    &below(path, "$ref"),
                    "leads to another reference, over 100 times or in a circle",
                );
            }
        }
    }

    pub(super) fn nodes(
        &mut self,
        schemas: &'v Value,
        path: &str,
    ) -> Result<Vec<NodeId>, SchemaError> {
        match schemas.as_array() {
            Some(list) if !list.is_empty() => list
                .iter()
                .enumerate()
                .map(|(index, schema)| self.node(schema, &format!("{path}[{index}]")))
                .collect(),
            _ => wrong(path, "must be a list of at least one schema"),
        }
    }
}

/// Refuses schemas that ask themselves about the same value, such as `{"allOf": [{"$ref": "#"}]}`.
fn endless(nodes: &[Node]) -> Result<(), SchemaError> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let next = |node: usize| -> Vec<NodeId> {
        let checks = nodes.get(node).map_or(&[][..], |node| &*node.checks);
        checks
            .iter()
            .flat_map(super::node::Check::in_place)
            .collect()
    };
    let mut states = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut open = vec![(start, next(start))];
        if let Some(state) = states.get_mut(start) {
            *state = State::Open;
        }
        while let Some((node, waiting)) = open.last_mut() {
            let Some(child) = waiting.pop().map(|child| child as usize) else {
                if let Some(state) = states.get_mut(*node) {
                    *state = State::Done;
                }
                open.pop();
                continue;
            };
            match states.get_mut(child) {
                Some(State::Open) => {
                    return wrong(
                        "$ref",
                        "a schema asks for itself on the same value, which never ends; refer to it from `properties` or `items`",
                    );
                }
                Some(state @ State::New) => {
                    *state = State::Open;
                    open.push((child, next(child)));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
