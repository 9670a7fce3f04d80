//! Rules that mean the same thing on a phone and at the hub.
//!
//! Pure functions over events: no clock, no storage, no network. The engine asks them before a device-mode
//! destination sees an event, the collector before a cloud-mode one does.
//!
//! - [`gate`]: may this destination have this event, by consent and by the event's `integrations` object?
//! - [`plan`]: what does the tracking plan say of this event's destinations?

#[cfg(feature = "rules")]
pub mod expression;
pub mod gate;
#[cfg(feature = "full")]
pub mod plan;
