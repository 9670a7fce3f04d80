//! Any text as FQL and as a trigger: it is refused with a place within it, or printed and read back the same; what it says
//! to Segment's SDKs reads back as what it was.
#![no_main]
use headwater_govern::expression::{Expression, import_trigger};
use headwater_model::json::{Limits, Object, parse};
use libfuzzer_sys::fuzz_target;

const EVENT: &[u8] = br#"{"type":"track","event":"A","properties":{"a":1.5,"b":["x",null],"c":"text"}}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = import_trigger(text);
    let event = parse(EVENT, &Limits::default()).ok();
    let event = event.and_then(|event| event.into_object());
    let event: Object = event.unwrap_or_default();
    match Expression::parse(text) {
        Err(error) => assert!(error.position <= text.chars().count() + 1),
        Ok(expression) => {
            // An escape more than the text had may make it too long.
            if let Ok(again) = Expression::parse(&expression.to_string()) {
                assert_eq!(again, expression);
            }
            let _ = (expression.matches(&event), expression.value(&event));
            if let Ok(ir) = expression.to_ir()
                && let Ok(again) = Expression::from_ir(&ir.to_vec())
            {
                assert_eq!(again.matches(&event), expression.matches(&event));
            }
        }
    }
});
