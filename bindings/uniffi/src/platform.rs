//! What only the device knows, and what happens to the app.

use headwater::json::Object;

use crate::call::object;
use crate::error::ForeignError;

/// Device facts, in the host's language. Asked when the client is built and when the app comes to the front, on the
/// thread that does so.
#[uniffi::export(foreign)]
pub trait Platform: Send + Sync {
    /// The device's part of each event's `context`, a JSON object: app, device, os, screen, locale, timezone, network.
    ///
    /// # Errors
    /// Then the context stays as it was.
    fn context(&self) -> Result<String, ForeignError>;

    /// Whether there is a network; absent: unknown, so that requests are tried.
    ///
    /// # Errors
    /// Counts as unknown.
    fn online(&self) -> Result<Option<bool>, ForeignError>;
}

/// The app's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Lifecycle {
    /// In front of the user.
    Foreground,
    /// Out of sight; may be stopped at any moment. What waits is sent.
    Background,
    /// About to end. What waits is sent.
    Terminating,
}

impl From<Lifecycle> for headwater::Lifecycle {
    fn from(state: Lifecycle) -> headwater::Lifecycle {
        match state {
            Lifecycle::Foreground => headwater::Lifecycle::Foreground,
            Lifecycle::Background => headwater::Lifecycle::Background,
            Lifecycle::Terminating => headwater::Lifecycle::Terminating,
        }
    }
}

/// What the platform says of itself; nothing where it fails.
pub(crate) fn context_of(platform: &dyn Platform) -> Option<Object> {
    let text = platform.context().ok()?;
    object("context", &text).ok()
}
