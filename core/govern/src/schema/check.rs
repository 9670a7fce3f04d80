//! Checks a value. A path is a chain of places on the stack, so that only a failure allocates.

use headwater_model::json::{Number, Object, Value};

use super::format::Format;
use super::node::{Bound, Check, Dependency, Members, NEVER, Node, NodeId, Types};
use super::{Exceeded, Failure, MAX_DEPTH, MAX_FAILURES, MAX_STEPS, Report, Step};
use super::{decimal, equal};

/// A place in the value.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn steps(&self) -> Vec<Step> {
        let (mut steps, mut at) = (Vec::new(), *self);
        loop {
            at = match at {
                Path::Root => break,
                Path::Key(before, key) => {
                    steps.push(Step::Key(key.to_owned()));
                    *before
                }
                Path::Index(before, index) => {
                    steps.push(Step::Index(index));
                    *before
                }
            };
        }
        steps.reverse();
        steps
    }
}

/// One check.
pub(super) struct Run<'s> {
    nodes: &'s [Node],
    steps: u32,
    depth: u32,
    /// Over zero inside combinators, whose branches may fail without failing the value: then nothing is told, and the
    /// first failure ends it.
    quiet: u32,
    /// At most so many failures are told.
    most: usize,
    exceeded: bool,
    report: Report,
}

impl<'s> Run<'s> {
    pub(super) fn new(nodes: &'s [Node], quiet: bool) -> Run<'s> {
        Run {
            nodes,
            steps: 0,
            depth: 0,
            quiet: u32::from(quiet),
            most: MAX_FAILURES,
            exceeded: false,
            report: Report::default(),
        }
    }

    /// Tells of up to `most` failures.
    pub(super) fn telling(mut self, most: usize) -> Run<'s> {
        self.most = most;
        self
    }

    pub(super) fn report(self) -> Result<Report, Exceeded> {
        if self.exceeded {
            return Err(Exceeded);
        }
        Ok(self.report)
    }

    pub(super) fn check(&mut self, root: NodeId, value: &Value) -> bool {
        self.node(root, value, &Path::Root)
    }

    pub(super) fn check_object(&mut self, root: NodeId, object: &Object) -> bool {
        self.object_node(root, object, &Path::Root)
    }

    fn tell(&mut self, path: &Path<'_>, keyword: &'static str, problem: impl FnOnce() -> String) {
        if self.quiet == 0 && self.report.failures.len() < self.most {
            self.report.failures.push(Failure {
                path: path.steps(),
                keyword,
                problem: problem(),
            });
        }
    }

    /// Counts steps. False when there were too many; then everything holds, and the result does not count.
    fn may(&mut self, steps: usize) -> bool {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_add(steps);
        self.exceeded |= self.steps > MAX_STEPS || self.depth > MAX_DEPTH;
        !self.exceeded
    }

    fn node(&mut self, id: NodeId, value: &Value, path: &Path<'_>) -> bool {
        if let Value::Object(object) = value {
            return self.object_node(id, object, path);
        }
        let fits = |types: Types| types.has(value);
        let keyword = |run: &mut Self, check: &Check| run.keyword(check, value, path);
        self.checks(id, path, fits, keyword)
    }

    fn object_node(&mut self, id: NodeId, object: &Object, path: &Path<'_>) -> bool {
        let keyword = |run: &mut Self, check: &Check| run.object_keyword(check, object, path);
        self.checks(id, path, Types::has_object, keyword)
    }

    /// Whether the node's type and all its checks hold. Where nothing is told, the first that does not ends it.
    fn checks(
        &mut self,
        id: NodeId,
        path: &Path<'_>,
        fits: impl FnOnce(Types) -> bool,
        mut keyword: impl FnMut(&mut Self, &Check) -> bool,
    ) -> bool {
        let nodes = self.nodes;
        let Some(node) = self.enter(id, path) else {
            return self.exceeded || (id as usize) >= nodes.len();
        };
        let fits = node.types.is_none_or(fits);
        let mut holds = fits;
        if fits {
            for check in &node.checks {
                holds &= keyword(self, check);
                if !holds && self.quiet > 0 {
                    break;
                }
            }
        } else {
            self.wrong_type(node, path);
        }
        self.depth -= 1;
        holds
    }

