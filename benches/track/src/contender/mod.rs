//! Who is measured. One call is everything that the caller's thread does, from the application's own value to the
//! return: building the SDK's event, serialising, queueing, and whatever the SDK promises by then.

mod headwater;
mod limit;
mod posthog;
mod rudder;
mod segment;

use std::path::Path;

use ::headwater::Durability;
use measure::Failure;

use self::headwater::Headwater;

use crate::event::Order;

/// An SDK, or what stands in for the least that any SDK could do.
pub(crate) trait Contender {
    /// Tracks one order for its user.
    fn track(&mut self, order: &Order) -> Result<(), Failure>;

    /// Delivers what is queued, as the SDK's own documentation says one should before the process ends.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// Everything that can be measured, by the name used on the command line and in the results.
pub(crate) fn start(
    name: &str,
    calls: usize,
    folder: &Path,
    port: u16,
) -> Result<Box<dyn Contender>, Failure> {
    Ok(match name {
        "idle" => Box::new(limit::Idle),
        "write(2)" => Box::new(limit::BareWrite::new(folder)?),
        "write" => Box::new(limit::Written::new(folder, false)?),
        "write+fdatasync" => Box::new(limit::Written::new(folder, true)?),
        "headwater" => Box::new(Headwater::new(Durability::Buffered, folder, port)?),
        "headwater-sync" => Box::new(Headwater::new(Durability::Sync, folder, port)?),
        "headwater-memory" => Box::new(Headwater::new(Durability::Memory, folder, port)?),
        "posthog-rs" => Box::new(posthog::Posthog::with_room(port, calls)?),
        "posthog-rs-default" => Box::new(posthog::Posthog::with_defaults(port)?),
        "segment" => Box::new(segment::Segment::new(port)?),
        "rudderanalytics" => Box::new(rudder::Rudder::new(port)),
        _ => return Err(format!("no contender is called {name}").into()),
    })
}
