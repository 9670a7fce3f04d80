//! Any bytes: the parser and the scanner agree, and what is parsed is written and read back the same.
#![no_main]
use headwater_model::json::{Limits, parse, validate};
use headwater_model::time::{parse_http_date, parse_iso};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let parsed = parse(bytes, &limits);
    assert_eq!(parsed.is_ok(), validate(bytes, &limits).is_ok());
    if let Ok(value) = parsed {
        let text = value.to_vec();
        assert_eq!(parse(&text, &limits).as_ref(), Ok(&value));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (parse_iso(text), parse_http_date(text));
    }
});
