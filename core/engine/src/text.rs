//! Texts for people, and texts put together.

/// A text for people; empty without the feature `words`.
macro_rules! words {
    ($text:expr) => {
        if cfg!(feature = "words") { $text } else { "" }
    };
}
pub(crate) use words;

/// One after the other. `concat` is many times this in code, since it takes any number of anything.
pub(crate) fn joined(first: &str, second: &str) -> String {
    let mut text = String::with_capacity(first.len() + second.len());
    text.push_str(first);
    text.push_str(second);
    text
}
