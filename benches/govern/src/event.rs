//! The event that all rows are about: an order of two products, about 1 KB.

/// Its text.
pub(crate) const TEXT: &str = include_str!("../peers/event.json");

/// Three clauses that hold for it.
pub(crate) const FILTER: &str =
    r#"type = "track" and event = "Order Completed" and properties.total > 20"#;
