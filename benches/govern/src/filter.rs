//! A filter of three clauses over an event that is parsed.

use std::hint::black_box;

use headwater_govern::expression::Expression;
use headwater_model::json::{Limits, parse};

use crate::event::{FILTER, TEXT};
use crate::timing::microseconds;

/// Microseconds an event.
pub(crate) fn round() -> Result<f64, String> {
    let event = parse(TEXT.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    let event = event.into_object().unwrap_or_default();
    let filter = Expression::parse(FILTER).map_err(|error| error.to_string())?;
    if filter.matches(&event) != Ok(true) {
        return Err("the filter does not hold for the event".to_owned());
    }
    Ok(microseconds(|| {
        let _ = black_box(filter.matches(black_box(&event)));
    }))
}
