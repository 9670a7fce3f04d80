//! The functions of the language, by their documented names.

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `contains(text, part)`: whether `part` occurs in `text`.
    Contains,
    /// `match(text, glob)`: whether the whole text fits the glob.
    Match,
    /// `length(value)`: bytes of a text, elements of a list, 0 for null.
    Length,
    /// `lowercase(text)`
    Lowercase,
    /// `uppercase(text)`
    Uppercase,
    /// `snakecase(text)`
    Snakecase,
    /// `kebabcase(text)`
    Kebabcase,
    /// `titlecase(text)`
    Titlecase,
    /// `typeof(value)`: `"string"`, `"number"`, `"list"`, `"bool"`, `"null"`, or `"object"`.
    Typeof,
    /// `bool(value)`: `true`, `"true"` and their opposites; null otherwise.
    Bool,
    /// `string(value)`: a number or boolean as text; null otherwise.
    Text,
    /// `number(value)`: a text that spells a JSON number; null otherwise.
    Number,
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 12] = [
        Function::Contains,
        Function::Match,
        Function::Length,
        Function::Lowercase,
        Function::Uppercase,
        Function::Snakecase,
        Function::Kebabcase,
        Function::Titlecase,
        Function::Typeof,
        Function::Bool,
        Function::Text,
        Function::Number,
    ];

    /// Its name in the language.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Function::Contains => "contains",
            Function::Match => "match",
            Function::Length => "length",
            Function::Lowercase => "lowercase",
            Function::Uppercase => "uppercase",
            Function::Snakecase => "snakecase",
            Function::Kebabcase => "kebabcase",
            Function::Titlecase => "titlecase",
            Function::Typeof => "typeof",
            Function::Bool => "bool",
            Function::Text => "string",
            Function::Number => "number",
        }
    }

    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Function> {
        Function::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    /// How many arguments it takes.
    #[must_use]
    pub fn arguments(self) -> usize {
        match self {
            Function::Contains | Function::Match => 2,
            _ => 1,
        }
    }
}

/// The words of a text: runs of letters and digits, parted also where a capital begins a word.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut word = String::new();
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| chars.get(index));
        let after = chars.get(index + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The words of a text in small letters, joined by `_`.
#[must_use]
pub fn snakecase(text: &str) -> String {
    joined(text, "_")
}

pub(super) fn kebabcase(text: &str) -> String {
    joined(text, "-")
}

fn joined(text: &str, with: &str) -> String {
    words(text)
        .iter()
        .map(|word| word.to_lowercase())
        .collect::<Vec<_>>()
        .join(with)
}

pub(super) fn titlecase(text: &str) -> String {
    words(text)
        .iter()
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| {
                first
                    .to_uppercase()
                    .chain(chars.as_str().to_lowercase().chars())
                    .collect()
            })
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_part_at_signs_and_where_capitals_begin() {
        for (text, snake, kebab, title) in [
            (
                "Order Completed",
                "order_completed",
                "order-completed",
                "Order Completed",
            ),
            ("orderID", "order_id", "order-id", "Order Id"),
            (
                "HTTPServer2go",
                "http_server2go",
                "http-server2go",
                "Http Server2go",
            ),
            (
                "2FA Enabled v2Beta",
                "2fa_enabled_v2_beta",
                "2fa-enabled-v2-beta",
                "2fa Enabled V2 Beta",
            ),
            ("--", "", "", ""),
            ("Ärger über", "ärger_über", "ärger-über", "Ärger Über"),
        ] {
            assert_eq!(snakecase(text), snake);
            assert_eq!(kebabcase(text), kebab);
            assert_eq!(titlecase(text), title);
        }
    }
}
