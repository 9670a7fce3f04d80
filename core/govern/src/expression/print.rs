//! A program as text: what [`Expression::parse`] reads back as the same program.

use core::fmt::{Formatter, Result, Write};

use super::lex::is_key;
use super::parse::WORDS;
use super::{Expression, Node, Path};

pub(super) fn print(expression: &Expression, f: &mut Formatter<'_>) -> Result {
    let root = u16::try_from(expression.nodes.len().saturating_sub(1)).unwrap_or(0);
    Printer { expression }.node(root, Binding::Or, f)
}

/// How tightly what stands around binds: what binds looser is put in parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Or,
    And,
    Not,
    Value,
}

struct Printer<'a> {
    expression: &'a Expression,
}

impl Printer<'_> {
    fn node(&self, index: u16, around: Binding, f: &mut Formatter<'_>) -> Result {
        let Some(node) = self.expression.nodes.get(usize::from(index)) else {
            return Ok(());
        };
        let own = match node {
            Node::Or(_) => Binding::Or,
            Node::And(_) => Binding::And,
            Node::Not(_) | Node::Compare(..) | Node::In(..) => Binding::Not,
            _ => Binding::Value,
        };
        if own < around {
            f.write_char('(')?;
            self.inside(node, f)?;
            f.write_char(')')
        } else {
            self.inside(node, f)
        }
    }

    fn inside(&self, node: &Node, f: &mut Formatter<'_>) -> Result {
        match node {
            Node::All => f.write_str("all"),
            Node::Null => f.write_str("null"),
            Node::Bool(value) => write!(f, "{value}"),
            Node::Number(number) => write!(f, "{number}"),
            Node::Text(text) => quoted(text, f),
            Node::List(range) => {
                f.write_char('[')?;
                self.joined(*range, ", ", Binding::Or, f)?;
                f.write_char(']')
            }
            Node::Path(index) => match self.expression.paths.get(usize::from(*index)) {
                Some(path) => path.print(f),
                None => Ok(()),
            },
            Node::Not(operand) => {
                f.write_char('!')?;
                // `!a = b` reads as `!(a = b)`; parentheses say so.
                let bare = matches!(
                    self.expression.nodes.get(usize::from(*operand)),
                    Some(Node::Not(_))
                );
                let around = if bare { Binding::Not } else { Binding::Value };
                self.node(*operand, around, f)
            }
            // An operand that is a chain of its own kind was in parentheses: it stays so.
            Node::And(range) => self.joined(*range, " and ", Binding::Not, f),
            Node::Or(range) => self.joined(*range, " or ", Binding::And, f),
            Node::Compare(comparison, left, right) => {
                let operator = comparison.operator();
                self.node(*left, Binding::Value, f)?;
                write!(f, " {operator} ")?;
                self.node(*right, Binding::Value, f)
            }
            Node::In(needle, list) => {
                self.node(*needle, Binding::Value, f)?;
                f.write_str(" in ")?;
                self.node(*list, Binding::Value, f)
            }
            #[cfg(feature = "shapes")]
            Node::Around(name, path) => {
                write!(f, "${}", name.text())?;
                match self.expression.paths.get(usize::from(*path)) {
                    Some(path) if !path.0.is_empty() => {
                        f.write_char('.')?;
                        path.print(f)
                    }
                    _ => Ok(()),
                }
            }
            #[cfg(feature = "shapes")]
            Node::Compute(function, range) => {
                write!(f, "{}(", function.name())?;
                self.joined(*range, ", ", Binding::Or, f)?;
                f.write_char(')')
            }
            Node::Call(function, range) => {
                write!(f, "{}(", function.name())?;
                self.joined(*range, ", ", Binding::Or, f)?;
                f.write_char(')')
            }
        }
    }

    fn joined(
        &self,
        range: super::Range,
        with: &str,
        around: Binding,
        f: &mut Formatter<'_>,
    ) -> Result {
        for (index, operand) in self.expression.range(range).iter().enumerate() {
            if index > 0 {
                f.write_str(with)?;
            }
            self.node(*operand, around, f)?;
        }
        Ok(())
    }
}

/// Appends a text in quotes.
pub(super) fn quote(text: &str, out: &mut String) {
    let _ = quoted(text, out);
}

fn quoted(text: &str, f: &mut impl Write) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                f.write_char('\\')?;
                f.write_char(c)?;
            }
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl Path {
    fn print(&self, f: &mut Formatter<'_>) -> Result {
        print_keys(&self.0, f)
    }
}

/// A path's keys, escaped where the language would read something else.
pub(crate) fn print_keys<K: AsRef<str>>(keys: &[K], f: &mut Formatter<'_>) -> Result {
    // A word of the language, and a key that begins as a number does, are paths by their first `\`.
    let first = keys.first().map_or("", AsRef::as_ref);
    let lone_word = keys.len() == 1 && WORDS.contains(&first);
    let like_number = first
        .trim_start_matches('-')
        .starts_with(|c: char| c.is_ascii_digit());
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            f.write_char('.')?;
        }
        for (at, c) in key.as_ref().chars().enumerate() {
            let escaped = !is_key(c) || (index == 0 && at == 0 && (lone_word || like_number));
            if escaped {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
    }
    Ok(())
}
