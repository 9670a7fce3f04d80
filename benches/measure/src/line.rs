//! The one line that machines read.

/// `ours / theirs` with two digits; `inf` when only theirs is zero, `1.00` when both are.
#[must_use]
pub fn ratio(ours: f64, theirs: f64) -> String {
    if theirs == 0.0 {
        return if ours == 0.0 {
            "1.00".to_owned()
        } else {
            "inf".to_owned()
        };
    }
    let ratio = ours / theirs;
    if ratio > 0.0 && ratio < 0.095 {
        format!("{ratio:.4}")
    } else {
        format!("{ratio:.2}")
    }
}

/// One result: `BENCH name=… value=… unit=… vs=<peer> ratio=<ours/peer>`.
#[must_use]
pub fn bench(name: &str, ours: f64, unit: &str, peer: &str, theirs: f64) -> String {
    let value = if ours.fract() == 0.0 || ours >= 1000.0 {
        format!("{ours:.0}")
    } else {
        format!("{ours:.2}")
    };
    format!(
        "BENCH name={name} value={value} unit={unit} vs={peer} ratio={}",
        ratio(ours, theirs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_line_with_ours_over_theirs() {
        assert_eq!(
            bench("track_p50", 1.9, "us", "posthog-rs", 4.2),
            "BENCH name=track_p50 value=1.90 unit=us vs=posthog-rs ratio=0.45"
        );
        assert_eq!(
            bench("x", 0.0, "events", "p", 0.0),
            "BENCH name=x value=0 unit=events vs=p ratio=1.00"
        );
        assert_eq!(ratio(3.0, 0.0), "inf");
        assert_eq!(ratio(1.0, 100.0), "0.0100");
    }
}
