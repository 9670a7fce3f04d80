//! Expressions as the JSON that Segment's SDKs execute in `middlewareSettings.routingRules` (tsub's "intermediate
//! representation"): `["and", ["=", "type", {"value": "track"}], …]`. A text is a path, `{"value": …}` a constant.
//!
//! What is written means the same there as here; an expression for which that cannot be is refused ([`NotPortable`]). What
//! tsub does otherwise than FQL's documentation is listed in `tests/vectors/govern/divergences.json`, with its answers.

use core::fmt::Write;

use headwater_model::json::{Limits, Number, Value, parse};

use super::print::quote;
use super::{Expression, ExpressionError, Function, MAX_DEPTH, Node, Path, Range, print_path};

/// The longest text of an intermediate representation in bytes: what an expression of 5 KB can become.
pub const MAX_IR: usize = 64 * 1024;

/// Integers from here on are not exact in JavaScript.
const SAFE: i64 = 1 << 53;

/// Why an expression has no form that means the same in Segment's SDKs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} is not portable: {reason}")]
pub struct NotPortable {
    /// Which part.
    pub part: String,
    /// How Segment's SDKs would read it otherwise, or that they do not know it.
    pub reason: &'static str,
}

/// Why a text is no intermediate representation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct IrError {
    /// Where: `[1][2]`; empty is the whole.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Expression {
    /// Writes it for Segment's SDKs.
    ///
    /// # Errors
    /// [`NotPortable`], where it would mean something else there.
    ///
    /// ```
    /// use headwater_govern::expression::Expression;
    ///
    /// let ir = Expression::parse(r#"type = "track""#).unwrap().to_ir().unwrap();
    /// assert_eq!(ir.to_vec(), br#"["=","type",{"value":"track"}]"#);
    /// assert!(Expression::parse("userId = null").unwrap().to_ir().is_err());
    /// ```
    pub fn to_ir(&self) -> Result<Value, NotPortable> {
        Writer { expression: self }.truth(self.root())
    }

    /// Whether it means the same in Segment's SDKs.
    ///
    /// # Errors
    /// [`NotPortable`], where it does not.
    pub fn portable(&self) -> Result<(), NotPortable> {
        self.to_ir().map(drop)
    }

    /// Reads what [`Expression::to_ir`] and Segment's servers write. It means what FQL's documentation says.
    ///
    /// # Errors
    /// [`IrError`]
    pub fn from_ir(text: &[u8]) -> Result<Expression, IrError> {
        let wrong = |problem: String| IrError {
            path: String::new(),
            problem,
        };
        let limits = Limits::default().with_max_bytes(MAX_IR);
        let ir = parse(text, &limits).map_err(|error| wrong(error.to_string()))?;
        let mut fql = String::new();
        Reader { out: &mut fql }.any(&ir, "", 0)?;
        Expression::parse(&fql)
            .map_err(|ExpressionError { problem, .. }| wrong(format!("as FQL, `{fql}`: {problem}")))
    }

    fn root(&self) -> u16 {
        u16::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(0)
    }
}

struct Writer<'a> {
    expression: &'a Expression,
}

type Written = Result<Value, NotPortable>;

fn refuse<T>(part: impl Into<String>, reason: &'static str) -> Result<T, NotPortable> {
    Err(NotPortable {
        part: part.into(),
        reason,
    })
}

