//! Instants survive their text, and no text disturbs the readers.

use headwater_model::time::{Millis, format_iso, parse_http_date, parse_iso, push_iso};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_instant_with_a_text_survives_it(ms in Millis::MIN_ISO.0..=Millis::MAX_ISO.0) {
        let text = Millis(ms).to_string();
        prop_assert_eq!(parse_iso(&text), Some(Millis(ms)));
        let mut out = b"at ".to_vec();
        push_iso(&mut out, Millis(ms));
        prop_assert_eq!(&out[3..], &format_iso(Millis(ms))[..]);
    }

    #[test]
    fn an_offset_moves_the_instant_by_itself(minutes in -1439_i64..=1439) {
        let sign = if minutes < 0 { '-' } else { '+' };
        let text = format!("2026-11-23T10:00:00{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        let utc = parse_iso("2026-11-23T10:00:00Z").map(|instant| instant.plus(-minutes * 60_000));
        prop_assert_eq!(parse_iso(&text), utc);
    }

    #[test]
    fn later_instants_have_later_texts(a in 0..=Millis::MAX_ISO.0, b in 0..=Millis::MAX_ISO.0) {
        prop_assert_eq!(a.cmp(&b), format_iso(Millis(a)).cmp(&format_iso(Millis(b))));
    }

    #[test]
    fn no_text_disturbs_the_readers(text in any::<String>(), near in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]?[0-9:.,Zz+ -]{0,30}") {
        let _ = (parse_iso(&text), parse_http_date(&text), parse_http_date(&near));
        if let Some(instant) = parse_iso(&near) {
            prop_assert!(instant.plus(86_400_000) >= Millis::MIN_ISO);
        }
    }

    #[test]
    fn no_header_disturbs_the_reader(text in "(Sun|Sunday|Mon)[, ]{1,2}[0-9A-Za-z :-]{0,30}( GMT)?") {
        let _ = parse_http_date(&text);
    }
}
