//! What the application tracks: twelve properties, as a value of its own type, before any SDK has seen it.

use serde::Serialize;

/// Twelve properties; with what an SDK adds (ids, timestamp, context) the event is about 700 bytes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Order {
    /// Which call it was: how the sink knows what arrived, and what arrived twice.
    pub(crate) seq: u32,
    pub(crate) order_id: String,
    pub(crate) product_id: String,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) brand: &'static str,
    pub(crate) price: f64,
    pub(crate) quantity: u32,
    pub(crate) currency: &'static str,
    pub(crate) in_stock: bool,
    pub(crate) url: String,
    pub(crate) coupon: Option<String>,
}

/// The name of every event.
pub(crate) const NAME: &str = "Order Completed";

impl Order {
    /// The value of call number `seq`.
    pub(crate) fn new(seq: u32) -> Self {
        Self {
            seq,
            order_id: format!("50314b8e-9bcf-{seq:012}"),
            product_id: format!("sku-{:06}", seq % 5000),
            name: format!(
                "Two-person tent \"Fjord\", dark green, second edition {}",
                seq % 100
            ),
            category: "Outdoor/Camping/Tents".to_owned(),
            brand: "Example Outdoor Company",
            price: 249.9 + f64::from(seq % 50),
            quantity: seq % 5 + 1,
            currency: "EUR",
            in_stock: !seq.is_multiple_of(3),
            url: format!(
                "https://shop.example.com/outdoor/tents/fjord-{}?utm_source=newsletter&utm_medium=email&utm_campaign=summer-2026&utm_content=hero",
                seq % 5000
            ),
            coupon: seq.is_multiple_of(2).then(|| "SUMMER-2026".to_owned()),
        }
    }

    /// Whose event it is: one of a thousand users.
    pub(crate) fn user(&self) -> String {
        format!("user-{:06}", self.seq % 1000)
    }
}
