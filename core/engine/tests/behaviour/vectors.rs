//! The tables shared by all languages: `tests/vectors/engine/`.
use headwater_engine::{Endpoint, Mode, RetryConfig, backoff, classify, cut, follows, retry_after};
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
fn addresses_lead_where_the_vectors_say() {
    let vectors = vectors(include_str!(
        "../../../../tests/vectors/engine/addresses.json"
    ));
    for case in list(&vectors, "addresses") {
        let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap();
        let endpoint = Endpoint::new(text("given")).unwrap();
        assert_eq!(endpoint.batch_url(Mode::Device), text("device"), "{case}");
        assert_eq!(endpoint.batch_url(Mode::Server), text("server"), "{case}");
        assert_eq!(endpoint.settings_url("KEY"), text("settings"), "{case}");
    }
    for given in list(&vectors, "refused") {
        let given = given.as_str().unwrap();
        assert!(Endpoint::new(given).is_err(), "{given:?}");
    }
}

#[test]
fn redirects_are_followed_as_in_the_vectors() {
    let vectors = vectors(include_str!(
        "../../../../tests/vectors/engine/addresses.json"
    ));
    for case in list(&vectors, "redirects") {
        let text = |key: &str| case.get(key).and_then(Value::as_str);
        let (url, location) = (text("url").unwrap(), text("location").unwrap());
        let next = follows(url, number(case, "status"), location);
        assert_eq!(next.as_deref(), text("follows"), "{case}");
    }
    let long = ["/", &"x".repeat(3_000)].concat();
    assert_eq!(follows("https://hub.example/v1/b", 307, &long), None);
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
