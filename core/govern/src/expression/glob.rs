//! Globs: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[^…]` one of a set, `\x` the character x. The whole text must
//! fit; `/` is a character like any other.

use super::evaluate::{Budget, Exceeded};

/// Characters of a glob that are looked at for one step of the budget; a set costs its length each time.
const LOOKS_A_STEP: usize = 64;

/// Whether a glob is well formed: what is wrong with it otherwise.
pub(super) fn check(glob: &str) -> Result<(), &'static str> {
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        match c {
            '\\' if rest.len() == 1 => return Err("a character must follow `\\` in a glob"),
            '[' if Set::parse(rest).is_none() => return Err("`[` in a glob has no `]`"),
            _ => {}
        }
        let (_, after) = One::first(rest);
        rest = after;
    }
    Ok(())
}

/// One position of a glob.
enum One<'a> {
    Run,
    Any,
    Char(char),
    Set(Set<'a>),
    Nothing,
}

impl<'a> One<'a> {
    /// The first position of `glob`, and what follows.
    fn first(glob: &'a str) -> (One<'a>, &'a str) {
        let mut chars = glob.chars();
        match chars.next() {
            None => (One::Nothing, glob),
            Some('*') => (One::Run, chars.as_str()),
            Some('?') => (One::Any, chars.as_str()),
            Some('[') => match Set::parse(glob) {
                Some((set, rest)) => (One::Set(set), rest),
                None => (One::Char('['), chars.as_str()),
            },
            Some('\\') => match chars.next() {
                Some(c) => (One::Char(c), chars.as_str()),
                None => (One::Char('\\'), chars.as_str()),
            },
            Some(c) => (One::Char(c), chars.as_str()),
        }
    }

    fn takes(&self, c: char) -> bool {
        match self {
            One::Any => true,
            One::Char(own) => *own == c,
            One::Set(set) => set.has(c),
            One::Run | One::Nothing => false,
        }
    }
}

/// What is between `[` and `]`.
struct Set<'a> {
    inside: &'a str,
    negated: bool,
}

impl<'a> Set<'a> {
    fn parse(glob: &'a str) -> Option<(Set<'a>, &'a str)> {
        let inside = glob.strip_prefix('[')?;
        let (negated, inside) = match inside.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, inside),
        };
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == ']' && at > 0 {
                let rest = inside.get(at + 1..)?;
                let inside = inside.get(..at)?;
                return Some((Set { inside, negated }, rest));
            }
        }
        None
    }

    fn has(&self, c: char) -> bool {
        let mut chars = self.inside.chars().peekable();
        let mut found = false;
        while let Some(low) = chars.next() {
            let low = if low == '\\' {
                chars.next().unwrap_or(low)
            } else {
                low
            };
            let mut ahead = chars.clone();
            let high = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(high)) => {
                    chars = ahead;
                    high
                }
                _ => low,
            };
            found |= (low..=high).contains(&c);
        }
        found != self.negated
    }
}

/// Whether the whole of `text` fits `glob`: the last `*` takes one character more whenever what follows it does not fit.
pub(super) fn fits(glob: &str, text: &str, budget: &mut Budget) -> Result<bool, Exceeded> {
    let (mut glob, mut text) = (glob, text);
    let mut star: Option<(&str, &str)> = None;
    let mut looks = 0;
    loop {
        let (one, after) = One::first(glob);
        looks += glob.len() - after.len() + 1;
        if looks >= LOOKS_A_STEP {
            budget.spend(u32::try_from(looks / LOOKS_A_STEP).unwrap_or(u32::MAX))?;
            looks %= LOOKS_A_STEP;
        }
        if let One::Run = one {
            star = Some((after, text));
            glob = after;
            continue;
        }
        let mut chars = text.chars();
        match chars.next() {
            None if matches!(one, One::Nothing) => return Ok(true),
            None => return Ok(false),
            Some(c) if one.takes(c) => {
                glob = after;
                text = chars.as_str();
            }
            Some(_) => {
                let Some((behind, from)) = star else {
                    return Ok(false);
                };
                let mut chars = from.chars();
                chars.next();
                text = chars.as_str();
                star = Some((behind, text));
                glob = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(glob: &str, text: &str) -> bool {
        fits(glob, text, &mut Budget::default()).unwrap()
    }

    #[test]
    fn globs_take_the_whole_text_as_documented() {
        for (glob, text, fits) in [
            ("*foo*", "a foo b", true),
            ("foo", "a foo", false),
            ("", "", true),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a\\-c]", "-", true),
            ("[a\\-c]", "b", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("a/*", "a/b/c", true),
            ("Order*ed", "Order Completed", true),
            ("é?", "éü", true),
        ] {
            assert_eq!(fit(glob, text), fits, "{glob} {text}");
        }
    }

    #[test]
    fn a_glob_built_to_be_slow_is_stopped() {
        let text = "a".repeat(32_000);
        let glob = format!("*{}b", "a".repeat(2_000));
        assert!(fits(&glob, &text, &mut Budget::default()).is_err());
        let sets = format!("*{}!", "[a-zA-Z0-9_]".repeat(20));
        assert!(fits(&sets, &text, &mut Budget::default()).is_err());
    }

    #[test]
    fn malformed_globs_are_refused() {
        assert!(check("[abc").is_err());
        assert!(check("abc\\").is_err());
        assert!(check("[a]b*").is_ok());
    }
}
