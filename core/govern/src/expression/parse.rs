//! Tokens to a program. Recursion is bounded by [`MAX_DEPTH`](super::MAX_DEPTH).

use headwater_model::json::Number;

use super::lex::{Span, Token, lex};
use super::{
    Comparison, Expression, ExpressionError, Function, MAX_DEPTH, MAX_TEXT, Node, Path, Range, glob,
};

/// Compiles a text. With `loops`, their names, it is a formula and has the surroundings and the value functions.
pub(super) fn parse(text: &str, loops: Option<&[Box<str>]>) -> Result<Expression, ExpressionError> {
    let everything = Span {
        start: 0,
        end: text.len(),
    };
    if text.len() > MAX_TEXT {
        return Err(ExpressionError::at(
            text,
            everything,
            format!(
                "an expression has at most {MAX_TEXT} bytes, this one has {}",
                text.len()
            ),
        ));
    }
    let tokens = lex(text)?;
    let mut parser = Parser {
        text,
        loops,
        tokens: &tokens,
        at: 0,
        depth: 0,
        nodes: Vec::new(),
        paths: Vec::new(),
        lists: Vec::new(),
    };
    if tokens.is_empty() {
        return Err(parser.wrong("the expression is empty; `all` matches every event"));
    }
    parser.either()?;
    if parser.at < tokens.len() {
        let hint = match parser.peek() {
            Some(Token::Close) => "this `)` closes nothing",
            Some(Token::CloseList) => "this `]` closes nothing",
            _ => "`and`, `or` or the end is expected here",
        };
        return Err(parser.wrong(hint));
    }
    Ok(Expression {
        nodes: parser.nodes.into(),
        paths: parser.paths.into(),
        lists: parser.lists.into(),
    })
}

struct Parser<'a> {
    text: &'a str,
    /// Of a formula: the names of the loops around.
    loops: Option<&'a [Box<str>]>,
    tokens: &'a [(Token, Span)],
    at: usize,
    depth: usize,
    nodes: Vec<Node>,
    paths: Vec<Path>,
    lists: Vec<u16>,
}

