//! Rules that mean the same thing on a phone and at the hub.
//!
//! Pure functions over events: no clock, no storage, no network. The engine asks them before a device-mode
//! destination sees an event, the collector before a cloud-mode one does.
//!
//! - [`gate`]: may this destination have this event, by consent and by the event's `integrations` object?
//! - [`switches`]: what does the settings document switch off for this event?
//!
//! With the feature `rules`, for a hub:
//! - `expression`: FQL, the one expression language;
//! - `event_path`: where rules change an event;
//! - `filter`: which events a connection does not get, and what of them;
//! - `transform`: what of an event is renamed, set, computed or left out;
//! - `schema_controls`: what a source keeps out without a plan;
//! - `plan`: tracking plans, what a source's events must be like;
//! - `schema`: JSON Schema, in which plans say it;
//! - `stages`: what happens to an event at its source and at each connection, with a trace of which rule did what.
//!
//! With the feature `shapes`, for what makes requests of events:
//! - `expression::Formula`: expressions that make values, with the value functions;
//! - `mapping`: Segment's mapping-kit, and our directives and formulas beside it.

#[cfg(feature = "rules")]
pub mod event_path;
#[cfg(feature = "rules")]
pub mod expression;
#[cfg(feature = "rules")]
pub mod filter;
pub mod gate;
#[cfg(feature = "shapes")]
pub mod mapping;
#[cfg(feature = "rules")]
pub mod plan;
#[cfg(feature = "rules")]
pub mod schema;
#[cfg(feature = "rules")]
pub mod schema_controls;
#[cfg(feature = "rules")]
pub mod stages;
#[cfg(feature = "full")]
pub mod switches;
#[cfg(feature = "rules")]
pub mod transform;
