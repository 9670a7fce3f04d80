//! What the engine remembers of an event between its two halves, while the host's plugins have it.

use headwater_govern::gate::{blocks, keep_off};
use headwater_model::event::Event;
use headwater_model::json::Object;

/// Events between their halves of which that is remembered. One is usual; a host that gives up an event without saying
/// so must not fill the memory.
const MAX: usize = 1_000;

/// The `integrations` of stamped events that keep the event from somebody, by messageId, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Stamped(Vec<(String, Object)>);

impl Stamped {
    /// An event goes to the host's plugins.
    pub(crate) fn keep(&mut self, event: &Event) {
        if !blocks(&event.integrations) {
            return;
        }
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        let id = event.message_id.as_str().to_owned();
        self.0.push((id, event.integrations.clone()));
    }

    /// It comes back: what was off is off.
    pub(crate) fn restored(&mut self, mut event: Event) -> Event {
        if let Some(before) = self.take(&event) {
            keep_off(&before, &mut event.integrations);
        }
        event
    }

    /// It does not come back, or comes back by another way.
    pub(crate) fn forget(&mut self, event: &Event) {
        self.take(event);
    }

    fn take(&mut self, event: &Event) -> Option<Object> {
        let id = event.message_id.as_str();
        let at = self.0.iter().position(|(known, _)| known == id)?;
        Some(self.0.remove(at).1)
    }
}