type Parsed = Result<u16, ExpressionError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn span(&self) -> Span {
        let end = self.text.len();
        self.tokens
            .get(self.at)
            .map_or(Span { start: end, end }, |(_, span)| *span)
    }

    fn wrong(&self, problem: impl Into<String>) -> ExpressionError {
        ExpressionError::at(self.text, self.span(), problem)
    }

    fn take(&mut self, token: &Token) -> bool {
        let taken = self.peek() == Some(token);
        self.at += usize::from(taken);
        taken
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = self.peek().is_some_and(|token| is_word(token, word));
        self.at += usize::from(taken);
        taken
    }

    /// A text of at most [`MAX_TEXT`] bytes has fewer nodes than a `u16` counts.
    fn add(&mut self, node: Node) -> u16 {
        self.nodes.push(node);
        u16::try_from(self.nodes.len() - 1).unwrap_or(u16::MAX)
    }

    fn list(&mut self, children: &[u16]) -> Range {
        let start = u16::try_from(self.lists.len()).unwrap_or(u16::MAX);
        self.lists.extend_from_slice(children);
        Range {
            start,
            len: u16::try_from(children.len()).unwrap_or(u16::MAX),
        }
    }

    fn deeper<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong(format!("expressions nest at most {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let parsed = inside(self);
        self.depth -= 1;
        parsed
    }

    fn either(&mut self) -> Parsed {
        self.chain("or", Self::both, Node::Or)
    }

    fn both(&mut self) -> Parsed {
        self.chain("and", Self::unary, Node::And)
    }

    fn chain(
        &mut self,
        word: &str,
        mut operand: impl FnMut(&mut Self) -> Parsed,
        node: impl FnOnce(Range) -> Node,
    ) -> Parsed {
        let mut operands = vec![operand(self)?];
        while self.take_word(word) {
            operands.push(operand(self)?);
        }
        if let [only] = *operands {
            return Ok(only);
        }
        let range = self.list(&operands);
        Ok(self.add(node(range)))
    }

    fn unary(&mut self) -> Parsed {
        if self.take(&Token::Not) {
            let operand = self.deeper(Self::unary)?;
            return Ok(self.add(Node::Not(operand)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.value()?;
        let node = match self.peek() {
            Some(Token::Operator(operator)) => {
                let comparison = match *operator {
                    "=" => Comparison::Equal,
                    "!=" => Comparison::Differs,
                    "<" => Comparison::Less,
                    "<=" => Comparison::AtMost,
                    ">" => Comparison::Greater,
                    _ => Comparison::AtLeast,
                };
                self.at += 1;
                self.unquoted_text()?;
                let right = self.value()?;
                Node::Compare(comparison, left, right)
            }
            Some(token) if is_word(token, "in") => {
                self.at += 1;
                let list = self.value()?;
                Node::In(left, list)
            }
            _ => return Ok(left),
        };
        if let Some(Token::Operator(_)) = self.peek() {
            return Err(
                self.wrong("comparisons do not chain; join two with `and`, or use parentheses")
            );
        }
        Ok(self.add(node))
    }

    /// `type = track` compares two paths, which nobody means: types are texts.
    fn unquoted_text(&self) -> Result<(), ExpressionError> {
        let left = self
            .at
            .checked_sub(2)
            .and_then(|index| self.tokens.get(index))
            .map(|(token, _)| token);
        if let (Some(left), Some(Token::Path { keys, plain: true })) = (left, self.peek())
            && is_word(left, "type")
            && let [key] = keys.as_slice()
            && WORDS.iter().all(|word| key != word)
        {
            return Err(self.wrong(format!("write a text in quotes: \"{key}\"")));
        }
        Ok(())
    }

    fn value(&mut self) -> Parsed {
        let Some(token) = self.peek() else {
            return Err(self.wrong("a value is missing at the end"));
        };
        match token {
            Token::Open => {
                self.at += 1;
                let inside = self.deeper(Self::either)?;
                if !self.take(&Token::Close) {
                    return Err(self.wrong("`)` is missing"));
                }
                Ok(inside)
            }
            Token::OpenList => {
                self.at += 1;
                let items = self.deeper(|parser| parser.items(&Token::CloseList))?;
                let range = self.list(&items);
                Ok(self.add(Node::List(range)))
            }
            Token::Text(text) => {
                self.at += 1;
                Ok(self.add(Node::Text(text.as_str().into())))
            }
            Token::Number(text) => {
                let Some(number) = Number::parse(text) else {
                    return Err(self.wrong("this is no number"));
                };
                self.at += 1;
                Ok(self.add(Node::Number(number)))
            }
            Token::Path { keys, plain } => self.named(keys, *plain),
            Token::Around { name, keys } => self.around(name, keys),
            Token::Operator(operator) => {
                Err(self.wrong(format!("a value is missing before `{operator}`")))
            }
            Token::Not => Err(self.wrong("put what `!` stands before in parentheses")),
            Token::Close | Token::CloseList | Token::Comma => {
                Err(self.wrong("a value is missing here"))
            }
        }
    }

    /// A path, a word of the language or a call.
    fn named(&mut self, keys: &[String], plain: bool) -> Parsed {
        let word = match keys {
            [word] if plain => word.as_str(),
            _ => "",
        };
        let called = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|(token, _)| *token == Token::Open);
        match word {
            "true" | "false" if !called => {
                self.at += 1;
                return Ok(self.add(Node::Bool(word == "true")));
            }
            "null" if !called => {
                self.at += 1;
                return Ok(self.add(Node::Null));
            }
            "all" if !called => {
                self.at += 1;
                return Ok(self.add(Node::All));
            }
            "and" | "or" | "in" => {
                return Err(self.wrong(format!("a value is missing before `{word}`")));
            }
            _ => {}
        }
        if called {
            return self.call(&keys.join("."));
        }
        self.at += 1;
        let index = self.path(keys);
        Ok(self.add(Node::Path(index)))
    }

    /// Interns a path.
    fn path(&mut self, keys: &[String]) -> u16 {
        let path = Path(keys.iter().map(|key| key.as_str().into()).collect());
        let index = match self.paths.iter().position(|known| *known == path) {
            Some(index) => index,
            None => {
                self.paths.push(path);
                self.paths.len() - 1
            }
        };
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// A name of the surroundings.
    fn around(&mut self, name: &str, keys: &[String]) -> Parsed {
        #[cfg(feature = "shapes")]
        if let Some(loops) = self.loops {
            use super::scope::Name;
            let found = match loops.iter().find(|known| ***known == *name) {
                Some(known) => Name::Loop(known.clone()),
                None => match Name::named(name) {
                    Some(known) => known,
                    None => {
                        return Err(
                            self.wrong(format!("there is no `${name}`; there are {}", Name::LIST))
                        );
                    }
                },
            };
            self.at += 1;
            let path = self.path(keys);
            return Ok(self.add(Node::Around(found, path)));
        }
        let _ = (name, keys, self.loops);
        Err(self.wrong(
            "names that begin with `$` do not exist here; a key of an event that does is written `\\$`",
        ))
    }

    /// A call of a value function.
    #[cfg(feature = "shapes")]
    fn compute(&mut self, function: super::functions_value::ValueFunction) -> Parsed {
        let place = self.span();
        self.at += 2;
        let arguments = self.deeper(|parser| parser.items(&Token::Close))?;
        let (least, most) = function.arguments();
        if arguments.len() < least || arguments.len() > most {
            return Err(ExpressionError::at(
                self.text,
                place,
                format!("it is `{}`", function.usage()),
            ));
        }
        let range = self.list(&arguments);
        Ok(self.add(Node::Compute(function, range)))
    }

    fn call(&mut self, name: &str) -> Parsed {
        #[cfg(feature = "shapes")]
        if self.loops.is_some()
            && let Some(function) = super::functions_value::ValueFunction::named(name)
        {
            return self.compute(function);
        }
        let Some(function) = Function::named(name) else {
            let names: Vec<&str> = Function::ALL.iter().map(|known| known.name()).collect();
            #[cfg(feature = "shapes")]
            if self.loops.is_some() {
                let further: Vec<&str> = super::functions_value::TABLE
                    .iter()
                    .map(|entry| entry.name)
                    .collect();
                return Err(self.wrong(format!(
                    "there is no function `{name}`; there are {}, {}",
                    names.join(", "),
                    further.join(", ")
                )));
            }
            return Err(self.wrong(format!(
                "there is no function `{name}`; there are {}",
                names.join(", ")
            )));
        };
        let place = self.span();
        self.at += 2;
        let arguments = self.deeper(|parser| parser.items(&Token::Close))?;
        if arguments.len() != function.arguments() {
            return Err(ExpressionError::at(
                self.text,
                place,
                format!(
                    "`{name}` takes {} argument{}, not {}",
                    function.arguments(),
                    if function.arguments() == 1 { "" } else { "s" },
                    arguments.len()
                ),
            ));
        }
        if function == Function::Match
            && let Some(Node::Text(pattern)) = arguments
                .get(1)
                .and_then(|argument| self.nodes.get(usize::from(*argument)))
            && let Err(problem) = glob::check(pattern)
        {
            return Err(ExpressionError::at(self.text, place, problem));
        }
        let range = self.list(&arguments);
        Ok(self.add(Node::Call(function, range)))
    }

    /// Values between commas up to `close`, which is taken.
    fn items(&mut self, close: &Token) -> Result<Vec<u16>, ExpressionError> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(self.either()?);
            if self.take(close) {
                return Ok(items);
            }
            if !self.take(&Token::Comma) {
                let bracket = if *close == Token::Close { ")" } else { "]" };
                return Err(self.wrong(format!("`,` or `{bracket}` is missing")));
            }
        }
    }
}

/// Words that are no paths unless escaped.
pub(super) const WORDS: [&str; 7] = ["and", "or", "in", "true", "false", "null", "all"];

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Path { keys, plain: true } if keys.iter().map(String::as_str).eq([word]))
}