impl Writer<'_> {
    fn node(&self, index: u16) -> &Node {
        let node = self.expression.nodes.get(usize::from(index));
        node.unwrap_or(&Node::Null)
    }

    /// What is asked whether it holds.
    fn truth(&self, index: u16) -> Written {
        match self.node(index) {
            Node::All => Ok(constant(true)),
            Node::Bool(value) => Ok(constant(*value)),
            Node::Path(path) => self.path(*path),
            Node::Not(operand) => Ok(list("!", [self.truth(*operand)?])),
            Node::And(range) => self.chain("and", *range),
            Node::Or(range) => self.chain("or", *range),
            Node::Compare(comparison, left, right) => {
                let operator = comparison.operator();
                let (left, right) = (*left, *right);
                if matches!(operator, "=" | "!=") {
                    self.equality(operator, left, right)
                } else {
                    self.order(operator, left, right)
                }
            }
            Node::In(needle, list) => self.membership(*needle, *list),
            Node::Call(function @ (Function::Contains | Function::Match), range) => {
                self.search(*function, *range)
            }
            _ => refuse(
                "a value alone",
                "only paths and booleans can stand for true there",
            ),
        }
    }

    fn chain(&self, word: &'static str, range: Range) -> Written {
        let mut out = vec![Value::from(word)];
        for operand in self.expression.range(range) {
            out.push(self.truth(*operand)?);
        }
        Ok(Value::Array(out))
    }

    fn equality(&self, operator: &'static str, left: u16, right: u16) -> Written {
        let (value, constant) = if self.is_scalar(right) {
            (left, right)
        } else if self.is_scalar(left) {
            (right, left)
        } else {
            return refuse(
                format!("`{operator}` between two values of the event"),
                "there a missing value differs from null, and objects compare by the order of their keys",
            );
        };
        if matches!(self.node(constant), Node::Null) {
            return refuse(
                format!("`{operator} null`"),
                "there a missing value differs from null",
            );
        }
        if let Node::Call(Function::Typeof, _) = self.node(value)
            && !matches!(self.node(constant), Node::Text(text) if matches!(&**text, "string" | "number"))
        {
            return refuse(
                "typeof",
                "there only \"string\" and \"number\" are what they are here",
            );
        }
        Ok(list(operator, [self.operand(left)?, self.operand(right)?]))
    }

    fn order(&self, operator: &'static str, left: u16, right: u16) -> Written {
        if !self.is_scalar(left) && !self.is_scalar(right) {
            return refuse(
                format!("`{operator}` between two values of the event"),
                "there integers beyond 2^53 are not exact",
            );
        }
        Ok(list(operator, [self.operand(left)?, self.operand(right)?]))
    }

    fn membership(&self, needle: u16, elements: u16) -> Written {
        let Node::List(range) = self.node(elements) else {
            return refuse(
                "`in` a list of the event",
                "there its texts are taken for paths",
            );
        };
        let mut out = Vec::new();
        for element in self.expression.range(*range) {
            if !self.is_scalar(*element) || matches!(self.node(*element), Node::Null) {
                return refuse(
                    "`in` a list with something else than texts, numbers and booleans",
                    "there a missing value differs from null",
                );
            }
            out.push(self.operand(*element)?);
        }
        Ok(list("in", [self.plain(needle)?, Value::Array(out)]))
    }

    fn search(&self, function: Function, range: Range) -> Written {
        let mut out = vec![Value::from(function.name())];
        for (index, argument) in self.expression.range(range).iter().enumerate() {
            if index == 1 && function == Function::Match {
                match self.node(*argument) {
                    Node::Text(glob) if is_plain_glob(glob) => {}
                    _ => {
                        return refuse(
                            "match",
                            "there `?` and sets count UTF-16 units; only globs of `*` and characters are the same",
                        );
                    }
                }
            }
            out.push(self.plain(*argument)?);
        }
        Ok(Value::Array(out))
    }

    /// A path or a constant.
    fn plain(&self, index: u16) -> Written {
        match self.node(index) {
            Node::Call(function, _) => refuse(
                format!("{} inside a function or `in`", function.name()),
                "there it is not called",
            ),
            _ => self.operand(index),
        }
    }

    /// What is compared.
    fn operand(&self, index: u16) -> Written {
        match self.node(index) {
            Node::Null => Ok(constant(Value::Null)),
            Node::Bool(value) => Ok(constant(*value)),
            Node::Text(text) => Ok(constant(&**text)),
            Node::Number(number) => {
                if is_exact(number) {
                    Ok(constant(Value::Number(number.clone())))
                } else {
                    refuse(
                        number.to_string(),
                        "there integers beyond 2^53 are not exact",
                    )
                }
            }
            Node::Path(path) => self.path(*path),
            Node::Call(function @ (Function::Contains | Function::Match), range) => {
                self.search(*function, *range)
            }
            Node::Call(function @ (Function::Lowercase | Function::Typeof), range) => {
                let argument = self.expression.range(*range).first().copied().unwrap_or(0);
                Ok(list(function.name(), [self.plain(argument)?]))
            }
            Node::Call(Function::Length, _) => refuse("length", "there it counts UTF-16 units"),
            Node::Call(function, _) => refuse(function.name(), "it does not exist there"),
            Node::List(_) => refuse("a list", "there it compares by its text"),
            _ => refuse("a condition as a value", "there it is no value"),
        }
    }

    fn path(&self, index: u16) -> Written {
        let Some(Path(keys)) = self.expression.paths.get(usize::from(index)) else {
            return Ok(Value::Null);
        };
        for key in keys {
            let special = matches!(&**key, "length" | "constructor" | "prototype" | "__proto__");
            if key.contains('.') || special || key.bytes().all(|byte| byte.is_ascii_digit()) {
                return refuse(
                    format!("the key `{key}`"),
                    "there a path is split at dots and read as JavaScript reads properties",
                );
            }
        }
        Ok(Value::from(keys.join(".")))
    }

    fn is_scalar(&self, index: u16) -> bool {
        matches!(
            self.node(index),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_)
        )
    }
}

fn list<const N: usize>(operator: &'static str, operands: [Value; N]) -> Value {
    let mut out = vec![Value::from(operator)];
    out.extend(operands);
    Value::Array(out)
}

fn constant(value: impl Into<Value>) -> Value {
    let mut constant = headwater_model::json::Object::new();
    constant.insert("value", value);
    Value::Object(constant)
}

