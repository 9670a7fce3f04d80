//! Numbers by value, exactly, from their texts: what passes as money must not be rounded.

use core::cmp::Ordering;

/// The value that a number's text spells: `digits * 10^last`, without zeros at either end.
struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    /// Zeros at the beginning that do not count.
    leading: usize,
    /// Digits that count; none for zero.
    count: usize,
    /// The power of ten of the last digit that counts.
    last: i64,
}

/// Exponents beyond this are as good as this: no sum of two leaves the range.
const FARTHEST: i64 = i64::MAX / 8;

impl<'t> Decimal<'t> {
    fn read(text: &'t str) -> Decimal<'t> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
        let zero = |digit: &&u8| **digit == b'0';
        let total = whole.len() + fraction.len();
        let leading = whole.iter().chain(fraction).take_while(zero).count();
        let trailing = if leading == total {
            0
        } else {
            let behind = fraction.iter().rev().chain(whole.iter().rev());
            behind.take_while(zero).count()
        };
        let length = |length: usize| i64::try_from(length).unwrap_or(FARTHEST);
        Decimal {
            negative,
            whole,
            fraction,
            leading,
            count: total - leading - trailing,
            last: exponent - length(fraction.len()) + length(trailing),
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        let digits = self.whole.iter().chain(self.fraction);
        digits.skip(self.leading).take(self.count).copied()
    }

    fn is_zero(&self) -> bool {
        self.count == 0
    }

    /// The power of ten of the first digit.
    fn first(&self) -> i64 {
        self.last
            .saturating_add(i64::try_from(self.count).unwrap_or(FARTHEST))
    }

    fn compare_size(&self, other: &Decimal<'_>) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self
                .first()
                .cmp(&other.first())
                .then_with(|| self.digits().cmp(other.digits())),
        }
    }
}

fn power(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim_start_matches('+')),
    };
    let mut value = 0_i64;
    for digit in digits.bytes() {
        value = value
            .saturating_mul(10)
            .saturating_add(i64::from(digit.wrapping_sub(b'0')))
            .min(FARTHEST);
    }
    if negative { -value } else { value }
}

/// How two numbers compare.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Decimal::read(left), Decimal::read(right));
    let size = left.compare_size(&right);
    match (
        left.negative && !left.is_zero(),
        right.negative && !right.is_zero(),
    ) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Whether a number has no fraction, however it is written: `1.0` and `1e2` have none.
pub(super) fn is_integer(text: &str) -> bool {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return true;
    }
    let value = Decimal::read(text);
    value.is_zero() || value.last >= 0
}

/// The one text for all numbers of a value.
pub(super) fn canonical(text: &str, into: &mut String) {
    let value = Decimal::read(text);
    if value.is_zero() {
        into.push('0');
        return;
    }
    if value.negative {
        into.push('-');
    }
    into.extend(value.digits().map(char::from));
    into.push('e');
    into.push_str(&value.last.to_string());
}

/// Whether a number can be `multipleOf`: over zero, with at most 18 digits that count.
pub(super) fn is_divisor(text: &str) -> bool {
    let value = Decimal::read(text);
    !value.negative && !value.is_zero() && value.count <= 18
}

/// Whether `value` is a whole multiple of `divisor`, which [`is_divisor`].
pub(super) fn is_multiple(value: &str, divisor: &str) -> bool {
    let (value, divisor) = (Decimal::read(value), Decimal::read(divisor));
    if value.is_zero() {
        return true;
    }
    let Ok(shift) = u64::try_from(value.last - divisor.last) else {
        // A multiple would end in at least one zero more.
        return false;
    };
    let number = |digit: u8| u128::from(digit.wrapping_sub(b'0'));
    let modulus = divisor
        .digits()
        .fold(0_u128, |sum, digit| sum * 10 + number(digit));
    if modulus == 0 {
        return false;
    }
    let rest = value
        .digits()
        .fold(0_u128, |rest, digit| (rest * 10 + number(digit)) % modulus);
    (rest * power_of_ten(shift, modulus)).is_multiple_of(modulus)
}

/// `10^power`, modulo a number of at most 18 digits.
fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let (mut result, mut base) = (1 % modulus, 10 % modulus);
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_exactly() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, order) in [
            ("1", "1.0", Equal),
            ("100", "1e2", Equal),
            ("0", "-0.0e5", Equal),
            ("0.1", "0.10", Equal),
            ("-1", "0", Less),
            ("-2", "-1", Less),
            ("0.1", "0.09", Greater),
            ("99", "100", Less),
            ("12", "123", Less),
            ("9007199254740993", "9007199254740992", Greater),
            ("1e400", "1e399", Greater),
            ("1e-400", "0", Greater),
            ("1e99999999999999999999", "1e99999999999999999998", Equal),
            ("0.30000000000000004", "0.3", Greater),
        ] {
            assert_eq!(compare(left, right), order, "{left} {right}");
            assert_eq!(compare(right, left), order.reverse(), "{right} {left}");
        }
    }

    #[test]
    fn an_integer_is_a_number_without_a_fraction() {
        for text in ["1", "-1", "1.0", "1.50e1", "1e300", "0.0", "0e-5"] {
            assert!(is_integer(text), "{text}");
        }
        for text in ["1.5", "1e-1", "0.00001", "-1.5e0"] {
            assert!(!is_integer(text), "{text}");
        }
    }

    #[test]
    fn a_multiple_is_one_in_decimals() {
        for (value, divisor, holds) in [
            ("1.1", "0.1", true),
            ("19.99", "0.01", true),
            ("19.999", "0.01", false),
            ("7", "2", false),
            ("0", "3", true),
            ("-9", "3", true),
            ("1e308", "0.123456789", false),
            ("1e308", "0.5", true),
            ("123456789012345678901234567890", "10", true),
            ("123456789012345678901234567891", "10", false),
            ("0.00751", "0.0001", false),
            ("0.0075", "0.0001", true),
        ] {
            assert!(is_divisor(divisor));
            assert_eq!(is_multiple(value, divisor), holds, "{value} {divisor}");
        }
        assert!(!is_divisor("0") && !is_divisor("-1") && !is_divisor("1234567890123456789"));
    }
}
