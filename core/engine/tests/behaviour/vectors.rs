//! The tables shared by all languages: `tests/vectors/engine/`.
use headwater_engine::{RetryConfig, backoff, classify, cut, retry_after};
use headwater_model::json::{Limits, Value, parse};
use headwater_model::time::parse_iso;

fn vectors(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn list<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    let list = vectors.get(key).and_then(Value::as_array).unwrap();
    assert!(!list.is_empty());
    list
}

fn number<T: TryFrom<i64>>(case: &Value, key: &str) -> T {
    case.get(key)
        .and_then(Value::as_i64)
        .and_then(|n| T::try_from(n).ok())
        .unwrap()
}

#[test]
fn the_retry_table_is_as_in_the_vectors() {
    let vectors = vectors(include_str!(
        "../../../../tests/vectors/engine/retry-table.json"
    ));
    for case in list(&vectors, "statuses") {
        let status: u16 = number(case, "status");
        let verdict = case.get("verdict").and_then(Value::as_str).unwrap();
        assert_eq!(classify(status, &[]).as_str(), verdict, "{status}");
    }
    for case in list(&vectors, "backoff") {
        let wait = backoff(
            &RetryConfig::default(),
            number(case, "failures"),
            number(case, "permille"),
        );
        assert_eq!(wait, number::<u64>(case, "wait"), "{case}");
    }
    let now = vectors
        .get("retryAfterNow")
        .and_then(Value::as_str)
        .and_then(parse_iso)
        .unwrap();
    for case in list(&vectors, "retryAfter") {
        let header = case.get("header").and_then(Value::as_str).unwrap();
        let wait = case
            .get("wait")
            .and_then(Value::as_i64)
            .map(|wait| wait as u64);
        assert_eq!(retry_after(header, now, 300_000), wait, "{header:?}");
    }
}

#[test]
fn batches_are_cut_as_in_the_vectors() {
    let vectors = vectors(include_str!(
        "../../../../tests/vectors/engine/batch-cuts.json"
    ));
    for case in list(&vectors, "cuts") {
        let sizes = case.get("sizes").and_then(Value::as_array).unwrap();
        let sizes = sizes.iter().map(|size| size.as_i64().unwrap() as u32);
        let made = cut(
            sizes,
            number(case, "envelope"),
            number(case, "maxBytes"),
            number(case, "maxEvents"),
        );
        assert_eq!(
            made,
            (number(case, "count"), number(case, "bytes")),
            "{case}"
        );
    }
}