    /// The node, one level deeper; `None` for `false`, which is told, and beyond the bounds.
    fn enter(&mut self, id: NodeId, path: &Path<'_>) -> Option<&'s Node> {
        if id == NEVER {
            self.tell(path, "false", || "is not allowed".to_owned());
            return None;
        }
        let nodes = self.nodes;
        let node = nodes.get(id as usize)?;
        self.depth += 1;
        if !self.may(1 + node.checks.len()) {
            self.depth -= 1;
            return None;
        }
        Some(node)
    }

    fn wrong_type(&mut self, node: &Node, path: &Path<'_>) {
        let names = node.types.map(Types::names).unwrap_or_default();
        self.tell(path, "type", || format!("must be {}", names.join(" or ")));
    }

    /// Keywords on what is no object.
    fn keyword(&mut self, check: &Check, value: &Value, path: &Path<'_>) -> bool {
        match value {
            Value::Number(number) => self.number(check, number, value, path),
            Value::String(text) => self.text(check, text, value, path),
            Value::Array(items) => self.items(check, items, value, path),
            _ => self.any(check, Subject::Value(value), path),
        }
    }

    fn number(&mut self, check: &Check, number: &Number, value: &Value, path: &Path<'_>) -> bool {
        let text = number.as_str();
        match check {
            Check::MultipleOf(by) => {
                let holds = self.may(text.len() / 8) && decimal::is_multiple(text, by.as_str());
                self.found(holds, path, "multipleOf", || {
                    format!("must be a multiple of {by}")
                })
            }
            Check::Minimum(Bound { limit, exclusive }) => {
                let order = decimal::compare(text, limit.as_str());
                let holds = if *exclusive {
                    order.is_gt()
                } else {
                    order.is_ge()
                };
                let (keyword, least) = if *exclusive {
                    ("exclusiveMinimum", "more than")
                } else {
                    ("minimum", "at least")
                };
                self.found(holds, path, keyword, || format!("must be {least} {limit}"))
            }
            Check::Maximum(Bound { limit, exclusive }) => {
                let order = decimal::compare(text, limit.as_str());
                let holds = if *exclusive {
                    order.is_lt()
                } else {
                    order.is_le()
                };
                let (keyword, most) = if *exclusive {
                    ("exclusiveMaximum", "less than")
                } else {
                    ("maximum", "at most")
                };
                self.found(holds, path, keyword, || format!("must be {most} {limit}"))
            }
            _ => self.any(check, Subject::Value(value), path),
        }
    }

    fn text(&mut self, check: &Check, text: &str, value: &Value, path: &Path<'_>) -> bool {
        match check {
            Check::MinLength(least) => {
                // Characters are at most as many as bytes: most texts need no counting.
                let holds = length(text) >= *least;
                self.found(holds, path, "minLength", || {
                    format!("must have at least {}", several(*least, "character"))
                })
            }
            Check::MaxLength(most) => {
                let holds = text.len() as u64 <= *most || length(text) <= *most;
                self.found(holds, path, "maxLength", || {
                    format!("must have at most {}", several(*most, "character"))
                })
            }
            Check::Pattern(pattern) => {
                let holds = if self.may(text.len() / 8) {
                    self.or_unchecked(pattern.matches(text))
                } else {
                    true
                };
                self.found(holds, path, "pattern", || {
                    format!("must match the pattern {}", pattern.as_str())
                })
            }
            Check::Format(format) => {
                // Whether a text is a regular expression is known once it is compiled, which may take 10 ms.
                let cost = match format {
                    Format::Regex => MAX_STEPS as usize / 20,
                    _ => text.len() / 8,
                };
                let holds = if self.may(cost) {
                    self.or_unchecked(format.holds(text))
                } else {
                    true
                };
                self.found(holds, path, "format", || {
                    format!("must be {}", format.sentence())
                })
            }
            _ => self.any(check, Subject::Value(value), path),
        }
    }

    fn items(&mut self, check: &Check, items: &[Value], value: &Value, path: &Path<'_>) -> bool {
        let count = items.len() as u64;
        match check {
            Check::MinItems(least) => self.found(count >= *least, path, "minItems", || {
                format!("must have at least {}", several(*least, "element"))
            }),
            Check::MaxItems(most) => self.found(count <= *most, path, "maxItems", || {
                format!("must have at most {}", several(*most, "element"))
            }),
            Check::Unique => {
                let (holds, bytes) = equal::distinct(items);
                self.may(bytes / 8);
                self.found(holds, path, "uniqueItems", || {
                    "must not have the same element twice".to_owned()
                })
            }
            Check::Items(node) => self.each(items, 0, *node, path),
            Check::Tuple(nodes, others) => {
                let mut holds = true;
                for (index, (node, item)) in nodes.iter().zip(items).enumerate() {
                    holds &= self.node(*node, item, &Path::Index(path, index));
                }
                if (holds || self.quiet == 0) && items.len() > nodes.len() {
                    holds &= self.each(items, nodes.len(), *others, path);
                }
                holds
            }
            Check::Contains(node) => {
                self.quiet += 1;
                let holds = items.iter().any(|item| self.node(*node, item, path));
                self.quiet -= 1;
                self.found(holds, path, "contains", || {
                    "must have an element like the one that the schema describes".to_owned()
                })
            }
            _ => self.any(check, Subject::Value(value), path),
        }
    }

    fn each(&mut self, items: &[Value], from: usize, node: NodeId, path: &Path<'_>) -> bool {
        let mut holds = true;
        for (index, item) in items.iter().enumerate().skip(from) {
            holds &= self.node(node, item, &Path::Index(path, index));
            if self.exceeded || (!holds && self.quiet > 0) {
                break;
            }
        }
        holds
    }

    fn object_keyword(&mut self, check: &Check, object: &Object, path: &Path<'_>) -> bool {
        let count = object.len() as u64;
        match check {
            Check::MinProperties(least) => {
                self.found(count >= *least, path, "minProperties", || {
                    format!("must have at least {}", several(*least, "member"))
                })
            }
            Check::MaxProperties(most) => self.found(count <= *most, path, "maxProperties", || {
                format!("must have at most {}", several(*most, "member"))
            }),
            Check::Required(names) => self.required(names, object, path, "required"),
            Check::Members(members) => self.members(members, object, path),
            Check::PropertyNames(node) => {
                let mut holds = true;
                for key in object.keys() {
                    self.quiet += 1;
                    let fits = self.node(*node, &Value::from(key), path);
                    self.quiet -= 1;
                    holds &= self.found(fits, &Path::Key(path, key), "propertyNames", || {
                        "has a name that is not allowed".to_owned()
                    });
                }
                holds
            }
            Check::Dependencies(all) => {
                let mut holds = true;
                for (name, dependency) in all {
                    if !object.contains_key(name) {
                        continue;
                    }
                    holds &= match dependency {
                        Dependency::Members(names) => {
                            self.required(names, object, path, "dependencies")
                        }
                        Dependency::Schema(node) => self.object_node(*node, object, path),
                    };
                }
                holds
            }
            _ => self.any(check, Subject::Object(object), path),
        }
    }

    fn required(
        &mut self,
        names: &[String],
        object: &Object,
        path: &Path<'_>,
        keyword: &'static str,
    ) -> bool {
        if !self.may(names.len() * (1 + object.len() / 8)) {
            return true;
        }
        let mut holds = true;
        for name in names {
            let there = object.contains_key(name);
            holds &= self.found(there, &Path::Key(path, name), keyword, || {
                "is required".to_owned()
            });
        }
        holds
    }

    fn members(&mut self, members: &Members, object: &Object, path: &Path<'_>) -> bool {
        let mut holds = true;
        for (key, value) in object.iter() {
            let path = Path::Key(path, key);
            let named = members.find(key);
            let mut covered = named.is_some();
            if let Some(node) = named {
                holds &= self.node(node, value, &path);
            }
            for (pattern, node) in &members.patterns {
                if !self.may(1 + key.len() / 8) {
                    return true;
                }
                match pattern.matches(key) {
                    Some(true) => {
                        covered = true;
                        holds &= self.node(*node, value, &path);
                    }
                    Some(false) => {}
                    None => {
                        covered = true;
                        self.report.unchecked = true;
                    }
                }
            }
            if !covered {
                holds &= if members.others == NEVER {
                    self.found(false, &path, "additionalProperties", || {
                        "is not allowed: the plan does not name it".to_owned()
                    })
                } else {
                    self.node(members.others, value, &path)
                };
            }
            if self.exceeded || (!holds && self.quiet > 0) {
                break;
            }
        }
        holds
    }

    /// Keywords on values of any type.
    fn any(&mut self, check: &Check, subject: Subject<'_>, path: &Path<'_>) -> bool {
        match check {
            Check::Const(expected) => {
                let holds = subject.equals(expected);
                self.found(holds, path, "const", || {
                    let told: String = expected.to_string().chars().take(100).collect();
                    format!("must be {told}")
                })
            }
            Check::Enum(values) => {
                self.may(1 + values.others.len());
                let holds = match subject {
                    Subject::Value(Value::String(text)) => values.texts.binary_search(text).is_ok(),
                    _ => values.others.iter().any(|other| subject.equals(other)),
                };
                self.found(holds, path, "enum", || {
                    format!("must be one of {}", values.sentence)
                })
            }
            Check::AllOf(nodes) => {
                let mut holds = true;
                for node in nodes {
                    holds &= self.on(*node, subject, path);
                    if !holds && self.quiet > 0 {
                        break;
                    }
                }
                holds
            }
            Check::AnyOf(nodes) => {
                let holds = nodes.iter().any(|node| self.branch(*node, subject, path).0);
                self.found(holds, path, "anyOf", || {
                    format!(
                        "fits none of the {} forms that the plan allows",
                        nodes.len()
                    )
                })
            }
            Check::OneOf(nodes) => {
                let (mut fits, mut doubt) = (0, false);
                for node in nodes {
                    let (holds, unchecked) = self.branch(*node, subject, path);
                    fits += u32::from(holds);
                    doubt |= unchecked && holds;
                    if fits > 1 && !doubt {
                        break;
                    }
                }
                let holds = fits == 1 || (fits > 0 && doubt);
                self.found(holds, path, "oneOf", || {
                    format!(
                        "must fit exactly one of the {} forms that the plan allows, and fits {}",
                        nodes.len(),
                        if fits == 0 { "none" } else { "several" }
                    )
                })
            }
            Check::Not(node) => {
                let (holds, unchecked) = self.branch(*node, subject, path);
                self.found(!holds || unchecked, path, "not", || {
                    "has the form that the plan excludes".to_owned()
                })
            }
            Check::If {
                condition,
                then,
                otherwise,
            } => {
                let (holds, unchecked) = self.branch(*condition, subject, path);
                if unchecked {
                    return true;
                }
                self.on(if holds { *then } else { *otherwise }, subject, path)
            }
            _ => true,
        }
    }

    fn on(&mut self, node: NodeId, subject: Subject<'_>, path: &Path<'_>) -> bool {
        match subject {
            Subject::Value(value) => self.node(node, value, path),
            Subject::Object(object) => self.object_node(node, object, path),
        }
    }

    /// Whether a branch holds, and whether something in it could not be checked here; then it may as well not hold.
    fn branch(&mut self, node: NodeId, subject: Subject<'_>, path: &Path<'_>) -> (bool, bool) {
        let before = core::mem::take(&mut self.report.unchecked);
        self.quiet += 1;
        let holds = self.on(node, subject, path);
        self.quiet -= 1;
        let unchecked = core::mem::replace(&mut self.report.unchecked, before);
        self.report.unchecked |= unchecked;
        (holds, unchecked)
    }

    fn or_unchecked(&mut self, holds: Option<bool>) -> bool {
        self.report.unchecked |= holds.is_none();
        holds.unwrap_or(true)
    }

    fn found(
        &mut self,
        holds: bool,
        path: &Path<'_>,
        keyword: &'static str,
        problem: impl FnOnce() -> String,
    ) -> bool {
        if !holds && !self.exceeded {
            self.tell(path, keyword, problem);
        }
        holds
    }
}

/// What is checked: an event is an object that nobody wraps into a value.
#[derive(Clone, Copy)]
enum Subject<'v> {
    Value(&'v Value),
    Object(&'v Object),
}

impl Subject<'_> {
    fn equals(self, expected: &Value) -> bool {
        match self {
            Subject::Value(value) => equal::equal(value, expected),
            Subject::Object(object) => expected
                .as_object()
                .is_some_and(|expected| equal::equal_objects(object, expected)),
        }
    }
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

fn several(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