/// Whether JavaScript reads the number as it is.
fn is_exact(number: &Number) -> bool {
    let whole = !number.as_str().contains(['.', 'e', 'E']);
    !whole
        || number
            .as_i64()
            .is_some_and(|value| -SAFE < value && value < SAFE)
}

/// Whether a glob is made of `*` and characters.
fn is_plain_glob(glob: &str) -> bool {
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '?' | '[' => return false,
            _ => {}
        }
    }
    true
}

/// Writes an intermediate representation as FQL, each operation in parentheses.
struct Reader<'a> {
    out: &'a mut String,
}

type Read = Result<(), IrError>;

fn wrong(path: &str, problem: impl Into<String>) -> Read {
    Err(IrError {
        path: path.to_owned(),
        problem: problem.into(),
    })
}

impl Reader<'_> {
    fn any(&mut self, ir: &Value, path: &str, depth: usize) -> Read {
        if depth > MAX_DEPTH {
            return wrong(path, format!("operations nest at most {MAX_DEPTH} deep"));
        }
        match ir {
            Value::String(dotted) => self.path(dotted, path),
            Value::Object(object) => match (object.len(), object.get("value")) {
                (1, Some(value)) => self.constant(value, path),
                _ => wrong(path, "a constant is written {\"value\": …}"),
            },
            Value::Array(items) => match items.split_first() {
                Some((Value::String(operator), operands)) => {
                    self.operation(operator, operands, path, depth)
                }
                _ => wrong(path, "an operation is a list that begins with its name"),
            },
            _ => wrong(path, "must be a path, an operation or {\"value\": …}"),
        }
    }

    fn operation(&mut self, operator: &str, operands: &[Value], path: &str, depth: usize) -> Read {
        let at = |index: usize| format!("{path}[{}]", index + 1);
        let count = |wanted: usize| match operands.len() {
            len if len == wanted => Ok(()),
            len => wrong(
                path,
                format!("`{operator}` has {wanted} operands, not {len}"),
            ),
        };
        match operator {
            "and" | "or" => {
                if operands.is_empty() {
                    return wrong(path, format!("`{operator}` has at least one operand"));
                }
                self.out.push('(');
                for (index, operand) in operands.iter().enumerate() {
                    if index > 0 {
                        let _ = write!(self.out, " {operator} ");
                    }
                    self.any(operand, &at(index), depth + 1)?;
                }
                self.out.push(')');
                Ok(())
            }
            "!" => {
                count(1)?;
                self.out.push_str("!(");
                self.each(operands, path, depth)?;
                self.out.push(')');
                Ok(())
            }
            "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" => {
                count(2)?;
                self.out.push('(');
                for (index, operand) in operands.iter().enumerate() {
                    if index > 0 {
                        let _ = write!(self.out, " {operator} ");
                    }
                    match operand {
                        Value::Array(elements) if operator == "in" && index == 1 => {
                            self.out.push('[');
                            self.each(elements, &at(index), depth)?;
                            self.out.push(']');
                        }
                        operand => self.any(operand, &at(index), depth + 1)?,
                    }
                }
                self.out.push(')');
                Ok(())
            }
            name => {
                let Some(function) = Function::named(name) else {
                    return wrong(path, format!("there is no operation `{name}`"));
                };
                count(function.arguments())?;
                let _ = write!(self.out, "{name}(");
                self.each(operands, path, depth)?;
                self.out.push(')');
                Ok(())
            }
        }
    }

    /// Operands between commas.
    fn each(&mut self, operands: &[Value], path: &str, depth: usize) -> Read {
        for (index, operand) in operands.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.any(operand, &format!("{path}[{}]", index + 1), depth + 1)?;
        }
        Ok(())
    }

    fn constant(&mut self, value: &Value, path: &str) -> Read {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => {
                let _ = write!(self.out, "{value}");
            }
            Value::Number(number) => {
                if number.as_str().contains(['e', 'E']) {
                    return wrong(path, "a number is written without an exponent");
                }
                let _ = write!(self.out, "{number}");
            }
            Value::String(text) => quote(text, self.out),
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(", ");
                    }
                    if matches!(item, Value::Array(_)) {
                        return wrong(path, "a list of lists cannot be written in FQL");
                    }
                    self.constant(item, path)?;
                }
                self.out.push(']');
            }
            Value::Object(_) => return wrong(path, "an object is no constant"),
        }
        Ok(())
    }

    fn path(&mut self, dotted: &str, path: &str) -> Read {
        let keys: Vec<&str> = dotted.split('.').collect();
        if keys.iter().any(|key| key.is_empty()) {
            return wrong(path, "a path has keys between its dots");
        }
        let _ = write!(self.out, "{}", Keys(&keys));
        Ok(())
    }
}

struct Keys<'a>(&'a [&'a str]);

impl core::fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        print_path(self.0, f)
    }
}
