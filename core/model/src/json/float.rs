//! Doubles as text. Apart from the rest, since `std`'s float formatting is large: a build that never turns a float into
//! a number (WebAssembly) links none of it.

use std::io::Write as _;

/// Appends the shortest text that reads back as `value`, always recognisable as a float (`1.0`, `1e16`); appends
/// nothing and returns false when it is not finite. Plain notation from 1e-5 up to 1e16, as most JSON writers do.
pub(crate) fn write_f64(out: &mut Vec<u8>, value: f64) -> bool {
    if !value.is_finite() {
        return false;
    }
    let size = value.abs();
    // Writing into a Vec cannot fail.
    if size == 0.0 || (1e-5..1e16).contains(&size) {
        let start = out.len();
        let _ = write!(out, "{value}");
        keep_point(out, start);
    } else {
        let _ = write!(out, "{value:e}");
    }
    true
}

/// As [`write_f64`], with the digits a single-precision value needs; plain notation from 1e-6 up to 1e13.
#[cfg(feature = "serde")]
pub(crate) fn write_f32(out: &mut Vec<u8>, value: f32) -> bool {
    if !value.is_finite() {
        return false;
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e13).contains(&size) {
        let start = out.len();
        let _ = write!(out, "{value}");
        keep_point(out, start);
    } else {
        let _ = write!(out, "{value:e}");
    }
    true
}

fn keep_point(out: &mut Vec<u8>, start: usize) {
    if !out.get(start..).unwrap_or_default().contains(&b'.') {
        out.extend_from_slice(b".0");
    }
}
