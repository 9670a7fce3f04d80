//! Device-mode destinations in the host's language.

use std::sync::Arc;

use headwater::json::Value;
use headwater::{Event, NotDelivered};

use crate::error::ForeignError;

/// What the client must know of a destination.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct DestinationInfo {
    /// Its name in `integrations` and in the settings document.
    pub key: String,
    /// The consent categories it belongs to: it gets an event only when all of them were granted.
    #[uniffi(default)]
    pub categories: Vec<String>,
    /// Whether it runs only when the settings document has an entry for it.
    #[uniffi(default = false)]
    pub needs_settings: bool,
}

/// Takes events in this process: another vendor's SDK. All methods are called on the destination's own thread.
#[uniffi::export(foreign)]
pub trait Destination: Send + Sync {
    /// One event that it may have, as JSON.
    ///
    /// # Errors
    /// Reported as `destination_failed`; the hub has the event. `Guard`: it is delivered again.
    fn deliver(&self, event: String) -> Result<(), ForeignError>;

    /// Its entry in the settings document, as JSON.
    ///
    /// # Errors
    /// Ignored.
    fn update(&self, settings: String) -> Result<(), ForeignError>;

    /// The application flushes: send what is held.
    ///
    /// # Errors
    /// Ignored.
    fn flush(&self) -> Result<(), ForeignError>;

    /// The user is another one from now on.
    ///
    /// # Errors
    /// Ignored.
    fn reset(&self) -> Result<(), ForeignError>;
}

/// The host's destination, as the client knows destinations.
pub(crate) struct Foreign {
    pub(crate) info: DestinationInfo,
    pub(crate) destination: Arc<dyn Destination>,
}

impl headwater::Destination for Foreign {
    fn key(&self) -> &str {
        &self.info.key
    }

    fn categories(&self) -> Vec<String> {
        self.info.categories.clone()
    }

    fn needs_settings(&self) -> bool {
        self.info.needs_settings
    }

    fn update(&mut self, settings: &Value) {
        let _ = self.destination.update(settings.to_string());
    }

    fn deliver(&mut self, event: &Event) -> Result<(), String> {
        self.pass_and_deliver(event).map_err(|error| match error {
            NotDelivered::Failed(detail) | NotDelivered::Guard(detail) => detail,
        })
    }

    fn pass_and_deliver(&mut self, event: &Event) -> Result<(), NotDelivered> {
        let mut text = Vec::new();
        event.write(&mut text);
        self.destination
            .deliver(crate::call::string(text))
            .map_err(|error| match error {
                ForeignError::Failed { detail } => NotDelivered::Failed(detail),
                ForeignError::Guard { detail } => NotDelivered::Guard(detail),
            })
    }

    fn flush(&mut self) {
        let _ = self.destination.flush();
    }

    fn reset(&mut self) {
        let _ = self.destination.reset();
    }
}
