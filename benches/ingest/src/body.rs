//! A request that is built once and sent many times: only the messageIds change, in place.
//!
//! Invariant: no messageId is ever sent twice, over all connections and rounds of a run; so nothing is a duplicate
//! and the server's dedupe does its whole work.

/// Bytes of one event, its braces included.
pub(crate) const EVENT_BYTES: usize = 1024;

const PLACEHOLDER: &str = "00000000-0000-4000-8000-000000000000";

/// One connection's request with the places of its messageIds.
pub(crate) struct Request {
    bytes: Vec<u8>,
    ids: Vec<usize>,
    /// Distinguishes this connection of this round from all others.
    stream: u32,
    sent: u32,
}

impl Request {
    /// A `POST /v1/batch` of `batch` events.
    pub(crate) fn new(batch: usize, stream: u32) -> Self {
        let mut body = String::from(r#"{"batch":["#);
        for seq in 0..batch {
            if seq > 0 {
                body.push(',');
            }
            body.push_str(&event(seq));
        }
        body.push_str(r#"],"sentAt":"2026-01-01T00:00:00.000Z","writeKey":"bench"}"#);
        // "bench:" in Base64, the write key as user name as Segment's SDKs send it.
        let head = format!(
            "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic YmVuY2g6\r\n\
             Content-Type: application/json\r\nUser-Agent: analytics-rust/1.0\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        let ids = text.match_indices(PLACEHOLDER).map(|(at, _)| at).collect();
        Self {
            bytes: text.into_bytes(),
            ids,
            stream,
            sent: 0,
        }
    }

    /// The request with fresh messageIds.
    pub(crate) fn next(&mut self) -> &[u8] {
        for at in &self.ids {
            let number = u64::from(self.stream) << 32 | u64::from(self.sent);
            self.sent = self.sent.wrapping_add(1);
            write_id(
                &mut self.bytes[*at..*at + PLACEHOLDER.len()],
                scatter(number),
            );
        }
        &self.bytes
    }
}

/// A bijection on 64 bits (the finaliser of SplitMix64): ids look random, as real ones do, and never repeat.
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Sixteen hex digits at the places of a version-4 UUID that are free: the first eight and the last eight.
fn write_id(id: &mut [u8], bits: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for digit in 0..16 {
        let at = if digit < 8 { digit } else { digit + 20 };
        id[at] = HEX[(bits >> (60 - 4 * digit) & 15) as usize];
    }
}

/// One event as a web SDK sends it, filled up to [`EVENT_BYTES`].
fn event(seq: usize) -> String {
    const NAMES: [&str; 4] = [
        "Product Viewed",
        "Product Added",
        "Checkout Started",
        "Order Completed",
    ];
    let name = NAMES[seq % NAMES.len()];
    let body = |fill: &str| {
        format!(
            concat!(
                r#"{{"type":"track","event":"{name}","messageId":"{id}","anonymousId":"{seq:08x}-2b1c-4e0f-9c55-a1b2c3d4e5f6","#,
                r#""userId":"user-{seq:06}","timestamp":"2026-01-01T00:00:00.{ms:03}Z","#,
                r#""context":{{"library":{{"name":"analytics.js","version":"2.11.1"}},"locale":"en-GB","timezone":"Europe/Berlin","#,
                r#""page":{{"path":"/shop/outdoor/tents","referrer":"https://www.example.com/search?q=tent","search":"?utm_source=news","#,
                r#""title":"Tents – Example Outdoor","url":"https://shop.example.com/shop/outdoor/tents?utm_source=news"}},"#,
                r#""screen":{{"width":1920,"height":1080,"density":2}},"ip":"192.0.2.17"}},"#,
                r#""properties":{{"product_id":"sku-{seq:06}","name":"Two-person tent \"Fjord\"","category":"Outdoor/Tents","brand":"Example","#,
                r#""price":249.9,"quantity":{quantity},"currency":"EUR","in_stock":true,"coupon":null,"tags":["sale","new"],"note":"{fill}"}},"#,
                r#""integrations":{{"All":true}}}}"#
            ),
            name = name,
            id = PLACEHOLDER,
            seq = seq,
            ms = seq % 1000,
            quantity = seq % 5 + 1,
            fill = fill,
        )
    };
    let short = body("");
    body(&"lorem ipsum ".repeat(100)[..EVENT_BYTES.saturating_sub(short.len())])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_event_has_the_same_size() {
        assert!(
            [0, 7, 499]
                .iter()
                .all(|seq| event(*seq).len() == EVENT_BYTES)
        );
    }

    #[test]
    fn no_message_id_is_sent_twice() {
        let mut seen = HashSet::new();
        for stream in 0..4 {
            let mut request = Request::new(3, stream);
            for _ in 0..50 {
                let text = String::from_utf8(request.next().to_vec()).unwrap();
                for (at, _) in text.match_indices(r#""messageId":""#) {
                    assert!(seen.insert(text[at + 13..at + 49].to_owned()));
                }
            }
        }
        assert_eq!(seen.len(), 4 * 50 * 3);
    }
}
