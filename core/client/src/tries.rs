//! Another try of an event that a plugin outside of the client keeps back.

use std::sync::{Arc, Weak};

use headwater_engine::{Input, TryOutcome};
use headwater_model::event::Event;

use crate::host::Shared;

/// An event that [`Client::hold`](crate::Client::hold) kept back, to be seen again by all plugins, from the first on. Answer it
/// once; dropped without an answer, the try has failed.
pub struct Try {
    client: Weak<Shared>,
    id: u64,
    event: Arc<Event>,
    guards: Vec<String>,
    answered: bool,
}

impl core::fmt::Debug for Try {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Try").field("guards", &self.guards).finish()
    }
}

impl Try {
    pub(crate) fn new(
        client: &Arc<Shared>,
        id: u64,
        event: Arc<Event>,
        guards: Vec<String>,
    ) -> Try {
        Try {
            client: Arc::downgrade(client),
            id,
            event,
            guards,
            answered: false,
        }
    }

    /// The event as it was stamped.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The names of the guards that it must pass. Where one of them is not there (any more, or yet), the try has failed.
    #[must_use]
    pub fn guards(&self) -> &[String] {
        &self.guards
    }

    /// All plugins let it pass: it is queued, as they left it.
    pub fn pass(mut self, event: Event) {
        self.answer(TryOutcome::Passed(Box::new(event)));
    }

    /// The plugin of this name drops it, which is reported.
    pub fn discard(mut self, plugin: &str) {
        self.answer(TryOutcome::Dropped(plugin.to_owned()));
    }

    /// The guard of this name failed again: it is tried once more, or reported.
    pub fn fail(mut self, plugin: &str, detail: &str) {
        self.answer(TryOutcome::Failed {
            plugin: plugin.to_owned(),
            detail: detail.to_owned(),
        });
    }

    fn answer(&mut self, outcome: TryOutcome) {
        self.answered = true;
        if let Some(client) = self.client.upgrade() {
            client.feed(Input::Tried {
                id: self.id,
                outcome,
            });
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if !self.answered {
            let plugin = self.guards.first().cloned().unwrap_or_default();
            let detail = "nobody here runs this plugin".to_owned();
            self.answer(TryOutcome::Failed { plugin, detail });
        }
    }
}
