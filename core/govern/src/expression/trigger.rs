//! Triggers of Segment's Actions destinations.
//!
//! They are written in FQL, but Segment's destinations read them by a library of their own (`destination-subscriptions`),
//! which knows less and means some of it otherwise. Imported triggers mean what FQL's documentation says, and each place
//! where that library would decide otherwise is told.

use super::lex::{Span, Token, lex};
use super::{Expression, ExpressionError};

/// A place of a trigger that Segment's destinations read otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where, counted in characters from 1.
    pub position: usize,
    /// What is different.
    pub problem: &'static str,
}

/// Reads a trigger, with what Segment's destinations would read otherwise.
///
/// # Errors
/// [`ExpressionError`] with the position.
///
/// ```
/// use headwater_govern::expression::import_trigger;
///
/// let (_, warnings) = import_trigger(r#"type = "track" and event = "a" or event = "b""#).unwrap();
/// assert_eq!(warnings.len(), 1);
/// assert_eq!(warnings[0].position, 32);
/// ```
pub fn import_trigger(text: &str) -> Result<(Expression, Vec<Warning>), ExpressionError> {
    let expression = Expression::parse(text)?;
    let tokens = lex(text)?;
    let mut scan = Scan {
        text,
        tokens: &tokens,
        warnings: Vec::new(),
    };
    scan.run();
    Ok((expression, scan.warnings))
}

struct Scan<'a> {
    text: &'a str,
    tokens: &'a [(Token, Span)],
    warnings: Vec<Warning>,
}

/// One level of parentheses.
#[derive(Default)]
struct Level {
    /// Whether it is a function's.
    call: bool,
    /// The word that its conditions are joined by.
    word: Option<&'static str>,
}

impl Scan<'_> {
    fn warn(&mut self, index: usize, problem: &'static str) {
        let start = self.tokens.get(index).map_or(0, |(_, span)| span.start);
        let before = self.text.get(..start).unwrap_or(self.text);
        self.warnings.push(Warning {
            position: before.chars().count() + 1,
            problem,
        });
    }

    fn run(&mut self) {
        let mut levels = vec![Level::default()];
        for index in 0..self.tokens.len() {
            let Some((token, _)) = self.tokens.get(index) else {
                break;
            };
            match token {
                Token::Open => {
                    let call = index > 0
                        && matches!(self.tokens.get(index - 1), Some((Token::Path { plain: true, keys }, _)) if !is_operator(keys));
                    let groups = levels.iter().skip(1).filter(|level| !level.call).count();
                    if !call && groups >= 1 {
                        self.warn(
                            index,
                            "there parentheses within parentheses are an error, and the trigger matches nothing",
                        );
                    }
                    levels.push(Level { call, word: None });
                }
                Token::Close if levels.len() > 1 => drop(levels.pop()),
                Token::Path { keys, plain: true } => {
                    let [key] = keys.as_slice() else { continue };
                    match key.as_str() {
                        "and" => self.join(index, &mut levels, "and"),
                        "or" => self.join(index, &mut levels, "or"),
                        "in" => self.warn(
                            index,
                            "there `in` does not exist, and the trigger matches nothing",
                        ),
                        _ => self.function(index, key),
                    }
                }
                Token::Path { plain: false, keys } if self.is_escaped(index, keys) => self.warn(
                    index,
                    "there keys cannot be escaped, and the trigger matches nothing",
                ),
                Token::Not => self.negation(index),
                _ => {}
            }
        }
    }

    fn join(&mut self, index: usize, levels: &mut [Level], word: &'static str) {
        let Some(level) = levels.last_mut() else {
            return;
        };
        match level.word {
            Some(other) if other != word => {
                level.word = Some(word);
                self.warn(
                    index,
                    "there the last of `and` and `or` joins all conditions of its level; here `and` binds tighter",
                );
            }
            _ => level.word = Some(word),
        }
    }

    /// Functions that do not exist there, and globs that mean something else.
    fn function(&mut self, index: usize, name: &str) {
        if !matches!(self.tokens.get(index + 1), Some((Token::Open, _))) {
            return;
        }
        match name {
            "contains" => {}
            "match" => {
                let glob = self.tokens.get(index + 4).map(|(token, _)| token);
                let simple = matches!(glob, Some(Token::Text(glob)) if is_edge(glob));
                if !simple {
                    self.warn(
                        index,
                        "there match knows one `*`, at the beginning or the end; all else of the glob is taken as it is written",
                    );
                }
            }
            _ => self.warn(
                index,
                "there this function does not exist, and the trigger matches nothing",
            ),
        }
    }

    fn negation(&mut self, index: usize) {
        let called = match (self.tokens.get(index + 1), self.tokens.get(index + 2)) {
            (Some((Token::Path { keys, plain: true }, _)), Some((Token::Open, _))) => {
                keys.first().map(String::as_str)
            }
            _ => None,
        };
        if matches!(called, Some("contains" | "match")) {
            self.warn(
                index,
                "there the negation of contains and match does not hold for what is missing or no text; here it does",
            );
        } else {
            self.warn(index, "there `!` is ignored");
        }
    }

    fn is_escaped(&self, index: usize, keys: &[String]) -> bool {
        let plain: usize = keys.iter().map(|key| key.len() + 1).sum();
        let span = self
            .tokens
            .get(index)
            .map(|(_, span)| span.end - span.start);
        span.is_some_and(|written| written >= plain)
    }
}

fn is_operator(keys: &[String]) -> bool {
    matches!(keys, [word] if matches!(word.as_str(), "and" | "or" | "in"))
}

/// Whether a glob has one `*`, at one of its ends, and nothing else that is special.
fn is_edge(glob: &str) -> bool {
    let rest = glob.strip_prefix('*').or_else(|| glob.strip_suffix('*'));
    rest.is_some_and(|rest| !rest.contains(['*', '?', '[', '\\']))
}
