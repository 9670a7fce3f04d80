//! Numbers by value. Texts of integers compare exactly, whatever their length; others as doubles.

use core::cmp::Ordering;

use headwater_model::json::Number;

/// How two numbers compare; `None` when one is beyond a double.
pub(super) fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    if left == right {
        return Some(Ordering::Equal);
    }
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (integer(left.as_str()), integer(right.as_str())) {
        let (left_negative, left) = left;
        let (right_negative, right) = right;
        let size = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
        return Some(match (left_negative, right_negative) {
            (false, false) => size,
            (true, true) => size.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        });
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

/// Sign and digits of an integer's text. JSON has no leading zeros.
fn integer(text: &str) -> Option<(bool, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (digits != "0", digits),
        None => (false, text),
    };
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some((negative, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_and_long_integers_exactly() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, order) in [
            ("1", "1.0", Equal),
            ("1e2", "100", Equal),
            ("9007199254740993", "9007199254740992", Greater),
            ("18446744073709551617", "18446744073709551616", Greater),
            ("-18446744073709551617", "-18446744073709551616", Less),
            ("-0", "0", Equal),
            ("-1", "18446744073709551616", Less),
            ("0.5", "1", Less),
        ] {
            let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
            assert_eq!(compare(&left, &right), Some(order), "{left} {right}");
        }
    }
}
