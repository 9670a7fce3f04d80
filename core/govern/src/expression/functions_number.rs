//! Numbers as money wants them: decimal, 28 digits, never binary floating point.

use headwater_model::json::Number;

/// The most digits that a number of a formula has.
const DIGITS: u32 = 28;

/// 10^28: the first size that is too large.
const TOO_LARGE: i128 = 10_i128.pow(DIGITS);

/// `digits / 10^scale`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    pub(super) const ZERO: Decimal = Decimal {
        digits: 0,
        scale: 0,
    };

    /// `None` when the number needs more than 28 digits.
    pub(super) fn of(number: &Number) -> Option<Decimal> {
        let text = number.as_str();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() > DIGITS as usize + 1 {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        if digits == 0 {
            return Some(Decimal::ZERO);
        }
        let shift = scale.unsigned_abs();
        if shift > DIGITS {
            return None;
        }
        if scale < 0 {
            Decimal { digits, scale: 0 }.scaled(shift)
        } else {
            Some(Decimal {
                digits,
                scale: shift,
            })
        }
    }

    /// The same number with `more` digits behind.
    fn scaled(self, more: u32) -> Option<Decimal> {
        let digits = self.digits.checked_mul(10_i128.checked_pow(more)?)?;
        (digits.unsigned_abs() < TOO_LARGE.unsigned_abs() * 10).then_some(Decimal {
            digits,
            scale: self.scale,
        })
    }

    fn fitting(mut self) -> Option<Decimal> {
        while self.scale > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.scale -= 1;
        }
        let large = TOO_LARGE.unsigned_abs();
        while self.scale > DIGITS || (self.scale > 0 && self.digits.unsigned_abs() >= large) {
            self = self.rounded(self.scale - 1);
        }
        (self.digits.unsigned_abs() < large).then_some(self)
    }

    pub(super) fn plus(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let left = self
            .digits
            .checked_mul(10_i128.checked_pow(scale - self.scale)?)?;
        let right = other
            .digits
            .checked_mul(10_i128.checked_pow(scale - other.scale)?)?;
        Decimal {
            digits: left.checked_add(right)?,
            scale,
        }
        .fitting()
    }

    pub(super) fn times(self, other: Decimal) -> Option<Decimal> {
        let digits = self.digits.checked_mul(other.digits)?;
        Decimal {
            digits,
            scale: self.scale + other.scale,
        }
        .fitting()
    }

    /// Half away from zero.
    pub(super) fn rounded(self, places: u32) -> Decimal {
        if places >= self.scale {
            return self;
        }
        // At most 56 digits behind the point, of which 38 hold anything.
        let Some(unit) = 10_i128.checked_pow(self.scale - places) else {
            return Decimal::ZERO;
        };
        let (whole, rest) = (self.digits / unit, self.digits % unit);
        let up = i128::from(rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs());
        Decimal {
            digits: whole + up * self.digits.signum(),
            scale: places,
        }
    }

    /// Towards zero.
    pub(super) fn cut(self) -> Decimal {
        match 10_i128.checked_pow(self.scale) {
            Some(unit) => Decimal {
                digits: self.digits / unit,
                scale: 0,
            },
            None => Decimal::ZERO,
        }
    }

    pub(super) fn shifted(self, places: u32) -> Option<Decimal> {
        self.times(Decimal {
            digits: 10_i128.checked_pow(places)?,
            scale: 0,
        })
    }

    /// The whole number, where it is one that fits.
    pub(super) fn whole(self) -> Option<i64> {
        let cut = self.fitting()?;
        (cut.scale == 0)
            .then(|| i64::try_from(cut.digits).ok())
            .flatten()
    }

    pub(super) fn number(self) -> Option<Number> {
        let fitting = self.fitting()?;
        let sign = if fitting.digits < 0 { "-" } else { "" };
        let digits = fitting.digits.unsigned_abs().to_string();
        let scale = fitting.scale as usize;
        let text = if scale == 0 {
            format!("{sign}{digits}")
        } else {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        };
        Number::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::of(&Number::parse(text).unwrap()).unwrap()
    }

    fn text(decimal: Option<Decimal>) -> String {
        decimal
            .and_then(Decimal::number)
            .map_or_else(|| "none".to_owned(), |number| number.to_string())
    }

    #[test]
    fn decimals_add_multiply_and_round_exactly() {
        assert_eq!(text(decimal("0.1").plus(decimal("0.2"))), "0.3");
        assert_eq!(text(decimal("19.99").times(decimal("3"))), "59.97");
        assert_eq!(text(decimal("-1.5e2").plus(decimal("0.25"))), "-149.75");
        assert_eq!(text(Some(decimal("2.345").rounded(2))), "2.35");
        assert_eq!(text(Some(decimal("-2.345").rounded(2))), "-2.35");
        assert_eq!(text(Some(decimal("-2.7").cut())), "-2");
        assert_eq!(text(Some(decimal("0.005").rounded(2))), "0.01");
        assert_eq!(text(decimal("1e-20").times(decimal("1e-20"))), "0");
        assert_eq!(text(decimal("9e27").times(decimal("10"))), "none");
        // -2^127, whose size is no i128.
        let (left, right) = ("-9223372036854775808", "18446744073709551616");
        assert_eq!(text(decimal(left).times(decimal(right))), "none");
        assert_eq!(Decimal::of(&Number::parse("1e400").unwrap()), None);
        assert_eq!(decimal("3.00").whole(), Some(3));
    }
}
