//! How fast the JSON paths are on one core: `cargo run --release -p headwater-model --example speed`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement for people"
)]

use std::hint::black_box;
use std::time::Instant;

use headwater_model::json::{self, DuplicateKeys, Limits, Scanner};

fn event(index: usize) -> String {
    format!(
        r#"{{"type":"track","event":"Order Completed","messageId":"5f3a1c52-8f0e-4d44-9a51-{index:012}","anonymousId":"0b9c2fd4-1f2e-4c7a-8a57-7f1d2e3c4b5a","userId":"user-{index}","timestamp":"2026-11-23T10:00:00.123Z","properties":{{"order_id":"50314b8e9bcf000000000000","affiliation":"Example Store","value":30.0,"revenue":27.5,"shipping":3,"tax":2.25,"discount":2.5,"coupon":"hasbros","currency":"USD","products":[{{"product_id":"507f1f77bcf86cd799439011","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19,"quantity":1,"category":"Games","url":"https://www.example.com/product/path"}}]}},"context":{{"library":{{"name":"analytics.js","version":"2.1.0"}},"page":{{"path":"/checkout","referrer":"https://www.example.com/","title":"Zahlung – Kasse","url":"https://shop.example.com/checkout"}},"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15","locale":"de-DE","timezone":"Europe/Berlin"}},"integrations":{{"All":true}}}}"#
    )
}

fn measure<T>(name: &str, bytes: usize, mut work: impl FnMut() -> T) {
    let mut best = f64::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        _ = black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{name:28} {:8.3} GB/s  {:10.0} ns",
        bytes as f64 / best / 1e9,
        best * 1e9
    );
}

fn walk(body: &[u8], limits: &Limits) -> usize {
    let mut scanner = Scanner::new(body, limits).unwrap();
    let mut sum = 0;
    scanner
        .object(|key, scanner| {
            if key.is("batch") {
                scanner.array(|_, scanner| {
                    let range = scanner.object(|key, scanner| {
                        if key.is("type")
                            || key.is("messageId")
                            || key.is("userId")
                            || key.is("anonymousId")
                            || key.is("event")
                        {
                            sum += scanner.value()?.as_str().map_or(0, |text| text.len());
                        }
                        Ok(())
                    })?;
                    sum += range.len();
                    Ok(())
                })?;
            }
            Ok(())
        })
        .unwrap();
    scanner.finish().unwrap();
    sum
}

fn main() {
    let events: Vec<String> = (0..100).map(event).collect();
    let body = format!(
        r#"{{"batch":[{}],"sentAt":"2026-11-23T10:00:01.000Z","writeKey":"key"}}"#,
        events.join(",")
    );
    let body = body.as_bytes();
    println!("{} bytes a batch, {} an event", body.len(), events[0].len());
    let last = Limits::default();
    let reject = Limits::default().with_duplicate_keys(DuplicateKeys::Reject);
    measure("utf8", body.len(), || std::str::from_utf8(black_box(body)));
    measure("validate, last wins", body.len(), || {
        json::validate(black_box(body), &last)
    });
    measure("validate, reject", body.len(), || {
        json::validate(black_box(body), &reject)
    });
    measure("walk, last wins", body.len(), || {
        walk(black_box(body), &last)
    });
    measure("walk, reject", body.len(), || {
        walk(black_box(body), &reject)
    });
    measure("parse to Value", body.len(), || {
        json::parse(black_box(body), &last)
    });
    let value = json::parse(body, &last).unwrap();
    let mut out = Vec::with_capacity(body.len());
    measure("Value to text", body.len(), || {
        out.clear();
        black_box(&value).write(&mut out);
    });
    let long = format!("\"{}\"", "x".repeat(1 << 19));
    measure("one long string", long.len(), || {
        json::validate(black_box(long.as_bytes()), &last)
    });
    serialize();
}

#[cfg(feature = "serde")]
fn serialize() {
    #[derive(serde::Serialize)]
    struct Properties {
        order_id: &'static str,
        affiliation: &'static str,
        value: f64,
        revenue: f64,
        shipping: u32,
        tax: f64,
        coupon: Option<&'static str>,
        currency: &'static str,
        url: &'static str,
        description: String,
        step: i64,
        products: Vec<&'static str>,
    }
    let properties = Properties {
        order_id: "50314b8e9bcf000000000000",
        affiliation: "Example Store",
        value: 30.0,
        revenue: 27.55,
        shipping: 3,
        tax: 2.25,
        coupon: None,
        currency: "USD",
        url: "https://www.example.com/product/path",
        description: "x".repeat(380),
        step: 1_234_567,
        products: vec!["507f1f77bcf86cd799439011", "507f1f77bcf86cd799439012"],
    };
    let bytes = json::to_raw(&properties).unwrap().len();
    println!("{bytes} bytes of properties");
    measure("to_raw x1000", bytes * 1000, || {
        for _ in 0..1000 {
            drop(black_box(json::to_raw(black_box(&properties)).unwrap()));
        }
    });
    measure("serde_json::to_vec x1000", bytes * 1000, || {
        for _ in 0..1000 {
            drop(black_box(
                serde_json::to_vec(black_box(&properties)).unwrap(),
            ));
        }
    });
}

#[cfg(not(feature = "serde"))]
fn serialize() {}
