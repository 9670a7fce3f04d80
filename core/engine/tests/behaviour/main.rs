//! What the engine does, seen from its host: inputs in, effects out, a clock set by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod consent;
mod delivery;
mod destinations;
mod guards;
mod host;
mod hostile;
mod hosts;
mod identity;
mod integrations;
mod share;
mod vectors;
