//! The companion collector: one binary that acknowledges only what is durable
