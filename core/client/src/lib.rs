//! Headwater's native client: one call in your server, CLI or desktop app, delivered exactly once
