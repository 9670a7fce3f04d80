//! What goes wrong, in both directions.

use headwater::{BuildError, CallError, TrackError};

/// What a method of the client throws: a case to act on, with its text for people.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
#[non_exhaustive]
pub enum HeadwaterError {
    /// The configuration cannot work. Nothing was started.
    #[error("{0}")]
    Configuration(String),
    /// Another client, in this process or another, has the directory open.
    #[error("{0}")]
    DirectoryInUse(String),
    /// The disk did not take it.
    #[error("{0}")]
    Storage(String),
    /// Kept, but not known to be on the disk yet (`Durability::Sync` only).
    #[error("{0}")]
    NotSynced(String),
    /// The call cannot be an event: no name, nobody named, a bad id, JSON that is none.
    #[error("{0}")]
    Invalid(String),
    /// The event is over the tracking API's limit.
    #[error("{0}")]
    TooLarge(String),
    /// The client was shut down.
    #[error("{0}")]
    Closed(String),
}

impl From<BuildError> for HeadwaterError {
    fn from(error: BuildError) -> HeadwaterError {
        let text = error.to_string();
        match error {
            BuildError::DirectoryInUse { .. } => HeadwaterError::DirectoryInUse(text),
            BuildError::Storage(_) => HeadwaterError::Storage(text),
            _ => HeadwaterError::Configuration(text),
        }
    }
}

impl From<TrackError> for HeadwaterError {
    fn from(error: TrackError) -> HeadwaterError {
        let text = error.to_string();
        match error {
            TrackError::Storage(_) => HeadwaterError::Storage(text),
            TrackError::NotSynced { .. } => HeadwaterError::NotSynced(text),
            TrackError::Call(CallError::TooLarge { .. } | CallError::TraitsTooLarge { .. }) => {
                HeadwaterError::TooLarge(text)
            }
            TrackError::Call(CallError::Closed) => HeadwaterError::Closed(text),
            _ => HeadwaterError::Invalid(text),
        }
    }
}

/// What the host's code threw. Every method that is called from here may, and none of it stops the client.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ForeignError {
    /// In words.
    #[error("{detail}")]
    Failed {
        /// What went wrong.
        detail: String,
    },
    /// Of `Destination.deliver`: a plugin of the destination's own failed that it must not go without, so the destination has
    /// not seen the event. It is delivered again, and reported as `plugin_failed` at last.
    #[error("{detail}")]
    Guard {
        /// Which, and what it said.
        detail: String,
    },
}

/// An exception of another type than this.
impl From<uniffi::UnexpectedUniFFICallbackError> for ForeignError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> ForeignError {
        ForeignError::Failed {
            detail: error.reason,
        }
    }
}
